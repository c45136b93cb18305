//! What the palette finds.

use super::find::words;
use crate::platform;

/// How well what was typed fits a line: each word is somewhere in it, and better at the beginning. `None` if one is not.
fn fit(words: &[String], line: &str) -> Option<usize> {
    let places = |word: &String| {
        let place = line.find(word.as_str())?;
        let begins = place == 0 || line.split_whitespace().any(|other| other.starts_with(word.as_str()));
        Some(if place == 0 { 0 } else { 1 + usize::from(!begins) })
    };
    words.iter().map(places).sum()
}

/// The first lines that fit what was typed, the best first and those that fit alike as they came.
pub(crate) fn fitting<T>(typed: &str, lines: impl Iterator<Item = (String, T)>, most: usize) -> Vec<(String, T)> {
    best(typed, lines, most, platform::fold)
}

fn best<T>(
    typed: &str,
    lines: impl Iterator<Item = (String, T)>,
    most: usize,
    fold: fn(&str) -> String,
) -> Vec<(String, T)> {
    let words = words(typed, fold);
    let mut found: Vec<_> = lines.filter_map(|line| Some((fit(&words, &fold(&line.0))?, line))).collect();
    found.sort_by_key(|(fit, _)| *fit);
    found.into_iter().map(|(_, line)| line).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(typed: &str) -> Vec<String> {
        let lines = ["Room settings", "Sort: By due day", "New room", "Share this room", "Due crates"];
        let lines = lines.into_iter().map(|line| (line.to_owned(), ()));
        best(typed, lines, 4, str::to_lowercase).into_iter().map(|(line, ())| line).collect()
    }

    #[test]
    fn every_word_is_somewhere_in_any_order() {
        assert_eq!(found("room NEW"), ["New room"]);
        assert_eq!(found("day so"), ["Sort: By due day"]);
        assert_eq!(found("nothing"), Vec::<String>::new());
        assert_eq!(found("").len(), 4);
    }

    #[test]
    fn what_begins_so_comes_first() {
        assert_eq!(found("room"), ["Room settings", "New room", "Share this room"]);
        assert_eq!(found("due"), ["Due crates", "Sort: By due day"]);
    }
}
