//! Errors while maintaining the chat subscription, and whether they may pass by themselves.

use mgm_store::StoreError;
use mgm_twitch::{
    helix::{CHAT_SUBSCRIPTION_SCOPES, CallError},
    oauth::TokenError,
};
use time::OffsetDateTime;

use crate::text::printable;

/// The longest reason stored, in characters.
const MAX_REASON: usize = 300;

/// Why a check failed.
#[derive(Debug)]
pub(super) enum Fault {
    Store(StoreError),
    /// Another process has the lease by now, or a revocation arrived in between.
    Overtaken,
    /// May pass by itself.
    Passing {
        reason: String,
        not_before: Option<OffsetDateTime>,
    },
    /// Will hardly pass without a person's help.
    Refused {
        reason: String,
    },
}

impl Fault {
    pub(super) const fn passing(reason: String) -> Self {
        Self::Passing { reason, not_before: None }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<TokenError> for Fault {
    fn from(error: TokenError) -> Self {
        let said = printable(&error.to_string(), MAX_REASON);
        match error {
            TokenError::Refused { .. } => Self::Refused {
                reason: format!("{said}; are Twitch__HelixClientId and Twitch__HelixClientSecret right?"),
            },
            TokenError::Unavailable(_) => Self::passing(said),
        }
    }
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        let said = printable(&error.to_string(), MAX_REASON);
        match error {
            CallError::Unreachable(_) | CallError::OddAnswer | CallError::Refused { status: 500.., .. } => {
                Self::passing(said)
            }
            CallError::RateLimited { reset } => Self::Passing { reason: said, not_before: reset },
            CallError::Refused { status: 401, .. } => Self::Refused {
                reason: format!("{said}; does Twitch__HelixClientId belong to Twitch__HelixClientSecret?"),
            },
            CallError::Refused { status: 403, .. } => Self::Refused {
                reason: format!(
                    "{said}; has the broadcaster authorised the application with the scopes {}?",
                    CHAT_SUBSCRIPTION_SCOPES.join(", ")
                ),
            },
            CallError::Refused { .. } => Self::Refused { reason: said },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_settings_to_look_at() {
        let refused = |status| CallError::Refused { status, message: Some("no".to_owned()) };
        for (fault, name) in [
            (Fault::from(refused(401)), "Twitch__HelixClientSecret"),
            (Fault::from(refused(403)), "user:read:chat"),
            (Fault::from(refused(400)), "400: no"),
            (Fault::from(TokenError::Refused { status: 403, message: None }), "Twitch__HelixClientSecret"),
        ] {
            assert!(matches!(&fault, Fault::Refused { reason } if reason.contains(name)), "{fault:?}");
        }
        for fault in [
            Fault::from(refused(503)),
            Fault::from(CallError::Unreachable(String::new())),
            Fault::from(TokenError::Unavailable(String::new())),
        ] {
            assert!(matches!(fault, Fault::Passing { .. }), "{fault:?}");
        }
    }
}
