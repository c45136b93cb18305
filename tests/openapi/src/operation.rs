use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::answer::{Answer, Body, Text};
use crate::document::{DocumentError, Reader};
use crate::exchange::Exchange;
use crate::fields::Fields;

/// A method of a path, and all that is listed of it.
#[derive(Debug)]
pub(crate) struct Operation {
    /// `GET /path/{id}`
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: Template,
    parameters: Vec<Parameter>,
    bodies: BTreeMap<String, Body>,
    pub(crate) answers: BTreeMap<u16, Answer>,
}

/// A path with names in braces.
#[derive(Debug)]
pub(crate) struct Template(Vec<String>);

#[derive(Debug)]
struct Parameter {
    name: String,
    is_in_path: bool,
    is_required: bool,
    value: Text,
}

impl Operation {
    pub(crate) fn read(
        reader: Reader<'_>,
        path: &str,
        method: &str,
        item: &Value,
        value: &Value,
    ) -> Result<Self, DocumentError> {
        let parameters = [item, value].into_iter().filter_map(|holder| holder.get("parameters")?.as_array()).flatten();
        let bodies = match value.get("requestBody") {
            Some(body) => Body::read_all(reader, reader.resolved(body)?)?,
            None => BTreeMap::new(),
        };
        let method = method.to_ascii_uppercase();
        Ok(Self {
            name: format!("{method} {path}"),
            path: Template::parse(path),
            method,
            parameters: Parameter::read_all(reader, parameters)?,
            bodies,
            answers: reader.answers(value.get("responses"))?,
        })
    }

    /// What is wrong with a request that was not refused, in words.
    pub(crate) fn check_request(&self, path: &str, exchange: &Exchange<'_>) -> Result<(), String> {
        let given = self.path.values(path);
        for (name, value) in &given {
            let listed = self.parameters.iter().find(|parameter| parameter.is_in_path && parameter.name == *name);
            let listed = listed.ok_or_else(|| format!("the parameter {name} is not listed"))?;
            listed.value.check(value).map_err(|why| format!("{name}: {why}"))?;
        }
        let queries: Vec<_> = queries(exchange.path_and_query().1).collect();
        for (name, value) in &queries {
            let listed = self.parameters.iter().find(|parameter| !parameter.is_in_path && parameter.name == *name);
            let listed = listed.ok_or_else(|| format!("the query {name} is not listed"))?;
            listed.value.check(value).map_err(|why| format!("{name}: {why}"))?;
        }
        let is_missing = |parameter: &&Parameter| {
            parameter.is_required && !parameter.is_in_path && !queries.iter().any(|(name, _)| *name == parameter.name)
        };
        if let Some(missing) = self.parameters.iter().find(is_missing) {
            return Err(format!("it was answered without the query {}", missing.name));
        }
        match self.body(exchange) {
            Some((media, body, bytes)) => {
                body.check(media, bytes).map_err(|why| format!("the request was taken: {why}"))
            }
            None => Ok(()),
        }
    }

    /// What is listed of the body that was sent, if anything is.
    fn body<'a>(&'a self, exchange: &Exchange<'a>) -> Option<(&'a str, &'a Body, &'a [u8])> {
        let (media, bytes) = exchange.sent.filter(|(_, bytes)| !bytes.is_empty())?;
        let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        self.bodies.get_key_value(&essence).map(|(media, body)| (media.as_str(), body, bytes))
    }

    /// Names all that is listed here.
    pub(crate) fn listed(&self, fields: Fields<'_>, found: &mut BTreeSet<String>) {
        for parameter in self.parameters.iter().filter(|parameter| !parameter.is_in_path) {
            found.insert(format!("{} ?{}", self.name, parameter.name));
        }
        for (media, body) in &self.bodies {
            found.insert(format!("{} ← {media}", self.name));
            body.listed(fields, &self.name, found);
        }
        for (status, answer) in &self.answers {
            answer.listed(fields, &format!("{} → {status}", self.name), found);
        }
    }

    /// Names what of it an exchange has.
    pub(crate) fn reached(&self, fields: Fields<'_>, exchange: &Exchange<'_>, found: &mut BTreeSet<String>) {
        if let Some(answer) = self.answers.get(&exchange.status) {
            answer.reached(fields, exchange, &format!("{} → {}", self.name, exchange.status), found);
        }
        if exchange.is_refusal() {
            return;
        }
        found.extend(queries(exchange.path_and_query().1).map(|(name, _)| format!("{} ?{name}", self.name)));
        if let Some((media, body, bytes)) = self.body(exchange) {
            found.insert(format!("{} ← {media}", self.name));
            body.reached(fields, bytes, &self.name, found);
        }
    }
}

impl Parameter {
    /// Those of paths and queries. The headers of a request are nothing that an exchange tells.
    fn read_all<'a>(reader: Reader<'_>, values: impl Iterator<Item = &'a Value>) -> Result<Vec<Self>, DocumentError> {
        let mut parameters = Vec::new();
        for value in values {
            let value = reader.resolved(value)?;
            let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
            if ["path", "query"].contains(&word("in")) {
                parameters.push(Self {
                    name: word("name").to_owned(),
                    is_in_path: word("in") == "path",
                    is_required: value.get("required") == Some(&Value::Bool(true)),
                    value: Text::read(reader, value)?,
                });
            }
        }
        Ok(parameters)
    }
}

impl Template {
    /// Reads `/path/{id}`.
    pub(crate) fn parse(path: &str) -> Self {
        Self(path.split('/').map(str::to_owned).collect())
    }

    /// What stands behind these segments in a longer path, from its `/` on.
    pub(crate) fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let end = path.match_indices('/').nth(self.0.len() - 1)?.0;
        let (front, rest) = path.split_at_checked(end)?;
        self.matches(front).then_some(rest)
    }

    /// Whether a path is one of these. Names match one segment that is not empty.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut segments = path.split('/');
        let fits = |part: &String| {
            segments.next().is_some_and(|segment| if is_name(part) { !segment.is_empty() } else { segment == part })
        };
        self.0.iter().all(fits) && segments.next().is_none()
    }

    /// How many segments are names: of two templates that match, that with fewer is meant.
    pub(crate) fn names(&self) -> usize {
        self.0.iter().filter(|part| is_name(part)).count()
    }

    fn values<'a>(&'a self, path: &'a str) -> Vec<(&'a str, &'a str)> {
        let pairs = self.0.iter().zip(path.split('/')).filter(|(part, _)| is_name(part));
        pairs.map(|(part, segment)| (part.trim_matches(['{', '}']), segment)).collect()
    }
}

fn is_name(part: &str) -> bool {
    part.starts_with('{') && part.ends_with('}')
}

/// Names and values of a query.
fn queries(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}
