//! A message of the journal.

use std::borrow::Cow;
use std::time::Duration;

use http::{Method, StatusCode};
use mgm_api_types::mocks::{FaultKind, MessageKind, RequestMatch, Verdict};
use time::OffsetDateTime;

use super::packed::Packed;
use crate::matching::{Facts, Matcher};

/// A message of the journal.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) kind: MessageKind,
    pub(super) at: OffsetDateTime,
    pub(super) method: Method,
    pub(super) message: Packed,
    /// The client, if it does not follow from the message.
    pub(super) owner: Option<Box<str>>,
    pub(super) verdict: Verdict,
    pub(super) fault: Option<FaultKind>,
    pub(super) answer: Option<Answered>,
}

/// The answer to a message; the status is missing if none was sent.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) after: Duration,
    pub(super) status: Option<StatusCode>,
    pub(super) message: Option<Packed>,
}

impl Entry {
    /// How much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        let answer = self.answer.as_ref().and_then(|answer| answer.message.as_ref()).map_or(0, Packed::size);
        size_of::<Self>() + self.message.size() + self.owner.as_ref().map_or(0, |owner| owner.len()) + answer
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        self.answer.as_ref().and_then(|answer| answer.status)
    }

    /// Whether it fits, with what became of it.
    pub(super) fn fits(&self, matcher: &Matcher) -> bool {
        let RequestMatch { kind, status, verdict, since, .. } = matcher.wanted();
        kind.unwrap_or_default() == self.kind
            && since.is_none_or(|since| self.number > since)
            && verdict.is_none_or(|verdict| verdict == self.verdict)
            && status.is_none_or(|wanted| self.status().is_some_and(|status| status.as_u16() == wanted))
            && matcher.fits(self)
    }
}

impl Facts for Entry {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn path(&self) -> &str {
        self.message.path()
    }

    fn query(&self) -> Option<&str> {
        self.message.query()
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.message.header(name)
    }

    fn body(&self) -> &[u8] {
        self.message.body()
    }

    fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }
}
