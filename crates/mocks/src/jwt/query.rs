//! The parameters of a request for a token.

use url::form_urlencoded;

use crate::error::Refusal;

/// The longest id or name, in bytes, that the backend accepts.
const LONGEST: usize = 256;

/// The parameters, in their order.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(query: Option<String>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// Whether a parameter is given at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// The parameter; `None` if it is blank or missing.
    pub(super) fn one(&self, name: &str) -> Result<Option<String>, Refusal> {
        let mut values = self.0.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.clone()).filter(|value| !value.trim().is_empty());
        if values.next().is_some() {
            return Err(Refusal::invalid(format!("{name} must be given once")));
        }
        value.map(|value| checked(name, value)).transpose()
    }

    /// All values of the parameter; `None` if it is not given.
    pub(super) fn all(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        if !self.has(name) {
            return Ok(None);
        }
        let values = self.0.iter().filter(|(other, value)| other == name && !value.is_empty());
        values.map(|(_, value)| checked(name, value.clone())).collect::<Result<_, _>>().map(Some)
    }

    /// A flag, if it is given.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let malformed = |_| Refusal::invalid(format!("{name} is true or false"));
        self.one(name)?.map(|text| text.parse().map_err(malformed)).transpose()
    }
}

fn checked(name: &str, value: String) -> Result<String, Refusal> {
    if value.len() > LONGEST || value.contains(char::is_control) {
        return Err(Refusal::invalid(format!("{name} must have at most {LONGEST} bytes, and no control characters")));
    }
    Ok(value)
}
