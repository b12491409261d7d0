//! `GET /openapi.json`: the stand-in's routes as an OpenAPI document. A test compares them with the real ones.

mod admin;
mod common;
mod desktop;
mod document;
mod events;
mod eventsub;
mod helix;
mod jwt;
mod oauth;
mod operation;
mod twitch;

pub(crate) use document::document;
