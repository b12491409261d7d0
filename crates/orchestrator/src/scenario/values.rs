//! The values to which the texts of a scenario refer.

use std::collections::BTreeMap;

use mgm_system::{Clock as _, RandomSource, SystemClock};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;

/// What stays as it is in a path or a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Values by name. Besides, `${uuid}` is a new UUID each time, `${now}` the time in RFC 3339, and
/// `${nothing}` is null.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<String, Value>);

/// A text refers to a value that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("the scenario refers to ${{{0}}}, which is not known here")]
pub struct Unknown(String);

impl Values {
    /// Adds a value, replacing one of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    fn get(&self, name: &str) -> Result<Value, Unknown> {
        match name {
            "uuid" => Ok(RandomSource::from_system().uuid().to_string().into()),
            "nothing" => Ok(Value::Null),
            "now" => Ok(SystemClock.now().format(&Rfc3339).unwrap_or_default().into()),
            _ => self.0.get(name).cloned().ok_or_else(|| Unknown(name.to_owned())),
        }
    }

    /// The text with the values in place of their names.
    pub fn text(&self, text: &str) -> Result<String, Unknown> {
        self.replace(text, |value| value)
    }

    /// The same for a path with a query, in which values are escaped.
    pub fn path(&self, text: &str) -> Result<String, Unknown> {
        self.replace(text, |value| utf8_percent_encode(&value, PLAIN).to_string())
    }

    /// The same for each text in a JSON value. A text that is nothing but a name becomes the value itself.
    pub fn json(&self, value: &Value) -> Result<Value, Unknown> {
        Ok(match value {
            Value::String(text) => match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if !name.contains('$') => self.get(name)?,
                _ => self.text(text)?.into(),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| Ok((name.clone(), self.json(value)?));
                Value::Object(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    fn replace(&self, text: &str, write: impl Fn(String) -> String) -> Result<String, Unknown> {
        let mut written = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').ok_or_else(|| Unknown(after.to_owned()))?;
            written.push_str(before);
            let value = match self.get(name)? {
                Value::String(text) => text,
                other => other.to_string(),
            };
            written.push_str(&write(value));
            rest = behind;
        }
        written.push_str(rest);
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("name", "A b");
        values.set("count", 3);
        values.set("viewer.id", "7");
        values
    }

    #[test]
    fn names_become_values() {
        let values = values();
        assert_eq!(values.text("${name}: ${count}, ${viewer.id}$").unwrap(), "A b: 3, 7$");
        assert_eq!(values.path("/x/${name}?y=${count}").unwrap(), "/x/A%20b?y=3");
        let template = json!({"a": ["${count}", "n${count}"], "b": true});
        assert_eq!(values.json(&template).unwrap(), json!({"a": [3, "n3"], "b": true}));
        assert_ne!(values.text("${uuid}").unwrap(), values.text("${uuid}").unwrap());
    }

    #[test]
    fn an_unknown_name_is_an_error_that_names_it() {
        for text in ["${nobody}", "${nobody", "x${nobody}y"] {
            let error = values().text(text).unwrap_err().to_string();
            assert!(error.contains("nobody"), "{error}");
        }
    }
}
