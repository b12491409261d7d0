//! A run under faults.

use std::cell::RefCell;
use std::time::Instant;

use mgm_twitch::eventsub::SigningSecret;

use super::fleet::Fleet;
use super::ledger::Ledger;
use crate::http::Endpoint;

/// A run: whom everybody talks to, and what they have found out.
pub(crate) struct FaultRun<'a> {
    pub(crate) fleet: &'a Fleet<'a>,
    pub(crate) jwt: Endpoint,
    pub(crate) helix: Endpoint,
    pub(crate) api_key: secrecy::SecretString,
    pub(crate) broadcaster_id: String,
    pub(crate) event_sub_secret: Option<SigningSecret>,
    pub(crate) ledger: RefCell<Ledger>,
    /// When the players stop to begin new things. What is begun they bring to its end.
    pub(crate) until: Instant,
}
