//! Which messages are meant: by the journal's filters, by assertions, and by faults.

mod facts;
mod matcher;
mod query;

pub(crate) use facts::{Facts, Incoming, client_id, token};
pub(crate) use matcher::Matcher;
pub(crate) use query::{caller_and, caller_of, from_query};
