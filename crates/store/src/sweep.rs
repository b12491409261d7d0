//! Sweeps: everything that has become due, however much it is, a portion at a time.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{CommandError, StoreError};

/// How many are read at a time.
pub(crate) const SWEPT_AT_ONCE: i64 = 1_000;

/// The place of something that is due, in the order in which a sweep comes to it: since when it is due, and its id.
pub(crate) type Place = (OffsetDateTime, Uuid);

/// Goes through all that is due: `next` finds the portion behind a place, and `take` answers what came of one, where anything
/// did.
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
                // Somebody else was first.
                Err(CommandError::Rejected(_)) => {}
                Err(CommandError::Failed(error)) => swept.pass_over(id, error)?,
            }
        }
    }
}

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
    fn pass_over(&mut self, subject: Uuid, error: StoreError) -> Result<(), StoreError> {
        if !error.is_of_one() {
            return Err(error);
        }
        tracing::error!(%error, %subject, "a sweep passes this one over; an audit tells more");
        self.trouble.get_or_insert(error);
        Ok(())
    }

    /// What it did, where nothing was passed over.
    pub fn complete(self) -> Result<T, StoreError> {
        self.trouble.map_or(Ok(self.done), Err)
    }
}

impl<T> Swept<Vec<T>> {
    /// How much it did.
    pub(crate) fn count(self) -> Swept<u64> {
        Swept { done: u64::try_from(self.done.len()).unwrap_or(u64::MAX), trouble: self.trouble }
    }
}
