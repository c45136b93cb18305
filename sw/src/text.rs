//! What people may write where one line is meant, and where several are.
//!
//! A title that nobody can see cannot be clicked, a character that turns the direction of writing turns the words of the
//! app around it too, and a line break in a label makes two of it. So what cannot be seen alone is refused, and control
//! characters and overrides of direction are refused anywhere. Whatever stands inside a text and is needed there stays:
//! the joiners of emoji and of Indic and Persian writing, and the marks of direction that have no effect on what follows.

/// Why a text is refused, as the end of a sentence about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A control character, or one that turns the direction of what follows.
    Control,
    /// More than one line, where one is meant.
    Lines,
    /// Nothing in it can be seen.
    Invisible,
}

/// Looks at a text of one line. An empty one is fit; whether it is wanted is another question.
pub(crate) fn check_line(text: &str) -> Result<(), Unfit> {
    if text.chars().any(is_line_break) {
        return Err(Unfit::Lines);
    }
    check_text(text)?;
    if !text.is_empty() && is_blank(text) { Err(Unfit::Invisible) } else { Ok(()) }
}

/// Looks at a text of any number of lines.
pub(crate) fn check_text(text: &str) -> Result<(), Unfit> {
    let is_fit = |letter: char| !is_control(letter) || matches!(letter, '\n' | '\r' | '\t');
    if text.chars().all(is_fit) { Ok(()) } else { Err(Unfit::Control) }
}

/// Whether nothing of a text can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_invisible)
}

fn is_line_break(letter: char) -> bool {
    matches!(letter, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Control characters (Cc), and the embeddings, overrides and isolates of direction.
fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// White space, and what Unicode calls default ignorable; and the two blanks that are letters by name.
fn is_invisible(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_refused_alone_and_stays_inside() {
        for text in [
            " ",
            "\u{a0}",
            "\u{200b}",
            "\u{feff}",
            "\u{2060}\u{200d}",
            "\u{ad}",
            "\u{3164}",
            "\u{2800}",
            "\u{200e}\u{200f}",
            "\u{e0020}",
            "\u{200b} \u{200b}",
        ] {
            assert_eq!(check_line(text), Err(Unfit::Invisible), "{text:?}");
        }
        for text in ["", "a", "👨\u{200d}👩\u{200d}👧", "नी", "\u{200e}x", "e\u{301}", "🏴\u{e0067}\u{e0062}\u{e007f}"]
        {
            assert_eq!(check_line(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn controls_are_refused_anywhere_and_lines_where_one_is_meant() {
        for text in ["a\u{0}b", "\u{202e}abc", "a\u{2066}", "a\u{7f}", "a\u{9f}"] {
            assert_eq!((check_line(text), check_text(text)), (Err(Unfit::Control), Err(Unfit::Control)), "{text:?}");
        }
        for text in ["a\nb", "a\r\nb", "a\u{2028}b"] {
            assert_eq!((check_line(text), check_text(text)), (Err(Unfit::Lines), Ok(())), "{text:?}");
        }
        assert_eq!(check_text("a\tb"), Ok(()));
    }
}
