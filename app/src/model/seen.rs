/// When the devices of a room were connected last, as this browser keeps it: a line a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen(Vec<(String, f64)>);

/// Devices that are kept. Those seen longest ago go first.
const MAX_DEVICES: usize = 64;

impl Seen {
    /// Reads what [`to_text`](Self::to_text) wrote. Lines that are none are left out.
    pub(crate) fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (device, then) = line.split_once(' ')?;
            Some((device.to_owned(), then.parse().ok().filter(|then: &u64| *then < 1 << 53)? as f64))
        };
        Self(text.lines().filter_map(line).take(MAX_DEVICES).collect())
    }

    /// Notes that a device is connected at this time (Unix time in milliseconds).
    pub(crate) fn note(&mut self, device: &str, now: f64) {
        self.0.retain(|(known, _)| known != device);
        self.0.insert(0, (device.to_owned(), now));
        self.0.truncate(MAX_DEVICES);
    }

    /// When a device was connected last.
    pub(crate) fn of(&self, device: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == device).map(|(_, then)| *then)
    }

    /// The text to keep.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (device, then) in &self.0 {
            text.push_str(device);
            text.push(' ');
            text.push_str(&(*then as u64).to_string());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_counts() {
        let mut seen = Seen::default();
        seen.note("a", 1.0);
        seen.note("b", 2.0);
        seen.note("a", 1_763_000_000_000.0);
        let seen = Seen::parse(&seen.to_text());
        assert_eq!((seen.of("a"), seen.of("b"), seen.of("c")), (Some(1_763_000_000_000.0), Some(2.0), None));
    }

    #[test]
    fn does_not_grow_without_end() {
        let mut seen = Seen::default();
        for device in 0..200 {
            seen.note(&device.to_string(), f64::from(device));
        }
        assert_eq!(seen.to_text().lines().count(), MAX_DEVICES);
        assert_eq!((seen.of("199"), seen.of("0")), (Some(199.0), None));
    }

    #[test]
    fn what_is_no_line_is_left_out() {
        for text in ["", "\n", "a", "a b", "a -1", "a 1e300", "a 99999999999999999999", "\u{0}"] {
            assert_eq!(Seen::parse(text), Seen::default(), "{text}");
        }
        assert_eq!(Seen::parse("a 5\nnonsense\nb 6").of("b"), Some(6.0));
        assert_eq!(Seen::parse(&"x 1\n".repeat(1_000)).0.len(), MAX_DEVICES);
    }
}
