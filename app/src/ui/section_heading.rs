use leptos::prelude::*;

use super::icon::Icon;
use super::live::live;
use crate::model::app::{App, Dialog};
use crate::model::group::Head;
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
    let head = Memo::new(move |_| listing.head(key));
    let name = move || head.with(|head| head.as_ref().map(|head| head.words.clone()).unwrap_or_default());
    let count = move || head.with(|head| head.as_ref().map_or(0, |head| head.count));
    let is_shut = move || listing.shut.with(|shut| shut.contains(&key));
    let section = head.with_untracked(|head: &Option<Head>| head.as_ref().and_then(|head| head.section));
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
    let name = Memo::new(move |_| room.listing().adding_to().map(|(_, name)| name));
    let stop = move |_| {
        room.add_to_section(None);
        platform::focus(".add input");
    };
    super::live::maybe(move || {
        name.get().map(|name| {
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
