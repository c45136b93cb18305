//! What the app asks of the browser, in one place: each function is a thin wrapper that answers `None` or an error where
//! a browser lacks the feature.

use std::cell::RefCell;

use js_sys::{Array, Date, Function, JsString, Object, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, ServiceWorkerContainer, ShareData, Storage, VisibilityState};

use crate::day::Day;

/// Whether this runs in a page, and not in the service worker.
pub(crate) fn is_page() -> bool {
    js_sys::global().is_instance_of::<web_sys::Window>()
}

/// The browser's service workers, where it has them.
pub(crate) fn service_worker() -> Option<ServiceWorkerContainer> {
    let container = Reflect::get(&window().navigator(), &JsValue::from_str("serviceWorker")).ok()?;
    // `dyn_into` would need the constructor, which is just as absent where the feature is.
    (!container.is_undefined() && !container.is_null()).then(|| container.unchecked_into())
}

/// Loads the rest of the app's code (`static/rest.js`). There is none in a build for development, where all is one file.
pub(crate) async fn load_rest() -> Result<(), JsValue> {
    match Reflect::get(&window(), &JsValue::from_str("partylineRest"))?.dyn_into::<Function>() {
        Ok(load) => JsFuture::from(load.call0(&JsValue::UNDEFINED)?.unchecked_into::<Promise>()).await.map(drop),
        Err(_) => Ok(()),
    }
}

/// Random bytes from the browser's generator; `None` in a browser that has none, or whose generator fails.
pub(crate) fn random_bytes<const N: usize>() -> Option<[u8; N]> {
    filled(|bytes| window().crypto()?.get_random_values_with_u8_array(bytes))
}

/// The bytes that `fill` writes; none at all if it fails, whatever it has written by then.
fn filled<const N: usize, T, E>(fill: impl FnOnce(&mut [u8]) -> Result<T, E>) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes).ok()?;
    Some(bytes)
}

/// Today where the person is.
pub(crate) fn today() -> Day {
    day_of(unix_ms())
}

/// The day where the person is.
pub(crate) fn day_of(unix_ms: f64) -> Day {
    let date = Date::new(&JsValue::from_f64(unix_ms));
    let (year, month, day) = (date.get_full_year(), date.get_month() + 1, date.get_date());
    i32::try_from(year).ok().and_then(|year| Day::from_calendar(year, month, day)).unwrap_or_default()
}

/// A day in the words of a list: `Today`, `Tomorrow`; otherwise as people where the browser is at home write it, `Fri 4 Dec`
/// within the year and `4 Dec 2027` beyond it.
pub(crate) fn spoken_day(day: Day, today: Day) -> String {
    if let Some(word) = day.word(today) {
        return word.to_owned();
    }
    let rest = if day.is_in_year_of(today) { ("weekday", "short") } else { ("year", "numeric") };
    written_day(day, &[("day", "numeric"), ("month", "short"), rest])
}

/// A day as people where the browser is at home write it, with these parts of it: options of `Intl.DateTimeFormat`.
pub(crate) fn written_day(day: Day, parts: &[(&str, &str)]) -> String {
    let options = Object::new();
    for (name, value) in parts.iter().chain(&[("timeZone", "UTC")]) {
        let _ = Reflect::set(&options, &(*name).into(), &(*value).into());
    }
    let moment = Date::new(&JsValue::from_f64(day.unix_ms()));
    let language = window().navigator().language().unwrap_or_default();
    moment.to_locale_date_string(&language, &options).into()
}

/// The text in lower case and without accents, so that it is found however it is typed.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let folded: String = JsString::from(text).normalize("NFD").to_lower_case().into();
    // Combining diacritical marks, which the normal form sets apart.
    folded.chars().filter(|letter| !('\u{300}'..='\u{36f}').contains(letter)).collect()
}

/// The time of day where the person is: `14:05`.
pub(crate) fn time_of_day(unix_ms: f64) -> String {
    let date = Date::new(&JsValue::from_f64(unix_ms));
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}

/// Sets a User Timing mark.
pub(crate) fn mark(name: &str) {
    if let Some(performance) = window().performance() {
        // A mark that cannot be set is a measurement less, nothing more.
        let _ = performance.mark(name);
    }
}

/// The scheme, host and port of this page.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// What the page's `meta` element of this name says.
pub(crate) fn meta(name: &str) -> Option<String> {
    let element = document().query_selector(&["meta[name=", name, "]"].concat()).ok()??;
    element.get_attribute("content")
}

/// What stands between the origin and the `#` in the address bar, with its slash.
pub(crate) fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// What stands after the `#` in the address bar, without it.
pub(crate) fn fragment() -> String {
    window().location().hash().unwrap_or_default().trim_start_matches('#').to_owned()
}

/// Changes what stands after the `#` without a new entry in the history and without a `hashchange` event.
pub(crate) fn replace_fragment(fragment: &str) {
    let url = if fragment.is_empty() { "/".to_owned() } else { format!("/#{fragment}") };
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
    }
}

/// Changes what stands after the `#` with a new entry in the history, without a `hashchange` event.
pub(crate) fn push_fragment(fragment: &str) {
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&format!("/#{fragment}")));
    }
}

/// Loads the page again.
pub(crate) fn reload() {
    let _ = window().location().reload();
}

/// A note that this browser kept for the app, such as the room shown last. Never a secret.
pub(crate) fn remembered(key: &str) -> Option<String> {
    local_storage()?.get_item(key).ok()?
}

/// Keeps such a note. A browser that refuses costs a convenience only.
pub(crate) fn remember(key: &str, value: &str) {
    if let Some(storage) = local_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// Forgets such a note.
pub(crate) fn forget(key: &str) {
    if let Some(storage) = local_storage() {
        let _ = storage.remove_item(key);
    }
}

fn local_storage() -> Option<Storage> {
    window().local_storage().ok()?
}

/// Asks the browser not to delete the app's data when space runs short.
pub(crate) async fn persist_storage() {
    if let Ok(asked) = window().navigator().storage().persist() {
        let _ = JsFuture::from(asked).await;
    }
}

/// What the browser says about itself and its storage.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The browser's description of itself.
    pub(crate) browser: String,
    /// Whether there is a network.
    pub(crate) online: bool,
    /// Whether the page is in view.
    pub(crate) shown: bool,
    /// Whether a service worker controls the page.
    pub(crate) controlled: bool,
    /// Bytes that this origin has stored.
    pub(crate) used: u64,
    /// Bytes that it may store.
    pub(crate) allowed: u64,
    /// Whether the browser has agreed not to delete them when space runs short.
    pub(crate) persisted: bool,
}

/// Asks the browser about itself and its storage. What it does not say counts as zero or no.
pub(crate) async fn surroundings() -> Surroundings {
    let navigator = window().navigator();
    let storage = navigator.storage();
    let asked = async |asked: Result<Promise, JsValue>| match asked {
        Ok(asked) => JsFuture::from(asked).await.unwrap_or_default(),
        Err(error) => error,
    };
    let estimate = asked(storage.estimate()).await;
    let bytes = |name: &str| {
        let bytes = Reflect::get(&estimate, &name.into()).ok().and_then(|value| value.as_f64());
        bytes.unwrap_or_default() as u64
    };
    Surroundings {
        browser: user_agent(),
        online: is_online(),
        shown: is_shown(),
        controlled: is_controlled(),
        used: bytes("usage"),
        allowed: bytes("quota"),
        persisted: asked(storage.persisted()).await.is_truthy(),
    }
}

/// Whether the device has a network, as far as the browser can tell.
pub(crate) fn is_online() -> bool {
    window().navigator().on_line()
}

/// Whether this is Firefox: a few things that it does not do cannot be found out otherwise.
pub(crate) fn is_firefox() -> bool {
    user_agent().contains("Firefox/")
}

/// Whether the page is in view.
pub(crate) fn is_shown() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Whether a service worker controls the page.
pub(crate) fn is_controlled() -> bool {
    service_worker().is_some_and(|container| container.controller().is_some())
}

/// Milliseconds since the page began, the clock of connections: never runs backwards, whatever happens to the wall clock, and
/// goes on while the machine sleeps.
pub(crate) fn monotonic_ms() -> u64 {
    let now = window().performance().map_or(0.0, |clock| clock.now());
    CLOCK.with_borrow_mut(|clock| clock.read(now, unix_ms()))
}

thread_local! {
    static CLOCK: RefCell<Clock> = const { RefCell::new(Clock { read: None, slept: 0.0 }) };
}

/// How much further the wall clock must have gone than the page's own for that to be sleep, in milliseconds.
const SLEEP_MS: f64 = 2_000.0;

/// A clock that goes on in sleep. Nowhere but on Windows does `performance.now()`, and no timer is due then either
/// (<https://github.com/w3c/hr-time/issues/115>). A wall clock that is set forward looks like sleep, after which everybody is
/// asked for a sign of life; one that is set back is passed over.
#[derive(Debug)]
struct Clock {
    /// What the page's own clock and the wall clock said last.
    read: Option<(f64, f64)>,
    slept: f64,
}

impl Clock {
    /// Reads it, given what both say now.
    fn read(&mut self, own: f64, wall: f64) -> u64 {
        let (own_before, wall_before) = self.read.replace((own, wall)).unwrap_or((own, wall));
        let ahead = (wall - wall_before) - (own - own_before);
        if ahead > SLEEP_MS {
            self.slept += ahead;
        }
        // A page is never old enough for a float to matter, and it converts by saturating.
        (own + self.slept) as u64
    }
}

/// Milliseconds of Unix time by the wall clock, which may be wrong and may jump: for what is shown to a person only.
pub(crate) fn unix_ms() -> f64 {
    Date::now()
}

/// The milliseconds of Unix time of a moment as documents write it.
pub(crate) fn unix_ms_of(moment: &str) -> f64 {
    Date::parse(moment)
}

/// Whether the browser has a share sheet.
pub(crate) fn can_share() -> bool {
    has_method(&window().navigator(), "share")
}

/// Opens the system's share sheet. An error is a person's "cancel" as often as a failure, so nothing is made of it.
pub(crate) async fn share(title: &str, url: &str) {
    let data = ShareData::new();
    data.set_title(title);
    data.set_url(url);
    let _ = JsFuture::from(window().navigator().share_with_data(&data)).await;
}

/// Puts text on the clipboard; `false` when the browser refuses.
pub(crate) async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    if Reflect::get(&navigator, &JsValue::from_str("clipboard")).is_ok_and(|clipboard| clipboard.is_object()) {
        return JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok();
    }
    false
}

/// The browser's description of itself.
pub(crate) fn user_agent() -> String {
    window().navigator().user_agent().unwrap_or_default()
}

/// Whether a page or a worker has a method of this name.
fn has_method(object: &JsValue, name: &str) -> bool {
    Reflect::get(object, &JsValue::from_str(name)).is_ok_and(|method| method.is_function())
}

/// The element that has the keyboard, unless it is the page itself.
pub(crate) fn focused() -> Option<HtmlElement> {
    let element = document().active_element()?;
    (element.tag_name() != "BODY").then_some(element)?.dyn_into().ok()
}

/// Gives the keyboard to the first element that a selector finds.
pub(crate) fn focus(selector: &str) -> bool {
    let Some(element) = document().query_selector(selector).ok().flatten() else { return false };
    element.dyn_into::<HtmlElement>().is_ok_and(|element| element.focus().is_ok())
}

/// The text that is being pasted.
pub(crate) fn pasted(event: &JsValue) -> Option<String> {
    let clipboard = Reflect::get(event, &"clipboardData".into()).ok()?;
    let read: Function = Reflect::get(&clipboard, &"getData".into()).ok()?.dyn_into().ok()?;
    read.call1(&clipboard, &"text/plain".into()).ok()?.as_string()
}

/// Clicks the first element that a selector finds.
pub(crate) fn click(selector: &str) -> bool {
    let element = document().query_selector(selector).ok().flatten().and_then(|element| element.dyn_into().ok());
    element.map(|element: HtmlElement| element.click()).is_some()
}

/// A promise that `value` settles after so many milliseconds.
pub(crate) fn after_ms(ms: i32, value: &JsValue) -> Promise {
    Promise::new(&mut |resolve: Function, _| {
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments(&resolve, ms, &Array::of1(value));
    })
}

/// Calls an object's method, without arguments, in a task of its own.
pub(crate) fn call_later(object: &JsValue, method: &str) {
    if let Some(method) =
        Reflect::get(object, &JsValue::from_str(method)).ok().and_then(|it| it.dyn_into::<Function>().ok())
    {
        let _ = window().set_timeout_with_callback(&method.bind0(object));
    }
}

/// A plain object with one entry, as messages to the service worker are.
pub(crate) fn message(kind: &str) -> Object {
    let object = Object::new();
    let _ = Reflect::set(&object, &JsValue::from_str("type"), &JsValue::from_str(kind));
    object
}

/// A text entry of a message.
pub(crate) fn text_entry(message: &JsValue, name: &str) -> Option<String> {
    Reflect::get(message, &JsValue::from_str(name)).ok()?.as_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_in_sleep_and_never_back() {
        const BEGIN: f64 = 1_790_000_000_000.0;
        let mut clock = Clock { read: None, slept: 0.0 };
        assert_eq!(clock.read(100.0, BEGIN), 100);
        assert_eq!(clock.read(1_100.0, BEGIN + 1_010.0), 1_100, "the two are never quite the same");
        // Half an hour of sleep, in which the page's own clock stands still, or goes on.
        assert_eq!(clock.read(1_200.0, BEGIN + 1_801_110.0), 1_801_200);
        assert_eq!(clock.read(1_801_200.0, BEGIN + 3_601_110.0), 3_601_200);
        assert_eq!(clock.read(1_801_300.0, BEGIN - 86_400_000.0), 3_601_300, "the wall clock is set back");
        assert_eq!(clock.read(1_801_400.0, BEGIN - 86_399_900.0), 3_601_400);
    }

    #[test]
    fn a_generator_that_fails_gives_no_bytes() {
        let fails = |bytes: &mut [u8]| {
            bytes[0] = 7;
            Err::<(), _>("no entropy")
        };
        assert_eq!(filled::<32, _, _>(fails), None);
        let works = |bytes: &mut [u8]| {
            bytes.fill(7);
            Ok::<_, ()>(())
        };
        assert_eq!(filled(works), Some([7; 32]));
    }
}
