//! Which tasks a request asks for.

use std::fmt;

use partyline_core::api::MAX_PAGE;
use partyline_core::id::TaskId;
use partyline_core::replica::{Listing, Position};

use crate::problem::Failure;

/// The query of `GET …/tasks`.
///
/// It is `since=CURSOR`, `deleted=only`, `next=NEXT` or nothing of these, and perhaps `limit=N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskQuery {
    /// Which tasks.
    pub listing: Listing,
    /// How many of them at most.
    pub limit: usize,
    /// Where the page begins, unless it is the first one.
    pub next: Option<Next>,
}

/// Where a page ends and the next one goes on. Its text form is the `next` of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The cursor of the first page.
    pub cursor: u64,
    /// Which tasks are listed.
    pub listing: Listing,
    /// Where the last task of the page stood.
    pub position: Position,
    /// The last task of the page.
    pub task: TaskId,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self { listing: Listing::Alive, limit: MAX_PAGE, next: None }
    }
}

impl TaskQuery {
    /// Reads the query of a path.
    ///
    /// # Errors
    ///
    /// 400 for anything that is not understood.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Failure> {
        let Some(query) = query else { return Ok(Self::default()) };
        let (mut which, mut limit) = (None, None);
        for part in query.split('&') {
            let (name, value) = part.split_once('=').ok_or_else(not_understood)?;
            let is_first = match name {
                "limit" => {
                    let number = number(value).and_then(|number| usize::try_from(number).ok());
                    let number = number.filter(|number| (1..=MAX_PAGE).contains(number)).ok_or_else(bad_limit)?;
                    limit.replace(number).is_none()
                }
                "since" => which.replace((Listing::Since(number(value).ok_or_else(bad_cursor)?), None)).is_none(),
                "deleted" if value == "only" => which.replace((Listing::Deleted, None)).is_none(),
                "next" => {
                    let next = Next::parse(value).ok_or_else(bad_next)?;
                    which.replace((next.listing, Some(next))).is_none()
                }
                _ => false,
            };
            if !is_first {
                return Err(not_understood());
            }
        }
        let (listing, next) = which.unwrap_or((Listing::Alive, None));
        Ok(Self { listing, limit: limit.unwrap_or(MAX_PAGE), next })
    }

    /// The cursors that the request was given before.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = u64> {
        let since = match self.listing {
            Listing::Since(cursor) => Some(cursor),
            Listing::Alive | Listing::Deleted => None,
        };
        since.into_iter().chain(self.next.as_ref().map(|next| next.cursor))
    }
}

impl Next {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let cursor = number(parts.next()?)?;
        let listing = match parts.next()? {
            "alive" => Listing::Alive,
            "deleted" => Listing::Deleted,
            since => Listing::Since(number(since)?),
        };
        let position = Position::parse(parts.next()?).ok()?;
        let task = TaskId::parse(parts.next()?).ok()?;
        parts.next().is_none().then_some(Self { cursor, listing, position, task })
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.cursor)?;
        match self.listing {
            Listing::Alive => f.write_str("alive")?,
            Listing::Deleted => f.write_str("deleted")?,
            Listing::Since(cursor) => write!(f, "{cursor}")?,
        }
        write!(f, ".{}.{}", self.position, self.task)
    }
}

/// A number in its one text form but for leading zeros. (`parse` alone would take a plus sign.)
fn number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

fn not_understood() -> Failure {
    Failure::malformed("This resource takes `since=CURSOR`, `deleted=only` or `next=NEXT`, and `limit=N`.")
}

fn bad_cursor() -> Failure {
    Failure::malformed("`since` must be a cursor from an earlier answer.")
}

fn bad_next() -> Failure {
    Failure::malformed("`next` must be from an earlier answer.")
}

fn bad_limit() -> Failure {
    Failure::malformed(&format!("`limit` is 1 to {MAX_PAGE}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TASK: &str = "7a1c9e2d-5b3f-4d8a-9c0e-1f2a3b4c5d6e";

    #[test]
    fn queries_are_strict() {
        let next = format!("7.alive.80.{TASK}");
        for query in [
            "",
            "since=",
            "since=+1",
            "since=-1",
            "since=1&since=2",
            "since=99999999999999999999999",
            "until=1",
            "deleted=true",
            "deleted=only&since=1",
            "deleted",
            "limit=0",
            "limit=10001",
            "limit=1&limit=1",
            "limit=+1",
            "limit=1&",
            "next=",
            "next=7.alive.80",
            &format!("next={next}.80"),
            &format!("next={next}&since=1"),
            &format!("next={next}&deleted=only"),
            &format!("next=7.none.80.{TASK}"),
            &format!("next=7.alive.81.{TASK}"),
        ] {
            assert!(TaskQuery::parse(Some(query)).is_err_and(|failure| failure.problem.status == 400), "{query}");
        }
        let both = TaskQuery::parse(Some(&format!("limit=3&next={next}"))).unwrap();
        assert_eq!((both.limit, both.listing), (3, Listing::Alive));
        assert_eq!(both.next.map(|next| next.to_string()), Some(next));
        let touched = TaskQuery { listing: Listing::Since(5), limit: 2, next: None };
        assert_eq!(TaskQuery::parse(Some("since=5&limit=2")).ok(), Some(touched));
    }

    proptest! {
        #[test]
        fn next_comes_back_as_it_was(cursor: u64, since: Option<u64>, deleted: bool, digits in "([0-9a-f]{2}){0,63}") {
            let listing = match since {
                Some(cursor) => Listing::Since(cursor),
                None if deleted => Listing::Deleted,
                None => Listing::Alive,
            };
            let position = Position::parse(&format!("{digits}80")).unwrap();
            let next = Next { cursor, listing, position, task: TaskId::parse(TASK).unwrap() };
            prop_assert!(next.to_string().len() < 300, "it fits a path");
            prop_assert_eq!(Next::parse(&next.to_string()), Some(next));
        }

        #[test]
        fn any_text_is_a_query_or_refused(text in "\\PC{0,60}|(next=|since=|limit=|deleted=|[0-9a-z.&-]{0,9}){0,8}") {
            if let Err(failure) = TaskQuery::parse(Some(&text)) {
                prop_assert_eq!(failure.problem.status, 400);
            }
        }
    }
}
