//! The comments on a task, and what people do with them. It is loaded with the details that show them.

use leptos::prelude::*;
use leptos::task::spawn_local;
use partyline_core::api::{CommentDocument, CommentPatch};
use partyline_core::id::{CommentId, TaskId};

use super::app::App;
use super::drafts::Draft;
use super::notice::NoticeAction;
use super::room::Room;
use crate::api;
use crate::platform;
use crate::text;

/// The comments on a task, as they are known here.
#[derive(Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) app: App,
    room: Room,
    task: TaskId,
    /// In the order in which they were made.
    pub(crate) comments: RwSignal<Vec<CommentDocument>>,
    /// Why something of it is not done.
    pub(crate) problem: RwSignal<Option<String>>,
    /// Who said something while the details were open.
    pub(crate) news: RwSignal<String>,
    /// Which reading was begun last: an answer that a later one has overtaken is dropped.
    reading: StoredValue<u64>,
    /// What was sent last and is not known to have come, with its id: sent once more, it is the same comment.
    sent: StoredValue<Option<CommentPatch>>,
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
            let answer = api::comments(self.room.id, self.task).await;
            if self.reading.try_get_value() != Some(number) {
                return;
            }
            match answer {
                Ok(comments) => self.show(comments, number == 1),
                Err(error) => drop(self.problem.try_set(Some(error.to_string()))),
            }
        });
    }

    fn show(self, comments: Vec<CommentDocument>, is_first: bool) {
        let known = self.comments.get_untracked();
        let is_new = |comment: &&CommentDocument| known.iter().all(|other| other.id != comment.id);
        if let Some(new) = comments.iter().rfind(is_new).filter(|new| !is_first && !self.is_own(new)) {
            self.news.set(text::new_comment(&untrack(|| self.author(new))));
        }
        if known != comments {
            self.comments.set(comments);
        }
    }

    /// Whether this device made a comment.
    pub(crate) fn is_own(self, comment: &CommentDocument) -> bool {
        let own = self.room.membership.with_untracked(|own| own.as_ref().map(|own| own.device.to_string()));
        own.as_ref() == Some(&comment.author)
    }

    /// What the device is called that made a comment.
    pub(crate) fn author(self, comment: &CommentDocument) -> String {
        text::device_name(self.room.device_name(&comment.author))
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
        let unsure = self.sent.get_value().filter(|sent| sent.text.as_ref() == Some(&words));
        let random = || platform::random_bytes().map(|random| CommentId::on(self.task, random).to_string());
        let new = unsure.unwrap_or_else(|| CommentPatch { id: random(), text: Some(words), deleted: None });
        self.sent.set_value(Some(new.clone()));
        let answer = api::send_comment(self.room.id, self.task, None, &new).await;
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

    /// Gives a comment other words, and offers to undo that.
    pub(crate) fn reword(self, comment: &CommentDocument, words: String) {
        let patch = |text: String| CommentPatch { text: Some(text), ..CommentPatch::default() };
        self.change(comment.id.clone(), patch(words), Some((text::COMMENT_CHANGED, patch(comment.text.clone()))));
    }

    /// Deletes a comment, and offers to undo that.
    pub(crate) fn delete(self, comment: String) {
        let patch = |deleted| CommentPatch { deleted: Some(deleted), ..CommentPatch::default() };
        self.change(comment, patch(true), Some((text::COMMENT_DELETED, patch(false))));
    }

    fn change(self, comment: String, patch: CommentPatch, undo: Option<(&'static str, CommentPatch)>) {
        spawn_local(async move {
            match api::send_comment(self.room.id, self.task, Some(&comment), &patch).await {
                Ok(()) => {
                    self.read();
                    if let Some((done, back)) = undo {
                        let again = move || self.change(comment.clone(), back.clone(), None);
                        self.app.notices.tell(done.to_owned(), Some(NoticeAction::new(text::UNDO, again)));
                    }
                }
                Err(error) => self.app.notices.fail(text::not_saved(&error), None),
            }
        });
    }
}
