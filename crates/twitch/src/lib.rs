//! Twitch's protocols: EventSub webhooks, Extension tokens, OAuth tokens and the Helix REST interface.
//!
//! This crate reads neither a clock nor the environment: the current time, secrets and credentials are passed with each call.

pub mod eventsub;
pub mod extension_jwt;
pub mod helix;
pub mod oauth;

mod base_url;
mod call;
mod tolerant;
