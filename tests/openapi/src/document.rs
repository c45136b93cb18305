use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::answer::{Answer, Header};
use crate::exchange::{Deviation, Exchange};
use crate::fields::{Fields, resolve};
use crate::operation::{Operation, Template};

/// An OpenAPI 3.1 document, ready to be held against what is answered.
#[derive(Debug)]
pub struct Document {
    root: Value,
    operations: Vec<Operation>,
    everywhere: BTreeMap<String, Header>,
    otherwise: BTreeMap<String, BTreeMap<u16, Answer>>,
    /// Paths below which the API of somebody else is.
    elsewhere: Vec<Template>,
}

/// Why a text is no such document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is no JSON.
    #[error("the document is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A reference leads nowhere.
    #[error("the document has no {0}")]
    Reference(String),
    /// A status is no number.
    #[error("{0} is no status")]
    Status(String),
    /// A schema is none.
    #[error("{schema} is no schema: {why}")]
    Schema {
        /// The schema.
        schema: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The methods that a path may have.
const METHODS: [&str; 8] = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];

/// Keys of `x-otherwise`.
const UNKNOWN_PATH: &str = "path";
const UNKNOWN_METHOD: &str = "method";
const ON_THE_WAY: &str = "server";

thread_local! {
    /// What the exchanges of this thread have reached, while somebody wants to know.
    static REACHED: RefCell<Option<BTreeSet<String>>> = const { RefCell::new(None) };
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or refers to what it does not have.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let root: Value = serde_json::from_str(text)?;
        let reader = Reader { root: &root };
        let mut operations = Vec::new();
        for (path, item) in object(root.get("paths")) {
            for method in METHODS {
                if let Some(value) = item.get(method) {
                    operations.push(Operation::read(reader, path, method, item, value)?);
                }
            }
        }
        // A path in letters is meant before one with names in it.
        operations.sort_by_key(|operation| operation.path.names());
        let otherwise = object(root.get("x-otherwise"))
            .map(|(what, answers)| Ok((what.clone(), reader.answers(Some(answers))?)))
            .collect::<Result<_, DocumentError>>()?;
        let servers = root.get("servers").and_then(Value::as_array).into_iter().flatten();
        let elsewhere = servers.filter_map(|server| server.get("url")?.as_str()).filter(|url| url.contains('{'));
        let elsewhere = elsewhere.map(Template::parse).collect();
        let everywhere = Header::read_all(reader, root.get("x-every-answer"))?;
        Ok(Self { operations, everywhere, otherwise, elsewhere, root })
    }

    /// The method and the path of each operation, as the document writes them.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.operations.iter().filter_map(|operation| operation.name.split_once(' '))
    }

    /// Whether the document lists this method of a path.
    pub fn knows(&self, method: &str, path: &str) -> bool {
        self.operations.iter().any(|operation| operation.method == method && operation.path.matches(path))
    }

    /// The operations that the document lists this status for.
    pub fn operations_with(&self, status: u16) -> impl Iterator<Item = (&str, &str)> {
        let with = self.operations.iter().filter(move |operation| operation.answers.contains_key(&status));
        with.filter_map(|operation| operation.name.split_once(' '))
    }

    /// The headers of every answer whose value is always the same.
    pub fn constant_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        object(self.root.get("x-every-answer"))
            .filter_map(|(name, header)| Some((name.as_str(), header.pointer("/schema/const")?.as_str()?)))
    }

    /// Holds an exchange against the document: that path, method, status, headers and content type are listed, that the
    /// body is as described, and that a request that was not refused is as described too.
    ///
    /// # Errors
    ///
    /// The first thing that is not so.
    pub fn check(&self, exchange: &Exchange<'_>) -> Result<(), Deviation> {
        self.deviation(exchange).map_err(|what| Deviation::new(exchange, what))?;
        REACHED.with_borrow_mut(|reached| {
            if let Some(found) = reached {
                self.note(exchange, found);
            }
        });
        Ok(())
    }

    /// Names all that the exchanges reach which are checked while this is played, in this thread.
    pub fn reached_by(&self, play: impl FnOnce()) -> BTreeSet<String> {
        REACHED.set(Some(BTreeSet::new()));
        play();
        REACHED.take().unwrap_or_default()
    }

    /// Asserts that all that the document lists was reached, but for what has one of these parts in its name; and that
    /// each of these is still needed.
    ///
    /// # Panics
    ///
    /// If it is not so.
    pub fn assert_reached(&self, reached: &BTreeSet<String>, left_out: &[&str]) {
        let listed = self.listed();
        let missing: Vec<&String> = listed.difference(reached).collect();
        let unexcused: Vec<_> =
            missing.iter().filter(|name| !left_out.iter().any(|part| name.contains(part))).collect();
        let (count, none) = (listed.len(), Vec::<&&String>::new());
        assert_eq!(unexcused, none, "of {count} things that the document lists, these are never answered");
        let unneeded: Vec<_> =
            left_out.iter().filter(|part| !missing.iter().any(|name| name.contains(**part))).collect();
        assert_eq!(unneeded, Vec::<&&str>::new(), "all of these are answered");
    }

    /// Names all that the document lists: `GET /path → 200`, a header or a content type of that, `Schema.field`.
    pub fn listed(&self) -> BTreeSet<String> {
        let (fields, mut found) = (Fields { root: &self.root }, BTreeSet::new());
        for operation in &self.operations {
            operation.listed(fields, &mut found);
        }
        for (what, answers) in &self.otherwise {
            for (status, answer) in answers {
                answer.listed(fields, &format!("another {what} → {status}"), &mut found);
            }
        }
        found
    }

    fn deviation(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let (place, path) = self.place(exchange);
        let (operation, answers) = match place {
            Place::Operation(operation, None) => (Some(operation), vec![&operation.answers]),
            Place::Operation(operation, Some(added)) => {
                (Some(operation), [Some(&operation.answers), added].into_iter().flatten().collect())
            }
            Place::Otherwise(_, answers) => (None, answers.into_iter().collect()),
        };
        if let (Some(operation), false) = (operation, exchange.is_refusal()) {
            operation.check_request(path, exchange)?;
        }
        let listed: Vec<&Answer> = answers.iter().filter_map(|answers| answers.get(&exchange.status)).collect();
        if listed.is_empty() {
            let what = operation.map_or("what is not listed", |operation| operation.name.as_str());
            return Err(format!("{what} has no such status"));
        }
        let mut outcomes = listed.into_iter().map(|answer| answer.check(exchange, &self.everywhere));
        match outcomes.next() {
            Some(Err(why)) if !outcomes.any(|outcome| outcome.is_ok()) => Err(why),
            _ => Ok(()),
        }
    }

    fn note(&self, exchange: &Exchange<'_>, found: &mut BTreeSet<String>) {
        let fields = Fields { root: &self.root };
        let mut note = |what: &str, answers: Option<&BTreeMap<u16, Answer>>| {
            if let Some(answer) = answers.and_then(|answers| answers.get(&exchange.status)) {
                answer.reached(fields, exchange, &format!("another {what} → {}", exchange.status), found);
            }
        };
        match self.place(exchange).0 {
            Place::Operation(operation, elsewhere) => {
                if let Some(added) = elsewhere {
                    note(ON_THE_WAY, added);
                } else {
                    operation.reached(fields, exchange, found);
                }
            }
            Place::Otherwise(what, answers) => note(what, answers),
        }
    }

    /// Where an exchange belongs, and its path there.
    fn place<'a>(&'a self, exchange: &'a Exchange<'_>) -> (Place<'a>, &'a str) {
        let whole = exchange.path_and_query().0;
        let mut elsewhere = None;
        let mut path = whole;
        for server in &self.elsewhere {
            if let Some(rest) = server.rest(whole) {
                (elsewhere, path) = (Some(self.otherwise.get(ON_THE_WAY)), rest);
            }
        }
        let here = || self.operations.iter().filter(|operation| operation.path.matches(path));
        let operation = here().find(|operation| operation.method == exchange.method);
        let place = match operation {
            Some(operation) => Place::Operation(operation, elsewhere),
            None => {
                let what = match elsewhere {
                    Some(_) => ON_THE_WAY,
                    None if here().next().is_some() => UNKNOWN_METHOD,
                    None => UNKNOWN_PATH,
                };
                Place::Otherwise(what, self.otherwise.get(what))
            }
        };
        (place, path)
    }
}

/// Where an exchange belongs.
enum Place<'a> {
    /// To an operation; of another server, with the answers that are added on the way there.
    Operation(&'a Operation, Option<Option<&'a BTreeMap<u16, Answer>>>),
    /// To none: which part of `x-otherwise`, and its answers.
    Otherwise(&'static str, Option<&'a BTreeMap<u16, Answer>>),
}

/// Reads parts of a document.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    root: &'a Value,
}

impl<'a> Reader<'a> {
    /// The value itself, or what it refers to.
    pub(crate) fn resolved<'b>(self, value: &'b Value) -> Result<&'b Value, DocumentError>
    where
        'a: 'b,
    {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                resolve(self.root, reference).ok_or_else(|| DocumentError::Reference(reference.to_owned()))
            }
            None => Ok(value),
        }
    }

    pub(crate) fn answers(self, value: Option<&Value>) -> Result<BTreeMap<u16, Answer>, DocumentError> {
        let read = |(status, answer): (&String, &Value)| {
            let status = status.parse().map_err(|_| DocumentError::Status(status.clone()))?;
            Ok((status, Answer::read(self, answer)?))
        };
        object(value).map(read).collect()
    }

    /// Checks values by a schema of this document.
    pub(crate) fn validator(self, schema: &Value) -> Result<Validator, DocumentError> {
        let schemas = self.root.pointer("/components/schemas").cloned().unwrap_or_default();
        let whole = json!({ "allOf": [schema], "components": { "schemas": schemas } });
        jsonschema::draft202012::new(&whole)
            .map_err(|error| DocumentError::Schema { schema: schema.to_string(), why: error.to_string() })
    }
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}
