//! The time of the world: the machine's, moved or stopped.

use time::{Duration, OffsetDateTime};

/// The time of the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorldTime {
    /// The machine's time when the world was last entered.
    machine: OffsetDateTime,
    /// How far the world's time is ahead of it.
    ahead: Duration,
    /// Where it stands, if it does.
    stands_at: Option<OffsetDateTime>,
}

impl WorldTime {
    /// The machine's time.
    pub(super) const fn of(machine: OffsetDateTime) -> Self {
        Self { machine, ahead: Duration::ZERO, stands_at: None }
    }

    /// The current time, which is this one of the machine.
    pub(super) fn read(&mut self, machine: OffsetDateTime) -> OffsetDateTime {
        self.machine = machine;
        self.stands_at.unwrap_or_else(|| machine.saturating_add(self.ahead))
    }

    /// Moves it, whether it stands or not.
    pub(super) fn set(&mut self, to: OffsetDateTime) {
        self.ahead = to - self.machine;
        self.stands_at = self.stands_at.map(|_| to);
    }

    pub(super) const fn is_frozen(&self) -> bool {
        self.stands_at.is_some()
    }

    /// Stops it at this time.
    pub(super) const fn freeze(&mut self, at: OffsetDateTime) {
        self.stands_at = Some(at);
    }

    /// Lets it go on from where it stands.
    pub(super) fn go_on(&mut self) {
        if let Some(at) = self.stands_at.take() {
            self.ahead = at - self.machine;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn second(number: i64) -> OffsetDateTime {
        START + Duration::seconds(number)
    }

    #[test]
    fn it_goes_with_the_machines_unless_it_stands() {
        let mut time = WorldTime::of(START);
        assert_eq!(time.read(second(1)), second(1));
        time.set(second(101));
        assert_eq!(time.read(second(2)), second(102));
        time.freeze(second(102));
        assert_eq!(time.read(second(50)), second(102));
        time.set(second(7));
        assert_eq!(time.read(second(60)), second(7));
        time.go_on();
        assert!(!time.is_frozen());
        assert_eq!(time.read(second(61)), second(8));
    }
}
