//! The last messages of all chats, which can be replied to.

use std::collections::VecDeque;

/// How many are kept.
const CAPACITY: usize = 1000;

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) message_id: String,
    pub(super) broadcaster_id: String,
    pub(super) user_id: String,
    pub(super) text: String,
    /// The first message of its thread and who wrote it, if it is a reply.
    pub(super) thread: Option<(String, String)>,
}

/// The last messages, oldest first.
#[derive(Debug, Default)]
pub(super) struct Memory(VecDeque<Heard>);

impl Memory {
    pub(super) fn add(&mut self, heard: Heard) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(heard);
    }

    /// The message of a channel with this id.
    pub(super) fn find(&self, broadcaster_id: &str, message_id: &str) -> Option<&Heard> {
        self.0.iter().rev().find(|heard| heard.message_id == message_id && heard.broadcaster_id == broadcaster_id)
    }
}
