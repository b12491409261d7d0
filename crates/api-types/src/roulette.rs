use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What the roulette is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SpinPhase {
    /// The pool is empty.
    Idle,
    /// Viewers may still join before the draw.
    Collecting,
    /// The wheel turns.
    Spinning,
    /// The desktop looks whether the candidate is online.
    Verification,
    /// There is nothing left to decide in this cycle.
    Completed,
}

/// The roulette as the panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouletteState {
    /// The next boundary of the grid.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub next_spin_at: OffsetDateTime,
    /// The server's time.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub server_now: OffsetDateTime,
    /// The length of a cycle, in seconds.
    #[schema(example = 300)]
    pub spin_interval_seconds: u64,
    /// How many viewers are in the pool.
    pub pool_participant_count: u64,
    /// What the cycle is at.
    pub spin_phase: SpinPhase,
    /// The cycle that contains now; null when idle.
    #[schema(required)]
    pub current_spin_cycle_id: Option<Uuid>,
}

/// The candidate that waits for verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouletteCandidate {
    /// The cycle it was drawn in.
    pub spin_cycle_id: Uuid,
    /// The character to look for.
    #[schema(example = "Etoehero")]
    pub character_name: String,
    /// When it was drawn.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub drawn_at: OffsetDateTime,
    /// Until when it can be verified.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub deadline: OffsetDateTime,
}

/// What the desktop found of the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifyCandidate {
    /// The version of this shape: 1.
    #[schema(example = 1)]
    pub schema_version: i64,
    /// The cycle.
    pub spin_cycle_id: Uuid,
    /// The character it looked for.
    #[schema(example = "Etoehero")]
    pub character_name: String,
    /// Whether that character was online.
    pub online: bool,
    /// When it looked.
    #[serde(default, with = "crate::timestamp::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub captured_at: Option<OffsetDateTime>,
}

/// How the cycle was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The cycle.
    pub spin_cycle_id: Uuid,
    /// The winner's payout; null without a winner.
    #[schema(required)]
    pub payout_id: Option<Uuid>,
}
