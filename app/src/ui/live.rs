//! Parts of the view that follow what they read.
//!
//! The view's types are generic in each closure in it, and each is compiled anew. What these functions take is boxed, so
//! that all dynamic parts and all lists share one compiled form: a quarter of the page's wasm otherwise.

use leptos::prelude::*;

/// A function of signals: what it returns is rendered again when they change.
pub(crate) type Live<T> = Box<dyn FnMut() -> T + Send>;

/// A text, or an attribute's value, that follows what it reads.
pub(crate) fn live<T>(value: impl FnMut() -> T + Send + 'static) -> Live<T> {
    Box::new(value)
}

/// A part of the view that follows what it reads.
pub(crate) fn part<V: IntoView + 'static>(mut view: impl FnMut() -> V + Send + 'static) -> Live<AnyView> {
    Box::new(move || view().into_any())
}

/// A part of the view that follows what it reads, and that is there at times only.
pub(crate) fn maybe<V: IntoView + 'static>(mut view: impl FnMut() -> Option<V> + Send + 'static) -> Live<AnyView> {
    part(move || view().map_or_else(|| ().into_any(), IntoAny::into_any))
}

/// Runs when the view is mounted, and again whenever what it reads changes.
pub(crate) fn effect(run: impl FnMut() + 'static) {
    Effect::new(Box::new(run) as Box<dyn FnMut()>);
}

/// One row of a list that is to be: made only if no row of its key is there.
struct Row {
    key: String,
    make: Box<dyn FnOnce() -> AnyView + Send>,
}

/// A list that follows what `each` reads. A row stays as it is for as long as there is an item of its key.
pub(crate) fn rows<T, V>(
    each: impl Fn() -> Vec<T> + Send + 'static,
    key: impl Fn(&T) -> String + Send + 'static,
    row: impl Fn(T) -> V + Clone + Send + 'static,
) -> AnyView
where
    T: Send + 'static,
    V: IntoView + 'static,
{
    list(Box::new(move || {
        let make = |item: T| {
            let row = row.clone();
            Row { key: key(&item), make: Box::new(move || row(item).into_any()) }
        };
        each().into_iter().map(make).collect()
    }))
}

fn list(each: Box<dyn Fn() -> Vec<Row> + Send>) -> AnyView {
    view! { <For each=each key=|row| row.key.clone() children=|row| (row.make)() /> }.into_any()
}
