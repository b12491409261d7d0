use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"code": "not_in_pool", "message": "the viewer is not in the pool", "details": {}}))]
pub struct ErrorBody {
    /// What is wrong, stable and for programs: an [`ErrorCode`] as text, so that a client can read codes that it does
    /// not know.
    #[schema(value_type = ErrorCode)]
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// More about it; empty for most codes. 5xx carries `correlationId`, the request's id.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

/// Declares the codes, each with its text and its meaning, which is its documentation too.
macro_rules! error_codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $code:literal),+ $(,)?) => {
        /// What is wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[doc = $meaning])+ $variant),+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim_ascii()),+ }
            }
        }
    };
}

error_codes! {
    /// The request is not of the documented shape.
    InvalidPayload = "invalid_payload",
    /// The text is no character name, or not the payout's.
    InvalidCharacterName = "invalid_character_name",
    /// The verification does not fit the cycle: unknown, not drawn, too late, or of another name.
    OutOfSequence = "out_of_sequence",
    /// The viewer is not in the pool.
    NotInPool = "not_in_pool",
    /// The key, the token or the signature is missing, or is not valid.
    Unauthorized = "unauthorized",
    /// The desktop key is not ours.
    ForbiddenApikey = "forbidden_apikey",
    /// The token does not say who the viewer is.
    IdentityNotShared = "identity_not_shared",
    /// The token, or the request, is of another broadcaster's channel.
    WrongChannel = "wrong_channel",
    /// Only subscribers of the channel take part.
    NotSubscriber = "not_subscriber",
    /// The message is older or newer than 10 minutes.
    StaleMessage = "stale_message",
    /// There is no such thing.
    NotFound = "not_found",
    /// No candidate waits for verification.
    NoCandidate = "no_candidate",
    /// The address does not take this method.
    MethodNotAllowed = "method_not_allowed",
    /// Another viewer is in the pool with this character name.
    CharacterNameTakenInPool = "character_name_taken_in_pool",
    /// The viewer has a payout that is `Pending` or `InProgress`.
    ActivePayoutExists = "active_payout_exists",
    /// The viewer has received all the gold that one viewer can receive.
    LifetimeCapReached = "lifetime_cap_reached",
    /// The enrolment request id belongs to another viewer.
    DuplicateEnrollment = "duplicate_enrollment",
    /// The viewer has had a gift already; there is one a viewer.
    GiftAlreadyUsed = "gift_already_used",
    /// The viewer has an open request for a gift.
    GiftRequestActive = "gift_request_active",
    /// The payout cannot change to that status.
    TerminalStatusChangeNotAllowed = "terminal_status_change_not_allowed",
    /// The state does not allow this.
    InvalidState = "invalid_state",
    /// The body is too long.
    PayloadTooLarge = "payload_too_large",
    /// The body is not declared to be JSON.
    UnsupportedMediaType = "unsupported_media_type",
    /// Too many requests; `Retry-After` says when to come again.
    RateLimited = "rate_limited",
    /// A defect on our side; the log has it under the request's id.
    InternalError = "internal_error",
    /// Twitch cannot say whether the viewer subscribes; worth trying again.
    HelixUnavailable = "helix_unavailable",
    /// The service cannot do this just now, as when the database is away; worth trying again.
    Unavailable = "unavailable",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_called() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!(code.meaning().ends_with(|last: char| last.is_ascii_lowercase() || last == '.'), "{code:?}");
        }
    }
}
