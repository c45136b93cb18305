use fast_qr::{ECL, QRBuilder};

/// A QR code as the drawing of its dark squares.
pub(crate) struct QrDrawing {
    /// Width and height, the quiet zone of four squares included.
    pub(crate) size: usize,
    /// SVG path data.
    pub(crate) path: String,
}

/// Light squares around a code, without which readers do not find it (ISO/IEC 18004).
const QUIET: usize = 4;

/// As many bytes as a code of version 10 holds at level M, which survives more dirt than level L.
const MOST_AT_M: usize = 213;

/// Draws text as a QR code; `None` when it does not fit into one. No larger than version 10 for up to 271 characters.
pub(crate) fn qr_drawing(text: &str) -> Option<QrDrawing> {
    let level = if text.len() > MOST_AT_M { ECL::L } else { ECL::M };
    let code = QRBuilder::new(text).ecl(level).build().ok()?;
    let mut path = String::new();
    for (y, row) in code.data.chunks(code.size).take(code.size).enumerate() {
        let mut x = 0;
        // One stroke for each run of dark squares: a third of the text that one for each square would be.
        while let Some(start) = row.iter().skip(x).position(|module| module.value()).map(|skipped| x + skipped) {
            let length = row.iter().skip(start).take_while(|module| module.value()).count();
            path.push_str(&format!("M{} {}h{length}v1h-{length}z", start + QUIET, y + QUIET));
            x = start + length;
        }
    }
    Some(QrDrawing { size: code.size + 2 * QUIET, path })
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
