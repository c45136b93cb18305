//! What a pasted text may have said before mail programs, link trackers and messengers had it in their hands.
//!
//! A link's own characters are ASCII and none that these programs must encode, so it mostly comes through whole, with
//! something in front or behind. Here is undone what may happen inside it. What a reading makes of the text around it does
//! not matter: whoever looks for a link knows it by its form.

/// Longest text that is looked at, in bytes: a mail with all that it quotes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// How often percent-encoding is undone: once for each tracker that wraps the link of another.
const ROUNDS: usize = 3;
/// Longest run of characters that is taken for a break within a link, in bytes.
const GAP: usize = 16;
/// Longest HTML entity that is looked at, in bytes: `&ZeroWidthSpace;`.
const ENTITY: usize = 16;

/// The ways to read a text, the plainest first, each once and none longer than the text: in ASCII, where `?` stands for
/// every other character.
pub(crate) fn readings(text: &str) -> Vec<String> {
    let mut readings = Vec::new();
    for mut reading in [plain(text), plain(&unescaped(text, b'=')), plain(&dashes_for_percents(text))] {
        for _ in 0..=ROUNDS {
            let next = plain(&unescaped(&reading, b'%'));
            if !readings.contains(&reading) {
                readings.push(reading);
            }
            reading = next;
        }
    }
    readings
}

/// Takes characters from the front of a text, over the breaks that a narrow window, a mail or a quotation puts into a link.
pub(crate) struct Taker<'a> {
    rest: &'a [u8],
    /// How many breaks may still be passed over.
    pub(crate) gaps: usize,
}

impl<'a> Taker<'a> {
    /// Begins at the front of `rest`.
    pub(crate) fn new(rest: &'a [u8], gaps: usize) -> Self {
        Self { rest, gaps }
    }

    /// What comes next, breaks and all.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next character, if it is one of those that are wanted.
    pub(crate) fn take(&mut self, is_wanted: impl Fn(u8) -> bool) -> Option<char> {
        let gap = self.rest.iter().take(GAP).take_while(|byte| b" =>|".contains(byte)).count();
        // Behind a `>` a quotation begins, and ahead of a break something else ends.
        let gap = if self.peek().is_some_and(|byte| b" =".contains(&byte)) { gap } else { 0 };
        let (byte, rest) = self.rest.get(gap..)?.split_first()?;
        if !is_wanted(*byte) || (gap > 0 && self.gaps == 0) {
            return None;
        }
        self.gaps -= usize::from(gap > 0);
        self.rest = rest;
        Some(char::from(*byte))
    }

    /// Takes what has the form of a UUID and begins right here, over so many breaks; in lower case.
    pub(crate) fn take_uuid(&mut self, gaps: usize) -> Option<String> {
        /// Characters of a UUID.
        const CHARS: usize = 36;
        self.gaps = 0;
        let mut uuid = String::from(self.take(|byte| byte.is_ascii_hexdigit())?);
        self.gaps = gaps;
        for at in 1..CHARS {
            let is_hyphen = matches!(at, 8 | 13 | 18 | 23);
            uuid.push(self.take(|byte| if is_hyphen { byte == b'-' } else { byte.is_ascii_hexdigit() })?);
        }
        uuid.make_ascii_lowercase();
        Some(uuid)
    }
}

/// Whether a character is one of base64url.
pub(crate) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The text without what is not seen, with every white space as a blank, HTML's ways to write a character undone, and with
/// the hyphens back of which software for writing makes dashes.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (char, length) = entity(rest).unwrap_or((first, first.len_utf8()));
        rest = rest.get(length..).unwrap_or_default();
        match char {
            _ if is_unseen(char) => {}
            '\u{2010}'..='\u{2013}' | '\u{2212}' => plain.push('-'),
            '\u{2014}' => plain.push_str("--"),
            _ if char.is_whitespace() => plain.push(' '),
            _ => plain.push(if char.is_ascii() { char } else { '?' }),
        }
    }
    plain
}

/// Soft hyphens, characters without width, and marks for the direction of text.
fn is_unseen(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(char, '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The character that an HTML entity at the front of a text means, and how long the entity is. Of those with names the ones
/// that can stand within a link; `<wbr>` is one of them by what it does.
fn entity(text: &str) -> Option<(char, usize)> {
    const NAMES: [(&str, char); 9] = [
        ("<wbr>", '\u{200b}'),
        ("&amp;", '&'),
        ("&num;", '#'),
        ("&period;", '.'),
        ("&hyphen;", '-'),
        ("&lowbar;", '_'),
        ("&nbsp;", ' '),
        ("&shy;", '\u{ad}'),
        ("&ZeroWidthSpace;", '\u{200b}'),
    ];
    if !matches!(text.as_bytes().first(), Some(b'&' | b'<')) {
        return None;
    }
    if let Some((name, char)) = NAMES.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*char, name.len()));
    }
    let number = text.strip_prefix("&#")?;
    let end = number.bytes().take(ENTITY).position(|byte| byte == b';')?;
    let digits = number.get(..end)?;
    let is_hex = matches!(digits.as_bytes().first(), Some(b'x' | b'X'));
    let (digits, radix) = if is_hex { (digits.get(1..)?, 16) } else { (digits, 10) };
    Some((char::from_u32(u32::from_str_radix(digits, radix).ok()?)?, "&#".len() + end + ";".len()))
}

/// Undoes percent-encoding (RFC 3986, section 2.1), or quoted-printable (RFC 2045, section 6.7) with its soft line breaks.
fn unescaped(text: &str, escape: u8) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != escape {
            bytes.push(*first);
            continue;
        }
        let code = behind.split_first_chunk().and_then(|([high, low], behind)| Some((hex(*high, *low)?, behind)));
        if let Some((byte, behind)) = code {
            bytes.push(byte);
            rest = behind;
        } else if let Some(behind) = soft_break(behind).filter(|_| escape == b'=') {
            rest = behind;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn soft_break(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\r\n").or_else(|| text.strip_prefix(b"\n"))
}

/// What Proofpoint's URL Defense 2 writes into mails is percent-encoding with a dash for each percent sign. Empty where
/// there is none of it.
fn dashes_for_percents(text: &str) -> String {
    if text.contains("urldefense") { text.replace("-", "%").replace("_", "/") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn undoes_what_programs_do_to_text() {
        for (text, original) in [
            ("a\u{200b}b\u{ad}c\u{feff}d\u{2069}", "abcd"),
            ("a\u{a0}b\tc\r\nd", "a b c  d"),
            ("a&#35;b&#x23;c&num;d&amp;e&period;f<wbr>g&shy;h", "a#b#c#d&e.fgh"),
            ("a\u{2011}b\u{2013}c\u{2014}d", "a-b-c--d"),
            ("%23a%2Eb", "#a.b"),
            ("%2523a%252Eb", "#a.b"),
            ("%252523a", "#a"),
            ("a=\r\nb=\nc=3Dd=2Ee", "abc=d.e"),
            ("urldefense a-23b-2Dc-5Fd", "urldefense a#b-c_d"),
            ("%E2%80%8Ba%C2%A0b", "a b"),
        ] {
            assert!(readings(text).contains(&original.to_owned()), "{text:?}: {:?}", readings(text));
        }
    }

    #[test]
    fn what_is_no_code_stays() {
        let text = "50% & more = 3 %zz =zz &#; &#xzz; &#1114112; &nosuch; <b>";
        assert_eq!(readings(text).first().map(String::as_str), Some(text));
        assert_eq!(readings("tasks"), ["tasks", ""]);
    }

    proptest! {
        #[test]
        fn there_are_few_and_none_is_longer(text in "\\PC{0,200}|([ %=&#;x0-9a-f\r\n-]|urldefense|&amp;|\\PC){0,200}") {
            let readings = readings(&text);
            prop_assert!(readings.len() <= 3 * (ROUNDS + 1));
            for reading in readings {
                prop_assert!(reading.is_ascii() && reading.len() <= text.len());
            }
        }
    }
}
