use leptos::prelude::*;
use leptos::task::spawn_local;

use super::icon::{self, Icon};
use super::rooms::new_and_join;
use crate::model::app::{App, Dialog};
use crate::platform;
use crate::text;

/// What a device without rooms shows.
pub(crate) fn welcome(app: App) -> impl IntoView {
    view! {
        <main class="page">
            {icon::mark()}
            <h1>{text::APP}</h1>
            <p class="lead">"A task list that you share straight from browser to browser."</p>
            <p class="choices">
                {new_and_join(Some("primary"), Box::new(move |dialog| app.dialog.set(Some(dialog))))}
            </p>
            <ul class="facts" role="list">
                <li>
                    <h2>"Yours"</h2>
                    <p>"Tasks are kept on your devices. No account, and no server that holds or reads them."</p>
                </li>
                <li>
                    <h2>"Shared by link"</h2>
                    <p>"Make a room, send its link, and everybody who opens it works on the same list."</p>
                </li>
                <li>
                    <h2>"Works offline"</h2>
                    <p>"Write down what you like without a network. Devices catch up when they meet."</p>
                </li>
            </ul>
        </main>
    }
}

/// What a link that led nowhere shows.
pub(crate) fn bad_link(app: App, why: String) -> impl IntoView {
    let has_rooms = app.rooms.with_untracked(|rooms| rooms.as_ref().is_some_and(|rooms| !rooms.is_empty()));
    view! {
        <main class="page">
            {icon::mark()}
            <h1>"This link does not open a room"</h1>
            <p class="lead" role="alert">{why}</p>
            <p class="choices">
                <button type="button" class="primary" on:click=move |_| app.dialog.set(Some(Dialog::Join))>
                    {Icon::Link.draw()}
                    "Join a room"
                </button>
                <button type="button" on:click=move |_| spawn_local(app.follow_address())>{text::RETRY}</button>
                <button
                    type="button"
                    on:click=move |_| {
                        platform::replace_fragment("");
                        app.go_home();
                    }
                >
                    {if has_rooms { "Go to my rooms" } else { "Start page" }}
                </button>
            </p>
        </main>
    }
}
