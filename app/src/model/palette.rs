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

/// Which lines fit what was typed, the best first and those that fit alike as they came: the first of them.
pub(crate) fn fitting(typed: &str, lines: &[String], most: usize) -> Vec<usize> {
    best(typed, lines, most, platform::fold)
}

fn best(typed: &str, lines: &[String], most: usize, fold: fn(&str) -> String) -> Vec<usize> {
    let words = words(typed, fold);
    let mut alike: Vec<Vec<usize>> = vec![Vec::new(); 2 * words.len() + 1];
    for (place, line) in lines.iter().enumerate() {
        if let Some(alike) = fit(&words, &fold(line)).and_then(|fit| alike.get_mut(fit)) {
            alike.push(place);
        }
    }
    let mut found = alike.concat();
    found.truncate(most);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(typed: &str) -> Vec<String> {
        let lines =
            ["Room settings", "Sort: By due day", "New room", "Share this room", "Due crates"].map(str::to_owned);
        let found = best(typed, &lines, 4, str::to_lowercase);
        found.into_iter().map(|place| lines[place].clone()).collect()
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
