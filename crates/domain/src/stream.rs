//! Streams of events: how events are stored, and what folds them.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// An event as it is written down: an enum with `#[serde(tag = "type", content = "data")]`.
pub trait StreamEvent: Serialize + DeserializeOwned {
    /// The version of the stored form.
    const VERSION: i16;

    /// The stored form: the type's name and its data.
    ///
    /// # Panics
    ///
    /// Never: every field is representable in JSON.
    #[must_use]
    fn encode(&self) -> (String, Value) {
        let mut written = serde_json::to_value(self).expect("every field of an event is representable in JSON");
        let event_type = written["type"].as_str().expect("an event is written with its type").to_owned();
        (event_type, written["data"].take())
    }

    /// Reads the stored form back.
    fn decode(event_type: &str, version: i16, data: &Value) -> Result<Self, DecodeError> {
        if version != Self::VERSION {
            return Err(DecodeError::UnknownVersion {
                event_type: event_type.to_owned(),
                version,
                known: Self::VERSION,
            });
        }
        serde_json::from_value(json!({ "type": event_type, "data": data }))
            .map_err(|source| DecodeError::Malformed { event_type: event_type.to_owned(), source })
    }
}

/// The state that the events of one stream fold into.
///
/// Only [`Aggregate::transition`] decides what may follow what: the fold and the check both use it, so that neither can
/// accept what the other refuses.
pub trait Aggregate: Sized {
    /// The kind of the stream, as stored.
    const KIND: &'static str;
    /// The type of its events.
    type Event: StreamEvent;

    /// The state after one more event, or that the event cannot be the next. `None` is the state before the first.
    fn transition(state: Option<&Self>, event: &Self::Event) -> Result<Self, ImpossibleEvent>;

    /// Applies one event to the state. An event that cannot follow changes nothing.
    fn apply(state: &mut Option<Self>, event: &Self::Event) -> Result<(), ImpossibleEvent> {
        *state = Some(Self::transition(state.as_ref(), event)?);
        Ok(())
    }

    /// Whether the event can be the next of the stream. `decide` makes no others.
    #[must_use]
    fn may_be_next(state: Option<&Self>, event: &Self::Event) -> bool {
        Self::transition(state, event).is_ok()
    }
}

/// An event that cannot follow those before it. Never folded, since the result would be a state that the rules do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event_type} cannot follow where the {kind} is {state}")]
pub struct ImpossibleEvent {
    /// The kind of the stream.
    pub kind: &'static str,
    /// The event's type.
    pub event_type: &'static str,
    /// The state before it, by name.
    pub state: String,
}

/// An event that cannot be read back. Never skipped: a fold that leaves one out is wrong.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error("event type {event_type:?} has version {version}, this program knows version {known}")]
    UnknownVersion {
        /// The event's type.
        event_type: String,
        /// Its version.
        version: i16,
        /// The version known here.
        known: i16,
    },
    /// Of an unknown type, or with other fields than its type has.
    #[error("event type {event_type:?} cannot be read: {source}")]
    Malformed {
        /// The event's type.
        event_type: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
