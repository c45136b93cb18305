use leptos::prelude::*;
use leptos::task::spawn_local;

use super::app::{App, Dialog};
use super::notice::NoticeAction;
use crate::{platform, text};

/// The rest of the app's code: what the first screen does not need, which is what dialogs are made of.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    is_here: RwSignal<bool>,
}

impl Rest {
    /// Not loaded yet.
    pub(crate) fn new() -> Self {
        Self { is_here: RwSignal::new(false) }
    }

    /// Whether it can be used.
    pub(crate) fn is_here(self) -> bool {
        self.is_here.get()
    }

    /// Loads it, for later. Should that fail, whoever needs it tries again.
    pub(crate) fn load(self) {
        if !self.is_here.get_untracked() {
            spawn_local(async move {
                let _ = self.loaded().await;
            });
        }
    }

    async fn loaded(self) -> bool {
        let is_here = platform::load_rest().await.is_ok();
        if is_here && !self.is_here.get_untracked() {
            self.is_here.set(true);
        }
        is_here
    }
}

impl App {
    /// Does what takes the rest of the code, at once or when that is there. If it cannot be had, the person reads so and can
    /// try again.
    pub(crate) fn with_rest(self, run: impl Fn() + Copy + Send + Sync + 'static) {
        if self.rest.is_here.get_untracked() {
            return run();
        }
        spawn_local(async move {
            if self.rest.loaded().await {
                run();
            } else {
                let again = NoticeAction::new(text::RETRY, move || self.with_rest(run));
                self.notices.fail(text::NOT_LOADED.to_owned(), Some(again));
            }
        });
    }

    /// Has a dialog that is to open wait until what it is made of is there.
    pub(crate) fn bring(self, dialog: Dialog) {
        spawn_local(async move {
            if !self.rest.loaded().await && self.dialog.get_untracked() == Some(dialog) {
                self.dialog.set(None);
                let again = NoticeAction::new(text::RETRY, move || self.dialog.set(Some(dialog)));
                self.notices.fail(text::NOT_LOADED.to_owned(), Some(again));
            }
        });
    }
}
