//! What the players were told, and the problems that were found.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

/// The maximum number of problems that are kept; the first ones tell most.
const MOST_PROBLEMS: usize = 50;

/// The findings of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Numbers for the report.
    pub counts: Counts,
    /// The problems.
    pub problems: Vec<String>,
    /// The name with which each viewer must be in the pool at the end, or that they must not be in it.
    pub(super) expected: BTreeMap<String, Option<String>>,
    /// Viewers who may win the roulette, by character: in the pool until one of their payouts is `Sent`.
    pub(super) lucky: BTreeMap<String, String>,
    /// Payouts that a backend reported as `Sent`.
    pub(super) sent: BTreeSet<Uuid>,
    /// The candidate of each cycle that was observed.
    pub(super) candidates: BTreeMap<Uuid, String>,
}

/// Numbers for the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Chat commands that were acknowledged.
    pub notifications: u64,
    /// Deliveries that were not acknowledged, and were repeated.
    pub redeliveries: u64,
    /// Claims by the panel that were granted.
    pub claims: u64,
    /// Payouts that became `Sent`.
    pub sent: u64,
    /// Cycles whose candidate was observed.
    pub cycles: u64,
    /// Faults of processes and of the database.
    pub faults: u64,
    /// Announcements that were made.
    pub announced: u64,
    /// Announcements that Twitch accepted and did not show.
    pub dropped: u64,
    /// Announcements that may have been made.
    pub unknown: u64,
}

impl Ledger {
    /// Records a problem.
    pub fn wrong(&mut self, problem: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem.into());
        }
    }

    pub(super) fn expect(&mut self, viewer: &str, name: Option<&str>) {
        self.expected.insert(viewer.to_owned(), name.map(str::to_owned));
    }
}

impl Counts {
    /// The numbers as JSON.
    pub fn json(&self) -> Value {
        let Self { notifications, redeliveries, claims, sent, cycles, faults, announced, dropped, unknown } = self;
        json!({
            "notifications": notifications, "redeliveries": redeliveries, "claims": claims, "payoutsSent": sent,
            "cycles": cycles, "faults": faults, "announced": announced, "dropped": dropped, "unknown": unknown,
        })
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { notifications, redeliveries, claims, sent, cycles, faults, announced, dropped, unknown } = self;
        write!(
            f,
            "{faults} faults; {notifications} notifications acknowledged, {redeliveries} delivered again; {claims} claims; \
             {cycles} cycles; {sent} payouts sent, {announced} announced, {dropped} dropped, {unknown} unknown"
        )
    }
}
