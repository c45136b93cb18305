use leptos::prelude::*;

use super::icon;
use crate::platform;
use crate::shell::ShellError;

/// The page of a browser in which the app cannot run: what is missing, and what to do.
pub(crate) fn trouble(error: &ShellError) -> impl IntoView {
    let advice = match error {
        ShellError::Insecure => {
            "Open the same address with “https://” in front. Browsers let an app keep data and connect to other devices only on such pages."
        }
        ShellError::Unsupported => {
            "Service workers are what lets Partyline keep your tasks on this device and work offline. Some browsers switch them off in private windows, and inside other apps. Open this page in a normal window of a current Firefox, Chrome, Edge or Safari."
        }
        ShellError::TooOld(name, first) => {
            return page(
                "Partyline cannot start here",
                error.to_string(),
                format!(
                    "It takes {name} {first} or later: update the browser, or use another one. The link you opened is still in the address bar."
                ),
            );
        }
        ShellError::Refused(_) => {
            "Partyline keeps your tasks in this browser. Allow this site to store data (cookies and site data), leave private browsing, and try again."
        }
        ShellError::NotInstalled => {
            "Check that this device has a network and some free space, and try again. The link you opened is still in the address bar."
        }
        ShellError::TooSlow => {
            "The network may be slow. Nothing is lost: try again. The link you opened is still in the address bar."
        }
    };
    page("Partyline cannot start here", error.to_string(), advice.to_owned())
}

/// The page of a device whose storage cannot be read.
pub(crate) fn failed(why: String) -> impl IntoView {
    page(
        "Your rooms cannot be read",
        why,
        "Try again. If it stays like this, close the other tabs of Partyline and restart the browser; your tasks are not touched by that.".to_owned(),
    )
}

fn page(heading: &'static str, what: String, advice: String) -> impl IntoView {
    view! {
        <main class="page">
            {icon::mark()}
            <h1>{heading}</h1>
            <p class="lead" role="alert">{what}</p>
            <p>{advice}</p>
            <p class="choices">
                <button type="button" class="primary" on:click=|_| platform::reload()>"Try again"</button>
            </p>
        </main>
    }
}
