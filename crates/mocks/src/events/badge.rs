//! Chat badges (<https://dev.twitch.tv/docs/eventsub/eventsub-reference/#channel-chat-message-event>).

use serde::{Deserialize, Serialize};

use crate::world::State;

/// A badge as Twitch shows it.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Badge {
    pub(crate) set_id: String,
    #[serde(default = "first")]
    pub(crate) id: String,
    /// The months, for subscribers.
    #[serde(default)]
    pub(crate) info: String,
}

/// A badge, or only its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum WantedBadge {
    Name(String),
    Whole(Badge),
}

fn first() -> String {
    "1".to_owned()
}

impl Badge {
    /// A badge of the first kind of a set, for one month.
    fn named(set_id: &str) -> Self {
        let info = if matches!(set_id, "subscriber" | "founder") { "1" } else { "" };
        Self { set_id: set_id.to_owned(), id: first(), info: info.to_owned() }
    }
}

impl From<WantedBadge> for Badge {
    fn from(wanted: WantedBadge) -> Self {
        match wanted {
            WantedBadge::Name(name) => Self::named(&name),
            WantedBadge::Whole(badge) => badge,
        }
    }
}

/// The badges that a user has in a channel.
pub(super) fn of(state: &State, user: &str, broadcaster: &str) -> Vec<Badge> {
    let role = if user == broadcaster {
        Some("broadcaster")
    } else {
        state.moderates(user, broadcaster).then_some("moderator")
    };
    let subscriber = state.subscription(broadcaster, user).filter(|_| user != broadcaster).map(|_| "subscriber");
    role.into_iter().chain(subscriber).map(Badge::named).collect()
}
