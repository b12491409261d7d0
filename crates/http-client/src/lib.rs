//! An HTTP client whose calls report how far they got, and whose texts never repeat the credentials of the request.

mod client;
mod exchange;
mod scrub;
mod slow;

pub use client::{ClientError, client};
pub use exchange::{AnswerBody, Exchange, exchange};
pub use slow::slowly;
