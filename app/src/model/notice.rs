use std::sync::Arc;

use leptos::prelude::*;
use partyline_core::id::RoomId;

/// A message to the person, with at most one thing to do about it.
#[derive(Clone)]
pub(crate) struct Notice {
    /// Tells notices apart.
    pub(crate) id: u64,
    /// What happened.
    pub(crate) text: String,
    /// Whether something went wrong. Such a notice stays until it is dealt with.
    pub(crate) failure: bool,
    /// What can be done about it.
    pub(crate) action: Option<NoticeAction>,
}

/// What can be done about a [`Notice`].
#[derive(Clone)]
pub(crate) struct NoticeAction {
    /// The words on the button.
    pub(crate) label: &'static str,
    /// What the button does.
    pub(crate) run: Arc<dyn Fn() + Send + Sync>,
    /// Whether it takes an action back, or does it again.
    is_step: bool,
}

impl NoticeAction {
    /// An action in a word.
    pub(crate) fn new(label: &'static str, run: impl Fn() + Send + Sync + 'static) -> Self {
        Self { label, run: Arc::new(run), is_step: false }
    }
}

/// The notices on show, the latest last.
#[derive(Clone, Copy)]
pub(crate) struct Notices {
    shown: RwSignal<Vec<Notice>>,
    next: StoredValue<u64>,
    /// The action that is to be taken back, or done again: its room and its number there.
    pub(crate) wanted: RwSignal<Option<(RoomId, u32)>>,
}

impl Notices {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), next: StoredValue::new(0), wanted: RwSignal::new(None) }
    }

    /// Tells of something that happened; it goes away by itself.
    pub(crate) fn tell(self, text: String, action: Option<NoticeAction>) {
        self.push(text, false, action);
    }

    /// Tells of something that failed; it stays.
    pub(crate) fn fail(self, text: String, action: Option<NoticeAction>) {
        self.push(text, true, action);
    }

    /// Takes a notice away.
    pub(crate) fn dismiss(self, id: u64) {
        self.shown.update(|shown| shown.retain(|notice| notice.id != id));
    }

    /// Takes a notice away and does what it offers.
    pub(crate) fn act(self, id: u64) {
        let action = self.shown.with_untracked(|shown| {
            shown.iter().find(|notice| notice.id == id).and_then(|notice| notice.action.clone())
        });
        self.dismiss(id);
        if let Some(action) = action {
            (action.run)();
        }
    }

    /// The notices on show.
    pub(crate) fn shown(self) -> Vec<Notice> {
        self.shown.get()
    }

    /// What takes an action back, or does it again.
    pub(crate) fn step(self, label: &'static str, action: (RoomId, u32)) -> NoticeAction {
        let run = Arc::new(move || self.wanted.set(Some(action)));
        NoticeAction { label, run, is_step: true }
    }

    fn push(self, text: String, failure: bool, action: Option<NoticeAction>) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.shown.update(|shown| {
            let is_step = |action: &Option<NoticeAction>| action.as_ref().is_some_and(|action| action.is_step);
            // The same failure twice says nothing new, but the later one holds the later attempt. And of the actions that can
            // be taken back the last one is offered.
            shown.retain(|notice| {
                !(failure && notice.failure && notice.text == text && action.is_none()
                    || is_step(&action) && is_step(&notice.action))
            });
            shown.push(Notice { id, text, failure, action });
        });
    }
}
