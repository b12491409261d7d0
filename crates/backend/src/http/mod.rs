//! What all routes share: authentication, bodies, errors, rate limits and middleware.

pub mod auth;
pub mod body;
pub(crate) mod codes;
pub mod error;
pub mod extract;
pub(crate) mod layers;
pub mod limits;
