use leptos::prelude::*;

use super::icon::Icon;
use super::live::{live, maybe};
use crate::model::app::{App, Dialog};
use crate::model::room::Room;
use crate::platform;
use crate::text;

/// The heading of a section, or of what stands together by what is known of it: it folds away what is below it.
#[component]
pub(crate) fn SectionHeading(
    /// In which room.
    room: Room,
    /// Which heading.
    key: u64,
) -> impl IntoView {
    let app = expect_context::<App>();
    let listing = room.listing();
    let name =
        move || listing.headings.with(|headings| headings.head(key).map(|head| head.words.clone()).unwrap_or_default());
    let count = move || listing.headings.with(|headings| headings.head(key).map_or(0, |head| head.count));
    let is_shut = move || listing.headings.with(|headings| headings.shut.contains(&key));
    let section = listing.headings.with_untracked(|headings| headings.head(key).and_then(|head| head.section));
    let tools = section.map(|section| {
        let add = move |_| {
            room.add_to_section(Some(section));
            platform::focus(".add input");
        };
        view! {
            <button type="button" class="quiet round" aria-label=live(move || text::add_to(&name())) on:click=add>
                {Icon::Plus.draw()}
            </button>
            <button
                type="button"
                class="quiet round section-more"
                aria-label=live(move || text::more_actions(&name()))
                aria-haspopup="dialog"
                on:click=move |_| app.dialog.set(Some(Dialog::Section(section)))
            >
                {Icon::Grip.draw()}
            </button>
        }
        .into_any()
    });
    view! {
        <li class="section-heading" data-section=section.map(|section| section.to_string())>
            <h2>
                <button
                    type="button"
                    class="quiet"
                    aria-expanded=live(move || (!is_shut()).to_string())
                    on:click=move |_| room.fold_head(key, !untrack(is_shut))
                >
                    {Icon::Fold.draw()}
                    <bdi>{live(move || text::headed(&name(), count()))}</bdi>
                </button>
            </h2>
            {tools}
        </li>
    }
}

/// Which section new tasks go to, if they go to one.
#[component]
pub(crate) fn AddingTo(
    /// In which room.
    room: Room,
) -> impl IntoView {
    // Empty if it goes to none.
    let name = Memo::new(move |_| {
        room.listing().headings.with(|headings| {
            headings.adding_to.and_then(|section| headings.section_name(section)).unwrap_or_default().to_owned()
        })
    });
    let stop = move |_| {
        room.add_to_section(None);
        platform::focus(".add input");
    };
    maybe(move || {
        Some(name.get()).filter(|name| !name.is_empty()).map(|name| {
            view! {
                <p class="adding-to">
                    <span id="adding-to">{text::add_to(&name)}</span>
                    <button type="button" class="quiet round" aria-label=text::stop_adding_to(&name) on:click=stop>
                        {Icon::Close.draw()}
                    </button>
                </p>
            }
        })
    })
}
