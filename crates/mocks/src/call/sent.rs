//! The chat messages that count as sent, and who sent them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use mgm_api_types::mocks::{LastRequest, SentMessages};
use serde_json::{Map, Value};

use super::headers::{CLIENT_ID, text};
use crate::matching::Matcher;
use crate::secrets;

/// How many texts are kept, and how many bytes of them.
const CAPACITY: usize = 10_000;
const MAX_BYTES: usize = 1024 * 1024;
/// How many requests are kept, one for each caller.
const CALLERS: usize = 100;

/// The chat messages that count as sent.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    total: u64,
    bytes: usize,
    said: VecDeque<Said>,
    /// The last request of each caller, oldest first.
    last: Vec<Last>,
}

#[derive(Debug)]
struct Said {
    text: Box<str>,
    caller: Arc<Caller>,
}

#[derive(Debug)]
struct Last {
    request: LastRequest,
    caller: Arc<Caller>,
}

/// The client, and the fingerprint of its token.
#[derive(Debug, Eq, PartialEq)]
struct Caller {
    client_id: String,
    fingerprint: String,
}

impl Caller {
    fn is_one_of(&self, wanted: Option<&Matcher>) -> bool {
        wanted.is_none_or(|wanted| wanted.is_of(Some(&self.client_id), Some(&self.fingerprint)))
    }
}

impl Said {
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }
}

impl Sent {
    fn log(&self) -> MutexGuard<'_, Log> {
        // No panic can leave a change incomplete.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message, the text that is shown of it, and the request that sent it.
    pub(crate) fn add(&self, headers: &HeaderMap, text_shown: &str, message: Map<String, Value>) {
        let (authorization, client_id) = (text(headers, AUTHORIZATION.as_str()), text(headers, CLIENT_ID));
        let token = authorization.split_once(' ').map_or(&*authorization, |(_, token)| token);
        let caller = Caller { client_id: client_id.clone(), fingerprint: secrets::fingerprint(token) };
        let request = LastRequest {
            captured: true,
            body: Some(message.into()),
            authorization_header: Some(authorization),
            client_id_header: Some(client_id),
        };
        let mut log = self.log();
        let known = log.last.iter().position(|last| *last.caller == caller);
        let caller = known.map_or_else(|| Arc::new(caller), |place| log.last.remove(place).caller);
        if log.last.len() == CALLERS {
            log.last.remove(0);
        }
        log.last.push(Last { request, caller: Arc::clone(&caller) });
        log.total += 1;
        let said = Said { text: text_shown.into(), caller };
        log.bytes += said.size();
        log.said.push_back(said);
        while log.said.len() > CAPACITY || (log.bytes > MAX_BYTES && log.said.len() > 1) {
            let Some(oldest) = log.said.pop_front() else { break };
            log.bytes -= oldest.size();
        }
    }

    /// The texts, of all callers or of one. The total of one caller is that of the kept texts.
    pub(crate) fn messages(&self, caller: Option<&Matcher>) -> SentMessages {
        let log = self.log();
        let messages: Vec<_> = log
            .said
            .iter()
            .filter(|said| said.caller.is_one_of(caller))
            .map(|said| String::from(&*said.text))
            .collect();
        let kept = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        SentMessages { total: if caller.is_some() { kept } else { log.total }, messages }
    }

    /// The last request, of any caller or of one.
    pub(crate) fn last_request(&self, caller: Option<&Matcher>) -> LastRequest {
        let log = self.log();
        let last = log.last.iter().rev().find(|last| last.caller.is_one_of(caller));
        last.map(|last| last.request.clone()).unwrap_or_default()
    }

    /// Forgets everything, or what one caller sent.
    pub(crate) fn forget(&self, caller: Option<&Matcher>) {
        let mut log = self.log();
        let Some(caller) = caller else {
            *log = Log::default();
            return;
        };
        let Log { total, bytes, said, last } = &mut *log;
        said.retain(|one| {
            let is_theirs = one.caller.is_one_of(Some(caller));
            if is_theirs {
                *total -= 1;
                *bytes -= one.size();
            }
            !is_theirs
        });
        last.retain(|one| !one.caller.is_one_of(Some(caller)));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn add(sent: &Sent, client: &str, text: &str) {
        let mut headers = HeaderMap::new();
        headers.insert("client-id", client.parse().unwrap());
        headers.insert(AUTHORIZATION, format!("Bearer token-of-{client}").parse().unwrap());
        sent.add(&headers, text, Map::from_iter([("message".to_owned(), json!(text))]));
    }

    fn of(client: &str) -> Matcher {
        crate::matching::caller_of(Some(&format!("client_id={client}"))).unwrap().unwrap()
    }

    #[test]
    fn each_caller_can_see_and_forget_what_is_theirs() {
        let sent = Sent::default();
        for (client, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
            add(&sent, client, text);
        }
        assert_eq!(sent.messages(Some(&of("a"))).messages, ["1", "3"]);
        assert_eq!(sent.last_request(Some(&of("b"))).body, Some(json!({"message": "2"})));
        assert_eq!(sent.last_request(None).body, Some(json!({"message": "3"})));
        sent.forget(Some(&of("a")));
        assert_eq!(sent.messages(None), SentMessages { total: 1, messages: vec!["2".to_owned()] });
        assert!(!sent.last_request(Some(&of("a"))).captured);
        sent.forget(None);
        assert_eq!(sent.messages(None), SentMessages::default());
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_bytes() {
        let sent = Sent::default();
        for number in 0..CAPACITY + 3 {
            add(&sent, "a", &number.to_string());
        }
        let shown = sent.messages(None);
        assert_eq!((shown.total, shown.messages.len(), shown.messages[0].as_str()), (10_003, CAPACITY, "3"));
        let long = "x".repeat(MAX_BYTES / 2);
        for _ in 0..5 {
            add(&sent, "a", &long);
        }
        assert_eq!(sent.messages(None).messages.len(), 1);
        let kept = sent.log();
        assert_eq!(kept.bytes, kept.said[0].size());
    }
}
