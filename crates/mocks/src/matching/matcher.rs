//! A test of messages.

use mgm_api_types::mocks::RequestMatch;
use serde_json::Value;

use super::facts::{Facts, client_id, token};
use crate::secrets;

/// A test of messages. It holds no token, only its fingerprint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matcher {
    wanted: RequestMatch,
}

impl Matcher {
    pub(crate) fn new(mut wanted: RequestMatch) -> Self {
        if let Some(token) = wanted.token.take() {
            wanted.token_fingerprint = Some(secrets::fingerprint(&token));
        }
        wanted.headers = wanted.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self { wanted }
    }

    /// What it asks for, without secrets.
    pub(crate) const fn wanted(&self) -> &RequestMatch {
        &self.wanted
    }

    /// Whether something of this client and of the token with this fingerprint is of the wanted ones.
    pub(crate) fn is_of(&self, client: Option<&str>, fingerprint: Option<&str>) -> bool {
        let RequestMatch { client_id, token_fingerprint, .. } = &self.wanted;
        let has_token = |wanted: &str| fingerprint.is_some_and(|fingerprint| fingerprint.eq_ignore_ascii_case(wanted));
        client_id.as_deref().is_none_or(|wanted| client == Some(wanted))
            && token_fingerprint.as_deref().is_none_or(has_token)
    }

    /// Whether the message itself fits; what became of it is not looked at. The cheap tests come first.
    pub(crate) fn fits(&self, message: &impl Facts) -> bool {
        let RequestMatch { method, path, client_id: client, token_fingerprint, message_type, .. } = &self.wanted;
        let RequestMatch { headers, body_contains, json, .. } = &self.wanted;
        let has_header = |name: &str, wanted: &str| message.header(name).is_some_and(|value| value == wanted);
        method.as_ref().is_none_or(|method| message.method().eq_ignore_ascii_case(method))
            && path.as_ref().is_none_or(|path| is_at(path, message.path()))
            && message_type.as_ref().is_none_or(|kind| has_header(mgm_twitch::eventsub::header::MESSAGE_TYPE, kind))
            && headers.iter().all(|(name, value)| has_header(name, value))
            && client.as_ref().is_none_or(|client| client_id(message).is_some_and(|id| id == *client))
            && body_contains.as_ref().is_none_or(|part| contains(message.body(), part.as_bytes()))
            && token_fingerprint.as_ref().is_none_or(|wanted| is_of(message, wanted))
            && (json.is_empty() || {
                let body: Option<Value> = serde_json::from_slice(message.body()).ok();
                body.is_some_and(|body| json.iter().all(|(pointer, value)| has(&body, pointer, value)))
            })
    }
}

fn is_of(message: &impl Facts, wanted: &str) -> bool {
    token(message).is_some_and(|token| secrets::fingerprint(&token).eq_ignore_ascii_case(wanted))
}

fn is_at(wanted: &str, path: &str) -> bool {
    wanted.strip_suffix('*').map_or(path == wanted, |beginning| path.starts_with(beginning))
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

/// Whether the value is there. A query has only texts, so a text also stands for the number or the word that it reads as.
fn has(body: &Value, pointer: &str, wanted: &Value) -> bool {
    let reads_as = |value: &Value| {
        let text = wanted.as_str().filter(|_| !value.is_string());
        text.is_some_and(|text| serde_json::from_str::<Value>(text).is_ok_and(|read| read == *value))
    };
    body.pointer(pointer).is_some_and(|value| value == wanted || reads_as(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::matching::Incoming;

    fn fits(wanted: Value) -> bool {
        let request = http::Request::post("/oauth2/token?x=1").header("Client-Id", "app").header("x-a", "b");
        let (head, ()) = request.header("authorization", "Bearer hush").body(()).unwrap().into_parts();
        let body = br#"{"a": {"b": 1}, "c": "d", "refresh_token": "other"}"#;
        Matcher::new(serde_json::from_value(wanted).unwrap()).fits(&Incoming { head: &head, body })
    }

    #[test]
    fn everything_that_is_given_must_fit() {
        for (wanted, expected) in [
            (json!({}), true),
            (json!({"method": "post", "path": "/oauth2/token"}), true),
            (json!({"method": "GET", "path": "/oauth2/token"}), false),
            (json!({"path": "/oauth2/*"}), true),
            (json!({"path": "/oauth2"}), false),
            (json!({"path": "/helix/*"}), false),
            (json!({"client_id": "app", "headers": {"X-A": "b"}}), true),
            (json!({"client_id": "app", "headers": {"X-A": "c"}}), false),
            (json!({"client_id": "other"}), false),
            (json!({"token": "hush"}), true),
            (json!({"token": "other"}), false),
            (json!({"token_fingerprint": secrets::fingerprint("hush")}), true),
            (json!({"body_contains": "\"d\""}), true),
            (json!({"body_contains": "\"e\""}), false),
            (json!({"json": {"/a/b": 1, "/c": "d"}}), true),
            (json!({"json": {"/a/b": "1"}}), true),
            (json!({"json": {"/a/b": 2}}), false),
            (json!({"json": {"/a/x": 1}}), false),
            (json!({"message_type": "notification"}), false),
        ] {
            assert_eq!(fits(wanted.clone()), expected, "{wanted}");
        }
    }

    #[test]
    fn a_client_and_a_token_are_also_found_in_parameters() {
        for (query, body) in [
            ("?client_id=app&token=hush", ""),
            ("", "client_id=app&refresh_token=hush"),
            ("", r#" {"client_id": "app", "token": "hush"}"#),
        ] {
            let (head, ()) = http::Request::post(format!("/{query}")).body(()).unwrap().into_parts();
            let message = Incoming { head: &head, body: body.as_bytes() };
            assert_eq!(client_id(&message).as_deref(), Some("app"), "{query} {body}");
            assert_eq!(token(&message).as_deref(), Some("hush"), "{query} {body}");
        }
    }

    #[test]
    fn a_token_is_not_kept() {
        let wanted: RequestMatch = serde_json::from_value(json!({"token": "hush"})).unwrap();
        assert!(!format!("{:?}", Matcher::new(wanted)).contains("hush"));
    }
}
