//! Why a gift request comes to nothing.

use serde::{Deserialize, Serialize};

/// Why a gift request failed. Stored as its code; any other text is the desktop program's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FailureReason {
    /// Twitch says that the viewer does not subscribe to the channel.
    NotSubscriber,
    /// Twitch did not say in time whether the viewer subscribes to the channel.
    VerificationTimeout,
    /// No item was selected in time.
    SelectionTimeout,
    /// The receiver did not confirm in time.
    ConfirmationTimeout,
    /// The receiver does not want it.
    ReceiverDeclined,
    /// The desktop program's reason.
    Desktop(String),
}

impl FailureReason {
    const OF_THE_RULES: [Self; 5] = [
        Self::NotSubscriber,
        Self::VerificationTimeout,
        Self::SelectionTimeout,
        Self::ConfirmationTimeout,
        Self::ReceiverDeclined,
    ];

    /// The stable code, or the desktop program's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NotSubscriber => "not_subscriber",
            Self::VerificationTimeout => "verification_timeout",
            Self::SelectionTimeout => "selection_timeout",
            Self::ConfirmationTimeout => "confirmation_timeout",
            Self::ReceiverDeclined => "receiver_declined",
            Self::Desktop(text) => text,
        }
    }
}

impl From<String> for FailureReason {
    fn from(text: String) -> Self {
        Self::OF_THE_RULES.into_iter().find(|reason| reason.as_str() == text).unwrap_or(Self::Desktop(text))
    }
}

impl From<FailureReason> for String {
    fn from(reason: FailureReason) -> Self {
        reason.as_str().to_owned()
    }
}
