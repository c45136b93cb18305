use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use png::{BitDepth, BlendOp, ColorType, Decoder, DisposeOp, Encoder, Transformations};

/// Bytes of a pixel: red, green and blue.
const PIXEL: usize = 3;

/// A picture of a screen, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    width: usize,
    rgb: Vec<u8>,
}

impl Still {
    /// Reads a PNG file, without its transparency.
    pub fn read(file: &Path) -> Result<Self> {
        let mut decoder = Decoder::new(BufReader::new(File::open(file)?));
        decoder.set_transformations(Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let mut bytes = vec![0; reader.output_buffer_size().context("the picture is too large")?];
        let info = reader.next_frame(&mut bytes)?;
        bytes.truncate(info.buffer_size());
        let samples = info.color_type.samples();
        ensure!(samples >= PIXEL, "the picture is grey");
        let rgb = bytes.chunks_exact(samples).flat_map(|pixel| pixel.iter().take(PIXEL)).copied().collect();
        Ok(Self { width: info.width as usize, rgb })
    }

    /// Two pictures of one height, with this many white columns between them.
    pub fn beside(&self, other: &Self, gap: usize) -> Result<Self> {
        ensure!(self.height() == other.height(), "{} and {} rows", self.height(), other.height());
        let rows = self.rows().zip(other.rows());
        let rgb = rows.flat_map(|(left, right)| [left, &vec![u8::MAX; gap * PIXEL], right].concat()).collect();
        Ok(Self { width: self.width + gap + other.width, rgb })
    }

    fn height(&self) -> usize {
        self.rows().len()
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.rgb.chunks_exact(self.width * PIXEL)
    }

    /// Where it differs from another one of its size: the first column and row, and how many. One pixel if nowhere, since no
    /// frame is empty.
    fn changed(&self, before: &Self) -> [usize; 4] {
        let mut area: Option<[usize; 4]> = None;
        for (y, (now, then)) in self.rows().zip(before.rows()).enumerate() {
            let differs = |pair: (&[u8], &[u8])| pair.0 != pair.1;
            let mut pixels = now.chunks_exact(PIXEL).zip(then.chunks_exact(PIXEL));
            let Some(first) = pixels.position(differs) else { continue };
            let end = pixels.rposition(differs).map_or(first + 1, |last| first + last + 2);
            let [left, top, right, _] = area.unwrap_or([first, y, end, y]);
            area = Some([left.min(first), top, right.max(end), y + 1]);
        }
        area.map_or([0, 0, 1, 1], |[left, top, right, bottom]| [left, top, right - left, bottom - top])
    }

    /// This part with an opacity for each pixel: none where it is as before.
    fn cut(&self, [x, y, width, height]: [usize; 4], before: Option<&Self>) -> Vec<u8> {
        let mut part = Vec::new();
        for row in y..y + height {
            let start = (row * self.width + x) * PIXEL;
            let pixels = |still: &Self| still.rgb.get(start..start + width * PIXEL).unwrap_or_default().to_vec();
            let then = before.map(pixels).unwrap_or_default();
            for (at, pixel) in pixels(self).chunks_exact(PIXEL).enumerate() {
                let is_alike = then.get(at * PIXEL..(at + 1) * PIXEL) == Some(pixel);
                part.extend(if is_alike { vec![0; PIXEL + 1] } else { [pixel, &[u8::MAX]].concat() });
            }
        }
        part
    }
}

/// Pictures that follow each other, for a document: an animated PNG, of which viewers that know none show the first one.
#[derive(Debug, Default)]
pub struct Film {
    frames: Vec<(Still, Duration)>,
}

impl Film {
    /// Adds a picture, and for how long it stays. One that is like the last lets that stay longer.
    pub fn push(&mut self, still: Still, stays: Duration) -> Result<()> {
        if let Some((last, time)) = self.frames.last_mut() {
            ensure!((last.width, last.rgb.len()) == (still.width, still.rgb.len()), "the pictures are not of one size");
            if *last == still {
                *time += stays;
                return Ok(());
            }
        }
        self.frames.push((still, stays));
        Ok(())
    }

    /// Writes it, to be played for ever. Of each picture only what differs from the one before.
    pub fn write(&self, file: &Path) -> Result<()> {
        let (first, _) = self.frames.first().context("there is no picture")?;
        let mut encoder =
            Encoder::new(BufWriter::new(File::create(file)?), first.width.try_into()?, first.height().try_into()?);
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.set_animated(self.frames.len().try_into()?, 0)?;
        let mut writer = encoder.write_header()?;
        writer.set_blend_op(BlendOp::Over)?;
        writer.set_dispose_op(DisposeOp::None)?;
        let mut before = None;
        for (still, stays) in &self.frames {
            let part = before.map_or([0, 0, still.width, still.height()], |before| still.changed(before));
            let [x, y, width, height] = part.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            writer.set_frame_delay(stays.as_millis().try_into()?, 1_000)?;
            if before.is_some() {
                // Checked against where the frame before stood.
                writer.reset_frame_position()?;
                writer.set_frame_dimension(width, height)?;
                writer.set_frame_position(x, y)?;
            }
            writer.write_image_data(&still.cut(part, before))?;
            before = Some(still);
        }
        Ok(writer.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(rows: [[u8; 4]; 3]) -> Still {
        Still { width: 4, rgb: rows.concat().into_iter().flat_map(|grey| [grey; PIXEL]).collect() }
    }

    #[test]
    fn of_a_picture_only_what_changed_is_kept() {
        let before = still([[0; 4], [0; 4], [0; 4]]);
        let now = still([[0; 4], [0, 7, 0, 0], [0, 0, 0, 9]]);
        assert_eq!(now.changed(&before), [1, 1, 3, 2]);
        assert_eq!(now.changed(&now), [0, 0, 1, 1]);
        assert_eq!(now.cut([1, 1, 2, 1], None), [7, 7, 7, 255, 0, 0, 0, 255]);
        assert_eq!(now.cut([1, 1, 2, 1], Some(&before)), [7, 7, 7, 255, 0, 0, 0, 0]);
    }

    #[test]
    fn a_film_is_read_again_as_its_first_picture() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("film.png");
        let (first, second) = (still([[1; 4], [2; 4], [3; 4]]), still([[1; 4], [2, 2, 8, 2], [3; 4]]));
        let mut film = Film::default();
        for still in [&first, &first, &second] {
            film.push(still.clone(), Duration::from_millis(100)).unwrap();
        }
        assert_eq!(film.frames.len(), 2);
        film.write(&file).unwrap();
        assert_eq!(Still::read(&file).unwrap(), first);
        assert!(film.push(Still { width: 2, rgb: vec![0; 12] }, Duration::ZERO).is_err());
    }

    #[test]
    fn two_pictures_of_one_height_stand_side_by_side() {
        let left = Still { width: 1, rgb: vec![1; 2 * PIXEL] };
        let both = left.beside(&left, 1).unwrap();
        assert_eq!(both.rgb, [[1; PIXEL], [u8::MAX; PIXEL], [1; PIXEL]].concat().repeat(2));
        assert!(left.beside(&Still { width: 1, rgb: vec![1; PIXEL] }, 1).is_err());
    }
}
