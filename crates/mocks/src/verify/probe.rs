//! How a check is made, and which answers it accepts.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::check::{Check, Checked, Outcome};
use super::message::{Maker, Message};
use super::receiver::Reply;

/// A check, how to make its messages, and which answer to the last of them is accepted.
pub(super) struct Probe {
    pub(super) check: Check,
    pub(super) make: fn(&Maker<'_>) -> Vec<Message>,
    pub(super) accepts: fn(&Reply, &Message) -> bool,
}

impl Probe {
    /// Judges the reply to the last message. Nothing is said of one that did not come in time: another check covers that.
    pub(super) fn judge(&'static self, reply: &Reply, message: &Message) -> Checked {
        let (outcome, took) = match reply {
            Reply::TooLate => (Outcome::Skipped, Duration::ZERO),
            Reply::Answer { took, .. } => (self.outcome(reply, message), *took),
            Reply::Cut(_) | Reply::NotConnected(_) => (self.outcome(reply, message), Duration::ZERO),
        };
        Checked { check: &self.check, got: reply.shown(), outcome, took }
    }

    fn outcome(&self, reply: &Reply, message: &Message) -> Outcome {
        if (self.accepts)(reply, message) { Outcome::Passed } else { Outcome::Failed }
    }
}

fn status(reply: &Reply) -> Option<StatusCode> {
    match reply {
        Reply::Answer { status, .. } => Some(*status),
        Reply::TooLate | Reply::Cut(_) | Reply::NotConnected(_) => None,
    }
}

pub(super) fn takes(reply: &Reply, _: &Message) -> bool {
    status(reply).is_some_and(|status| status.is_success())
}

pub(super) fn refuses(reply: &Reply, _: &Message) -> bool {
    status(reply).is_some_and(|status| status.is_client_error())
}

pub(super) fn takes_or_refuses(reply: &Reply, message: &Message) -> bool {
    takes(reply, message) || refuses(reply, message)
}

/// A server may stop reading, which its client can notice before the answer.
pub(super) fn takes_refuses_or_hangs_up(reply: &Reply, message: &Message) -> bool {
    takes_or_refuses(reply, message) || matches!(reply, Reply::Cut(_))
}

pub(super) fn is_challenge(reply: &Reply, message: &Message) -> bool {
    match reply {
        Reply::Answer { status, body, .. } => {
            *status == StatusCode::OK && message.challenge.as_ref().is_some_and(|wanted| wanted.as_bytes() == body)
        }
        Reply::TooLate | Reply::Cut(_) | Reply::NotConnected(_) => false,
    }
}

pub(super) fn has_length(reply: &Reply, _: &Message) -> bool {
    matches!(reply, Reply::Answer { headers, .. } if headers.contains_key(CONTENT_LENGTH))
}

pub(super) fn is_text(reply: &Reply, _: &Message) -> bool {
    let is_text =
        |kind: &str| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/plain"));
    match reply {
        Reply::Answer { headers, .. } => {
            headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(is_text)
        }
        Reply::TooLate | Reply::Cut(_) | Reply::NotConnected(_) => false,
    }
}
