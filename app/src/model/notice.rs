use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use leptos::prelude::*;

/// The last number of a notice or an action on this page.
static LAST: AtomicU64 = AtomicU64::new(0);

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
    /// The number of the action that is to be taken back, or done again; 0 for none.
    pub(crate) wanted: RwSignal<u64>,
}

impl Notices {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { shown: RwSignal::new(Vec::new()), wanted: RwSignal::new(0) }
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

    /// A number that neither a notice nor an action has had.
    pub(crate) fn next(self) -> u64 {
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What takes an action back, or does it again.
    pub(crate) fn step(self, label: &'static str, action: u64) -> NoticeAction {
        let run = Arc::new(move || self.wanted.set(action));
        NoticeAction { label, run, is_step: true }
    }

    fn push(self, text: String, failure: bool, action: Option<NoticeAction>) {
        let id = self.next();
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

#[cfg(test)]
mod tests {
    use super::*;
    use leptos::reactive::owner::Owner;

    #[test]
    fn of_the_actions_that_can_be_taken_back_the_last_one_is_offered() {
        let owner = Owner::new();
        owner.set();
        let notices = Notices::new();
        let texts =
            || notices.shown.with_untracked(|shown| shown.iter().map(|one| one.text.clone()).collect::<Vec<_>>());
        let [first, second] = [notices.next(), notices.next()];
        assert_ne!(first, second);
        notices.tell("Deleted “Milk”".to_owned(), Some(notices.step("Undo", first)));
        notices.fail("Not saved.".to_owned(), Some(NoticeAction::new("Try again", || ())));
        notices.tell("Nothing to undo.".to_owned(), None);
        notices.tell("Deleted “Bread”".to_owned(), Some(notices.step("Undo", second)));
        assert_eq!(texts(), ["Not saved.", "Nothing to undo.", "Deleted “Bread”"]);
        let last = notices.shown.with_untracked(|shown| shown.last().map(|notice| notice.id));
        notices.act(last.unwrap());
        assert_eq!(notices.wanted.get_untracked(), second);
        assert_eq!(texts(), ["Not saved.", "Nothing to undo."]);
    }
}
