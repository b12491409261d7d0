//! Why a call in the broadcaster's name did not come about, or came to nothing.

use mgm_twitch::helix::CallError;

use super::lease::LeaseOver;

/// There is no token to make a call with. Says which setting, and never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenTrouble {
    /// The settings are missing.
    #[error("Twitch__HelixClientId or Twitch__BroadcasterAccessToken is not set")]
    NotSet,
    /// Twitch does not renew the token either.
    #[error(
        "Twitch no longer accepts Twitch__BroadcasterAccessToken and refuses Twitch__BroadcasterRefreshToken ({0}): \
         authorise the application again and set both anew"
    )]
    Refused(String),
    /// The token service could not be asked about the token, or for another; that may work later.
    #[error("the token service cannot be used just now: {0}")]
    Unavailable(String),
}

/// A message that was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no token to send it with.
    #[error(transparent)]
    Token(#[from] TokenTrouble),
    /// Too little was left of the lease to begin.
    #[error(transparent)]
    LeaseOver(#[from] LeaseOver),
}

/// A question that Helix has not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] TokenTrouble),
    /// Helix said neither yes nor no.
    #[error(transparent)]
    Call(#[from] CallError),
}
