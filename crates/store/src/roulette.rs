//! The roulette: one draw per cycle, and its verification.
//!
//! A cycle and its draw are one row under unique constraints: however many processes draw, and however often they are
//! killed, the first row to commit is the draw.

use mgm_domain::{
    CharacterName, CycleId, EnrollmentRequestId, PayoutId, Rejection, ViewerId,
    payout::Award,
    roulette::{Candidate, CandidateVerdict, Cycle, Decision, Schedule, Verify, cycle_id, verify},
};
use rand::{CryptoRng, RngExt, SeedableRng, rngs::StdRng};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{CommandError, Store, StoreError, error::Origin};

/// What a call to [`Store::draw`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrawOutcome {
    /// No draw is due.
    NotDue,
    /// The cycle had already been drawn.
    AlreadyDrawn,
    /// This call drew the cycle; no candidate if nobody could be drawn.
    Drawn(CycleId, Option<Candidate>),
}

/// The desktop program's verification of a candidate.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The cycle of the candidate.
    pub cycle: CycleId,
    /// The character name that was looked for.
    pub character_name: CharacterName,
    /// Whether that character was online.
    pub online: bool,
    /// The id of the payout, if one is awarded.
    pub payout: PayoutId,
}

/// How often to redraw after picking a member who cannot win, before listing all who can.
const REDRAWS: u32 = 32;

impl Store {
    /// Finds a cycle that has been drawn.
    pub async fn cycle(&self, id: CycleId) -> Result<Option<Cycle>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        self.load_cycle(&mut connection, id).await
    }

    /// The cycle whose candidate waits for verification before its deadline; the oldest if there are two.
    pub async fn undecided_cycle(&self, now: OffsetDateTime) -> Result<Option<Cycle>, StoreError> {
        let id = sqlx::query_scalar!(
            "SELECT cycle_id FROM roulette_cycles
             WHERE broadcaster_id = $1 AND deadline >= $2 AND candidate_viewer_id IS NOT NULL AND decided_at IS NULL
             ORDER BY deadline LIMIT 1",
            self.broadcaster.as_str(),
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        match id {
            Some(id) => self.cycle(CycleId::from_uuid(id)).await,
            None => Ok(None),
        }
    }

    /// Draws the cycle that contains `now`, if its draw is due and has not been made.
    pub async fn draw(
        &self,
        schedule: Schedule,
        now: OffsetDateTime,
        rng: &mut impl CryptoRng,
    ) -> Result<DrawOutcome, StoreError> {
        let Some(starts_at) = schedule.draw_due(now) else {
            return Ok(DrawOutcome::NotDue);
        };
        let id = cycle_id(&self.broadcaster, starts_at);
        if self.cycle(id).await?.is_some() {
            return Ok(DrawOutcome::AlreadyDrawn);
        }
        // Every attempt uses the same random numbers: only the race for the row is decided again, not the draw.
        let seed = rng.random();
        let deadline = schedule.deadline(starts_at);
        // The counts and the rows that they count are read in one snapshot.
        let drawing = async |tx: &mut PgConnection| self.draw_cycle(tx, id, starts_at, deadline, now, seed).await;
        let outcome = self.repeatable_read("draw", drawing).await?;
        if let DrawOutcome::Drawn(_, candidate) = &outcome {
            let found = if candidate.is_some() { "yes" } else { "no" };
            metrics::counter!("mgm_roulette_draws_total", "candidate" => found).increment(1);
        }
        Ok(outcome)
    }

    async fn draw_cycle(
        &self,
        tx: &mut PgConnection,
        id: CycleId,
        starts_at: OffsetDateTime,
        deadline: OffsetDateTime,
        now: OffsetDateTime,
        seed: [u8; 32],
    ) -> Result<DrawOutcome, StoreError> {
        // Processes that draw the same cycle wait here for the first to commit, and then find its row.
        let claimed = sqlx::query!(
            "INSERT INTO roulette_cycles (broadcaster_id, cycle_id, starts_at, drawn_at, deadline)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            self.broadcaster.as_str(),
            id.as_uuid(),
            starts_at,
            now,
            deadline,
        )
        .execute(&mut *tx)
        .await?;
        if claimed.rows_affected() == 0 {
            return Ok(DrawOutcome::AlreadyDrawn);
        }
        let candidate = self.pick(tx, &mut StdRng::from_seed(seed)).await?;
        if let Some(candidate) = &candidate {
            sqlx::query!(
                "UPDATE roulette_cycles SET candidate_viewer_id = $3, candidate_display_name = $4,
                        candidate_character_name = $5
                 WHERE broadcaster_id = $1 AND cycle_id = $2",
                self.broadcaster.as_str(),
                id.as_uuid(),
                candidate.viewer.as_str(),
                candidate.display_name,
                candidate.character_name.as_str(),
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(DrawOutcome::Drawn(id, candidate))
    }

    /// Picks uniformly among the members who can win. A member who cannot is rejected and another picked, which keeps
    /// the choice among the others uniform; after too many rejections, those who can win are listed.
    async fn pick(&self, tx: &mut PgConnection, rng: &mut impl CryptoRng) -> Result<Option<Candidate>, StoreError> {
        let buckets = sqlx::query!(
            r#"SELECT (place - 1)::smallint AS "bucket!", sum(kept.members) AS "members!"
               FROM pool_counts, unnest(pool_counts.members) WITH ORDINALITY AS kept (members, place)
               WHERE broadcaster_id = $1 GROUP BY place HAVING sum(kept.members) > 0 ORDER BY place"#,
            self.broadcaster.as_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        let size: i64 = buckets.iter().map(|bucket| bucket.members).sum();
        if size == 0 {
            return Ok(None);
        }
        for _ in 0..REDRAWS {
            let mut rank = rng.random_range(0..size);
            let Some(bucket) = buckets.iter().find(|bucket| {
                let here = rank < bucket.members;
                if !here {
                    rank -= bucket.members;
                }
                here
            }) else {
                break;
            };
            let Some(candidate) = self.member_at(tx, bucket.bucket, rank).await? else {
                continue;
            };
            let viewers = self.load_viewers(tx, std::slice::from_ref(&candidate.viewer)).await?;
            if viewers.values().all(|viewer| viewer.standing.admits_payout().is_ok()) {
                return Ok(Some(candidate));
            }
        }
        self.pick_from_list(tx, rng).await
    }

    async fn member_at(&self, tx: &mut PgConnection, bucket: i16, rank: i64) -> Result<Option<Candidate>, StoreError> {
        let row = sqlx::query!(
            "SELECT viewer_id, display_name, character_name FROM pool_members
             WHERE broadcaster_id = $1 AND bucket BETWEEN $2 AND $2 ORDER BY bucket, viewer_id OFFSET $3 LIMIT 1",
            self.broadcaster.as_str(),
            bucket,
            rank,
        )
        .fetch_optional(tx)
        .await?;
        row.map(|row| {
            let member = Origin::row("pool_members", &row.viewer_id);
            Ok(Candidate {
                viewer: member.column("viewer_id", ViewerId::parse(&*row.viewer_id))?,
                display_name: row.display_name,
                character_name: member.column("character_name", CharacterName::parse(&row.character_name))?,
            })
        })
        .transpose()
    }

    async fn pick_from_list(
        &self,
        tx: &mut PgConnection,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Candidate>, StoreError> {
        let viewers = sqlx::query_scalar!(
            "SELECT viewer_id FROM pool_members AS member
             WHERE broadcaster_id = $1
               AND NOT EXISTS (SELECT FROM payouts WHERE payouts.broadcaster_id = $1
                               AND payouts.viewer_id = member.viewer_id AND status IN ('Pending', 'InProgress'))",
            self.broadcaster.as_str(),
        )
        .fetch_all(&mut *tx)
        .await?;
        let parsed = |id: String| Origin::row("pool_members", &id).column("viewer_id", ViewerId::parse(&*id));
        let viewers = viewers.into_iter().map(parsed).collect::<Result<Vec<_>, _>>()?;
        let loaded = self.load_viewers(tx, &viewers).await?;
        let mut able: Vec<_> = loaded
            .into_iter()
            .filter(|(_, viewer)| viewer.standing.admits_payout().is_ok())
            .filter_map(|(id, viewer)| viewer.membership.map(|member| (id, member)))
            .collect();
        if able.is_empty() {
            return Ok(None);
        }
        let (viewer, member) = able.swap_remove(rng.random_range(0..able.len()));
        let (display_name, character_name) = (member.display_name, member.character_name);
        Ok(Some(Candidate { viewer, display_name, character_name }))
    }

    /// Takes the desktop program's verification; returns the payout if the cycle has a winner. A candidate who may not
    /// win is refused, and the cycle is still decided.
    pub async fn verify_candidate(
        &self,
        verification: &Verification,
        now: OffsetDateTime,
    ) -> Result<Option<PayoutId>, CommandError> {
        let Verification { cycle: id, character_name, online, payout } = verification;
        let verifying = async |tx: &mut PgConnection| {
            let candidate = self.load_cycle(tx, *id).await?.and_then(|cycle| cycle.candidate);
            let viewer = candidate.ok_or(Rejection::OutOfSequence)?.viewer;
            let standing = self.lock_viewer(tx, &viewer).await?.standing;
            // Read again: whoever held the viewer's row may have decided the cycle.
            let cycle = self.load_cycle(tx, *id).await?;
            let verification = Verify { character_name: character_name.clone(), online: *online, at: now };
            let (decision, answer) = match verify(cycle.as_ref(), standing, &verification)? {
                CandidateVerdict::Already(Decision::Winner(payout)) => return Ok(Ok(Some(payout))),
                CandidateVerdict::Already(Decision::NoWinner) => return Ok(Ok(None)),
                CandidateVerdict::Absent => (None, Ok(None)),
                CandidateVerdict::MayNotWin(refusal) => (None, Err(refusal)),
                CandidateVerdict::Winner(candidate) => {
                    let award = Award {
                        viewer: candidate.viewer.clone(),
                        display_name: candidate.display_name.clone(),
                        character_name: candidate.character_name.clone(),
                        enrollment_request_id: EnrollmentRequestId::of_spin(*id),
                        standing,
                        at: now,
                    };
                    self.award(tx, *payout, award).await?;
                    (Some(payout.as_uuid()), Ok(Some(*payout)))
                }
            };
            sqlx::query!(
                "UPDATE roulette_cycles SET decided_at = $3, payout_id = $4 WHERE broadcaster_id = $1 AND cycle_id = $2",
                self.broadcaster.as_str(),
                id.as_uuid(),
                now,
                decision,
            )
            .execute(&mut *tx)
            .await?;
            Ok::<_, CommandError>(answer)
        };
        // A refusal of this kind is committed.
        Ok(self.transaction("verify_candidate", verifying).await??)
    }

    async fn load_cycle(&self, connection: &mut PgConnection, id: CycleId) -> Result<Option<Cycle>, StoreError> {
        let row = sqlx::query_as!(
            CycleRow,
            "SELECT cycle_id, starts_at, drawn_at, deadline, candidate_viewer_id, candidate_display_name,
                    candidate_character_name, decided_at, payout_id
             FROM roulette_cycles WHERE broadcaster_id = $1 AND cycle_id = $2",
            self.broadcaster.as_str(),
            id.as_uuid(),
        )
        .fetch_optional(connection)
        .await?;
        row.map(Cycle::try_from).transpose()
    }
}

struct CycleRow {
    cycle_id: Uuid,
    starts_at: OffsetDateTime,
    drawn_at: OffsetDateTime,
    deadline: OffsetDateTime,
    candidate_viewer_id: Option<String>,
    candidate_display_name: Option<String>,
    candidate_character_name: Option<String>,
    decided_at: Option<OffsetDateTime>,
    payout_id: Option<Uuid>,
}

impl TryFrom<CycleRow> for Cycle {
    type Error = StoreError;

    fn try_from(row: CycleRow) -> Result<Self, StoreError> {
        let cycle = Origin::row("roulette_cycles", row.cycle_id);
        let drawn = (row.candidate_viewer_id, row.candidate_display_name, row.candidate_character_name);
        let candidate = match drawn {
            (Some(viewer), Some(display_name), Some(name)) => Some(Candidate {
                viewer: cycle.column("candidate_viewer_id", ViewerId::parse(viewer))?,
                display_name,
                character_name: cycle.column("candidate_character_name", CharacterName::parse(&name))?,
            }),
            _ => None,
        };
        let decision = row
            .decided_at
            .map(|_| row.payout_id.map_or(Decision::NoWinner, |payout| Decision::Winner(PayoutId::from_uuid(payout))));
        Ok(Self {
            id: CycleId::from_uuid(row.cycle_id),
            starts_at: row.starts_at,
            drawn_at: row.drawn_at,
            deadline: row.deadline,
            candidate,
            decision,
        })
    }
}
