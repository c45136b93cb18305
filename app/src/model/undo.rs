//! Taking back what a person did in a room, step by step, and doing it again. It is loaded with the dialogs.
//!
//! Only what is still as the person left it is taken back: each field is compared with what the action made of it. Whatever
//! takes something back is noted like any other action, so doing again is the same once more.

use std::cell::RefCell;
use std::collections::VecDeque;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{TaskDocument, TaskPatch, TaskStatus};
use partyline_core::id::TaskId;

use super::did::{Act, Did, History, Written};
use super::notice::NoticeAction;
use super::room::{Room, Write, deletion};
use crate::api::{self, ApiError};
use crate::text;

/// What takes an action back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Back {
    /// What is written.
    pub(crate) writes: Vec<Write>,
    /// What stays as somebody changed it meanwhile: the words for a field (none for the whole task), and the task's title.
    pub(crate) stays: Vec<(&'static str, String)>,
}

/// Compares what an action wrote with what is there now.
pub(crate) fn back(tasks: &[Written], now: impl Fn(TaskId) -> Option<TaskDocument>) -> Back {
    let mut back = Back::default();
    for written in tasks.iter().rev() {
        let Ok(id) = TaskId::parse(&written.before.id) else { continue };
        if let Some(now) = now(id) {
            let (patch, stays) = back_of(&written.before, &written.patch, &written.after, &now);
            if patch != TaskPatch::default() {
                back.writes.push((id, patch));
            }
            back.stays.extend(stays.into_iter().map(|field| (field, now.title.clone())));
        }
    }
    back
}

/// What gives one task back the fields that were written, and which of them stay.
fn back_of(
    before: &TaskDocument,
    written: &TaskPatch,
    after: &TaskDocument,
    now: &TaskDocument,
) -> (TaskPatch, Vec<&'static str>) {
    let mut patch = TaskPatch::default();
    let mut fields = Fields::default();
    let (deleted, stays) = match (before.deleted, after.deleted, now.deleted) {
        (false, true, true) => (Some(false), None),
        // What others did to it since is not thrown away with it.
        (true, false, false) if content(now) != content(after) => (None, Some(text::CHANGED_IT)),
        (true, false, false) => (Some(true), None),
        // Writing to it would bring it back.
        (false, _, true) => (None, Some(text::DELETED_IT)),
        _ => (None, None),
    };
    patch.deleted = deleted;
    fields.stays.extend(stays);
    if before.deleted || now.deleted {
        return (patch, fields.stays);
    }
    let all = [before, after, now];
    patch.title = fields.back(written.title.is_some(), text::TITLE, all.map(|task| &task.title));
    patch.notes = fields.back(written.notes.is_some(), text::NOTES, all.map(|task| &task.notes));
    patch.status = fields.back(written.status.is_some(), text::STATUS, all.map(|task| &task.status));
    patch.priority = fields.back(written.priority.is_some(), text::PRIORITY, all.map(|task| &task.priority));
    patch.due = fields.back(written.due.is_some(), text::DAY, all.map(|task| &task.due));
    patch.assignee = fields.back(written.assignee.is_some(), text::PERSON, all.map(|task| &task.assignee));
    patch.blocked_reason =
        fields.back(written.blocked_reason.is_some(), text::REASON, all.map(|task| &task.blocked_reason));
    let places = all.map(|task| (&task.parent, &task.section, &task.position));
    if let Some((parent, section, position)) = fields.back(is_place(written), text::PLACE, places.each_ref()) {
        patch.parent = Some(parent.clone()).filter(|parent| *parent != now.parent);
        patch.section = Some(section.clone()).filter(|section| *section != now.section);
        patch.position = Some(position.clone()).filter(|position| *position != now.position);
    }
    // Each label is one of its own.
    let has = |task: &TaskDocument, label: &String| task.labels.contains(label);
    let added = |label: &&String| has(after, label) && !has(before, label) && has(now, label);
    let removed = |label: &&String| has(before, label) && !has(after, label) && !has(now, label);
    let listed = |labels: Vec<String>| Some(labels).filter(|labels| !labels.is_empty());
    let named = |labels: &Option<Vec<String>>| labels.clone().unwrap_or_default();
    patch.remove_labels = listed(named(&written.add_labels).iter().filter(added).cloned().collect());
    patch.add_labels = listed(named(&written.remove_labels).iter().filter(removed).cloned().collect());
    #[cfg(feature = "next")]
    {
        patch.estimate = fields.back(written.estimate.is_some(), "estimate", all.map(|task| &task.estimate));
    }
    (patch, fields.stays)
}

/// All that people write in a task, but for where it stands among others.
fn content(task: &TaskDocument) -> TaskDocument {
    TaskDocument { position: String::new(), updated_at: String::new(), deleted: false, ..task.clone() }
}

/// Whether a patch puts a task elsewhere.
fn is_place(patch: &TaskPatch) -> bool {
    patch.after.is_some() || patch.position.is_some() || patch.parent.is_some() || patch.section.is_some()
}

/// What stays of the fields of a task.
#[derive(Default)]
struct Fields {
    stays: Vec<&'static str>,
}

impl Fields {
    /// What a field was before, if that is to be written.
    fn back<T: PartialEq + Clone>(
        &mut self,
        is_written: bool,
        name: &'static str,
        [before, after, now]: [&T; 3],
    ) -> Option<T> {
        if !is_written || before == after || before == now {
            return None;
        }
        if after == now {
            return Some(before.clone());
        }
        self.stays.push(name);
        None
    }
}

/// What an action was, in words.
fn words(tasks: &[Written]) -> String {
    let Some(Written { before, patch, after }) = tasks.first() else { return String::new() };
    let status = |status| patch.status.is_some() && status == TaskStatus::Done;
    let verb = match (before.deleted, after.deleted) {
        (false, true) => "Deleted",
        (true, false) if patch.title.is_some() => text::ADDED,
        (true, false) => "Restored",
        _ if status(after.status) => "Completed",
        _ if status(before.status) => "Reopened",
        _ if is_place(patch) => "Moved",
        _ => "Changed",
    };
    if tasks.len() == 1 { text::of_task(verb, &after.title) } else { text::bulk_done(verb, tasks.len()) }
}

/// What is wanted of the history of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// The last action is taken back.
    Undo,
    /// What was taken back last is done again.
    Redo,
    /// The action of this number is taken back, or done again.
    Step(u64),
}

thread_local! {
    /// What is wanted and not begun yet, and whether something is under way: one waits for the other.
    static WANTED: RefCell<(VecDeque<(Room, Want)>, bool)> = const { RefCell::new((VecDeque::new(), false)) };
}

/// Takes something back, or does it again, behind whatever is being done.
pub(crate) fn want(room: Room, want: Want) {
    let is_busy = WANTED.with_borrow_mut(|(wanted, is_busy)| {
        wanted.push_back((room, want));
        std::mem::replace(is_busy, true)
    });
    if !is_busy {
        spawn_local(async {
            let next = || {
                WANTED.with_borrow_mut(|(wanted, is_busy)| {
                    *is_busy = !wanted.is_empty();
                    wanted.pop_front()
                })
            };
            while let Some((room, want)) = next() {
                room.go_back(want).await;
            }
        });
    }
}

impl Room {
    /// Whether an action of this number was done here, or took something back.
    pub(super) fn has_done(self, action: u64) -> bool {
        let has = |history: &mut History| history.done.iter().chain(&history.undone).any(|did| did.number == action);
        self.change_history(has) == Some(true)
    }

    /// Notes what an action did besides.
    pub(super) fn note_besides(self, action: u64, words: String, besides: (Act, Act)) {
        self.change_history(|history| {
            if let Some(did) = history.find(action) {
                (did.besides, did.words) = (Some(besides), words);
            }
        });
    }

    /// Notes something that was done to no task; gives its number.
    pub(super) fn did_besides(self, words: String, besides: (Act, Act)) -> u64 {
        let action = self.begin(None);
        self.note_besides(action, words, besides);
        action
    }

    async fn go_back(self, want: Want) {
        // What is being written is a part of it.
        let under_way = || self.change_history(|history| history.done.iter_mut().find_map(|did| did.under_way.take()));
        while let Some(Some(end)) = under_way() {
            let _ = end.await;
        }
        loop {
            let (did, is_again) = match self.change_history(|history| history.take(want)) {
                Some(Some(found)) => found,
                _ => {
                    let nothing = match want {
                        Want::Undo => text::NOTHING_TO_UNDO,
                        Want::Redo => text::NOTHING_TO_REDO,
                        Want::Step(_) => text::TOO_LATE,
                    };
                    return self.notices().tell(nothing.to_owned(), None);
                }
            };
            if self.go_back_by(did, is_again).await {
                return;
            }
        }
    }

    /// Takes an action back, or does it again. Whether there was anything to it.
    async fn go_back_by(self, did: Did, is_again: bool) -> bool {
        let number = did.number;
        let pending: Vec<(TaskId, String)> = self.additions.with_untracked(|additions| {
            let pending = additions.iter().filter(|addition| addition.action == number);
            pending.map(|addition| (addition.id, addition.title.clone())).collect()
        });
        let Back { writes, stays } = back(&did.tasks, |id| self.document(id));
        let words = match pending.first() {
            _ if !did.words.is_empty() => did.words.clone(),
            None => words(&did.tasks),
            Some((_, title)) if pending.len() + did.tasks.len() == 1 => text::of_task(text::ADDED, title),
            Some(_) => text::bulk_done(text::ADDED, pending.len() + did.tasks.len()),
        };
        if writes.is_empty() && stays.is_empty() && pending.is_empty() && did.besides.is_none() {
            return false;
        }
        let undone = self.change_history(|history| std::mem::take(&mut history.undone)).unwrap_or_default();
        let one = match writes.as_slice() {
            [(id, patch)] if patch.deleted != Some(true) => Some(*id),
            _ => None,
        };
        let is_any = !writes.is_empty() || !pending.is_empty() || did.besides.is_some();
        let told = text::gone_back(is_again, &words, is_any, &stays);
        let (action, failed) = self.act(writes).await;
        self.give_up(&pending).await;
        if let Some(((task, _), error)) = failed.iter().find(|(_, error)| error.status() != Some(404)) {
            self.go_back_failed(did, undone, (*task, error, action), is_again);
            return true;
        }
        if let Some((undo, redo)) = &did.besides {
            undo();
            self.note_besides(action, words.clone(), (redo.clone(), undo.clone()));
        }
        let is_noted = self.change_history(|history| history.note_back(action, words, undone, is_again));
        let button = if is_again { text::UNDO } else { text::REDO };
        let offered = (is_noted == Some(true)).then(|| self.notices().step(button, action));
        self.notices().tell(told, offered);
        if let Some(id) = one {
            self.added.set(Some(id));
        }
        true
    }

    /// Gives up what is still being added, and deletes what of it is there.
    async fn give_up(self, tasks: &[(TaskId, String)]) {
        if tasks.is_empty() {
            return;
        }
        for (task, _) in tasks {
            let _ = self.drop_addition(*task);
        }
        let deletions: Vec<Write> = tasks.iter().rev().map(|(task, _)| deletion(*task)).collect();
        // Those that never came are not there.
        let failed = api::patch_tasks(self.id, &deletions).await;
        let named = failed.into_iter().filter_map(|(at, error)| Some((deletions.get(at)?.clone(), error)));
        self.tell_failed(named.collect(), text::delete_failed);
        let _ = self.read().await;
    }

    /// It is as it was before, and can be tried again.
    fn go_back_failed(
        self,
        did: Did,
        undone: Vec<Did>,
        (task, error, action): (TaskId, &ApiError, u64),
        is_again: bool,
    ) {
        let number = did.number;
        self.change_history(|history| {
            history.done.retain(|other| other.number != action);
            history.undone = undone;
            let list = if is_again { &mut history.undone } else { &mut history.done };
            let at = list.iter().position(|other| !is_again && other.number > number).unwrap_or(list.len());
            list.insert(at, did);
        });
        let again = NoticeAction::new(text::RETRY, move || want(self, Want::Step(number)));
        self.notices().fail(text::not_gone_back(is_again, &self.title(task), error), Some(again));
    }
}

impl History {
    /// Takes what is wanted out, with whether it is to be done again.
    fn take(&mut self, want: Want) -> Option<(Did, bool)> {
        let Self { done, undone, .. } = self;
        match want {
            Want::Undo => done.pop().map(|did| (did, false)),
            Want::Redo => undone.pop().map(|did| (did, true)),
            Want::Step(number) => {
                let place = |list: &[Did]| list.iter().position(|did| did.number == number);
                match place(done) {
                    Some(at) => Some((done.remove(at), false)),
                    None => place(undone).map(|at| (undone.remove(at), true)),
                }
            }
        }
    }

    /// Puts the action that has just taken something back, or done it again, to where it can be found for the opposite.
    /// `undone` is what can be done again besides. Whether there is anything to find.
    fn note_back(&mut self, action: u64, words: String, undone: Vec<Did>, is_again: bool) -> bool {
        // What was done meanwhile is done on top of it: then nothing is done again.
        let is_last = self.done.last().is_some_and(|did| did.number == action);
        if is_last {
            self.undone = undone;
        }
        let Some(at) = self.done.iter().position(|did| did.number == action) else { return false };
        let inverse = Did { words, ..self.done.remove(at) };
        let is_any = !inverse.tasks.is_empty() || inverse.besides.is_some();
        if is_any && is_again {
            self.done.insert(at, inverse);
        } else if is_any && is_last {
            self.undone.push(inverse);
        }
        is_any && (is_again || is_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::task;

    /// An action that made one task another one by a patch.
    fn wrote(before: &TaskDocument, patch: TaskPatch, after: &TaskDocument) -> Vec<Written> {
        vec![Written { before: before.clone(), patch, after: after.clone() }]
    }

    fn due(day: &str) -> Option<Option<String>> {
        Some(Some(day.to_owned()))
    }

    /// What is written so that the task of an action is as it was, if it is like this now; and what stays.
    fn back_from(tasks: &[Written], now: &TaskDocument) -> (Option<TaskPatch>, Vec<&'static str>) {
        let Back { mut writes, stays } = back(tasks, |_| Some(now.clone()));
        assert!(writes.len() <= 1);
        (writes.pop().map(|(_, patch)| patch), stays.into_iter().map(|(field, _)| field).collect())
    }

    #[test]
    fn what_was_written_is_given_back_and_nothing_else() {
        let before = TaskDocument { notes: "2 l".to_owned(), priority: 2, assignee: "Ana".to_owned(), ..task("Milk") };
        let after = TaskDocument {
            title: "Oat milk".to_owned(),
            status: TaskStatus::Done,
            due: Some("2026-12-01".to_owned()),
            ..before.clone()
        };
        let patch = TaskPatch {
            title: Some(after.title.clone()),
            status: Some(TaskStatus::Done),
            due: due("2026-12-01"),
            ..TaskPatch::default()
        };
        let wanted = TaskPatch {
            title: Some("Milk".to_owned()),
            status: Some(TaskStatus::Open),
            due: Some(None),
            ..TaskPatch::default()
        };
        assert_eq!(back_from(&wrote(&before, patch.clone(), &after), &after), (Some(wanted), vec![]));
        // Written by others in the same moment.
        let others = TaskDocument { assignee: "Bo".to_owned(), notes: String::new(), ..after.clone() };
        let (written, _) = back_from(&wrote(&before, patch, &others), &others);
        assert!(written.is_some_and(|patch| patch.assignee.is_none() && patch.notes.is_none()));
    }

    #[test]
    fn what_somebody_changed_since_stays_and_is_named() {
        let before = task("Gate 3");
        let after = TaskDocument { due: Some("2026-12-01".to_owned()), priority: 3, ..before.clone() };
        let patch = TaskPatch { due: due("2026-12-01"), priority: Some(3), ..TaskPatch::default() };
        let tasks = wrote(&before, patch, &after);
        let now = TaskDocument { due: Some("2026-12-02".to_owned()), ..after.clone() };
        let wanted = TaskPatch { priority: Some(0), ..TaskPatch::default() };
        assert_eq!(back_from(&tasks, &now), (Some(wanted.clone()), vec![text::DAY]));
        // What somebody has put back already is neither written nor named.
        let now = TaskDocument { due: None, ..after.clone() };
        assert_eq!(back_from(&tasks, &now), (Some(wanted), vec![]));
        let gone = TaskDocument { deleted: true, ..after };
        assert_eq!(back_from(&tasks, &gone), (None, vec![text::DELETED_IT]));
    }

    #[test]
    fn labels_are_each_one_of_their_own() {
        let labelled = |labels: &[&str]| TaskDocument {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..task("Milk")
        };
        let list = |label: &str| Some(vec![label.to_owned()]);
        let add = TaskPatch { add_labels: list("van"), ..TaskPatch::default() };
        let added = wrote(&labelled(&["shop"]), add.clone(), &labelled(&["shop", "van"]));
        let off = TaskPatch { remove_labels: list("van"), ..TaskPatch::default() };
        assert_eq!(back_from(&added, &labelled(&["gate", "van"])), (Some(off.clone()), vec![]));
        assert_eq!(back_from(&added, &labelled(&["shop"])), (None, vec![]));
        let removed = wrote(&labelled(&["van"]), off, &labelled(&[]));
        assert_eq!(back_from(&removed, &labelled(&["gate"])), (Some(add.clone()), vec![]));
        // It was there before.
        assert_eq!(
            back_from(&wrote(&labelled(&["van"]), add, &labelled(&["van"])), &labelled(&["van"])),
            (None, vec![])
        );
    }

    #[test]
    fn a_task_goes_back_to_its_place_unless_somebody_moved_it() {
        let at = |position: &str, section: Option<&str>| TaskDocument {
            position: position.to_owned(),
            section: section.map(str::to_owned),
            ..task("Milk")
        };
        let patch = TaskPatch { after: Some(None), section: due("dairy"), ..TaskPatch::default() };
        let moved = wrote(&at("80", None), patch, &at("40", Some("dairy")));
        let wanted = TaskPatch { position: Some("80".to_owned()), section: Some(None), ..TaskPatch::default() };
        assert_eq!(back_from(&moved, &at("40", Some("dairy"))), (Some(wanted), vec![]));
        assert_eq!(back_from(&moved, &at("20", Some("dairy"))), (None, vec![text::PLACE]));
    }

    #[test]
    fn deletions_and_additions_are_taken_back() {
        let alive = task("Milk");
        let gone = TaskDocument { deleted: true, ..alive.clone() };
        let life = |deleted| TaskPatch { deleted: Some(deleted), ..TaskPatch::default() };
        let deleted = wrote(&alive, life(true), &gone);
        assert_eq!(back_from(&deleted, &gone), (Some(life(false)), vec![]));
        assert_eq!(back_from(&deleted, &alive), (None, vec![]), "somebody has restored it");
        let added = wrote(&gone, life(false), &alive);
        let elsewhere = TaskDocument { position: "20".to_owned(), updated_at: String::new(), ..alive.clone() };
        assert_eq!(back_from(&added, &elsewhere), (Some(life(true)), vec![]));
        assert_eq!(back_from(&added, &gone), (None, vec![]), "somebody has deleted it");
        // Nobody's work is thrown away.
        let worked_on = TaskDocument { comments: 1, ..alive };
        assert_eq!(back_from(&added, &worked_on), (None, vec![text::CHANGED_IT]));
    }

    #[test]
    fn what_took_something_back_is_taken_back_itself() {
        let before = task("Milk");
        let after = TaskDocument { title: "Oat milk".to_owned(), ..before.clone() };
        let patch = TaskPatch { title: Some(after.title.clone()), ..TaskPatch::default() };
        let (undo, _) = back_from(&wrote(&before, patch.clone(), &after), &after);
        let undone = wrote(&after, undo.unwrap(), &before);
        assert_eq!(back_from(&undone, &before), (Some(patch), vec![]));
        let renamed = TaskDocument { title: "Soy milk".to_owned(), ..before };
        assert_eq!(back_from(&undone, &renamed), (None, vec![text::TITLE]));
    }

    #[test]
    fn an_action_is_told_in_words() {
        let open = task("Milk");
        let done = TaskDocument { status: TaskStatus::Done, ..open.clone() };
        let status = |status| TaskPatch { status: Some(status), ..TaskPatch::default() };
        let complete = wrote(&open, status(TaskStatus::Done), &done);
        assert_eq!(words(&complete), "Completed “Milk”");
        assert_eq!(words(&wrote(&done, status(TaskStatus::Open), &open)), "Reopened “Milk”");
        assert_eq!(words(&[complete.clone(), complete].concat()), "Completed 2 tasks");
        let moved = TaskPatch { after: Some(None), ..TaskPatch::default() };
        assert_eq!(words(&wrote(&open, moved, &open)), "Moved “Milk”");
    }

    fn numbers(list: &[Did]) -> Vec<u64> {
        list.iter().map(|did| did.number).collect()
    }

    /// Does something under a number.
    fn act(history: &mut History, number: u64) {
        history.begin(number, None);
        history.done.last_mut().unwrap().tasks = wrote(&task("Milk"), TaskPatch::default(), &task("Milk"));
    }

    #[test]
    fn each_action_is_taken_back_once_and_done_again_once() {
        let mut history = History::default();
        (1..=3).for_each(|number| act(&mut history, number));
        let number = |found: Option<(Did, bool)>| found.map(|(did, is_again)| (did.number, is_again));
        // By the button of an earlier one, and then nothing is left of it for the key.
        assert_eq!(number(history.take(Want::Step(2))), Some((2, false)));
        let undone = std::mem::take(&mut history.undone);
        act(&mut history, 4);
        assert!(history.note_back(4, String::new(), undone, false));
        assert_eq!((numbers(&history.done), numbers(&history.undone)), (vec![1, 3], vec![4]));
        assert_eq!(number(history.take(Want::Step(2))), None);
        assert_eq!(number(history.take(Want::Undo)), Some((3, false)));
        assert_eq!(number(history.take(Want::Step(4))), Some((4, true)));
        act(&mut history, 5);
        assert!(history.note_back(5, String::new(), Vec::new(), true));
        assert_eq!((numbers(&history.done), numbers(&history.undone)), (vec![1, 5], vec![]));
        assert_eq!(number(history.take(Want::Redo)), None);
    }

    #[test]
    fn whoever_does_something_else_does_nothing_again() {
        let mut history = History::default();
        act(&mut history, 1);
        act(&mut history, 2);
        assert!(!history.note_back(1, String::new(), Vec::new(), false));
        assert_eq!((numbers(&history.done), numbers(&history.undone)), (vec![2], vec![]));
        (3..63).for_each(|number| act(&mut history, number));
        assert_eq!(history.done.len(), 50);
    }
}
