//! Passes on what happens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mgm_api_types::mocks::DeliveryOutcome;
use mgm_twitch::eventsub::{CHANNEL_CHAT_MESSAGE, Hostile};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chat_line::ChatLine;
use super::chat_message;
use super::heard::{Heard, Memory};
use crate::delivery::{Ledger, Message, QueueFull, Sender};
use crate::faults::Faults;
use crate::journal::Journal;
use crate::websocket::Sockets;
use crate::world::subscription::{ENABLED, PENDING, UNVERIFIED};
use crate::world::{State, Subscription, World};

/// The field of conditions and events that names the channel.
const BROADCASTER: &str = "broadcaster_user_id";

/// Passes on what happens to whoever has subscribed to it.
#[derive(Debug)]
pub(crate) struct Hub {
    world: Arc<World>,
    pub(crate) ledger: Ledger,
    pub(crate) sender: Sender,
    pub(crate) sockets: Sockets,
    heard: Mutex<Memory>,
}

/// An event of any type: the body of `POST /admin/events`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Happening {
    /// The type of the subscriptions that are notified.
    #[serde(rename = "type")]
    kind: String,
    /// The version of that type.
    #[serde(default = "first_version")]
    version: String,
    /// What their conditions must say, as far as they mention it; by default the channels that the event names.
    #[serde(default)]
    condition: Option<Map<String, Value>>,
    /// The event itself.
    event: Map<String, Value>,
    /// How its deliveries are hostile.
    #[serde(default)]
    hostile: Option<Hostile>,
}

fn first_version() -> String {
    "1".to_owned()
}

/// A notification on its way.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Notified {
    /// The id of the EventSub message.
    pub(crate) message_id: String,
    /// The subscription.
    pub(crate) subscription_id: String,
    /// `webhook` or `websocket`.
    pub(crate) method: &'static str,
}

/// Why something was not said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unsaid {
    /// A user does not exist.
    NoUser,
    /// There is no such message to reply to.
    NoParent,
    /// Too many notifications wait.
    QueueFull,
}

impl From<QueueFull> for Unsaid {
    fn from(_: QueueFull) -> Self {
        Self::QueueFull
    }
}

impl Hub {
    pub(crate) fn new(world: Arc<World>, journal: Journal, faults: Faults) -> Self {
        let ledger = Ledger::default();
        let sockets = Sockets::new(Arc::clone(&world), ledger.clone(), journal.clone(), faults.clone());
        let sender = Sender::new(Arc::clone(&world), ledger.clone(), journal, faults);
        Self { world, ledger, sender, sockets, heard: Mutex::default() }
    }

    fn heard(&self) -> MutexGuard<'_, Memory> {
        // No panic can leave a change incomplete.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies all who have subscribed to what has happened.
    pub(crate) fn happen(&self, happening: &Happening) -> Result<Vec<Notified>, QueueFull> {
        let Happening { kind, version, condition, event, hostile } = happening;
        let channels = || event.iter().filter(|(name, _)| name.ends_with(BROADCASTER));
        let about = condition
            .clone()
            .unwrap_or_else(|| channels().map(|(name, value)| (name.clone(), value.clone())).collect());
        let messages = {
            let state = self.world.enter();
            notifications(&state, (kind, version), &about, &json!(event), *hostile)
        };
        self.notify(messages)
    }

    /// Lets a user say something, and notifies the readers of the chat; returns the message's id. Only what the admin API
    /// says can cheer.
    pub(crate) fn say(&self, line: &ChatLine, can_cheer: bool) -> Result<(String, Vec<Notified>), Unsaid> {
        let (id, heard, messages) = {
            let state = self.world.enter();
            let mut users = [&line.broadcaster_id, &line.user_id].into_iter();
            if users.any(|id| state.user(id).is_none()) {
                return Err(Unsaid::NoUser);
            }
            let parent = match &line.reply_to {
                Some(parent) => Some(self.parent(&line.broadcaster_id, parent).ok_or(Unsaid::NoParent)?),
                None => None,
            };
            let id = line.message_id.clone().unwrap_or_else(|| state.random.uuid().to_string());
            let event = chat_message::event(&state, line, &id, parent.as_ref(), can_cheer);
            let about = Map::from_iter([(BROADCASTER.to_owned(), line.broadcaster_id.as_str().into())]);
            let messages = notifications(&state, (CHANNEL_CHAT_MESSAGE, "1"), &about, &event, line.hostile);
            let heard = Heard {
                message_id: id.clone(),
                broadcaster_id: line.broadcaster_id.clone(),
                user_id: line.user_id.clone(),
                text: line.text.clone(),
                thread: parent.map(|parent| parent.thread.unwrap_or((parent.message_id, parent.user_id))),
            };
            (id, heard, messages)
        };
        let notified = self.notify(messages)?;
        self.world.enter().enter_chat(&heard.user_id, &heard.broadcaster_id);
        self.heard().add(heard);
        Ok((id, notified))
    }

    fn parent(&self, broadcaster: &str, message: &str) -> Option<Heard> {
        self.heard().find(broadcaster, message).cloned()
    }

    /// Whether a message can be replied to.
    pub(crate) fn can_reply_to(&self, broadcaster: &str, message: &str) -> bool {
        self.parent(broadcaster, message).is_some()
    }

    fn notify(&self, messages: Vec<Message>) -> Result<Vec<Notified>, QueueFull> {
        let notified = messages.iter().map(Notified::of).collect();
        let (over_sockets, to_callbacks): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| message.subscription.session().is_some());
        if !to_callbacks.is_empty() {
            self.sender.queue(to_callbacks)?;
        }
        for message in over_sockets {
            self.sockets.deliver(message);
        }
        Ok(notified)
    }

    /// Asks a callback to prove itself
    /// (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#responding-to-a-challenge-request>).
    pub(crate) async fn verify(&self, subscription: Subscription) {
        let (id, challenge) = {
            let state = self.world.enter();
            (state.random.uuid().to_string(), state.random.uuid().to_string())
        };
        let message = Message::challenge(id, subscription, &challenge);
        let is_verified = self.sender.deliver(&message).await.0 == DeliveryOutcome::Accepted;
        let id = &message.subscription.id;
        tracing::info!(subscription = id, is_verified, "asked a callback to prove itself");
        self.world.enter().settle(id, PENDING, if is_verified { ENABLED } else { UNVERIFIED });
    }

    /// Reports the end of a subscription, whose status says why; returns the status of its callback's answer.
    pub(crate) async fn revoke(&self, revoked: Subscription) -> Option<u16> {
        let id = self.world.enter().random.uuid().to_string();
        let message = Message::revocation(id, revoked);
        if message.subscription.session().is_some() {
            self.sockets.deliver(message);
            return None;
        }
        self.sender.deliver(&message).await.1.map(|(status, _)| status)
    }

    /// The world's time has moved.
    pub(crate) fn time_moved(&self) {
        self.sender.time_moved();
        self.sockets.time_moved();
    }

    /// Forgets everything, and closes all WebSockets.
    pub(crate) fn reset(&self) {
        self.ledger.reset();
        self.sender.reset();
        self.sockets.reset();
        *self.heard() = Memory::default();
    }
}

impl Notified {
    fn of(message: &Message) -> Self {
        Self {
            message_id: message.id.clone(),
            subscription_id: message.subscription.id.clone(),
            method: if message.subscription.session().is_some() { "websocket" } else { "webhook" },
        }
    }
}

/// A notification for each subscription to a type and version.
fn notifications(
    state: &State,
    (kind, version): (&str, &str),
    about: &Map<String, Value>,
    event: &Value,
    hostile: Option<Hostile>,
) -> Vec<Message> {
    let subscribers = state.subscribers(kind, version, about).into_iter();
    let notification = |one| Message::notification(state.random.uuid().to_string(), one, event, hostile);
    subscribers.map(notification).collect()
}
