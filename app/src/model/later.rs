//! What waits for the rest of the code.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::app::{App, Dialog};
use super::notice::NoticeAction;
use crate::text;

impl App {
    /// Does what takes the rest of the code, at once or when that is there. If it cannot be had, the person reads so and can
    /// try again.
    pub(crate) fn with_rest(self, run: impl Fn() + Copy + Send + Sync + 'static) {
        if untrack(|| self.rest.is_here()) {
            return run();
        }
        spawn_local(async move {
            if self.rest.loaded().await {
                run();
            } else {
                self.tell_not_loaded(move || self.with_rest(run));
            }
        });
    }

    /// Has a dialog that is to open wait until what it is made of is there.
    pub(crate) fn bring(self, dialog: Dialog) {
        spawn_local(async move {
            if !self.rest.loaded().await && self.dialog.get_untracked() == Some(dialog) {
                self.dialog.set(None);
                self.tell_not_loaded(move || self.dialog.set(Some(dialog)));
            }
        });
    }

    fn tell_not_loaded(self, again: impl Fn() + Send + Sync + 'static) {
        self.notices.fail(text::NOT_LOADED.to_owned(), Some(NoticeAction::new(text::RETRY, again)));
    }
}
