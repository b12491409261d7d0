use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"code": "not_in_pool", "message": "the viewer is not in the pool", "details": {}}))]
pub struct ErrorBody {
    /// The problem, stable and for programs: an [`ErrorCode`] as text, so that a client can also read codes that it does
    /// not know.
    #[schema(value_type = ErrorCode)]
    pub code: String,
    /// The problem, for people.
    pub message: String,
    /// Details; empty for most codes. 5xx carries `correlationId`, the request's id.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

/// Declares the codes, each with its text and its meaning, which is also its documentation.
macro_rules! error_codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $code:literal),+ $(,)?) => {
        /// The kind of problem.
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

            /// The meaning, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim_ascii()),+ }
            }
        }
    };
}

error_codes! {
    /// The request does not have the documented shape.
    InvalidPayload = "invalid_payload",
    /// The text is not a character name, or not the payout's.
    InvalidCharacterName = "invalid_character_name",
    /// The verification does not match the cycle: unknown, not drawn, too late, or with another name.
    OutOfSequence = "out_of_sequence",
    /// The viewer is not in the pool.
    NotInPool = "not_in_pool",
    /// The key, the token or the signature is missing or not valid.
    Unauthorized = "unauthorized",
    /// The desktop key is wrong.
    ForbiddenApikey = "forbidden_apikey",
    /// The token does not say who the viewer is.
    IdentityNotShared = "identity_not_shared",
    /// The token or the request is for another broadcaster's channel.
    WrongChannel = "wrong_channel",
    /// Only subscribers of the channel take part.
    NotSubscriber = "not_subscriber",
    /// The message's timestamp is more than 10 minutes off.
    StaleMessage = "stale_message",
    /// What the request is about does not exist.
    NotFound = "not_found",
    /// No candidate waits for verification.
    NoCandidate = "no_candidate",
    /// The address does not support this method.
    MethodNotAllowed = "method_not_allowed",
    /// Another viewer is in the pool with this character name.
    CharacterNameTakenInPool = "character_name_taken_in_pool",
    /// The viewer has a payout that is `Pending` or `InProgress`.
    ActivePayoutExists = "active_payout_exists",
    /// The viewer has received all the gold that one viewer can receive.
    LifetimeCapReached = "lifetime_cap_reached",
    /// The enrolment request id belongs to another viewer.
    DuplicateEnrollment = "duplicate_enrollment",
    /// The viewer has already had a gift; each viewer gets one.
    GiftAlreadyUsed = "gift_already_used",
    /// The viewer has an open request for a gift.
    GiftRequestActive = "gift_request_active",
    /// The payout cannot change to that status.
    TerminalStatusChangeNotAllowed = "terminal_status_change_not_allowed",
    /// The state does not allow this.
    InvalidState = "invalid_state",
    /// The body is too long.
    PayloadTooLarge = "payload_too_large",
    /// The body's type is not declared as JSON.
    UnsupportedMediaType = "unsupported_media_type",
    /// Too many requests; `Retry-After` says when to try again.
    RateLimited = "rate_limited",
    /// A defect on our side; the log has it under the request's id.
    InternalError = "internal_error",
    /// Twitch cannot say whether the viewer subscribes to the channel; try again.
    HelixUnavailable = "helix_unavailable",
    /// The service cannot do this right now, for example because the database is away; try again.
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
