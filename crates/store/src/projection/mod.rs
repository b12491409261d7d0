//! Projections: rows that follow from the events, and the rows in the database.

mod gift;
mod payout;

use mgm_domain::{ViewerId, stream::Aggregate};
use sqlx::PgConnection;
use uuid::Uuid;

pub(crate) use gift::GiftRow;
pub(crate) use payout::PayoutRow;

use crate::{Store, StoreError};

/// An aggregate with a row that is the fold of its stream.
pub(crate) trait Projected: Aggregate + Send + Sync {
    /// The row.
    type Row: Row;

    /// The row that follows from this state.
    fn row(&self, id: Uuid, version: i32) -> Result<Self::Row, StoreError>;

    /// Takes the locks that every command to it takes.
    fn lock(
        store: &Store,
        tx: &mut PgConnection,
        viewers: &[ViewerId],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A row of a projection.
pub(crate) trait Row: Clone + Send + Sync + Sized {
    /// The name of its table.
    const TABLE: &'static str;

    /// The id of its stream.
    fn id(&self) -> Uuid;

    /// The viewer that it is about.
    fn viewer(&self) -> &str;

    /// Every other column with its value, as text.
    fn columns(&self) -> Vec<(&'static str, String)>;

    /// Writes the row, replacing any that is there.
    fn write(&self, store: &Store, tx: &mut PgConnection) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the row of a stream that has no events.
    fn remove(store: &Store, tx: &mut PgConnection, id: Uuid) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The rows of these streams, in any order.
    fn read(
        store: &Store,
        tx: &mut PgConnection,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;

    /// The next streams after this one that have rows, in order.
    fn ids(
        store: &Store,
        tx: &mut PgConnection,
        after: Uuid,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;
}

/// Shows a value that may be absent.
fn or_null(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "null".to_owned(), ToString::to_string)
}
