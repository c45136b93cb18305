//! What few visits need: a wasm of its own, which is fetched when the app is opened for a second time, or is needed.
//!
//! - The reader of QR codes. It runs in a worker (`static/scan.js`), so that the page stays quick while the camera looks for
//!   a code. Where a browser has a `BarcodeDetector` it is not used at all.
//! - The reader of format 1 ([`Older`]), for those who want to save what a test version kept (`static/older.js`).

mod older;

pub use older::Older;

use rqrr::PreparedImage;
use wasm_bindgen::prelude::wasm_bindgen;

/// No picture of a camera is wider or higher; `static/scan.js` makes them smaller than this.
const MAX_SIDE: usize = 4096;

/// Reads the first QR code in a picture: four bytes a pixel, red, green, blue and one that does not count, row by row.
#[wasm_bindgen]
#[must_use]
pub fn read(rgba: &[u8], width: usize) -> Option<String> {
    let height = rgba.len().checked_div(width.checked_mul(4)?)?;
    if width > MAX_SIDE || height > MAX_SIDE {
        return None;
    }
    // Green is most of what an eye, or a rule for greys, makes of a colour.
    let grey = |x: usize, y: usize| rgba.get((y * width + x) * 4 + 1).copied().unwrap_or_default();
    let mut picture = PreparedImage::prepare_from_greyscale(width, height, grey);
    picture.detect_grids().iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qrcodegen::{QrCode, QrCodeEcc};

    use super::*;

    /// A code as a camera might see it: dark grey on light grey, `scale` pixels a square, with a margin.
    fn picture(text: &str, scale: usize) -> (Vec<u8>, usize) {
        let code = QrCode::encode_binary(text.as_bytes(), QrCodeEcc::Low).unwrap();
        let side = (usize::try_from(code.size()).unwrap() + 12) * scale;
        let mut rgba = Vec::with_capacity(side * side * 4);
        for at in 0..side * side {
            let [x, y] = [at % side, at / side].map(|pixel| i32::try_from(pixel / scale).unwrap() - 6);
            // What is outside of the code is light.
            let grey = if code.get_module(x, y) { 40 } else { 215 };
            rgba.extend([grey, grey, grey, 255]);
        }
        (rgba, side)
    }

    #[test]
    fn reads_what_a_screen_shows() {
        for length in [20, 110, 271] {
            let text = format!("https://tasks.example/#i.{}", "aB3-_".repeat(60));
            let (rgba, width) = picture(&text[..length], 5);
            assert_eq!(read(&rgba, width).as_deref(), Some(&text[..length]));
        }
    }

    #[test]
    fn a_picture_without_a_code_or_without_pixels_has_none() {
        for (rgba, width) in
            [(vec![200; 400], 10), (vec![], 10), (vec![1; 400], 0), (vec![1; 7], 3), (vec![9; 40], 5000)]
        {
            assert_eq!(read(&rgba, width), None, "{width}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn a_damaged_picture_is_no_panic(noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..400)) {
            let (mut rgba, width) = picture("https://tasks.example/", 3);
            for (at, grey) in noise {
                let at = at.index(rgba.len());
                rgba[at] = grey;
            }
            let _ = read(&rgba, width);
        }
    }
}
