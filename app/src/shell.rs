//! The service worker's life as seen from the page: registration, taking control, updates.
//!
//! Nothing of the app works without the service worker, since it holds the data. So [`start`] answers only when it
//! controls the page, or says in a [`ShellError`] what is in the way. From then on [`watch_updates`] tells when a new
//! version waits; only [`apply_update`] lets it in, and only then the page reloads.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::{Array, Function, Promise};
use leptos::prelude::{document, window};
use leptos::task::spawn_local;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AddEventListenerOptions, EventTarget, RegistrationOptions, ServiceWorker, ServiceWorkerContainer,
    ServiceWorkerRegistration, ServiceWorkerState, ServiceWorkerUpdateViaCache, VisibilityState,
};

use crate::platform;

/// The service worker's script.
const SCRIPT: &str = "/sw.js";
/// How long the service worker may take to be installed and in control. Its files may come over a slow network.
const PATIENCE_MS: i32 = 60_000;
/// An app that stays open for days asks for a new version when it is looked at, at most this often.
const UPDATE_CHECK_MS: f64 = 3_600_000.0;

/// Why the app cannot start in this browser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ShellError {
    /// The page did not come over HTTPS (or from this machine), so browsers withhold what the app needs.
    #[error("This page was not opened over a secure connection.")]
    Insecure,
    /// No service workers: an old browser, or a private window of some.
    #[error("This browser does not offer service workers here.")]
    Unsupported,
    /// The browser does not let this site keep data.
    #[error("The browser refused: {0}")]
    Refused(String),
    /// It has no service workers that are modules: that takes this version at least.
    #[error("This browser is too old for Partyline.")]
    TooOld(&'static str, u32),
    /// A part of the app could not be fetched or stored.
    #[error("Partyline could not be stored in this browser.")]
    NotInstalled,
    /// Nothing happened for a long time.
    #[error("Partyline is taking too long to start.")]
    TooSlow,
}

/// Registers the service worker and returns once it answers this page's requests.
pub(crate) async fn start() -> Result<(), ShellError> {
    if !window().is_secure_context() {
        return Err(ShellError::Insecure);
    }
    let container = platform::service_worker().ok_or(ShellError::Unsupported)?;
    let options = RegistrationOptions::new();
    options.set_update_via_cache(ServiceWorkerUpdateViaCache::None);
    options.set_type("module");
    let registered = JsFuture::from(container.register_with_options(SCRIPT, &options));
    if let Some(controller) = container.controller() {
        // Not the first visit: what that went without may be fetched now.
        ask(&controller, "later");
        // Not waited for: the browser may be looking for an update first, over a slow network or none.
        spawn_local(async move { drop(registered.await) });
        return Ok(());
    }
    let registration = registered.await.map_err(|error| refusal(&error))?;
    take_control(&container, &registration.unchecked_into()).await
}

/// Waits for the service worker to control this page: the first visit, or a reload that went around it (Shift+Reload).
async fn take_control(
    container: &ServiceWorkerContainer,
    registration: &ServiceWorkerRegistration,
) -> Result<(), ShellError> {
    let controlled = event(container, "controllerchange", JsValue::TRUE);
    let mut ends = vec![controlled, platform::after_ms(PATIENCE_MS, &JsValue::NULL)];
    match registration.active() {
        // It runs, but not for this page: a page that was loaded around it has to be claimed.
        Some(active) => ask(&active, "claim"),
        None => {
            if let Some(newcomer) = registration.installing().or_else(|| registration.waiting()) {
                ends.push(redundant(&newcomer));
            }
            // It claims this page by itself once active; should that have happened before, it is asked once more.
            let container = container.clone();
            spawn_local(async move {
                if let Some(active) = ready(&container).await.and_then(|registration| registration.active()) {
                    ask(&active, "claim");
                }
            });
        }
    }
    if container.controller().is_some() {
        return Ok(());
    }
    let ends: Array = ends.into_iter().collect();
    match JsFuture::from(Promise::race(&ends)).await {
        Ok(end) if end.is_truthy() => Ok(()),
        Ok(end) if end == JsValue::FALSE => Err(ShellError::NotInstalled),
        Ok(_) => Err(ShellError::TooSlow),
        Err(error) => Err(refusal(&error)),
    }
}

/// Calls `offer` when a new version of the app waits to take over, and lets the browser look for one now and then.
pub(crate) async fn watch_updates(offer: impl Fn() + 'static) {
    let Some(container) = platform::service_worker() else { return };
    let Some(registration) = ready(&container).await else { return };
    let offer: Rc<dyn Fn()> = Rc::new(offer);
    if registration.waiting().is_some() {
        offer();
    }
    let found = {
        let (registration, offer) = (registration.clone(), offer.clone());
        move || {
            let Some(newcomer) = registration.installing() else { return };
            let (worker, offer) = (newcomer.clone(), offer.clone());
            listen(&newcomer, "statechange", move || {
                if worker.state() == ServiceWorkerState::Installed {
                    offer();
                }
            });
        }
    };
    // It may have been found before this page listened.
    found();
    listen(&registration, "updatefound", found);
    // Another tab let the new version in. This one runs on, and is offered to follow.
    listen(&container, "controllerchange", move || offer());
    let last = Cell::new(platform::unix_ms());
    listen(&document(), "visibilitychange", move || {
        let now = platform::unix_ms();
        if document().visibility_state() == VisibilityState::Visible && now - last.get() > UPDATE_CHECK_MS {
            last.set(now);
            if let Ok(update) = registration.update() {
                // Offline, most likely. The next look asks again.
                spawn_local(async move { drop(JsFuture::from(update).await) });
            }
        }
    });
}

/// Lets the waiting version take over, and reloads the page once it did.
pub(crate) async fn apply_update() {
    let Some(container) = platform::service_worker() else { return };
    match ready(&container).await.and_then(|registration| registration.waiting()) {
        Some(waiting) => {
            listen(&container, "controllerchange", platform::reload);
            ask(&waiting, "update");
        }
        // Another tab did it already: to load the page again is all that is left.
        None => platform::reload(),
    }
}

async fn ready(container: &ServiceWorkerContainer) -> Option<ServiceWorkerRegistration> {
    Some(JsFuture::from(container.ready().ok()?).await.ok()?.unchecked_into())
}

fn ask(worker: &ServiceWorker, kind: &str) {
    // A worker that is gone by now is replaced by one that acts by itself.
    let _ = worker.post_message(&platform::message(kind));
}

/// A promise for the next event of a kind.
fn event(target: &EventTarget, kind: &'static str, value: JsValue) -> Promise {
    Promise::new(&mut |resolve: Function, _| {
        let options = AddEventListenerOptions::new();
        options.set_once(true);
        let value = value.clone();
        let happened = Closure::once_into_js(move || drop(resolve.call1(&JsValue::UNDEFINED, &value)));
        let happened = happened.unchecked_ref();
        let _ = target.add_event_listener_with_callback_and_add_event_listener_options(kind, happened, &options);
    })
}

/// A promise for the end of a worker that could not be installed.
fn redundant(worker: &ServiceWorker) -> Promise {
    Promise::new(&mut |resolve: Function, _| {
        let watched = worker.clone();
        listen(worker, "statechange", move || {
            if watched.state() == ServiceWorkerState::Redundant {
                let _ = resolve.call1(&JsValue::UNDEFINED, &JsValue::FALSE);
            }
        });
    })
}

/// Listens for as long as the page lives.
fn listen(target: &EventTarget, kind: &str, heard: impl Fn() + 'static) {
    let heard = Closure::<dyn Fn()>::new(heard).into_js_value();
    let _ = target.add_event_listener_with_callback(kind, heard.unchecked_ref());
}

/// What the browsers are called in their descriptions of themselves and by people, and the first versions that have
/// [module service workers](https://web-platform-dx.github.io/web-features-explorer/features/js-modules-service-workers).
const FIRST: [(&str, &str, u32); 3] =
    [("Firefox/", "Firefox", 147), ("Chrome/", "Chrome or Edge", 91), ("Version/", "Safari", 15)];

/// What it means that the service worker is refused.
fn refusal(error: &JsValue) -> ShellError {
    let entry = |name| platform::text_entry(error, name).unwrap_or_default();
    refusal_of(&platform::user_agent(), &entry("name"), entry("message"))
}

fn refusal_of(browser: &str, error: &str, why: String) -> ShellError {
    let older = FIRST.iter().find_map(|(own_name, name, first)| {
        let (_, version) = browser.split_once(own_name)?;
        Some((*name, version.split('.').next()?.parse::<u32>().ok()?, *first))
    });
    match (older, error) {
        (Some((name, version, first)), _) if version < first => ShellError::TooOld(name, first),
        // The script did not come, or is none.
        (_, "TypeError") => ShellError::NotInstalled,
        _ => ShellError::Refused(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_of_the_browser_and_its_version() {
        let firefox = |version: u32| {
            format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0")
        };
        let apple = "Mozilla/5.0 (iPhone; CPU iPhone OS 14_8) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let [old, new] = [14, 18].map(|version| format!("{apple} Version/{version}.1 Mobile/15E148 Safari/604.1"));
        let chrome = |version: u32| {
            format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
            )
        };
        let refusal = |browser: &str, error| refusal_of(browser, error, "why".to_owned());
        let refused = ShellError::Refused("why".to_owned());
        for (browser, error, what) in [
            (firefox(140), "TypeError", ShellError::TooOld("Firefox", 147)),
            (firefox(140), "SecurityError", ShellError::TooOld("Firefox", 147)),
            (firefox(147), "TypeError", ShellError::NotInstalled),
            (firefox(153), "SecurityError", refused.clone()),
            (chrome(88), "TypeError", ShellError::TooOld("Chrome or Edge", 91)),
            (chrome(156), "NotSupportedError", refused.clone()),
            (old, "TypeError", ShellError::TooOld("Safari", 15)),
            (new, "TypeError", ShellError::NotInstalled),
            ("Another/1".to_owned(), "SecurityError", refused),
        ] {
            assert_eq!(refusal(&browser, error), what, "{browser}, {error}");
        }
    }
}
