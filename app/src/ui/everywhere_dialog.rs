//! Finding in all rooms of this device.

use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use partyline_core::id::TaskLink;

use super::live::{live, part};
use super::modal::{Modal, ModalHandle};
use crate::model::app::App;
use crate::model::everywhere::{Everywhere, Found};
use crate::model::room::Room;
use crate::text;

/// Looks in all rooms for the words that are looked for in the one on show, or for others.
#[component]
pub(crate) fn EverywhereDialog(
    /// The room on show.
    room: Room,
) -> impl IntoView {
    let app = expect_context::<App>();
    let handle = ModalHandle::new();
    let everywhere = Everywhere::new(app, room.listing().query.with_untracked(|query| query.words.clone()));
    let count = move || {
        let all = everywhere.found.with(|found| found.iter().map(|found| found.tasks.len() + found.more).sum());
        everywhere
            .is_asked()
            .then(|| if everywhere.is_complete() { text::found(all) } else { text::LOOKING.to_owned() })
    };
    view! {
        <Modal handle=handle title=text::FIND_EVERYWHERE class="everywhere-modal" light=true>
            <div class="modal-body">
                <input
                    type="text"
                    aria-label=text::FIND_EVERYWHERE
                    placeholder=text::FIND_HINT
                    autocomplete="off"
                    enterkeyhint="search"
                    autofocus
                    prop:value=everywhere.words()
                    on:input=move |event| everywhere.look_for(event_target_value(&event))
                />
                <p class="hint" role="status" aria-label="Found">{live(count)}</p>
                <div class="found-all">{part(move || {
                    everywhere.found.get().into_iter().map(|found| in_room(app, handle, found)).collect::<Vec<_>>()
                })}</div>
            </div>
        </Modal>
    }
}

fn in_room(app: App, handle: ModalHandle, found: Found) -> AnyView {
    let Found { room, name, tasks, more, failure } = found;
    let mut lines = Vec::new();
    for (task, title, is_done) in tasks {
        let go = move |_| {
            handle.close();
            // The keyboard is back where it was by then, to where the details give it back.
            spawn_local(async move {
                tick().await;
                app.go_to_task(TaskLink { room, task });
            });
        };
        let label = text::open(&title);
        let line = view! {
            <li class:done=is_done>
                <button type="button" class="quiet" aria-label=label on:click=go><bdi>{title}</bdi></button>
            </li>
        };
        lines.push(line.into_any());
    }
    let heading = name.clone();
    let list = (!lines.is_empty()).then(|| view! { <ul role="list" aria-label=name>{lines}</ul> });
    view! {
        <section class="found-in">
            <h3><bdi>{heading}</bdi></h3>
            {list}
            {(more > 0).then(|| view! { <p class="hint">{text::and_more(more)}</p> })}
            {failure.map(|why| view! { <p class="problem">{text::not_read(&why)}</p> })}
        </section>
    }
    .into_any()
}
