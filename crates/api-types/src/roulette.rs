use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// The phase of the roulette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SpinPhase {
    /// The pool is empty.
    Idle,
    /// Viewers may still join before the draw.
    Collecting,
    /// The wheel is spinning.
    Spinning,
    /// The desktop program checks whether the candidate is online.
    Verification,
    /// There is nothing left to decide in this cycle.
    Completed,
}

/// The roulette as the panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "nextSpinAt": "2026-01-02T03:10:00.000Z", "serverNow": "2026-01-02T03:09:12.345Z", "spinIntervalSeconds": 300,
    "poolParticipantCount": 42, "spinPhase": "spinning", "currentSpinCycleId": "5f0f3a1f-6b0e-4a53-9a0f-0f9c1a527c8e",
}))]
pub struct RouletteState {
    /// The next boundary of the grid, by the server's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub next_spin_at: OffsetDateTime,
    /// The server's time.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub server_now: OffsetDateTime,
    /// The length of a cycle, in seconds.
    pub spin_interval_seconds: u64,
    /// How many viewers are in the pool.
    pub pool_participant_count: u64,
    /// The phase of the cycle.
    pub spin_phase: SpinPhase,
    /// The current cycle; null when idle.
    #[schema(required)]
    pub current_spin_cycle_id: Option<Uuid>,
}

/// The candidate who waits for verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "spinCycleId": "5f0f3a1f-6b0e-4a53-9a0f-0f9c1a527c8e", "characterName": "etoehero",
    "inGameName": "Etoehero", "drawnAt": "2026-01-02T03:09:00.012Z", "deadline": "2026-01-02T03:10:30.000Z",
}))]
pub struct RouletteCandidate {
    /// The cycle of the draw.
    pub spin_cycle_id: Uuid,
    /// The character to look for, as the viewer typed it.
    pub character_name: String,
    /// The same name in the game's spelling: the first letter in upper case, the rest in lower case.
    pub in_game_name: String,
    /// When it was drawn, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub drawn_at: OffsetDateTime,
    /// The time until which it can be verified, by the backend's clock.
    #[serde(with = "crate::timestamp")]
    #[schema(value_type = String, format = DateTime)]
    pub deadline: OffsetDateTime,
}

/// What the desktop program found out about the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "schemaVersion": 1, "spinCycleId": "5f0f3a1f-6b0e-4a53-9a0f-0f9c1a527c8e", "characterName": "Etoehero", "online": true,
    "capturedAt": "2026-01-02T03:09:20.000Z",
}))]
pub struct VerifyCandidate {
    /// The version of this shape: 1.
    pub schema_version: i64,
    /// The cycle.
    pub spin_cycle_id: Uuid,
    /// The character it looked for; case does not matter.
    pub character_name: String,
    /// Whether that character was online.
    pub online: bool,
    /// When it looked, by its own clock: a date and a time to the second, with `T` or a blank between; without a zone it is UTC.
    #[serde(default, with = "crate::timestamp::option_utc_by_default")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub captured_at: Option<OffsetDateTime>,
}

/// How the cycle was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"spinCycleId": "5f0f3a1f-6b0e-4a53-9a0f-0f9c1a527c8e", "payoutId": "01890a5d-ac96-774b-bcce-b302099a8057"}))]
pub struct Verified {
    /// The cycle.
    pub spin_cycle_id: Uuid,
    /// The winner's payout; null without a winner.
    #[schema(required)]
    pub payout_id: Option<Uuid>,
}
