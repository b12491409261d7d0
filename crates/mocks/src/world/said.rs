//! What has been said in chats.

use std::collections::{BTreeSet, HashMap, VecDeque};

use time::OffsetDateTime;

/// Recent messages.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// By sender and channel: the last text, and its time by the world's clock.
    pub(super) last: HashMap<(String, String), (String, OffsetDateTime)>,
    /// By sender: the times of their messages, by the world's clock.
    pub(super) times: HashMap<String, VecDeque<OffsetDateTime>>,
    /// The channel and the sender of all messages.
    pub(super) chatters: BTreeSet<(String, String)>,
}
