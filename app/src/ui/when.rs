use js_sys::Date;
use wasm_bindgen::JsValue;

use crate::model::app::App;
use crate::platform;

/// A moment as it is written in a document, as people write it, and in full.
pub(super) struct When {
    pub(super) written: String,
    pub(super) spoken: String,
    pub(super) whole: String,
}

impl When {
    pub(super) fn of(moment: &str, app: App) -> Self {
        let unix_ms = platform::unix_ms_of(moment);
        let day = platform::spoken_day(platform::day_of(unix_ms), app.day());
        let whole = Date::new(&JsValue::from_f64(unix_ms)).to_locale_string("default", &JsValue::UNDEFINED);
        Self {
            written: moment.to_owned(),
            spoken: [day.as_str(), " ", &platform::time_of_day(unix_ms)].concat(),
            whole: whole.into(),
        }
    }
}
