//! The stand-ins for every outside party: Twitch's webhooks, tokens and REST interface, and the streamer's desktop program.
//!
//! Each is a module with a configuration, `router` (for tests in process) and `run` (the service as a process runs it).
//! [`tls`] has Twitch's own names, [`verify`] checks somebody's webhook receiver, [`together`] has all of them in one process.
//! Besides its own routes, each has:
//!
//! * `GET /health`: its identity;
//! * `GET /requests`, `/requests/wait`, `/requests.har`, `POST /requests/verify`: the [journal](mgm_api_types::mocks::Journal)
//!   of what it received and sent, without secrets;
//! * `GET`, `POST` and `DELETE /faults`: the [faults](mgm_api_types::mocks::Fault) that wait for its requests;
//! * `GET /openapi.json`: an OpenAPI document of all its routes;
//! * `POST /reset`: 204; clears everything that was recorded or requested, or what one caller did.
//!
//! Bodies may have up to 1 MiB. Every error has the body `{code, message, details}`; on the routes of Helix it has Helix'
//! own `{error, status, message}`, on those of the token service `{status, message}`.

mod admin;
mod call;
mod delivery;
mod error;
mod events;
pub mod eventsub;
mod faults;
pub mod helix;
mod journal;
pub mod jwt;
mod matching;
mod oauth;
mod openapi;
mod outbound;
pub mod program;
mod secrets;
mod shell;
pub mod synthetic_desktop;
pub mod tls;
pub mod together;
pub mod verify;
mod websocket;
pub mod world;

pub use program::RunError;
