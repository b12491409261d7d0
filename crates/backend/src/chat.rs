//! Chat commands: parsing, permission and effect. Independent of how the messages arrive.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mgm_domain::{
    CharacterName, GiftId, MessageId, Rejection, ViewerId,
    chat::{ChatCommand, parse},
    gift,
    pool::Enrol,
};
use mgm_store::{Enrolment, EnrolmentOutcome, EnrolmentSource, GiftRequestOutcome, Store, StoreError};
use mgm_system::{Clock, RandomSource};
use mgm_twitch::eventsub::{CHANNEL_CHAT_MESSAGE, ChannelChatMessage, Envelope};

use crate::{
    config::{BackendConfig, channel::Elsewhere},
    http::codes::code_of,
    metrics,
    text::display_name,
    work::enroller::{EnrolError, Enroller},
};

/// Processes messages of the broadcaster's chat.
#[derive(Debug)]
pub struct Chat {
    config: Arc<BackendConfig>,
    store: Store,
    enroller: Enroller,
    clock: Arc<dyn Clock>,
    random: Arc<RandomSource>,
    passed_over: PassedOver,
}

/// Why a command was not decided. It had no effect, so the message may be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The enrolment was not decided.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Chat {
    pub(crate) fn new(
        config: Arc<BackendConfig>,
        store: Store,
        enroller: Enroller,
        clock: Arc<dyn Clock>,
        random: Arc<RandomSource>,
    ) -> Self {
        Self { config, store, enroller, clock, random, passed_over: PassedOver::default() }
    }

    /// Carries out a notification's command. Other notifications, other channels, ordinary chat and refused commands
    /// change nothing.
    pub async fn receive(&self, mut notification: Envelope) -> Result<(), ChatError> {
        if notification.subscription_type() != Some(CHANNEL_CHAT_MESSAGE) || !notification.has_event() {
            count("ignored");
            return Ok(());
        }
        let subscription = notification.subscription.take().unwrap_or_default();
        let message = match notification.chat_message() {
            Ok(message) => message,
            Err(missing) => {
                count("incomplete");
                tracing::info!(%missing, "a chat message was passed over");
                return Ok(());
            }
        };
        let of_event = self.config.channel.check(message.broadcaster_user_id.as_deref());
        if let Err(elsewhere) = self.config.channel.check(subscription.channel()).and(of_event) {
            count(elsewhere.outcome());
            self.passed_over.note(elsewhere);
            return Ok(());
        }
        let Some(command) = parse(&message.text).filter(|_| self.is_typed_here(&message)) else {
            count("ordinary");
            return Ok(());
        };
        count("command");
        let (Ok(viewer), Ok(message_id)) =
            (ViewerId::parse(message.chatter_user_id.as_str()), MessageId::parse(message.message_id.as_str()))
        else {
            tracing::info!("a chat command with an id that is none was passed over");
            return Ok(());
        };
        if !self.is_subscriber(&message) {
            refuse(&viewer, Rejection::NotSubscriber);
            return Ok(());
        }
        let Ok(name) = CharacterName::parse(command.name()) else {
            refuse(&viewer, Rejection::InvalidCharacterName);
            return Ok(());
        };
        let display_name = display_name(message.display_name());
        // The futures of commands are boxed, so that the future for ordinary chat stays small.
        match command {
            ChatCommand::Enrol { .. } => Box::pin(self.enrol(message_id, Enrol { viewer, display_name, name })).await,
            ChatCommand::Gift { .. } => Box::pin(self.request_gift(&message_id, viewer, display_name, name)).await,
        }
    }

    async fn enrol(&self, message_id: MessageId, command: Enrol) -> Result<(), ChatError> {
        let viewer = command.viewer.clone();
        let source = EnrolmentSource::Chat { message_id };
        match self.enroller.enrol(Enrolment { source, command, at: self.clock.now() }).await? {
            EnrolmentOutcome::Enrolled => tracing::info!(%viewer, "enrolled"),
            EnrolmentOutcome::AlreadyProcessed => tracing::debug!(%viewer, "a redelivered message was passed over"),
            EnrolmentOutcome::Refused(refusal) => refuse(&viewer, refusal),
            EnrolmentOutcome::Repeated { .. } => {}
        }
        Ok(())
    }

    /// The badges permit the request; Helix decides later whether the viewer gets the gift, since Twitch waits for this
    /// answer.
    async fn request_gift(
        &self,
        message_id: &MessageId,
        viewer: ViewerId,
        display_name: String,
        character_name: CharacterName,
    ) -> Result<(), ChatError> {
        let settings = &self.config.settings;
        let at = self.clock.now();
        let id = GiftId::from_uuid(self.random.uuid_at(at));
        let is_verified = settings.mgm.dev_skip_subscriber_check;
        let request = gift::Request { viewer, display_name, character_name, is_verified, at };
        let viewer = &request.viewer;
        match self.store.request_gift_by_chat(message_id, id, &request, settings.gifts.limits()).await? {
            GiftRequestOutcome::Requested => tracing::info!(gift = %id, %viewer, "gift requested"),
            GiftRequestOutcome::AlreadyProcessed => tracing::debug!(%viewer, "a redelivered message was passed over"),
            GiftRequestOutcome::Refused(refusal) => refuse(viewer, refusal),
        }
        Ok(())
    }

    /// In shared chat a message counts only for the channel where it was typed. Outside of shared chat it names no
    /// source.
    fn is_typed_here(&self, message: &ChannelChatMessage) -> bool {
        let source = message.source_broadcaster_user_id.as_deref();
        source.is_none_or(|channel| channel == self.config.broadcaster.as_str())
    }

    fn is_subscriber(&self, message: &ChannelChatMessage) -> bool {
        let ours = &self.config.settings.twitch.subscriber_badges;
        let mut worn = message.badges.iter().filter_map(|badge| badge.set_id.as_deref());
        worn.any(|badge| ours.iter().any(|ours| ours == badge))
    }
}

fn count(outcome: &'static str) {
    metrics::eventsub_messages(outcome).increment(1);
}

/// Logs and counts a refused command; Twitch gets the same answer as for any other.
fn refuse(viewer: &ViewerId, refusal: Rejection) {
    let code = code_of(refusal);
    tracing::info!(%viewer, code = code.as_str(), "a chat command was refused");
    metrics::refusals(code, "chat").increment(1);
}

/// Logs messages that are skipped because of their channel: only once per kind, since all of that chat may follow.
#[derive(Debug, Default)]
struct PassedOver {
    unnamed: AtomicBool,
    another: AtomicBool,
}

impl PassedOver {
    /// Logs a skipped message.
    fn note(&self, elsewhere: Elsewhere) {
        let (told, why) = match elsewhere {
            Elsewhere::Unnamed => (&self.unnamed, "it does not name its channel, as Twitch always does"),
            Elsewhere::Another => (&self.another, "it is of another channel than Twitch__BroadcasterUserId's"),
        };
        if told.swap(true, Ordering::Relaxed) {
            tracing::debug!(why, "a chat message was passed over");
        } else {
            tracing::warn!(why, "a chat message was passed over; more of the kind are counted, and not told again");
        }
    }
}
