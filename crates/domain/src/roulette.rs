//! The roulette's clock and the verification of its candidate.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{BroadcasterId, CharacterName, CycleId, PayoutId, Rejection, ViewerId, pool::Standing};

/// The lengths of a cycle and its parts. The grid of cycles starts at the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    cycle: Duration,
    collecting: Duration,
    spinning: Duration,
    grace: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why lengths do not form a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// The cycle is shorter than a second.
    #[error("a cycle must last at least a second")]
    NoCycle,
    /// The parts do not fit into the cycle.
    #[error("collecting and spinning together take longer than a cycle")]
    PartsOutlastCycle,
    /// No draw fits before the end of the cycle.
    #[error("collecting must end before the cycle does")]
    NothingToDraw,
}

/// The phase of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The pool is empty and the cycle has no candidate.
    Idle,
    /// Viewers may still join before the draw.
    Collecting,
    /// A candidate is drawn; the wheel is spinning.
    Spinning,
    /// The desktop program has to verify the candidate.
    Verification,
    /// There is nothing left to decide.
    Completed,
}

/// The state of a cycle's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// There was no draw (yet), or nobody could be drawn.
    NoCandidate,
    /// A candidate waits for the verification.
    Undecided,
    /// The verification is in.
    Decided,
}

impl Schedule {
    /// The contract's values: 300 s, draw at 240 s, 30 s of spinning, 30 s of grace.
    pub const DEFAULT: Self = Self {
        cycle: Duration::from_secs(300),
        collecting: Duration::from_secs(240),
        spinning: Duration::from_secs(30),
        grace: Duration::from_secs(30),
    };

    /// Builds a schedule. All lengths are in whole seconds.
    pub fn new(cycle: u32, collecting: u32, spinning: u32, grace: u32) -> Result<Self, InvalidSchedule> {
        if cycle == 0 {
            return Err(InvalidSchedule::NoCycle);
        }
        if u64::from(collecting) + u64::from(spinning) > u64::from(cycle) {
            return Err(InvalidSchedule::PartsOutlastCycle);
        }
        if collecting == cycle {
            return Err(InvalidSchedule::NothingToDraw);
        }
        let [cycle, collecting, spinning, grace] =
            [cycle, collecting, spinning, grace].map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self { cycle, collecting, spinning, grace })
    }

    /// The length of a cycle.
    #[must_use]
    pub const fn cycle(self) -> Duration {
        self.cycle
    }

    /// The start of the cycle that contains `now`.
    #[must_use]
    pub fn cycle_start(self, now: OffsetDateTime) -> OffsetDateTime {
        let length = i128::try_from(self.cycle.as_nanos()).unwrap_or(i128::MAX);
        let into_cycle = now.unix_timestamp_nanos().rem_euclid(length);
        now - time::Duration::nanoseconds_i128(into_cycle)
    }

    /// The next boundary strictly after `now`.
    #[must_use]
    pub fn next_spin_at(self, now: OffsetDateTime) -> OffsetDateTime {
        self.cycle_start(now) + self.cycle
    }

    /// When the draw of the cycle that starts at `start` is due.
    #[must_use]
    pub fn draw_due_at(self, start: OffsetDateTime) -> OffsetDateTime {
        start + self.collecting
    }

    /// The time from which the draw can no longer be made.
    #[must_use]
    pub fn draw_closes_at(self, start: OffsetDateTime) -> OffsetDateTime {
        start + self.cycle
    }

    /// The time until which the cycle's candidate can be verified.
    #[must_use]
    pub fn deadline(self, start: OffsetDateTime) -> OffsetDateTime {
        start + self.cycle + self.grace
    }

    /// The cycle whose draw is due at `now`, unless it has been made.
    #[must_use]
    pub fn draw_due(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let start = self.cycle_start(now);
        (now >= self.draw_due_at(start)).then_some(start)
    }

    /// The next instant after `now` at which a draw becomes due.
    #[must_use]
    pub fn next_draw_at(self, now: OffsetDateTime) -> OffsetDateTime {
        let due = self.draw_due_at(self.cycle_start(now));
        if due > now { due } else { due + self.cycle }
    }

    /// The phase at `now` of the cycle that contains it.
    #[must_use]
    pub fn phase(self, now: OffsetDateTime, draw: Draw, pool_is_empty: bool) -> Phase {
        let start = self.cycle_start(now);
        if pool_is_empty && draw == Draw::NoCandidate {
            return Phase::Idle;
        }
        if now < self.draw_due_at(start) {
            return Phase::Collecting;
        }
        match draw {
            Draw::NoCandidate | Draw::Decided => Phase::Completed,
            Draw::Undecided if now < start + self.collecting + self.spinning => Phase::Spinning,
            Draw::Undecided => Phase::Verification,
        }
    }
}

/// The id of the cycle that starts at `start`: the same in every process, so that naming a cycle writes nothing.
#[must_use]
pub fn cycle_id(broadcaster: &BroadcasterId, start: OffsetDateTime) -> CycleId {
    let name = format!("{broadcaster} {}", start.unix_timestamp());
    CycleId::from_uuid(Uuid::new_v5(&CYCLE_NAMESPACE, name.as_bytes()))
}

/// The namespace of the ids of cycles (RFC 9562, section 6.6).
const CYCLE_NAMESPACE: Uuid = Uuid::from_u128(0x5d0c_7b0a_9f6e_4c55_8a3e_2f0b_6f2d_71c4);

/// The drawn viewer. Verification and payout use this record, whatever is renamed afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The viewer.
    pub viewer: ViewerId,
    /// Their display name at the draw.
    pub display_name: String,
    /// Their character's name at the draw.
    pub character_name: CharacterName,
}

/// A cycle whose draw has been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The cycle.
    pub id: CycleId,
    /// Its start on the grid.
    pub starts_at: OffsetDateTime,
    /// When it was drawn, by the backend's clock.
    pub drawn_at: OffsetDateTime,
    /// The time until which the candidate can be verified.
    pub deadline: OffsetDateTime,
    /// The drawn viewer; `None` if nobody could be drawn.
    pub candidate: Option<Candidate>,
    /// The verification, once it is in.
    pub decision: Option<Decision>,
}

impl Cycle {
    /// The state of the draw.
    #[must_use]
    pub fn draw(&self) -> Draw {
        match (&self.candidate, &self.decision) {
            (None, _) => Draw::NoCandidate,
            (Some(_), None) => Draw::Undecided,
            (Some(_), Some(_)) => Draw::Decided,
        }
    }
}

/// How a cycle was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The candidate was online and gets a payout.
    Winner(PayoutId),
    /// The candidate was not online, or may not win.
    NoWinner,
}

/// What the desktop program found out about the candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// The character name that it looked for.
    pub character_name: CharacterName,
    /// Whether that character was online.
    pub online: bool,
    /// When the backend received the report, by its own clock.
    pub at: OffsetDateTime,
}

/// What follows from a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateVerdict<'a> {
    /// It was received before; nothing changes.
    Already(Decision),
    /// The candidate wins.
    Winner(&'a Candidate),
    /// The candidate was not online.
    Absent,
    /// The candidate may not win; the cycle is decided nevertheless.
    MayNotWin(Rejection),
}

/// Decides a verification against the cycle, which is `None` if it is not known or not drawn.
pub fn verify<'a>(
    cycle: Option<&'a Cycle>,
    standing: Standing,
    verification: &Verify,
) -> Result<CandidateVerdict<'a>, Rejection> {
    let cycle = cycle.ok_or(Rejection::OutOfSequence)?;
    let candidate = cycle.candidate.as_ref().ok_or(Rejection::OutOfSequence)?;
    if let Some(decision) = cycle.decision {
        return Ok(CandidateVerdict::Already(decision));
    }
    if verification.at > cycle.deadline || !candidate.character_name.is_same_name(&verification.character_name) {
        return Err(Rejection::OutOfSequence);
    }
    Ok(match (verification.online, standing.admits_payout()) {
        (false, _) => CandidateVerdict::Absent,
        (true, Ok(())) => CandidateVerdict::Winner(candidate),
        (true, Err(refusal)) => CandidateVerdict::MayNotWin(refusal),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::Gold;

    const START: OffsetDateTime = datetime!(2026-01-02 03:05:00 UTC);

    fn at(seconds: i64) -> OffsetDateTime {
        START + time::Duration::seconds(seconds)
    }

    #[test]
    fn the_grid_is_every_five_minutes_and_the_next_spin_strictly_later() {
        let schedule = Schedule::DEFAULT;
        for (now, start) in [(at(0), at(0)), (at(299), at(0)), (at(-1), at(-300)), (at(300), at(300))] {
            assert_eq!(schedule.cycle_start(now), start);
            assert_eq!(schedule.next_spin_at(now), start + Duration::from_secs(300));
        }
        assert_eq!(schedule.cycle_start(datetime!(1969-12-31 23:59:59 UTC)), datetime!(1969-12-31 23:55:00 UTC));
    }

    #[test]
    fn the_phases_follow_the_table() {
        use Draw::{Decided, NoCandidate, Undecided};
        for (second, draw, pool_is_empty, expected) in [
            (0, NoCandidate, true, Phase::Idle),
            (250, NoCandidate, true, Phase::Idle),
            (0, NoCandidate, false, Phase::Collecting),
            (239, NoCandidate, false, Phase::Collecting),
            (240, NoCandidate, false, Phase::Completed),
            (240, Undecided, false, Phase::Spinning),
            (269, Undecided, true, Phase::Spinning),
            (270, Undecided, false, Phase::Verification),
            (299, Undecided, true, Phase::Verification),
            (245, Decided, false, Phase::Completed),
            (299, Decided, true, Phase::Completed),
        ] {
            let phase = Schedule::DEFAULT.phase(at(second), draw, pool_is_empty);
            assert_eq!(phase, expected, "{second} s, {draw:?}, pool empty: {pool_is_empty}");
        }
    }

    #[test]
    fn a_draw_is_due_from_240_seconds_to_the_end_of_the_cycle() {
        for (second, due) in [(0, None), (239, None), (240, Some(at(0))), (299, Some(at(0))), (300, None)] {
            assert_eq!(Schedule::DEFAULT.draw_due(at(second)), due, "{second} s");
        }
        assert_eq!(Schedule::DEFAULT.next_draw_at(at(0)), at(240));
        assert_eq!(Schedule::DEFAULT.next_draw_at(at(240)), at(540));
    }

    #[test]
    fn lengths_that_do_not_fit_make_no_schedule() {
        assert_eq!(Schedule::new(300, 240, 30, 30), Ok(Schedule::DEFAULT));
        assert_eq!(Schedule::new(0, 0, 0, 0), Err(InvalidSchedule::NoCycle));
        assert_eq!(Schedule::new(10, 10, 0, 0), Err(InvalidSchedule::NothingToDraw));
        assert_eq!(Schedule::new(10, 8, 3, 0), Err(InvalidSchedule::PartsOutlastCycle));
    }

    fn cycle(decision: Option<Decision>) -> Cycle {
        Cycle {
            id: cycle_id(&BroadcasterId::parse("b").unwrap(), START),
            starts_at: START,
            drawn_at: at(240),
            deadline: at(330),
            candidate: Some(Candidate {
                viewer: ViewerId::parse("ann").unwrap(),
                display_name: "Ann".to_owned(),
                character_name: CharacterName::parse("Anna").unwrap(),
            }),
            decision,
        }
    }

    fn found(name: &str, online: bool, second: i64) -> Verify {
        Verify { character_name: CharacterName::parse(name).unwrap(), online, at: at(second) }
    }

    #[test]
    fn a_verification_is_checked_in_the_order_of_the_rules() {
        let free = Standing::default();
        let capped = Standing { has_active_payout: false, received: Gold::LIFETIME_CAP };
        let busy = Standing { has_active_payout: true, received: Gold::default() };
        let open = cycle(None);
        let winner = Decision::Winner(PayoutId::from_uuid(Uuid::nil()));
        let decided = cycle(Some(winner));
        let empty = Cycle { candidate: None, ..cycle(None) };
        let candidate = open.candidate.as_ref().unwrap();
        for (cycle, standing, verification, expected) in [
            (None, free, found("Anna", true, 250), Err(Rejection::OutOfSequence)),
            (Some(&empty), free, found("Anna", true, 250), Err(Rejection::OutOfSequence)),
            (Some(&open), free, found("ANNA", true, 330), Ok(CandidateVerdict::Winner(candidate))),
            (Some(&open), free, found("Anna", true, 331), Err(Rejection::OutOfSequence)),
            (Some(&open), free, found("Bella", true, 250), Err(Rejection::OutOfSequence)),
            (Some(&open), free, found("Bella", false, 250), Err(Rejection::OutOfSequence)),
            (Some(&open), busy, found("Anna", false, 250), Ok(CandidateVerdict::Absent)),
            (
                Some(&open),
                busy,
                found("Anna", true, 250),
                Ok(CandidateVerdict::MayNotWin(Rejection::ActivePayoutExists)),
            ),
            (
                Some(&open),
                capped,
                found("Anna", true, 250),
                Ok(CandidateVerdict::MayNotWin(Rejection::LifetimeCapReached)),
            ),
            (Some(&decided), busy, found("Bella", false, 9_999), Ok(CandidateVerdict::Already(winner))),
        ] {
            assert_eq!(verify(cycle, standing, &verification), expected, "{verification:?}");
        }
    }

    #[test]
    fn a_cycle_is_named_alike_everywhere_and_unlike_its_neighbours() {
        let broadcaster = |id| BroadcasterId::parse(id).unwrap();
        assert_eq!(cycle_id(&broadcaster("b"), START), cycle_id(&broadcaster("b"), START));
        assert_ne!(cycle_id(&broadcaster("b"), START), cycle_id(&broadcaster("b"), at(300)));
        assert_ne!(cycle_id(&broadcaster("b"), START), cycle_id(&broadcaster("c"), START));
    }

    proptest! {
        #[test]
        fn every_instant_is_in_just_one_cycle(
            seconds in -10_000_000_000_i64..10_000_000_000, nanos in 0..1_000_000_000_i64, length in 1..100_000_u32,
        ) {
            let schedule = Schedule::new(length, 0, 0, 0).unwrap();
            let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds) + time::Duration::nanoseconds(nanos);
            let start = schedule.cycle_start(now);
            prop_assert!(start <= now && now < schedule.next_spin_at(now));
            prop_assert_eq!(start.unix_timestamp().rem_euclid(i64::from(length)), 0);
            prop_assert_eq!(start.nanosecond(), 0);
        }
    }
}
