//! The middleware.

pub(crate) mod address_limit;
pub(crate) mod around;
pub(crate) mod context;
pub(crate) mod cors;
pub(crate) mod error_body;
