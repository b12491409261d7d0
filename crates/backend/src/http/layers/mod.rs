//! What every request passes on its way in and every answer on its way out.

pub(crate) mod address_limit;
pub(crate) mod around;
pub(crate) mod context;
pub(crate) mod cors;
pub(crate) mod error_body;
