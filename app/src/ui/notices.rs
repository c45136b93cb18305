use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::add_task::Additions;
use super::icon::Icon;
use super::live::{live, maybe, rows};
use crate::model::app::App;
use crate::model::notice::Notice;
use crate::shell;

/// How long a notice stays that nobody points at.
const STAY: Duration = Duration::from_secs(10);

/// The messages to the person.
#[component]
pub(crate) fn NoticeList() -> impl IntoView {
    let app = expect_context::<App>();
    view! {
        <div class="notices" role="region" aria-label="Messages" aria-live="polite">
            {rows(
                move || app.notices.shown(),
                |notice| notice.id.to_string(),
                |notice| view! { <NoticeCard notice=notice /> },
            )}
            {maybe(move || app.room().map(|room| view! { <Additions room=room /> }))}
            {maybe(move || app.update_waits.get().then(|| view! { <UpdateOffer /> }))}
        </div>
    }
}

#[component]
fn NoticeCard(
    /// What it says.
    notice: Notice,
) -> impl IntoView {
    let app = expect_context::<App>();
    let Notice { id, text, failure, action } = notice;
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let hold = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    let run = move || {
        hold();
        if !failure {
            timer.set_value(set_timeout_with_handle(move || app.notices.dismiss(id), STAY).ok());
        }
    };
    run();
    on_cleanup(hold);
    view! {
        <div
            class="notice"
            class:failure=failure
            role=failure.then_some("alert")
            on:pointerenter=move |_| hold()
            on:pointerleave=move |_| run()
            on:focusin=move |_| hold()
            on:focusout=move |_| run()
        >
            <p>{text}</p>
            {action.map(|action| view! {
                <button type="button" class="notice-action" on:click=move |_| app.notices.act(id)>
                    {action.label}
                </button>
            })}
            <button type="button" class="quiet round" aria-label="Dismiss" on:click=move |_| app.notices.dismiss(id)>
                {Icon::Close.draw()}
            </button>
        </div>
    }
}

/// A new version waits. It comes in when the person says so, not before.
#[component]
fn UpdateOffer() -> impl IntoView {
    let app = expect_context::<App>();
    let asked = RwSignal::new(false);
    view! {
        <div class="notice">
            <p>"A new version of Partyline is ready."</p>
            <button
                type="button"
                class="notice-action"
                disabled=live(move || asked.get())
                on:click=move |_| {
                    asked.set(true);
                    spawn_local(shell::apply_update());
                }
            >
                "Update"
            </button>
            <button
                type="button"
                class="quiet round"
                aria-label="Not now"
                on:click=move |_| app.update_waits.set(false)
            >
                {Icon::Close.draw()}
            </button>
        </div>
    }
}
