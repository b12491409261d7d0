//! EventSub over WebSockets (<https://dev.twitch.tv/docs/eventsub/handling-websocket-events/>): `GET /ws`.
//!
//! A session outlives a connection only by `session_reconnect`: the new connection, whose address has the challenge of that
//! message, takes it over with its id and its subscriptions. (That the id stays the same is not documented; the address
//! that Twitch sends has it as a parameter.) All times follow the world's clock.

mod close;
mod connection;
mod frame;
mod session;
mod sockets;

pub(crate) use close::CloseCode;
pub(crate) use connection::{Wanted, connect};
pub(crate) use sockets::Sockets;
