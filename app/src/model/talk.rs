//! The comments on a task, and what people do with them. It is loaded with the details that show them.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{CommentDocument, CommentPatch};
use partyline_core::id::{CommentId, TaskId};

use super::app::App;
use super::drafts::Draft;
use super::room::Room;
use crate::api::talk::{comments, send_comment};
use crate::platform;
use crate::text;

/// What was done to a comment, and what takes it back.
#[derive(Clone)]
pub(crate) struct Done {
    /// What it was.
    pub(crate) words: &'static str,
    comment: String,
    back: CommentPatch,
}

/// What was sent. (A type of its own for the same reason as [`Remark`].)
#[derive(Clone)]
struct Sent(CommentPatch);

/// A comment. A type of its own, so that all that is made for it is loaded later.
#[derive(Clone, PartialEq)]
pub(crate) struct Remark(pub(crate) CommentDocument);

/// The comments on a task, as they are known here.
#[derive(Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) app: App,
    room: Room,
    task: TaskId,
    /// In the order in which they were made.
    pub(crate) comments: RwSignal<Vec<Remark>>,
    /// Why something of it is not done.
    pub(crate) problem: RwSignal<Option<String>>,
    /// What was done last and can be taken back. It is told in the details: these are above all messages.
    pub(crate) done: RwSignal<Option<Done>>,
    /// Who said something while the details were open.
    pub(crate) news: RwSignal<String>,
    /// Which reading was begun last: an answer that a later one has overtaken is dropped.
    reading: StoredValue<u64>,
    /// What was sent last and is not known to have come, with its id: sent once more, it is the same comment.
    sent: StoredValue<Option<Sent>>,
}

impl Talk {
    /// Nothing is known yet.
    pub(crate) fn new(app: App, room: Room, task: TaskId) -> Self {
        Self {
            app,
            room,
            task,
            comments: RwSignal::new(Vec::new()),
            problem: RwSignal::new(None),
            done: RwSignal::new(None),
            news: RwSignal::new(String::new()),
            reading: StoredValue::new(0),
            sent: StoredValue::new(None),
        }
    }

    /// Reads them.
    pub(crate) fn read(self) {
        let Some(number) = self.reading.try_update_value(|number| {
            *number += 1;
            *number
        }) else {
            return;
        };
        spawn_local(async move {
            let answer = comments(self.room.id, Some(self.task)).await;
            if self.reading.try_get_value() != Some(number) {
                return;
            }
            match answer {
                Ok(all) => self.show(all.into_iter().map(Remark).collect(), number == 1),
                Err(error) => drop(self.problem.try_set(Some(error.to_string()))),
            }
        });
    }

    fn show(self, comments: Vec<Remark>, is_first: bool) {
        let known = self.comments.get_untracked();
        let is_new = |comment: &&Remark| known.iter().all(|other| other.0.id != comment.0.id);
        if let Some(new) = comments.iter().rfind(is_new).filter(|new| !is_first && !self.is_own(new)) {
            self.news.set(text::new_comment(&untrack(|| self.author(new))));
        }
        if known != comments {
            self.comments.set(comments);
        }
    }

    /// Whether this device made a comment.
    pub(crate) fn is_own(self, comment: &Remark) -> bool {
        let own = self.room.membership.with_untracked(|own| own.as_ref().map(|own| own.device.to_string()));
        own.as_ref() == Some(&comment.0.author)
    }

    /// What the device is called that made a comment.
    pub(crate) fn author(self, comment: &Remark) -> String {
        text::device_name(self.room.device_name(&comment.0.author))
    }

    fn draft(self) -> Draft {
        Draft::of_comment(self.room.id, self.task)
    }

    /// What was typed for another one when the page went away.
    pub(crate) fn typed(self) -> String {
        self.draft().typed().map(|typed| typed.text).unwrap_or_default()
    }

    /// Keeps what is typed for another one.
    pub(crate) fn keep(self, typed: &str) {
        if typed.is_empty() { self.draft().drop() } else { self.draft().keep(typed, "") }
    }

    /// Adds a comment, and answers whether it is kept. What was typed is given up only then.
    pub(crate) async fn add(self, words: String) -> bool {
        let unsure = self.sent.get_value().map(|sent| sent.0).filter(|sent| sent.text.as_ref() == Some(&words));
        let random = || platform::random_bytes().map(|random| CommentId::on(self.task, random).to_string());
        let new = unsure.unwrap_or_else(|| CommentPatch { id: random(), text: Some(words), deleted: None });
        self.sent.set_value(Some(Sent(new.clone())));
        let answer = send_comment(self.room.id, self.task, None, &new).await;
        let is_kept = match answer {
            // It came when it was sent before, and the answer was lost.
            Err(error) if error.status() == Some(409) => Ok(()),
            answer => answer,
        };
        match is_kept {
            Ok(()) => {
                self.draft().drop();
                let _ = self.sent.try_set_value(None);
                let _ = self.problem.try_set(None);
                self.read();
                true
            }
            Err(error) => {
                let _ = self.problem.try_set(Some(text::not_saved(&error)));
                false
            }
        }
    }

    /// Gives a comment other words.
    pub(crate) fn reword(self, comment: &Remark, words: String) {
        let patch = |text: String| CommentPatch { text: Some(text), ..CommentPatch::default() };
        self.change(comment.0.id.clone(), patch(words), Some((text::COMMENT_CHANGED, patch(comment.0.text.clone()))));
    }

    /// Deletes a comment.
    pub(crate) fn delete(self, comment: String) {
        let patch = |deleted| CommentPatch { deleted: Some(deleted), ..CommentPatch::default() };
        self.change(comment, patch(true), Some((text::COMMENT_DELETED, patch(false))));
    }

    /// Takes back what was done last.
    pub(crate) fn undo(self) {
        if let Some(Done { comment, back, .. }) = self.done.get_untracked() {
            self.change(comment, back, None);
        }
    }

    fn change(self, comment: String, patch: CommentPatch, undo: Option<(&'static str, CommentPatch)>) {
        spawn_local(async move {
            match send_comment(self.room.id, self.task, Some(&comment), &patch).await {
                Ok(()) => {
                    self.read();
                    let _ = self.problem.try_set(None);
                    let _ = self.done.try_set(undo.map(|(words, back)| Done { words, comment, back }));
                }
                Err(error) => {
                    let told = self.problem.try_set(Some(text::not_saved(&error)));
                    if told.is_some() {
                        self.app.notices.fail(text::not_saved(&error), None);
                    }
                }
            }
        });
    }
}

impl Room {
    /// Has finding look into what the comments say now.
    pub(crate) fn find_in_comments(self) {
        spawn_local(async move {
            let all = match comments(self.id, None).await {
                Ok(all) => all,
                Err(error) => return self.notices().fail(text::comments_not_read(&error), None),
            };
            let mut said = HashMap::<TaskId, String>::new();
            for comment in all {
                if let Ok(task) = TaskId::parse(&comment.task) {
                    *said.entry(task).or_default() += &["\n", comment.text.as_str()].concat();
                }
            }
            if self.listing().index.try_update_value(|index| index.hear(said)) == Some(true) {
                self.arrange();
            }
        });
    }
}
