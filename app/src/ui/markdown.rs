//! Notes as their writer meant them: nodes of the document, made one by one. Nothing of them is ever read as HTML.

use leptos::html;
use leptos::prelude::*;
use web_sys::Element;

use super::live::effect;
use crate::model::markdown::{Block, Item, List, Span, parse};
use crate::text;

/// An element that shows what a text means, also when that changes; nothing is made of it while there is none.
pub(super) fn shown(class: &'static str, text: Box<dyn Fn() -> Option<String>>) -> AnyView {
    let element = NodeRef::<html::Div>::new();
    effect(move || {
        if let (Some(within), Some(text)) = (element.get(), text()) {
            show(&text, &within);
        }
    });
    view! { <div class=class dir="auto" node_ref=element></div> }.into_any()
}

/// Has an element show a text.
fn show(text: &str, within: &Element) {
    within.set_text_content(None);
    for block in parse(text) {
        match block {
            Block::Paragraph(spans) => put_spans(&spans, add("p", within).as_ref()),
            Block::Heading(spans) => {
                let strong = add("p", within).and_then(|line| add("strong", &line));
                put_spans(&spans, strong.as_ref());
            }
            Block::Code(code) => {
                if let Some(code_element) = add("pre", within).and_then(|block| add("code", &block)) {
                    code_element.set_text_content(Some(&code));
                }
            }
            Block::List(list) => put_list(&list, within),
        }
    }
}

fn put_list(list: &List, within: &Element) {
    let Some(element) = add(if list.first.is_some() { "ol" } else { "ul" }, within) else { return };
    if let Some(first) = list.first {
        set(&element, "start", &first.to_string());
    }
    for Item { done, text, below } in &list.items {
        let Some(item) = add("li", &element) else { continue };
        if let Some(done) = *done
            && let Some(mark) = add("span", &item)
        {
            set(&item, "class", "box");
            set(&mark, "role", "img");
            set(&mark, "aria-label", if done { text::BOX_TICKED } else { text::BOX_EMPTY });
            set(&mark, "class", if done { "ticked" } else { "empty-box" });
        }
        put_spans(text, Some(&item));
        below.iter().for_each(|list| put_list(list, &item));
    }
}

fn put_spans(spans: &[Span], within: Option<&Element>) {
    let Some(within) = within else { return };
    for span in spans {
        match span {
            Span::Text(text) => drop(within.append_with_str_1(text)),
            Span::Break => drop(add("br", within)),
            Span::Strong(inner) => put_spans(inner, add("strong", within).as_ref()),
            Span::Stressed(inner) => put_spans(inner, add("em", within).as_ref()),
            Span::Code(code) => {
                if let Some(element) = add("code", within) {
                    element.set_text_content(Some(code));
                }
            }
            Span::Link(url, inner) => {
                let Some(link) = add("a", within) else { continue };
                for (name, value) in [("href", &**url), ("target", "_blank"), ("rel", "noopener noreferrer")] {
                    set(&link, name, value);
                }
                put_spans(inner, Some(&link));
            }
        }
    }
}

fn add(tag: &str, within: &Element) -> Option<Element> {
    let element = document().create_element(tag).ok()?;
    within.append_with_node_1(&element).ok()?;
    Some(element)
}

fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}
