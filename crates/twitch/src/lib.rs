//! Twitch's protocols: EventSub webhooks, Extension tokens, OAuth tokens and the Helix REST interface.
//!
//! Nothing in here reads a clock or the environment: the present time, secrets and credentials come with each call.

pub mod eventsub;
pub mod extension_jwt;
pub mod helix;
pub mod oauth;

mod base_url;
mod call;
mod tolerant;
