//! What is known of a message.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;

/// The header with the client's id.
const CLIENT_ID: &str = "client-id";

/// The parameters that hold a token, if no header does.
const TOKENS: [&str; 2] = ["token", "refresh_token"];

/// What is known of a message, however it is kept.
pub(crate) trait Facts {
    fn method(&self) -> &str;

    fn path(&self) -> &str;

    fn query(&self) -> Option<&str>;

    /// The value of a header, whose name is in lower case.
    fn header(&self, name: &str) -> Option<Cow<'_, str>>;

    fn body(&self) -> &[u8];

    /// The client, if it does not follow from the message itself.
    fn owner(&self) -> Option<&str> {
        None
    }
}

/// A request that is being answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) body: &'a [u8],
}

impl Facts for Incoming<'_> {
    fn method(&self) -> &str {
        self.head.method.as_str()
    }

    fn path(&self) -> &str {
        self.head.uri.path()
    }

    fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    fn body(&self) -> &[u8] {
        self.body
    }
}

/// The client that a message is of.
pub(crate) fn client_id(of: &impl Facts) -> Option<Cow<'_, str>> {
    let owner = of.owner().map(Cow::Borrowed);
    owner.or_else(|| of.header(CLIENT_ID)).or_else(|| parameter(of, "client_id")).filter(|id| !id.trim().is_empty())
}

/// The token that a message carries.
pub(crate) fn token(of: &impl Facts) -> Option<Cow<'_, str>> {
    let without_scheme = |value: Cow<'_, str>| match value.split_once(' ') {
        Some((_, token)) => token.trim().to_owned(),
        None => value.trim().to_owned(),
    };
    let header = of.header(AUTHORIZATION.as_str()).map(|value| Cow::Owned(without_scheme(value)));
    header.or_else(|| TOKENS.iter().find_map(|name| parameter(of, name))).filter(|token| !token.is_empty())
}

/// A parameter of the query, of a form or of a JSON object.
fn parameter<'a>(of: &'a impl Facts, name: &str) -> Option<Cow<'a, str>> {
    let named = |form: &'a [u8]| {
        let mut pairs = form_urlencoded::parse(form);
        pairs.find(|(other, _)| other == name).map(|(_, value)| value)
    };
    let in_query = of.query().and_then(|query| named(query.as_bytes()));
    in_query.or_else(|| {
        let body = of.body().trim_ascii_start();
        if body.first() != Some(&b'{') {
            return named(body);
        }
        let object: Value = serde_json::from_slice(body).ok()?;
        object.get(name).and_then(Value::as_str).map(|text| text.to_owned().into())
    })
}
