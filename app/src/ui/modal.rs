use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use web_sys::{HtmlDialogElement, HtmlElement};

use super::icon::Icon;
use super::live::effect;
use crate::model::app::{App, Dialog};

/// The attribute of a dialog that stands beside the rest of the page and is not modal.
const BESIDE: &str = "data-beside";
/// What selects such a dialog.
const BESIDE_IT: &str = "[data-beside]";

/// The way to close the dialog that is open. A copyable handle, made by the dialog's component.
#[derive(Clone, Copy)]
pub(crate) struct ModalHandle {
    app: App,
    node: NodeRef<html::Dialog>,
    may_close: StoredValue<Option<Callback<(), bool>>>,
    panel: Option<Panel>,
}

/// What is told to, and by, a dialog that is modal only while the window is narrow.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    /// Whether it is modal now.
    pub(crate) is_over: Memo<bool>,
    /// Takes it away.
    pub(crate) put_away: Callback<()>,
}

impl ModalHandle {
    /// A dialog that may be closed at any time.
    pub(crate) fn new() -> Self {
        Self { app: expect_context::<App>(), node: NodeRef::new(), may_close: StoredValue::new(None), panel: None }
    }

    /// A dialog that is modal only while the window is narrow.
    pub(crate) fn of_panel(panel: Panel) -> Self {
        Self { panel: Some(panel), ..Self::new() }
    }

    /// Asks `may_close` whenever the person wants to close the dialog.
    pub(crate) fn guarded(self, may_close: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.may_close.set_value(Some(Callback::new(move |()| may_close())));
        self
    }

    /// Closes the dialog, if it may be. The browser gives the keyboard back to what had it before.
    pub(crate) fn close(self) {
        self.leave(None);
    }

    /// Closes the dialog, if it may be, and opens another one. What is asked of a panel, it shows in its own place.
    pub(crate) fn leave(self, next: Option<Dialog>) {
        if self.panel.is_some() && next.is_some() {
            self.app.dialog.set(next);
        } else if self.may_close() {
            self.close_now(next);
        }
    }

    /// Whether it may be closed.
    pub(crate) fn may_close(self) -> bool {
        self.may_close.try_get_value().flatten().is_none_or(|may_close| may_close.run(()))
    }

    /// Closes the dialog and opens another one.
    pub(crate) fn close_then(self, next: Dialog) {
        self.close_now(Some(next));
    }

    /// Takes the dialog away at once: its `close` event does not come in a page that was frozen. Nothing if it is gone.
    fn close_now(self, next: Option<Dialog>) {
        if let Some(dialog) = self.node.try_get_untracked().flatten().filter(|dialog| dialog.open()) {
            match self.panel {
                Some(panel) => panel.put_away.run(()),
                None => {
                    dialog.close();
                    self.app.dialog.set(next);
                }
            }
        }
    }

    fn is_over(self) -> bool {
        self.panel.is_none_or(|panel| panel.is_over.get())
    }
}

/// Shows a dialog over the rest of the page or beside it. What has the keyboard in it keeps that, and is in view.
fn stand(dialog: &HtmlDialogElement, is_over: bool) {
    if dialog.open() && dialog.matches(BESIDE_IT) != Ok(is_over) {
        return;
    }
    let held = dialog.query_selector(":focus").ok().flatten().and_then(|held| held.dyn_into::<HtmlElement>().ok());
    dialog.close();
    let _ = dialog.toggle_attribute_with_force(BESIDE, !is_over);
    if is_over {
        // Fails for a dialog that is not in the document or open already; neither can be here.
        let _ = dialog.show_modal();
    } else {
        dialog.show();
    }
    if let Some(held) = held {
        let _ = held.focus();
    }
}

/// A modal dialog: the browser's own, which keeps the keyboard inside, closes on Escape and gives the keyboard back. One
/// with a panel is not modal while that stands beside the rest of the page.
#[component]
pub(crate) fn Modal(
    /// How it is closed.
    handle: ModalHandle,
    /// Its heading and its name.
    title: &'static str,
    /// A class that tells it from the others.
    class: &'static str,
    /// Whether a click beside it closes it. Not where something typed would be lost.
    #[prop(optional)]
    light: bool,
    /// What is in it.
    children: Children,
) -> impl IntoView {
    let ModalHandle { app, node, .. } = handle;
    // In the document by then: effects run once the view they belong to is mounted.
    let mut was_shown = false;
    effect(move || {
        let is_over = handle.is_over();
        if let Some(dialog) = node.get()
            && dialog.open() == was_shown
        {
            was_shown = true;
            stand(&dialog, is_over);
        }
    });
    // A click beside the dialog is one that began there: selecting text and letting go outside closes nothing.
    let pressed_beside = StoredValue::new(false);
    let is_beside = |event: &web_sys::Event| {
        event.target().is_some_and(|target| target.dyn_ref::<web_sys::HtmlDialogElement>().is_some())
    };
    // Two may be open, one of them beside the list.
    let title_id = format!("{class}-title");
    view! {
        <dialog
            class=format!("modal {class}")
            aria-labelledby=title_id
            node_ref=node
            on:cancel=move |event: web_sys::Event| {
                event.prevent_default();
                handle.close();
            }
            // Unless we took it away, the browser has closed it by itself. Where another dialog took its place, the two are
            // one element, which is open again by now.
            on:close=move |_| {
                let dialog = node.try_get_untracked().flatten();
                if dialog.is_some_and(|dialog| dialog.is_connected() && !dialog.open()) {
                    match handle.panel {
                        Some(panel) => panel.put_away.run(()),
                        None => app.dialog.set(None),
                    }
                }
            }
            on:pointerdown=move |event: web_sys::PointerEvent| pressed_beside.set_value(is_beside(&event))
            on:click=move |event: web_sys::MouseEvent| {
                if light && pressed_beside.get_value() && is_beside(&event) && untrack(|| handle.is_over()) {
                    handle.close();
                }
            }
        >
            <div class="modal-box">
                <header class="modal-head">
                    <h2 id=title_id.clone()>{title}</h2>
                    <button type="button" class="quiet round" aria-label="Close" on:click=move |_| handle.close()>
                        {Icon::Close.draw()}
                    </button>
                </header>
                {children()}
            </div>
        </dialog>
    }
}
