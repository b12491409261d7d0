//! Delivers messages about EventSub subscriptions to their callbacks
//! (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/>), and records what was delivered.
//!
//! A notification is queued, and tried again with the same id until it is accepted or the attempts that the world's
//! [`DeliveryRules`](crate::world::DeliveryRules) allow are used up. Pauses follow the world's clock; messages are dated
//! with the machine's, with which their receivers compare them. Each subscription has one delivery at a time, so that its
//! notifications arrive in their order.

mod ledger;
mod message;
mod post;
mod queue;
mod sender;

pub(crate) use ledger::{Ledger, Question, Shown};
pub(crate) use message::Message;
pub(crate) use queue::QueueFull;
pub(crate) use sender::Sender;
