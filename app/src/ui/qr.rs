use qrcodegen::{QrCode, QrCodeEcc};

/// A QR code as the drawing of its dark squares.
pub(crate) struct QrDrawing {
    /// Width and height, the quiet zone of four squares included.
    pub(crate) size: i32,
    /// SVG path data.
    pub(crate) path: String,
}

/// Light squares around a code, without which readers do not find it (ISO/IEC 18004).
const QUIET: i32 = 4;

/// As many bytes as a code of version 10 holds at level M, which survives more dirt than level L.
const MOST_AT_M: usize = 213;

/// Draws text as a QR code; `None` when it does not fit into one. No larger than version 10 for up to 271 characters.
pub(crate) fn qr_drawing(text: &str) -> Option<QrDrawing> {
    let level = if text.len() > MOST_AT_M { QrCodeEcc::Low } else { QrCodeEcc::Medium };
    let code = QrCode::encode_binary(text.as_bytes(), level).ok()?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        // One stroke for each run of dark squares: a third of the text that one for each square would be.
        while let Some(start) = (x..size).find(|x| code.get_module(*x, y)) {
            x = (start..size).find(|x| !code.get_module(*x, y)).unwrap_or(size);
            let length = x - start;
            path.push_str(&format!("M{} {}h{length}v1h-{length}z", start + QUIET, y + QUIET));
        }
    }
    Some(QrDrawing { size: size + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use partyline_core::hand::QR_CHARS;

    use super::*;

    #[test]
    fn draws_the_corner_that_every_code_has() {
        let drawing = qr_drawing("https://tasks.example/").unwrap();
        // A finder pattern: seven dark squares, below them one, a gap of five, one.
        assert!(drawing.path.starts_with("M4 4h7v1h-7z"));
        assert!(drawing.path.contains("M4 5h1v1h-1zM10 5h1v1h-1z"));
        assert!(drawing.size >= 21 + 8);
    }

    #[test]
    fn a_code_of_connecting_by_hand_is_of_version_10_at_most() {
        // Version 10 has 57 squares a side.
        for length in [200, 213, 214, QR_CHARS] {
            let drawing = qr_drawing(&"a".repeat(length)).unwrap();
            assert!(drawing.size <= 57 + 8, "{length}: {}", drawing.size);
        }
        assert!(qr_drawing(&"a".repeat(QR_CHARS + 1)).unwrap().size > 57 + 8);
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        assert!(qr_drawing(&"x".repeat(5000)).is_none());
    }
}
