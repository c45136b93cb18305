//! What a schema names: fields of objects, and the words that a text may be.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where a schema is, and what it is called.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    /// The whole document, which references lead into.
    pub(crate) root: &'a Value,
}

impl Fields<'_> {
    /// All that a schema names.
    pub(crate) fn listed(self, schema: &Value, name: &str, found: &mut BTreeSet<String>) {
        self.walk(schema, None, name, found);
    }

    /// What of it a value has.
    pub(crate) fn reached(self, schema: &Value, value: &Value, name: &str, found: &mut BTreeSet<String>) {
        self.walk(schema, Some(value), name, found);
    }

    fn walk(self, schema: &Value, value: Option<&Value>, name: &str, found: &mut BTreeSet<String>) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let (name, target) = (last_of(reference), resolve(self.root, reference));
            // No schema of ours refers to itself.
            if let Some(target) = target {
                self.walk(target, value, name, found);
            }
        }
        for kind in ["allOf", "anyOf"] {
            for part in schema.get(kind).and_then(Value::as_array).into_iter().flatten() {
                self.walk(part, value, name, found);
            }
        }
        for word in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
            if value.is_none_or(|value| value == word) {
                found.insert(format!("{name} = {word}"));
            }
        }
        for (field, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let name = format!("{name}.{field}");
            let part = value.and_then(|value| value.get(field));
            if value.is_none() || part.is_some() {
                self.walk(inner, part, &name, found);
                found.insert(name);
            }
        }
        if let Some(items) = schema.get("items") {
            self.each(items, value, name, found, |value| value.as_array().into_iter().flatten().collect());
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            self.each(values, value, name, found, |value| {
                value.as_object().into_iter().flat_map(|map| map.values()).collect()
            });
        }
    }

    /// The schema of all parts of a value alike.
    fn each(
        self,
        schema: &Value,
        value: Option<&Value>,
        name: &str,
        found: &mut BTreeSet<String>,
        parts: impl Fn(&Value) -> Vec<&Value>,
    ) {
        match value {
            None => self.walk(schema, None, name, found),
            Some(value) => parts(value).into_iter().for_each(|part| self.walk(schema, Some(part), name, found)),
        }
    }
}

/// What a reference such as `#/components/schemas/Task` leads to.
pub(crate) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

fn last_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}
