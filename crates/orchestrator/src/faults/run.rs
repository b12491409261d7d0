//! A run under faults.

use std::cell::RefCell;
use std::time::Instant;

use mgm_twitch::eventsub::SigningSecret;

use super::fleet::Fleet;
use super::ledger::Ledger;
use crate::http::Endpoint;

/// A run: the services that everybody talks to, and the findings.
pub(crate) struct FaultRun<'a> {
    pub(crate) fleet: &'a Fleet<'a>,
    pub(crate) jwt: Endpoint,
    pub(crate) helix: Endpoint,
    pub(crate) api_key: secrecy::SecretString,
    pub(crate) broadcaster_id: String,
    pub(crate) event_sub_secret: Option<SigningSecret>,
    pub(crate) ledger: RefCell<Ledger>,
    /// When the players stop beginning new things. They finish what they have begun.
    pub(crate) until: Instant,
}
