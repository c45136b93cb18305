use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::Value;

use crate::document::{DocumentError, Reader};
use crate::exchange::Exchange;
use crate::fields::Fields;

/// Headers that say how a message travels, and nothing of what it is (RFC 9110, RFC 9112). The content type is checked
/// with the body.
const FRAMING: [&str; 5] = ["connection", "content-length", "content-type", "date", "transfer-encoding"];

/// An answer as the document describes it: the headers and bodies that it may have.
#[derive(Debug)]
pub(crate) struct Answer {
    headers: BTreeMap<String, Header>,
    bodies: BTreeMap<String, Body>,
}

/// A header of an answer.
#[derive(Debug)]
pub(crate) struct Header {
    is_required: bool,
    value: Text,
}

/// A body of one content type.
#[derive(Debug)]
pub(crate) struct Body {
    schema: Value,
    validator: Validator,
}

/// A value in a header, a path or a query, which is text whatever it stands for.
#[derive(Debug)]
pub(crate) struct Text {
    is_number: bool,
    validator: Validator,
}

impl Answer {
    pub(crate) fn read(reader: Reader<'_>, value: &Value) -> Result<Self, DocumentError> {
        let value = reader.resolved(value)?;
        Ok(Self { headers: Header::read_all(reader, value.get("headers"))?, bodies: Body::read_all(reader, value)? })
    }

    /// What is wrong with an answer, in words. `everywhere` are the headers of every answer.
    pub(crate) fn check(&self, exchange: &Exchange<'_>, everywhere: &BTreeMap<String, Header>) -> Result<(), String> {
        let known = |name: &str| self.headers.get(name).or_else(|| everywhere.get(name));
        for (name, value) in &exchange.headers {
            match known(name) {
                Some(header) => header.value.check(value).map_err(|why| format!("header {name}: {why}"))?,
                None if FRAMING.contains(name) => {}
                None => return Err(format!("the header {name} is not listed")),
            }
        }
        let all = self.headers.iter().chain(everywhere);
        for (name, _) in all.filter(|(_, header)| header.is_required) {
            if exchange.header(name).is_none() {
                return Err(format!("the header {name} is missing"));
            }
        }
        match self.body(exchange)? {
            // A `HEAD` says what a `GET` would have, and has nothing (RFC 9110, section 9.3.2).
            _ if exchange.method == "HEAD" && exchange.body.is_empty() => Ok(()),
            Some((_, body)) => body.check(exchange.header("content-type").unwrap_or_default(), exchange.body),
            None => Ok(()),
        }
    }

    /// The listed content type of an answer, and what is listed of it.
    fn body(&self, exchange: &Exchange<'_>) -> Result<Option<(&String, &Body)>, String> {
        match exchange.header("content-type") {
            Some(media) => match self.bodies.get_key_value(media) {
                Some(body) => Ok(Some(body)),
                None => Err(format!("the content type {media} is not listed")),
            },
            None if exchange.body.is_empty() && self.bodies.is_empty() => Ok(None),
            None => Err("there is no content type".to_owned()),
        }
    }

    /// Names all that is listed here, with this in front.
    pub(crate) fn listed(&self, fields: Fields<'_>, name: &str, found: &mut BTreeSet<String>) {
        found.insert(name.to_owned());
        found.extend(self.headers.keys().map(|header| format!("{name} {header}")));
        for (media, body) in &self.bodies {
            found.insert(format!("{name} {media}"));
            fields.listed(&body.schema, name, found);
        }
    }

    /// Names what of it an answer has.
    pub(crate) fn reached(
        &self,
        fields: Fields<'_>,
        exchange: &Exchange<'_>,
        name: &str,
        found: &mut BTreeSet<String>,
    ) {
        found.insert(name.to_owned());
        let headers = self.headers.keys().filter(|header| exchange.header(header).is_some());
        found.extend(headers.map(|header| format!("{name} {header}")));
        if let Ok(Some((media, body))) = self.body(exchange) {
            found.insert(format!("{name} {media}"));
            body.reached(fields, exchange.body, name, found);
        }
    }
}

impl Header {
    pub(crate) fn read_all(
        reader: Reader<'_>,
        headers: Option<&Value>,
    ) -> Result<BTreeMap<String, Self>, DocumentError> {
        let headers = headers.and_then(Value::as_object).into_iter().flatten();
        headers
            .map(|(name, header)| {
                let header = reader.resolved(header)?;
                let is_required = header.get("required") == Some(&Value::Bool(true));
                Ok((name.to_ascii_lowercase(), Self { is_required, value: Text::read(reader, header)? }))
            })
            .collect()
    }
}

impl Body {
    /// Those of a response or of a request body.
    pub(crate) fn read_all(reader: Reader<'_>, value: &Value) -> Result<BTreeMap<String, Self>, DocumentError> {
        let content = value.get("content").and_then(Value::as_object).into_iter().flatten();
        content
            .map(|(media, value)| {
                let schema = value.get("schema").cloned().unwrap_or(Value::Bool(true));
                let validator = reader.validator(&schema)?;
                Ok((media.clone(), Self { schema, validator }))
            })
            .collect()
    }

    /// What is wrong with bytes of this content type, in words.
    pub(crate) fn check(&self, media: &str, bytes: &[u8]) -> Result<(), String> {
        let Some(value) = self.value(media, bytes)? else { return Ok(()) };
        match self.validator.validate(&value) {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{} at {:?} of {value}", error, error.instance_path().to_string())),
        }
    }

    /// The value that the schema is about; none if it says nothing of these bytes.
    fn value(&self, media: &str, bytes: &[u8]) -> Result<Option<Value>, String> {
        if is_json(media) {
            return serde_json::from_slice(bytes).map(Some).map_err(|error| format!("no JSON: {error}"));
        }
        if media.starts_with("text/") {
            let text = std::str::from_utf8(bytes).map_err(|error| format!("no text: {error}"))?;
            return Ok(Some(text.into()));
        }
        Ok(None)
    }

    pub(crate) fn listed(&self, fields: Fields<'_>, name: &str, found: &mut BTreeSet<String>) {
        fields.listed(&self.schema, name, found);
    }

    pub(crate) fn reached(&self, fields: Fields<'_>, bytes: &[u8], name: &str, found: &mut BTreeSet<String>) {
        if let Ok(value) = serde_json::from_slice(bytes) {
            fields.reached(&self.schema, &value, name, found);
        }
    }
}

impl Text {
    /// That of a header or of a parameter.
    pub(crate) fn read(reader: Reader<'_>, value: &Value) -> Result<Self, DocumentError> {
        let schema = value.get("schema").cloned().unwrap_or(Value::Bool(true));
        let named = reader.resolved(&schema)?;
        let is_number = named.get("type").is_some_and(|kind| kind == "integer");
        Ok(Self { is_number, validator: reader.validator(&schema)? })
    }

    pub(crate) fn check(&self, text: &str) -> Result<(), String> {
        let number = if self.is_number { text.parse::<i64>().ok() } else { None };
        let value = number.map_or_else(|| Value::from(text), Value::from);
        self.validator.validate(&value).map_err(|error| error.to_string())
    }
}

fn is_json(media: &str) -> bool {
    let essence = media.split(';').next().unwrap_or_default().trim();
    essence == "application/json" || essence.ends_with("+json")
}
