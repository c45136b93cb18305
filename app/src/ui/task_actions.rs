use leptos::prelude::*;
use partyline_core::api::TaskDocument;
use partyline_core::id::TaskId;

use super::copy_task_link::CopyTaskLink;
use super::modal::{Modal, ModalHandle};
use super::subtask_editor::DeleteWith;
use crate::model::app::{App, Dialog};
use crate::model::bulk::{Change, change};
use crate::model::choice::choose as add_to_choice;
use crate::model::moves::Step;
use crate::model::room::Room;
use crate::model::shifts::shift;
use crate::platform;
use crate::text;

/// Where a task can be sent.
const STEPS: [(Step, &str); 4] = [
    (Step::Up, "Move up"),
    (Step::Down, "Move down"),
    (Step::Top, "Move to the top"),
    (Step::Bottom, "Move to the bottom"),
];

/// What can be done with a task in the list.
#[component]
pub(crate) fn TaskActions(
    /// In which room.
    room: Room,
    /// Which task.
    id: TaskId,
    /// Its signal.
    task: ArcRwSignal<TaskDocument>,
) -> impl IntoView {
    let handle = ModalHandle::new();
    let title = task.with_untracked(|task| task.title.clone());
    let steps = room.can_move(id).then(|| {
        let button = |(step, words): &(Step, &'static str)| {
            let (step, words) = (*step, *words);
            let go = move |_| {
                handle.close();
                shift(room, id, step);
            };
            view! { <button type="button" class="quiet" on:click=go>{words}</button> }.into_any()
        };
        STEPS.iter().map(button).collect::<Vec<_>>()
    });
    // A subtask is where its parent is.
    let can_go = room.has_sections() && room.parent(id).is_none() && room.can_move(id);
    let choose = move |_| {
        handle.close();
        add_to_choice(room, |choice| choice.toggle(id));
    };
    let put_off = move |_| {
        handle.close();
        change(room, &[id], Change::Due(Some(platform::today().plus(1))));
    };
    let make_own = move |_| {
        handle.close();
        room.make_own(id);
    };
    let duplicate = move |_| {
        handle.close();
        room.duplicate(id);
    };
    let app = expect_context::<App>();
    let has_others = app.rooms.with_untracked(|rooms| rooms.as_ref().is_some_and(|rooms| rooms.len() > 1));
    let to_room = |(is_move, words): (bool, &'static str)| {
        let choose = move |_| handle.close_then(Dialog::ToRoom(id, is_move));
        view! { <button type="button" class="quiet" on:click=choose>{words}</button> }.into_any()
    };
    let ways = [(true, text::MOVE_TO_ROOM), (false, text::COPY_TO_ROOM)];
    let to_rooms = has_others.then(|| ways.into_iter().map(to_room).collect::<Vec<_>>());
    let delete = move |_| {
        handle.close();
        room.delete(id);
    };
    view! {
        <Modal handle=handle title="Actions" class="actions-modal" light=true>
            <div class="modal-body">
                <p class="actions-of" dir="auto">{title.clone()}</p>
                <button type="button" class="quiet" on:click=move |_| handle.close_then(Dialog::Task(id))>
                    "Open"
                </button>
                <button type="button" class="quiet" on:click=choose>{text::CHOOSE}</button>
                <button type="button" class="quiet" on:click=put_off>{text::DUE_TOMORROW}</button>
                {steps}
                {can_go.then(|| view! {
                    <button type="button" class="quiet" on:click=move |_| handle.close_then(Dialog::ToSection(id))>
                        {text::TO_SECTION}
                    </button>
                })}
                {room.parent(id).is_some().then(|| view! {
                    <button type="button" class="quiet" on:click=make_own>{text::MAKE_OWN}</button>
                })}
                <button type="button" class="quiet" on:click=move |_| handle.close_then(Dialog::PutUnder(id))>
                    {text::PUT_UNDER}
                </button>
                <button type="button" class="quiet" on:click=duplicate>{text::DUPLICATE}</button>
                {to_rooms}
                <CopyTaskLink room=room id=id />
                <button type="button" class="danger" aria-label=text::delete(&title) on:click=delete>"Delete"</button>
                <DeleteWith room=room id=id handle=handle />
            </div>
        </Modal>
    }
}
