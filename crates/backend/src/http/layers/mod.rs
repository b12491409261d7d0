//! What every request passes on its way in and every answer on its way out.

pub(crate) mod around;
pub(crate) mod context;
pub(crate) mod error_body;
