use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use rqrr::PreparedImage;

/// Width and height of what a camera sees.
const CAMERA: (usize, usize) = (640, 480);

/// A QR code as the page draws it: a square of squares.
#[derive(Debug)]
pub struct Picture {
    size: usize,
    dark: Vec<bool>,
}

impl Picture {
    /// Reads the drawing: its `viewBox`, and its path, which goes `M x y h length v1 h-length z` for each run of dark squares.
    pub fn of_drawing(view_box: &str, path: &str) -> Result<Self> {
        let size = view_box.split(' ').nth(2).context("a viewBox has four numbers")?.parse()?;
        let mut dark = vec![false; size * size];
        for run in path.split('M').skip(1) {
            let (at, rest) = run.split_once('h').context("a run without a length")?;
            let (x, y) = at.split_once(' ').context("a run that begins nowhere")?;
            let (x, y): (usize, usize) = (x.parse()?, y.parse()?);
            let length: usize = rest.split('v').next().unwrap_or_default().parse()?;
            let start = y * size + x;
            ensure!(x + length <= size, "a run that is too long");
            dark.get_mut(start..start + length).context("a run outside of the drawing")?.fill(true);
        }
        Ok(Self { size, dark })
    }

    /// What the code says, and its version.
    pub fn read(&self) -> Result<(String, usize)> {
        const SCALE: usize = 4;
        let side = self.size * SCALE;
        let mut image = PreparedImage::prepare_from_greyscale(side, side, |x, y| self.grey((x / SCALE, y / SCALE)));
        let grids = image.detect_grids();
        let (data, text) = grids.first().context("no code is found")?.decode()?;
        Ok((text, data.version.0))
    }

    /// Writes a film of it, as large as it fits, for a camera that is none.
    pub fn film(&self, file: &Path) -> Result<()> {
        let (width, height) = CAMERA;
        let scale = height / self.size;
        let (left, top) = ((width - scale * self.size) / 2, (height - scale * self.size) / 2);
        let square = |at: usize, from: usize| at.checked_sub(from).map_or(usize::MAX, |at| at / scale);
        let mut frame = b"FRAME\n".to_vec();
        for y in 0..height {
            frame.extend((0..width).map(|x| self.grey((square(x, left), square(y, top)))));
        }
        // No colour.
        frame.resize(frame.len() + width * height / 2, 128);
        let head = format!("YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n");
        Ok(std::fs::write(file, [head.as_bytes(), &frame.repeat(5)].concat())?)
    }

    /// Light wherever nothing is drawn.
    fn grey(&self, (x, y): (usize, usize)) -> u8 {
        let is_dark = x < self.size && self.dark.get(y.saturating_mul(self.size).saturating_add(x)) == Some(&true);
        if is_dark { 30 } else { 220 }
    }
}
