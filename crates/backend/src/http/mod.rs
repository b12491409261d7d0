//! What every route has in common: who asks, what is read, and how errors are answered.

pub mod auth;
pub mod body;
pub(crate) mod codes;
pub mod error;
pub mod extract;
pub(crate) mod layers;
pub mod limits;
