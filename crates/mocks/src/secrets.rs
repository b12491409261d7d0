//! Secrets in messages, which are never shown: a fingerprint tells one from another.

use std::borrow::Cow;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION, SET_COOKIE};
use mgm_api_types::API_KEY_HEADER;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

/// The secret parameters of the token service, in a JSON body as in a query.
const PARAMETERS: [&str; 7] =
    ["access_token", "client_secret", "code", "device_code", "id_token", "refresh_token", "token"];

/// The secret of an EventSub subscription, in a JSON body.
const SUBSCRIPTION_SECRET: &str = "/transport/secret";

/// The secret fields of answers, at any depth.
const ISSUED: [&str; 5] = ["access_token", "device_code", "id_token", "refresh_token", "secret"];

/// A field of the secrets of an Extension, whose `content` is secret.
const OF_EXTENSION_SECRET: &str = "active_at";

/// Parts of names of headers with secrets.
const HEADERS: [&str; 5] = ["api-key", "apikey", "password", "secret", "token"];

/// Stands for a secret.
const NOT_SHOWN: &str = "(not shown)";

/// The beginning of a secret's SHA-256, as eight hexadecimal digits.
pub(crate) fn fingerprint(secret: &str) -> String {
    Sha256::digest(secret.trim().as_bytes()).iter().take(4).fold(String::with_capacity(8), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    })
}

/// A header's value as it is shown.
pub(crate) fn header(name: &str, value: &str) -> String {
    if [AUTHORIZATION, PROXY_AUTHORIZATION].iter().any(|other| other == name) {
        return match value.split_once(' ') {
            Some((scheme, secret)) => format!("{scheme} (…{})", fingerprint(secret)),
            None => format!("(…{})", fingerprint(value)),
        };
    }
    if name == LOCATION {
        return address(value);
    }
    let is_secret = [COOKIE, SET_COOKIE, HeaderName::from_static(API_KEY_HEADER)].iter().any(|other| other == name)
        || HEADERS.iter().any(|part| name.contains(part));
    if is_secret { format!("(…{})", fingerprint(value)) } else { value.to_owned() }
}

/// An address without the secrets of its query and of its fragment.
fn address(value: &str) -> String {
    let (rest, fragment) = value.split_once('#').map_or((value, None), |(rest, fragment)| (rest, Some(fragment)));
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let query = query.map(|query| format!("?{}", form(query))).unwrap_or_default();
    let fragment = fragment.map(|fragment| format!("#{}", form(fragment))).unwrap_or_default();
    format!("{place}{query}{fragment}")
}

/// A query or a form as it was sent, but for the values of secrets.
pub(crate) fn form(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if is_secret(name) && !value.is_empty() => format!("{name}={NOT_SHOWN}"),
        Some(_) | None => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// Whether a name, which may be percent-encoded, is of a secret parameter.
fn is_secret(name: &str) -> bool {
    let name = form_urlencoded::parse(name.as_bytes()).next().map_or(Cow::Borrowed(""), |(name, _)| name);
    PARAMETERS.contains(&&*name)
}

/// Hides the secrets of a request's body.
pub(crate) fn hide_sent(body: &mut Value) {
    if let Some(secret) = body.pointer_mut(SUBSCRIPTION_SECRET) {
        *secret = NOT_SHOWN.into();
    }
    for name in PARAMETERS {
        if let Some(secret) = body.get_mut(name) {
            *secret = NOT_SHOWN.into();
        }
    }
}

/// Hides the secrets of an answer's body.
pub(crate) fn hide_issued(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            let is_extension_secret = fields.contains_key(OF_EXTENSION_SECRET);
            for (name, value) in fields {
                let is_secret = ISSUED.contains(&name.as_str()) || (is_extension_secret && name == "content");
                if is_secret && value.is_string() {
                    *value = NOT_SHOWN.into();
                } else {
                    hide_issued(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide_issued),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_in_a_query_are_not_shown_and_the_rest_is_as_it_was_sent() {
        let query = "client_id=a%20b&client_secret=hush&client%5Fsecret=hush&code=hush&token=&x&user_id=token";
        assert_eq!(
            form(query),
            "client_id=a%20b&client_secret=(not shown)&client%5Fsecret=(not shown)&code=(not shown)&token=&x&user_id=token"
        );
    }

    #[test]
    fn a_secret_header_keeps_its_scheme_and_a_fingerprint() {
        // The beginning of `printf hush | sha256sum`.
        for (name, value, shown) in [
            ("authorization", "Bearer hush", "Bearer (…dc8331bc)"),
            ("authorization", "hush", "(…dc8331bc)"),
            ("cookie", "hush", "(…dc8331bc)"),
            ("x-mgm-apikey", "hush", "(…dc8331bc)"),
            ("x-api-key", "hush", "(…dc8331bc)"),
            ("client-id", "app", "app"),
            (
                "location",
                "http://a/b?code=hush&state=s#access_token=hush",
                "http://a/b?code=(not shown)&state=s#access_token=(not shown)",
            ),
        ] {
            assert_eq!(header(name, value), shown, "{name}: {value}");
        }
        assert_ne!(fingerprint("hush"), fingerprint("hush2"));
    }

    #[test]
    fn the_secrets_of_bodies_are_not_shown() {
        let mut sent = json!({"client_secret": "hush", "client_id": "a", "transport": {"secret": "hush"}});
        hide_sent(&mut sent);
        assert_eq!(sent, json!({"client_secret": NOT_SHOWN, "client_id": "a", "transport": {"secret": NOT_SHOWN}}));
        let mut issued = json!({"access_token": "hush", "scope": ["a"], "data": [{"secrets": [{"content": "hush", "active_at": "now"}]}, {"content": "text"}]});
        hide_issued(&mut issued);
        assert_eq!(
            issued,
            json!({
                "access_token": NOT_SHOWN, "scope": ["a"],
                "data": [{"secrets": [{"content": NOT_SHOWN, "active_at": "now"}]}, {"content": "text"}],
            })
        );
    }
}
