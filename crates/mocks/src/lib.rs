//! The stand-ins for every outside party: Twitch's webhooks, tokens and REST interface, and the streamer's desktop program.
//!
//! Each is a module with a configuration, `router` (for tests in process) and `run` (the service as a process runs it). Beside
//! its own routes each answers:
//!
//! * `GET /health`: who it is;
//! * `GET /requests`: the [journal](mgm_api_types::mocks::Journal) of what it was asked, without the headers that may hold
//!   secrets;
//! * `POST /reset`: 204, and everything that was recorded or asked for is forgotten.
//!
//! Bodies have up to 1 MiB. Every error has the body `{code, message, details}`; on the routes of Helix it is Helix' own
//! `{error, status, message}`.

mod error;
pub mod eventsub;
pub mod helix;
mod journal;
pub mod jwt;
mod outbound;
pub mod program;
mod shell;
pub mod synthetic_desktop;

pub use program::RunError;
