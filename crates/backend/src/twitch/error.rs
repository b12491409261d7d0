//! Why a call on behalf of the broadcaster was not made, or failed.

use mgm_twitch::helix::CallError;

use super::lease::LeaseOver;

/// There is no token to make a call with. The text names the setting, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenTrouble {
    /// The settings are missing.
    #[error("Twitch__HelixClientId or Twitch__BroadcasterAccessToken is not set")]
    NotSet,
    /// Twitch refuses to renew the token.
    #[error(
        "Twitch no longer accepts Twitch__BroadcasterAccessToken and refuses Twitch__BroadcasterRefreshToken ({0}): \
         authorise the application again and set both anew"
    )]
    Refused(String),
    /// The token service could not be asked to validate or renew the token; that may work later.
    #[error("the token service cannot be used just now: {0}")]
    Unavailable(String),
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no token to send it with.
    #[error(transparent)]
    Token(#[from] TokenTrouble),
    /// Too little of the lease was left to begin.
    #[error(transparent)]
    LeaseOver(#[from] LeaseOver),
}

/// Why Helix did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] TokenTrouble),
    /// The call failed, so it is neither a yes nor a no.
    #[error(transparent)]
    Call(#[from] CallError),
}
