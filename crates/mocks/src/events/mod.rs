//! What happens on Twitch, and how it reaches whoever has subscribed to it: by webhook or over a WebSocket.

mod badge;
mod chat_line;
mod chat_message;
mod fragments;
mod heard;
mod hub;

pub(crate) use chat_line::ChatLine;
pub(crate) use hub::{Happening, Hub, Unsaid};
