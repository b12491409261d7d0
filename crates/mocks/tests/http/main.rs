//! The stand-ins over real sockets.
#![cfg(test)]

mod bodies;
mod chat;
mod deliveries;
mod endpoints;
mod eventsub;
mod extension_tokens;
mod faults;
mod helix;
mod journal;
mod jwt;
mod oauth;
mod openapi;
mod process;
mod receiver;
mod shell;
mod strict;
mod support;
mod synthetic_desktop;
mod twitch;
mod verify;
mod websockets;
mod world;
