//! Sweeps: everything that has become due, however much it is, a portion at a time.

use crate::StoreError;

/// How many are read at a time.
pub(crate) const SWEPT_AT_ONCE: i64 = 1_000;

/// What a sweep has come to. What cannot be read does not keep it from the others.
#[derive(Debug, Default)]
pub struct Swept<T> {
    /// What it did.
    pub done: T,
    /// The first thing that it had to pass over. A fault of a row or a stream; the next sweep meets it again.
    pub trouble: Option<StoreError>,
}

impl<T> Swept<T> {
    /// Leaves one where it is and goes on, if it is only about that one.
    pub(crate) fn pass_over(&mut self, subject: &impl ToString, error: StoreError) -> Result<(), StoreError> {
        if !error.is_of_one() {
            return Err(error);
        }
        tracing::error!(%error, subject = subject.to_string(), "a sweep passes this one over; an audit tells more");
        self.trouble.get_or_insert(error);
        Ok(())
    }

    /// What it did, where nothing was passed over.
    pub fn complete(self) -> Result<T, StoreError> {
        self.trouble.map_or(Ok(self.done), Err)
    }
}
