/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Path and query, from the first `/` on.
    pub target: &'a str,
    /// Content type and bytes of the request's body, if it has one.
    pub sent: Option<(&'a str, &'a [u8])>,
    /// The status.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: Vec<(&'a str, &'a str)>,
    /// The body; empty if there is none.
    pub body: &'a [u8],
}

impl Exchange<'_> {
    /// The value of a header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Path and query.
    pub(crate) fn path_and_query(&self) -> (&str, Option<&str>) {
        match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target, None),
        }
    }

    /// Whether it is about a mistake of the caller or a failure, and no success.
    pub(crate) fn is_refusal(&self) -> bool {
        self.status >= 400
    }
}

/// An exchange that is not as the document says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{exchange}: {what}")]
pub struct Deviation {
    /// Method, target and status.
    exchange: String,
    what: String,
}

impl Deviation {
    pub(crate) fn new(exchange: &Exchange<'_>, what: String) -> Self {
        Self { exchange: format!("{} {} → {}", exchange.method, exchange.target, exchange.status), what }
    }
}
