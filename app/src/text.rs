//! The words of the user interface that are more than a label, and those that a test or another module relies on.

use std::fmt::Display;

use partyline_sw::problem::grouped;

/// The name of the app.
pub(crate) const APP: &str = "Partyline";
/// What stands for a room that has no name, or whose name has not arrived.
pub(crate) const UNNAMED_ROOM: &str = "Shared room";
/// A room was opened by a link whose `#` had become something else.
pub(crate) const MENDED_LINK: &str = "This link had lost its “#”. To pass it on, copy it under Share.";
/// Beside a room: how many of its tasks have changed since somebody looked.
pub(crate) fn news(count: usize) -> String {
    if count == 0 { String::new() } else { format!("{} new", grouped(count as u64)) }
}

/// On the way to the other rooms: how many tasks have changed there.
pub(crate) fn news_elsewhere(count: usize) -> String {
    if count == 0 { String::new() } else { format!("{} new in other rooms", grouped(count as u64)) }
}

/// What the link to all rooms is for.
pub(crate) fn other_device(rooms: usize) -> String {
    let rooms = if rooms == 1 { "your room".to_owned() } else { format!("all your {} rooms", grouped(rooms as u64)) };
    format!(
        "Open this link on your other device, and {rooms} will be there too. Keep it to yourself: whoever has it can read \
         and change everything in them."
    )
}

/// All rooms of another device were joined.
pub(crate) fn rooms_brought(rooms: usize) -> String {
    if rooms == 1 { "Your room is here".to_owned() } else { format!("Your {} rooms are here", grouped(rooms as u64)) }
}

/// No network.
pub(crate) const OFFLINE: &str = "Offline. Your changes are kept.";
/// Looking for other devices.
pub(crate) const CONNECTING: &str = "Connecting…";
/// Nothing can be exchanged of what cannot be read.
pub(crate) const NOT_CONNECTED: &str = "Not connected";
/// Nobody there.
pub(crate) const ALONE: &str = "No other device connected";
/// The phone book does not answer.
pub(crate) const PHONE_BOOK_UNREACHABLE: &str = "Phone book unreachable";
/// The phone book is of no use in this browser.
pub(crate) const PHONE_BOOK_OFF: &str = "This browser cannot use the phone book";
/// What stands for the connection where the page can make none.
pub(crate) const CANNOT_CONNECT: &str = "Cannot connect directly";
/// What stands for it where nobody can find this device.
pub(crate) const CANNOT_BE_FOUND: &str = "Cannot be found";
/// The browser has no WebRTC.
pub(crate) const NO_CONNECTIONS: &str = "This browser does not let pages connect directly. Allow WebRTC in its settings \
     and extensions, or use another browser. What you write is kept here.";
/// WebRTC is there, and no address is.
pub(crate) const NO_ADDRESS: &str = "This browser or network does not let pages connect directly. Switch off the VPN, \
     proxy, extension or setting that hides this device’s address. What you write is kept here.";
/// The phone book does not list this device.
pub(crate) const NOT_LISTED: &str = "This device cannot be found: the phone book does not take it. Wait, or connect a \
     device by code: choose Share, then connect by code.";
/// Somebody is there, and no connection comes about.
pub(crate) const OUT_OF_REACH: &str = "Another device is in this room, but no connection to it comes about. On both, \
     switch off VPN and proxy or name a STUN server under Devices; or choose Share, then connect by code.";
/// The browser asks before it lets the page reach devices in its own network.
pub(crate) const LOCAL_NETWORK_GUARDED: &str = "Another device may be in your network. The browser lets this page find \
     them only if you allow it.";
/// On the button that has it ask.
pub(crate) const FIND_IN_NETWORK: &str = "Find devices in this network";
/// It was told not to let it.
pub(crate) const LOCAL_NETWORK_REFUSED: &str = "The browser does not let this page find other devices in your network. \
     Allow “Local network” in its settings for this site. Until then, other devices have to find this one.";
/// There is no space for what others write.
pub(crate) const NO_SPACE: &str = "Changes of others cannot be kept: this browser has no space left for Partyline. \
     Delete something on this device; they arrive by themselves then.";
/// The storage fails.
pub(crate) const NOT_KEPT: &str = "Changes of others cannot be kept: the storage of this browser fails. Load the page \
     again. If it stays like this, restart the browser.";
/// Something stored was damaged.
pub(crate) const DAMAGED: &str = "A part of what was stored here is damaged. The other devices bring back what they \
     have: keep the room open until one is connected.";
/// On the button of a failure.
pub(crate) const RETRY: &str = "Try again";
/// While a dialog's code is loaded.
pub(crate) const LOADING: &str = "Loading…";
/// Where it could not be.
pub(crate) const NOT_LOADED: &str = "This part of Partyline could not be loaded. Check the network and try again.";
/// On the button that saves what was typed here over what came from elsewhere.
pub(crate) const SAVE_MINE: &str = "Save mine";
/// On the button that gives it up.
pub(crate) const DISCARD_MINE: &str = "Discard mine";
/// The list of what was said of a task.
pub(crate) const COMMENTS: &str = "Comments";
/// The field for another one.
pub(crate) const ADD_COMMENT: &str = "Add a comment";
/// Sends it.
pub(crate) const SEND: &str = "Send";
/// Opens the field in which it is changed.
pub(crate) const EDIT: &str = "Edit";
/// On the button that keeps what was changed.
pub(crate) const SAVE: &str = "Save";
/// On the button that gives it up.
pub(crate) const CANCEL: &str = "Cancel";
/// Changes a comment of one's own.
pub(crate) const EDIT_COMMENT: &str = "Edit comment";
/// Deletes one.
pub(crate) const DELETE_COMMENT: &str = "Delete comment";
/// It is deleted.
pub(crate) const COMMENT_DELETED: &str = "Deleted the comment.";
/// It has other words.
pub(crate) const COMMENT_CHANGED: &str = "Changed the comment.";
/// Its text was changed later.
pub(crate) const EDITED: &str = "edited";
/// The field for the reason.
pub(crate) const WHY_BLOCKED: &str = "Why is it blocked";
/// What may stand there.
pub(crate) const WHY_BLOCKED_EXAMPLE: &str = "Waiting for the crane";

/// Finding goes on without the comments.
pub(crate) fn comments_not_read(why: &impl Display) -> String {
    format!("Comments are not looked into: they cannot be read. {why}")
}

/// What stands behind the number of comments, for ears.
pub(crate) fn comments_word(count: u32) -> &'static str {
    if count == 1 { " comment" } else { " comments" }
}

/// Somebody else has said something.
pub(crate) fn new_comment(author: &str) -> String {
    format!("New comment from {author}")
}

/// Takes back what was done last, or what a message tells of.
pub(crate) const UNDO: &str = "Undo";
/// Does again what was taken back.
pub(crate) const REDO: &str = "Redo";
/// There is nothing to be taken back.
pub(crate) const NOTHING_TO_UNDO: &str = "Nothing to undo.";
/// There is nothing to be done again.
pub(crate) const NOTHING_TO_REDO: &str = "Nothing to redo.";
/// What a message offered cannot be done any more.
pub(crate) const TOO_LATE: &str = "That cannot be done any more.";
/// A task, or several, were added.
pub(crate) const ADDED: &str = "Added";
/// The fields of a task, as a sentence names them.
pub(crate) const TITLE: &str = "title";
/// See [`TITLE`].
pub(crate) const NOTES: &str = "notes";
/// See [`TITLE`].
pub(crate) const STATUS: &str = "status";
/// See [`TITLE`].
pub(crate) const PRIORITY: &str = "priority";
/// See [`TITLE`].
pub(crate) const DAY: &str = "day";
/// See [`TITLE`].
pub(crate) const PERSON: &str = "person";
/// See [`TITLE`].
pub(crate) const REASON: &str = "reason";
/// See [`TITLE`].
pub(crate) const PLACE: &str = "place";
/// In place of a field: what somebody did to the whole task.
pub(crate) const CHANGED_IT: &str = "changed";
/// See [`CHANGED_IT`].
pub(crate) const DELETED_IT: &str = "deleted";

/// Something was done to a task.
pub(crate) fn of_task(verb: &str, title: &str) -> String {
    format!("{verb} “{}”", shortened(title))
}

/// Something was done to a section.
pub(crate) fn of_section(verb: &str, name: &str) -> String {
    format!("{verb} section “{}”", shortened(name))
}

/// Something was taken back, or done again; and what stays of it, as somebody changed it meanwhile.
pub(crate) fn gone_back(is_again: bool, words: &str, is_any: bool, stays: &[(&'static str, String)]) -> String {
    let mut told = String::new();
    if is_any {
        told = format!("{}: {words}", if is_again { "Redone" } else { "Undone" });
    }
    if let Some((field, title)) = stays.first() {
        let title = shortened(title);
        let mut what = match *field {
            CHANGED_IT | DELETED_IT => format!("{field} “{title}”"),
            field => format!("{CHANGED_IT} the {field} of “{title}”"),
        };
        if stays.len() > 1 {
            what += &format!(" and {} more", stays.len() - 1);
        }
        told += if is_any { ". " } else { "" };
        told += &meanwhile(&what);
    }
    told
}

/// Somebody else did something after the person did.
fn meanwhile(what: &str) -> String {
    format!("Somebody {what} meanwhile; that stays.")
}

/// A section is not what it was made here any more.
pub(crate) fn section_stays(name: &str) -> String {
    meanwhile(&of_section(CHANGED_IT, name))
}

/// Something could not be taken back, or done again.
pub(crate) fn not_gone_back(is_again: bool, title: &str, why: &impl Display) -> String {
    format!("“{}” is not {}. {why}", shortened(title), if is_again { "redone" } else { "undone" })
}

/// The address names a room that is not on this device.
pub(crate) const UNKNOWN_ROOM: &str =
    "This room is not on this device. To join it you need its whole link: ask somebody who is in it.";
/// Another life of this device has written in the room.
pub(crate) const RENEWED: &str = "This device was put back from a backup, or copied. Nothing was lost.";
/// Somebody in the room speaks a newer format.
pub(crate) const OUTDATED: &str = "Another device runs a newer Partyline; update this one: load the page again.";
/// A clock that is off by minutes or hours.
pub(crate) const CLOCK_WINS: &str =
    "Set it right: where two devices change the same thing, the change with the later time wins.";
/// This device's clock is far ahead.
pub(crate) const OWN_CLOCK_AHEAD: &str =
    "Set it right. What you write is kept here, and the others see it when the clock is right.";
/// This device's clock is far behind.
pub(crate) const OWN_CLOCK_BEHIND: &str =
    "Set it right. Until then, changes of the others wait here, and what you write is kept here.";
/// Another device's clock is far ahead.
pub(crate) const OTHER_CLOCK_AHEAD: &str = "What is written there waits until that clock is right.";
/// Another device's clock is far behind.
pub(crate) const OTHER_CLOCK_BEHIND: &str = "What you write waits there until that clock is right.";
/// Nobody can tell which of two clocks is right.
pub(crate) const SET_RIGHT: &str = "look at both, and set that one right.";
/// What a change is that waits.
pub(crate) const WAITING_EXPLAINED: &str = "They are dated so far ahead that they would win over all others until then. \
     They go through by themselves when the clock of their device is right. If that device does not come back, decide here.";
/// Where the browser refuses to copy.
pub(crate) const NOT_COPIED: &str = "The browser did not let the page copy. Select the text and copy it.";
/// What leaving does.
pub(crate) const LEAVE_EXPLAINED: &str = "The room and its tasks are removed from this device. The other devices keep \
     them. Changes that no other device has received yet are lost. To come back you need the room link.";
/// What the room link means.
pub(crate) const SHARE_EXPLAINED: &str =
    "Whoever has this link can read and change the tasks of this room. Send it only to people you trust.";

/// What connecting by code is.
pub(crate) const BY_HAND_EXPLAINED: &str = "Two devices in one network connect with no internet: each shows the other a \
     code. The code lets its reader into the room, as the room link does.";
/// The wrong one of the two codes.
pub(crate) const NOT_THE_REPLY: &str =
    "This is an invitation. What belongs here is the reply that the other device shows once it has read yours.";
/// What a STUN server is good for, and what it costs.
pub(crate) const STUN_EXPLAINED: &str = "Only if devices in different networks do not find each other. Such a server \
     is told this device's address, and nothing else. Used from the next connection on.";
/// What was typed is no list of STUN servers.
pub(crate) const STUN_MALFORMED: &str =
    "A STUN server is written as stun:host or stun:host:port. Up to four stand with spaces between them.";
/// What to do without a network.
pub(crate) const ADVICE_OFFLINE: &str = "Everything you do is kept and sent later. Devices in the same Wi-Fi can connect \
     without the internet: choose Share, then connect by code.";
/// What to do when the phone book cannot help.
pub(crate) const ADVICE_NO_PHONE_BOOK: &str = "Devices that were connected before find each other again by themselves. \
     To connect a new one, choose Share, then connect by code.";
/// What to do when nobody else is there.
pub(crate) const ADVICE_ALONE: &str = "Open this room on another device and keep it open there: devices connect while \
     both show it.";

/// What single keys do.
pub(crate) const SINGLE_KEYS: &str = "n new task, / find, x done, e open";

/// In the field for a day while it is empty.
pub(crate) const DAY_EXAMPLES: &str = "fri, 24 dec, in 3 days";
/// Chooses the Monday after this week.
pub(crate) const NEXT_WEEK: &str = "Next week";
/// Takes the due day away.
pub(crate) const NO_DAY: &str = "No day";

/// What is understood in a line that is added.
pub(crate) const QUICK_ADD: &str = "gate 3 fri @Ana #van !2";
/// The list of what was understood.
pub(crate) const UNDERSTOOD: &str = "Understood";

/// On the button that has a part of a line stay in the title.
pub(crate) fn keep_as_text(part: &str) -> String {
    format!("Keep “{part}” as text")
}

/// When a task is due.
pub(crate) fn due(day: &str) -> String {
    format!("Due {day}")
}

/// Whose task it is.
pub(crate) fn for_person(name: &str) -> String {
    format!("For {name}")
}

/// A task's priority.
pub(crate) fn priority(word: &str) -> String {
    format!("{word} priority")
}

/// A number of changes.
pub(crate) fn changes(number: u64) -> String {
    if number == 1 { "1 change".to_owned() } else { format!("{number} changes") }
}

/// Somebody is there.
pub(crate) fn connected(devices: usize) -> String {
    match devices {
        1 => "Connected to 1 device".to_owned(),
        devices => format!("Connected to {devices} devices"),
    }
}

/// How much there is to do.
pub(crate) fn counts(open: usize, done: usize) -> String {
    match (open, done) {
        (0, 0) => "No tasks".to_owned(),
        (open, 0) => format!("{open} open"),
        (0, done) => format!("All {done} done"),
        (open, done) => format!("{open} open, {done} done"),
    }
}

/// Several tasks were added at once.
pub(crate) fn added(number: usize) -> String {
    format!("{number} tasks added")
}

/// How many tasks are completed.
pub(crate) fn done(number: usize) -> String {
    format!("Done ({number})")
}

/// What looks in all rooms of this device, and the field for that.
pub(crate) const FIND_EVERYWHERE: &str = "Find in all rooms";
/// On the button that leads there.
pub(crate) const ALL_ROOMS: &str = "All rooms";
/// In a field for finding.
pub(crate) const FIND_HINT: &str = "Title, notes, label or person";
/// While not all rooms are looked through.
pub(crate) const LOOKING: &str = "Looking…";

/// The name of what opens a task.
pub(crate) fn open(title: &str) -> String {
    format!("Open {title}")
}

/// So many are not shown.
pub(crate) fn and_more(number: usize) -> String {
    format!("and {} more", grouped(number as u64))
}

/// A room is not looked through.
pub(crate) fn not_read(why: &str) -> String {
    format!("This room cannot be read. {why}")
}

/// What keeps what is looked for under a name.
pub(crate) const KEEP_FILTERS: &str = "Keep filters";
/// The list of what is kept so.
pub(crate) const KEPT_FILTERS: &str = "Kept filters";
/// What gives it another name.
pub(crate) const RENAME_FILTERS: &str = "Rename filters";
/// The field for that.
pub(crate) const FILTERS_NAME: &str = "Name of the filters";
/// The name is empty.
pub(crate) const NAMELESS_FILTERS: &str = "Give the filters a name first.";
/// The name is another one's.
pub(crate) const FILTERS_NAMED_SO: &str = "Other filters have this name.";

/// Filters were given another name.
pub(crate) fn renamed(name: &str) -> String {
    format!("Renamed to “{}”", shortened(name))
}

/// What chooses kept filters.
pub(crate) fn filter_by(name: &str) -> String {
    format!("Filter: {name}")
}

/// How many tasks were found.
pub(crate) fn found(number: usize) -> String {
    if number == 1 { "1 task found".to_owned() } else { format!("{number} tasks found") }
}

/// Where a task stands that was moved.
pub(crate) fn moved(title: &str, place: usize, of: usize) -> String {
    format!("{}: {place} of {of}", shortened(title))
}

/// Several tasks were changed together.
pub(crate) fn bulk_done(verb: &str, tasks: usize) -> String {
    format!("{verb} {}", counted_tasks(tasks))
}

/// So many tasks.
fn counted_tasks(number: usize) -> String {
    if number == 1 { "1 task".to_owned() } else { format!("{} tasks", grouped(number as u64)) }
}

/// How many tasks are chosen.
pub(crate) fn chosen(number: usize) -> String {
    format!("{} chosen", grouped(number as u64))
}

/// What begins to choose several tasks, and the name of a row's button while they are chosen.
pub(crate) const CHOOSE: &str = "Choose";
/// The bar of what can be done with those.
pub(crate) const CHOSEN: &str = "Chosen tasks";
/// What ends that.
pub(crate) const STOP_CHOOSING: &str = "Stop choosing";
/// On a button, and on a row that is swiped.
pub(crate) const COMPLETE: &str = "Complete";
/// The same for what is done.
pub(crate) const REOPEN: &str = "Reopen";
/// What shows a row's menu, on a row that is swiped.
pub(crate) const ACTIONS: &str = "Actions";
/// What opens the fields that are changed together, and their dialog.
pub(crate) const CHANGE: &str = "Change";
/// The dialog for that.
pub(crate) const CHANGE_CHOSEN: &str = "Change chosen tasks";
/// What opens the places to which the tasks can go.
pub(crate) const MOVE: &str = "Move";
/// The dialog for that.
pub(crate) const MOVE_CHOSEN: &str = "Move chosen tasks";
/// What deletes them.
pub(crate) const DELETE: &str = "Delete";
/// What chooses every task in the list.
pub(crate) const CHOOSE_ALL: &str = "Choose all tasks";
/// The field that finds commands, rooms and tasks, and its dialog.
pub(crate) const PALETTE: &str = "Go to or do";
/// What is typed there.
pub(crate) const PALETTE_HINT: &str = "Command, room or task";
/// What it found.
pub(crate) const FITTING: &str = "What fits";
/// Where that is nothing.
pub(crate) const NOTHING_FITS: &str = "Nothing is called that.";
/// The dialog that tells all keys.
pub(crate) const KEYS: &str = "Keys";
/// All keys, each with what it does.
pub(crate) const ALL_KEYS: [(&str, &str); 16] = [
    ("Ctrl+K", "Go to or do: commands, rooms, tasks"),
    ("n", "New task"),
    ("/", "Find"),
    ("?", "These keys"),
    ("↑ ↓", "From row to row"),
    ("← →", "Fold and show subtasks"),
    ("x", "Complete or reopen"),
    ("e", "Open the details"),
    ("Alt+↑ Alt+↓", "Move up or down"),
    ("Shift+↑ Shift+↓", "Choose from row to row"),
    ("Ctrl+A", "Choose all"),
    ("Ctrl+click", "Choose a task, or give it up"),
    ("Shift+click", "Choose all up to there"),
    ("Ctrl+Z", UNDO),
    ("Ctrl+Shift+Z Ctrl+Y", REDO),
    ("Esc", "Back"),
];
/// Below those.
pub(crate) const KEYS_HINT: &str = "On a Mac, Cmd stands for Ctrl. Single keys do nothing while you type, and can be switched off in the room settings.";

/// What is deleted, and its dialog.
pub(crate) const TRASH: &str = "Trash";
/// The list of that.
pub(crate) const DELETED_TASKS: &str = "Deleted tasks";
/// Where there is none.
pub(crate) const NOTHING_DELETED: &str = "Nothing is deleted here.";
/// How long there is a way back.
pub(crate) const TRASH_EXPLAINED: &str = "A task is gone for good 30 days after it was deleted.";
/// Before the moment of that.
pub(crate) const DELETED_AT: &str = "Deleted";
/// On the button that brings a task back.
pub(crate) const RESTORE: &str = "Restore";

/// The name of that button.
pub(crate) fn restore(title: &str) -> String {
    format!("Restore {title}")
}

/// What was deleted with a task.
pub(crate) fn and_subtasks(subtasks: usize) -> String {
    format!(", with {}", counted_subtasks(subtasks))
}

/// A task is back, and what was deleted with it.
pub(crate) fn restored(title: &str, subtasks: usize) -> String {
    let mut told = of_task("Restored", title);
    if subtasks > 0 {
        told += &format!(" and {}", counted_subtasks(subtasks));
    }
    told
}

/// What sorts the list.
pub(crate) fn sort(words: &str) -> String {
    format!("Sort: {words}")
}

/// What shows another room.
pub(crate) fn go_to(room: &str) -> String {
    format!("Go to {room}")
}

/// What puts a task off.
pub(crate) const DUE_TOMORROW: &str = "Due tomorrow";

/// The name of the button that deletes a task.
pub(crate) fn delete(title: &str) -> String {
    format!("Delete {title}")
}

/// How far a long sync is.
pub(crate) fn getting(got: u64, of: u64) -> String {
    format!("Getting {} of {} changes", grouped(got), grouped(of))
}

/// A task is gone, and its subtasks are not.
pub(crate) fn deleted(title: &str, subtasks: usize) -> String {
    let stay = match subtasks {
        0 => String::new(),
        1 => ". Its subtask stays in the list.".to_owned(),
        many => format!(". Its {many} subtasks stay in the list."),
    };
    format!("Deleted “{}”{stay}", shortened(title))
}

/// A task is gone with its subtasks.
pub(crate) fn deleted_with(title: &str, subtasks: usize) -> String {
    format!("Deleted “{}” and {}", shortened(title), counted_subtasks(subtasks))
}

/// A task was completed, and with it what was open below it.
pub(crate) fn completed_with(title: &str, subtasks: usize) -> String {
    format!("Completed “{}” and {}", shortened(title), counted_subtasks(subtasks))
}

/// So many subtasks.
fn counted_subtasks(number: usize) -> String {
    if number == 1 { "1 subtask".to_owned() } else { format!("{number} subtasks") }
}

/// On the button that deletes a task with its subtasks.
pub(crate) fn delete_with(subtasks: usize) -> String {
    format!("Delete with {}", counted_subtasks(subtasks))
}

/// What copies the link to a task.
pub(crate) const COPY_TASK_LINK: &str = "Copy link to this task";
/// It was copied.
pub(crate) const TASK_LINK_COPIED: &str = "Copied. It leads whoever is in this room to the task, and lets nobody in.";
/// A link leads to a task that is not there.
pub(crate) const NO_SUCH_TASK: &str = "The task of this link is not here: it was deleted, or has not arrived yet.";
/// A link leads to a task of a room that is not there.
pub(crate) const FOREIGN_TASK: &str =
    "This link is to a task in a room that is not on this device: ask somebody who is in it for the room link.";

/// In notes, a box that is ticked.
pub(crate) const BOX_TICKED: &str = "Done:";
/// In notes, a box that is not.
pub(crate) const BOX_EMPTY: &str = "To do:";

/// The subtasks of a task, and the heading above them.
pub(crate) const SUBTASKS: &str = "Subtasks";
/// The field for another one.
pub(crate) const ADD_SUBTASK: &str = "Add a subtask";
/// What makes a subtask a task of its own.
pub(crate) const MAKE_OWN: &str = "Make it a task of its own";
/// What makes a task a subtask of another one, and the dialog for that.
pub(crate) const PUT_UNDER: &str = "Put under another task";
/// The field that finds that one.
pub(crate) const PARENT_TITLE: &str = "Title of the other task";
/// No task is such.
pub(crate) const NO_PARENT: &str = "No open task is called that and can have it.";

/// How much of what is below a task is done.
pub(crate) fn progress((done, of): (usize, usize)) -> String {
    format!("{done}/{of}")
}

/// The same for ears, as the name of the button that folds the subtasks.
pub(crate) fn subtasks_of(title: &str, (done, of): (usize, usize)) -> String {
    format!("{done}/{of} subtasks of {title} done")
}

/// Of which task another one is a subtask.
pub(crate) fn part_of(title: &str) -> String {
    format!("Part of {title}")
}

/// Makes a section.
pub(crate) const ADD_SECTION: &str = "Add a section";
/// Puts a task into a section, and the dialog for that.
pub(crate) const TO_SECTION: &str = "Move to section";
/// Where tasks are that are in no section.
pub(crate) const NO_SECTION: &str = "No section";
/// The heading above what is overdue.
pub(crate) const OVERDUE: &str = "Overdue";
/// The heading above what has no due day.
pub(crate) const NO_DUE_DAY: &str = "No due day";
/// The heading above what nobody does.
pub(crate) const NOBODY: &str = "Nobody";
/// The heading above what has no label.
pub(crate) const NO_LABEL: &str = "No label";

/// The heading above what is of a priority.
pub(crate) fn of_priority(word: &str) -> String {
    format!("{} priority", if word == "None" { "No" } else { word })
}

/// A heading, with how many tasks are below it.
pub(crate) fn headed(name: &str, tasks: usize) -> String {
    format!("{name} ({tasks})")
}

/// What has new tasks go to a section.
pub(crate) fn add_to(name: &str) -> String {
    format!("Add to {name}")
}

/// What has them go to none again.
pub(crate) fn stop_adding_to(name: &str) -> String {
    format!("Stop adding to {name}")
}

/// What opens the menu of a task or a section.
pub(crate) fn more_actions(name: &str) -> String {
    format!("More actions for {name}")
}

/// Makes a copy beside a task.
pub(crate) const DUPLICATE: &str = "Duplicate";
/// Puts a task into another room, and the dialog for that.
pub(crate) const MOVE_TO_ROOM: &str = "Move to another room";
/// Puts a copy of it there, and the dialog for that.
pub(crate) const COPY_TO_ROOM: &str = "Copy to another room";

/// There is a copy beside a task.
pub(crate) fn duplicated(title: &str) -> String {
    format!("Duplicated “{}”", shortened(title))
}

/// A task is in another room now.
pub(crate) fn moved_to(title: &str, room: &str) -> String {
    format!("Moved “{}” to “{}”", shortened(title), shortened(room))
}

/// A copy of a task is in another room now.
pub(crate) fn copied_to(title: &str, room: &str) -> String {
    format!("Copied “{}” to “{}”", shortened(title), shortened(room))
}

/// A copy was not made.
pub(crate) fn copy_failed(title: &str, why: &dyn Display) -> String {
    format!("“{}” is not copied. {why}", shortened(title))
}

/// A task was not moved.
pub(crate) fn move_failed(title: &str, why: &dyn Display) -> String {
    format!("“{}” is not moved, and still here. {why}", shortened(title))
}

/// A section is gone, and its tasks are not.
pub(crate) fn section_deleted(name: &str, tasks: usize) -> String {
    let stay = match tasks {
        0 => String::new(),
        1 => ". Its task stays in the list.".to_owned(),
        many => format!(". Its {many} tasks stay in the list."),
    };
    format!("Deleted section “{}”{stay}", shortened(name))
}

/// A change was not saved.
pub(crate) fn edit_failed(title: &str, why: &impl Display) -> String {
    format!("The change to “{}” is not saved. {why}", shortened(title))
}

/// A task was not deleted.
pub(crate) fn delete_failed(title: &str, why: &impl Display) -> String {
    format!("“{}” is not deleted. {why}", shortened(title))
}

/// A field was changed elsewhere after something was typed here that is not saved.
pub(crate) fn changed_meanwhile(value: &str) -> String {
    let words = "You typed this and did not save it. Meanwhile somebody";
    if value.is_empty() {
        format!("{words} cleared this field.")
    } else {
        format!("{words} wrote “{}”.", shortened(value))
    }
}

/// Something was not saved.
pub(crate) fn not_saved(why: &impl Display) -> String {
    format!("Not saved. {why}")
}

/// A title that fits into a sentence.
fn shortened(title: &str) -> String {
    let mut rest = title.chars();
    let start: String = rest.by_ref().take(40).collect();
    if rest.next().is_some() { format!("{}…", start.trim_end()) } else { start }
}

/// What a device is called.
pub(crate) fn device_name(name: Option<String>) -> String {
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "A device without a name".to_owned())
}

/// What another device has cannot be read here.
pub(crate) fn not_understood(name: &str) -> String {
    format!(
        "Changes of “{name}” cannot be read here. One of the two may run an older Partyline: load the page again on both."
    )
}

/// Another device does not answer with what it has.
pub(crate) fn sync_refused(name: &str) -> String {
    format!("“{name}” is connected and does not hand over its changes. Load the page again there.")
}

/// How many changes wait because they are dated too far ahead.
pub(crate) fn waiting(number: u32) -> String {
    let verb = if number == 1 { "waits: it is" } else { "wait: they are" };
    format!("{} {verb} dated too far ahead.", changes(number.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_spoken() {
        assert_eq!(counts(0, 0), "No tasks");
        assert_eq!(counts(2, 0), "2 open");
        assert_eq!(counts(0, 3), "All 3 done");
        assert_eq!(counts(1, 1), "1 open, 1 done");
    }

    #[test]
    fn what_stays_is_said_in_a_sentence() {
        let day = (DAY, "Gate 3".to_owned());
        assert_eq!(gone_back(false, "Moved “Milk”", true, &[]), "Undone: Moved “Milk”");
        assert_eq!(
            gone_back(true, "Changed 3 tasks", true, &[day.clone(), day.clone(), day.clone()]),
            "Redone: Changed 3 tasks. Somebody changed the day of “Gate 3” and 2 more meanwhile; that stays."
        );
        assert_eq!(
            gone_back(false, "Changed “Gate 3”", false, &[day]),
            "Somebody changed the day of “Gate 3” meanwhile; that stays."
        );
        assert_eq!(
            gone_back(false, "", false, &[(DELETED_IT, "Gate 3".to_owned())]),
            "Somebody deleted “Gate 3” meanwhile; that stays."
        );
    }

    #[test]
    fn long_titles_are_cut_in_sentences() {
        assert_eq!(deleted("Milk", 0), "Deleted “Milk”");
        assert_eq!(deleted("Milk", 1), "Deleted “Milk”. Its subtask stays in the list.");
        assert_eq!(deleted(&"ä".repeat(41), 0), format!("Deleted “{}…”", "ä".repeat(40)));
    }
}
