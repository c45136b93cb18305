use leptos::prelude::*;

use super::live::maybe;
use super::{
    by_hand_dialog, choosing, devices_dialog, everywhere_dialog, filter_chips, other_device_dialog, palette,
    room_dialogs, rooms, section_dialogs, share_dialog, subtask_editor, task_actions, task_panel, to_room,
    trash_dialog,
};
use crate::model::app::{App, Dialog, Screen};

/// Shows the dialogs that are asked for. Never inlined: it stays in the part of the wasm that is loaded later, with all that
/// it shows.
#[inline(never)]
pub(super) fn show(app: App) -> AnyView {
    view! {
        {task_panel::panel(app)}
        {maybe(move || app.dialog.get().map(|dialog| one(app, dialog)))}
    }
    .into_any()
}

fn one(app: App, dialog: Dialog) -> AnyView {
    match (dialog, app.screen.with_untracked(Screen::room)) {
        (Dialog::NewRoom, _) => view! { <room_dialogs::NewRoomDialog /> }.into_any(),
        (Dialog::Join, _) => view! { <room_dialogs::JoinDialog /> }.into_any(),
        (Dialog::OtherDevice, _) => view! { <other_device_dialog::OtherDeviceDialog /> }.into_any(),
        (Dialog::Rooms, _) => view! { <rooms::RoomsDialog /> }.into_any(),
        (Dialog::Share, Some(room)) => view! { <share_dialog::ShareDialog room=room /> }.into_any(),
        (Dialog::ByHand, Some(room)) => view! { <by_hand_dialog::ByHandDialog room=room /> }.into_any(),
        (Dialog::Devices, Some(room)) => view! { <devices_dialog::DevicesDialog room=room /> }.into_any(),
        (Dialog::Settings, Some(room)) => view! { <room_dialogs::SettingsDialog room=room /> }.into_any(),
        (Dialog::Leave, Some(room)) => view! { <room_dialogs::LeaveDialog room=room /> }.into_any(),
        // Details have a place of their own.
        (Dialog::Task(_), _) => ().into_any(),
        (Dialog::Actions(id), Some(room)) => match room.task(id) {
            Some(task) => view! { <task_actions::TaskActions room=room id=id task=task /> }.into_any(),
            None => ().into_any(),
        },
        (Dialog::PutUnder(id), Some(room)) => view! { <subtask_editor::PutUnder room=room id=id /> }.into_any(),
        (Dialog::ToSection(id), Some(room)) => view! { <section_dialogs::ToSection room=room id=id /> }.into_any(),
        (Dialog::ToRoom(id, is_move), Some(room)) => {
            view! { <to_room::ToRoom room=room id=id is_move=is_move /> }.into_any()
        }
        (Dialog::Section(section), Some(room)) => {
            view! { <section_dialogs::SectionActions room=room section=section /> }.into_any()
        }
        (Dialog::RenameSection(section), Some(room)) => {
            view! { <section_dialogs::NameSection room=room renamed=Some(section) after=None /> }.into_any()
        }
        (Dialog::NewSection(after), Some(room)) => {
            view! { <section_dialogs::NameSection room=room renamed=None after=after /> }.into_any()
        }
        (Dialog::Palette, _) => view! { <palette::Palette /> }.into_any(),
        (Dialog::Keys, _) => view! { <palette::Keys /> }.into_any(),
        (Dialog::Everywhere, Some(room)) => view! { <everywhere_dialog::EverywhereDialog room=room /> }.into_any(),
        (Dialog::Trash, Some(room)) => view! { <trash_dialog::TrashDialog room=room /> }.into_any(),
        (Dialog::KeepFilters, Some(room)) => view! { <filter_chips::NameFilters room=room renamed=None /> }.into_any(),
        (Dialog::RenameFilters(place), Some(room)) => {
            view! { <filter_chips::NameFilters room=room renamed=Some(place) /> }.into_any()
        }
        (Dialog::KeptFilters(place), Some(room)) => {
            view! { <filter_chips::FiltersActions room=room place=place /> }.into_any()
        }
        (Dialog::ChangeChosen, Some(room)) => view! { <choosing::ChangeChosen room=room /> }.into_any(),
        (Dialog::MoveChosen, Some(room)) => view! { <choosing::MoveChosen room=room /> }.into_any(),
        // The room is gone, and what was to be shown about it with it.
        (_, None) => ().into_any(),
    }
}
