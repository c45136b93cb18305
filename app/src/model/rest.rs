use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::platform;

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

    /// Loads it and says whether it can be used.
    pub(super) async fn loaded(self) -> bool {
        let is_here = platform::load_rest().await.is_ok();
        if is_here && !self.is_here.get_untracked() {
            self.is_here.set(true);
        }
        is_here
    }
}
