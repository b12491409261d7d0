//! Sweeps: process everything that has become due, in portions.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{CommandError, StoreError};

/// How many are read at a time.
pub(crate) const SWEPT_AT_ONCE: i64 = 1_000;

/// A position in a sweep's order: the due time, and the id.
pub(crate) type Place = (OffsetDateTime, Uuid);

/// Processes everything that is due: `next` returns the portion after a place, and `take` the result for one item, if
/// there is one.
pub(crate) async fn sweep<D, T, N, K>(
    next: impl Fn(Place) -> N,
    take: impl Fn(D) -> K,
) -> Result<Swept<Vec<T>>, StoreError>
where
    N: Future<Output = Result<Vec<(Place, D)>, StoreError>>,
    K: Future<Output = Result<Option<T>, CommandError>>,
{
    let mut swept = Swept { done: vec![], trouble: None };
    let mut after = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
    loop {
        let portion = next(after).await?;
        let Some((last, _)) = portion.last() else { return Ok(swept) };
        after = *last;
        for ((_, id), due) in portion {
            match take(due).await {
                Ok(done) => swept.done.extend(done),
                // Another process was first.
                Err(CommandError::Rejected(_)) => {}
                Err(CommandError::Failed(error)) => swept.pass_over(id, error)?,
            }
        }
    }
}

/// The result of a sweep. An unreadable item does not prevent the others from being processed.
#[derive(Debug, Default)]
pub struct Swept<T> {
    /// The result for the items that were processed.
    pub done: T,
    /// The first error of a skipped item. It concerns one row or stream; the next sweep meets it again.
    pub trouble: Option<StoreError>,
}

impl<T> Swept<T> {
    /// Skips the item, if the error concerns only that one.
    fn pass_over(&mut self, subject: Uuid, error: StoreError) -> Result<(), StoreError> {
        if !error.is_of_one() {
            return Err(error);
        }
        tracing::error!(%error, %subject, "a sweep passes this one over; an audit tells more");
        self.trouble.get_or_insert(error);
        Ok(())
    }

    /// The result, if nothing was skipped; otherwise the error.
    pub fn complete(self) -> Result<T, StoreError> {
        self.trouble.map_or(Ok(self.done), Err)
    }
}

impl<T> Swept<Vec<T>> {
    /// The number of items instead of their results.
    pub(crate) fn count(self) -> Swept<u64> {
        Swept { done: u64::try_from(self.done.len()).unwrap_or(u64::MAX), trouble: self.trouble }
    }
}
