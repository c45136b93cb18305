//! The time that connections run on.

/// Milliseconds since the page began: never runs backwards, whatever happens to the wall clock.
pub(super) fn now_ms() -> u64 {
    let elapsed = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now());
    // A page is never old enough for this to matter, and a float converts by saturating.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    {
        elapsed as u64
    }
}

/// Random bytes from the browser.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Some(crypto) = web_sys::window().and_then(|window| window.crypto().ok()) {
        // It throws only above 65,536 bytes.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes
}
