//! Time and chance, which come from outside so that tests can choose them.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

/// Where a stand-in takes the present time and new ids from.
#[derive(Clone)]
pub struct Sources {
    now: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
    id: Arc<dyn Fn() -> Uuid + Send + Sync>,
}

impl Sources {
    /// Takes both from the given functions.
    #[must_use]
    pub fn new(
        now: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
        id: impl Fn() -> Uuid + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), id: Arc::new(id) }
    }

    /// The system's clock and random numbers.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate where time and chance come from")]
    pub fn system() -> Self {
        Self::new(OffsetDateTime::now_utc, Uuid::new_v4)
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        (self.now)()
    }

    pub(crate) fn id(&self) -> Uuid {
        (self.id)()
    }

    /// A token that looks like one of Twitch's.
    pub(crate) fn token(&self) -> String {
        self.id().simple().to_string()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sources")
    }
}
