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

/// Draws text as a QR code; `None` when it does not fit into one.
pub(crate) fn qr_drawing(text: &str) -> Option<QrDrawing> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
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
    fn what_does_not_fit_is_not_drawn() {
        assert!(qr_drawing(&"x".repeat(5000)).is_none());
    }
}
