//! Enrolments, committed together when they arrive together.

use std::collections::{BTreeMap, HashMap, HashSet};

use mgm_domain::{
    CharacterName, EnrollmentRequestId, MessageId, Rejection, ViewerId,
    pool::{Enrol, Enrolled, Membership, enrol},
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    Store, StoreError,
    pool::{Viewer, parse_name, viewer_id},
    transaction::retrying,
};

/// Where an enrolment came from, and what a repeat of it is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentSource {
    /// A chat message. Processed once, whatever becomes of it.
    Chat {
        /// Twitch's id of the message.
        message_id: MessageId,
    },
    /// The panel.
    Claim {
        /// The panel's id of the request.
        request_id: EnrollmentRequestId,
    },
}

/// A viewer asks to join the pool.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// How they asked.
    pub source: EnrolmentSource,
    /// Who asks, and with which character.
    pub command: Enrol,
    /// When.
    pub at: OffsetDateTime,
}

/// What became of it. Sent or not, it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentOutcome {
    /// The viewer is in the pool with this name.
    Enrolled,
    /// The claim was granted before, with this name; nothing changes.
    Repeated {
        /// The name of the time before.
        character_name: CharacterName,
    },
    /// The chat message was processed before.
    AlreadyProcessed,
    /// The rules say no.
    Refused(Rejection),
}

/// A claim that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub viewer: ViewerId,
    /// With which name.
    pub character_name: CharacterName,
}

/// The part of the pool that a batch is about, changed in memory as its members are decided one after the other.
struct Batch {
    viewers: HashMap<ViewerId, Viewer>,
    holders: HashMap<String, ViewerId>,
    fresh_messages: HashSet<String>,
    claims: HashMap<EnrollmentRequestId, Claim>,
    /// Who changed, and whether they were in the pool before the batch.
    changed: BTreeMap<ViewerId, bool>,
    granted: Vec<(EnrollmentRequestId, ViewerId, CharacterName, OffsetDateTime)>,
}

/// Rows of `pool_members` to be written, column by column.
#[derive(Default)]
struct Columns {
    viewer_id: Vec<String>,
    display_name: Vec<String>,
    character_name: Vec<String>,
    name_key: Vec<String>,
    /// Whether the viewer was not in the pool.
    joins: Vec<bool>,
}

impl Store {
    /// Decides enrolments in their order and commits them in one transaction; answers in the same order.
    pub async fn enrol(&self, enrolments: &[Enrolment]) -> Result<Vec<EnrolmentOutcome>, StoreError> {
        if enrolments.is_empty() {
            return Ok(vec![]);
        }
        retrying("enrol", async || {
            let mut tx = self.begin().await?;
            let mut batch = self.load_batch(&mut tx, enrolments).await?;
            let outcomes = enrolments.iter().map(|enrolment| batch.decide(enrolment)).collect();
            self.write_batch(&mut tx, &batch, enrolments).await?;
            tx.commit().await?;
            Ok(outcomes)
        })
        .await
    }

    /// The claim that was granted under this id.
    pub async fn claimed(&self, request: &EnrollmentRequestId) -> Result<Option<Claim>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(self.load_claims(&mut connection, &[request.to_string()]).await?.remove(request))
    }

    async fn load_batch(&self, tx: &mut PgConnection, enrolments: &[Enrolment]) -> Result<Batch, StoreError> {
        let fresh_messages = self.note_messages(tx, enrolments).await?;
        let viewers: Vec<ViewerId> = enrolments.iter().map(|enrolment| enrolment.command.viewer.clone()).collect();
        self.lock_viewers(tx, &viewers).await?;
        let requests: Vec<String> = enrolments
            .iter()
            .filter_map(|enrolment| match &enrolment.source {
                EnrolmentSource::Claim { request_id } => Some(request_id.to_string()),
                EnrolmentSource::Chat { .. } => None,
            })
            .collect();
        let claims = if requests.is_empty() { HashMap::new() } else { self.load_claims(tx, &requests).await? };
        let viewers = self.load_viewers(tx, &viewers).await?;
        let keys: Vec<String> = enrolments.iter().map(|enrolment| enrolment.command.name.key()).collect();
        let rows = sqlx::query!(
            "SELECT name_key, viewer_id FROM pool_members WHERE broadcaster_id = $1 AND name_key = ANY ($2)",
            self.broadcaster.as_str(),
            &keys,
        )
        .fetch_all(tx)
        .await?;
        let mut holders = HashMap::with_capacity(rows.len());
        for row in rows {
            holders.insert(row.name_key, viewer_id("pool_members", &row.viewer_id)?);
        }
        Ok(Batch { viewers, holders, fresh_messages, claims, changed: BTreeMap::new(), granted: vec![] })
    }

    /// Writes the batch's chat messages down; answers those that are new.
    async fn note_messages(
        &self,
        tx: &mut PgConnection,
        enrolments: &[Enrolment],
    ) -> Result<HashSet<String>, StoreError> {
        let (messages, times): (Vec<String>, Vec<OffsetDateTime>) = enrolments
            .iter()
            .filter_map(|enrolment| match &enrolment.source {
                EnrolmentSource::Chat { message_id } => Some((message_id.to_string(), enrolment.at)),
                EnrolmentSource::Claim { .. } => None,
            })
            .unzip();
        if messages.is_empty() {
            return Ok(HashSet::new());
        }
        let fresh = sqlx::query_scalar!(
            "INSERT INTO chat_inbox (broadcaster_id, message_id, received_at)
             SELECT $1, message_id, received_at
             FROM unnest($2::text[], $3::timestamptz[]) AS message (message_id, received_at) ORDER BY message_id
             ON CONFLICT (broadcaster_id, message_id) DO NOTHING
             RETURNING message_id",
            self.broadcaster.as_str(),
            &messages,
            &times,
        )
        .fetch_all(tx)
        .await?;
        Ok(fresh.into_iter().collect())
    }

    async fn load_claims(
        &self,
        connection: &mut PgConnection,
        requests: &[String],
    ) -> Result<HashMap<EnrollmentRequestId, Claim>, StoreError> {
        let rows = sqlx::query!(
            "SELECT enrollment_request_id, viewer_id, character_name FROM claims
             WHERE broadcaster_id = $1 AND enrollment_request_id = ANY ($2)",
            self.broadcaster.as_str(),
            requests,
        )
        .fetch_all(connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                let key = row.enrollment_request_id;
                let viewer = viewer_id("claims", &row.viewer_id)?;
                let character_name = parse_name("claims", &key, &row.character_name)?;
                let request = EnrollmentRequestId::parse(key.clone()).map_err(|error| StoreError::BadRow {
                    table: "claims",
                    column: "enrollment_request_id",
                    key,
                    reason: error.to_string(),
                })?;
                Ok((request, Claim { viewer, character_name }))
            })
            .collect()
    }

    async fn write_batch(
        &self,
        tx: &mut PgConnection,
        batch: &Batch,
        enrolments: &[Enrolment],
    ) -> Result<(), StoreError> {
        let at = enrolments.iter().map(|enrolment| enrolment.at).max();
        self.write_claims(tx, &batch.granted).await?;
        // Names may change hands within a batch: every old row goes before the new ones come.
        let replaced: Vec<String> =
            batch.changed.iter().filter(|(_, was_in)| **was_in).map(|(viewer, _)| viewer.to_string()).collect();
        if !replaced.is_empty() {
            sqlx::query!(
                "DELETE FROM pool_members WHERE broadcaster_id = $1 AND viewer_id = ANY ($2)",
                self.broadcaster.as_str(),
                &replaced,
            )
            .execute(&mut *tx)
            .await?;
        }
        let mut rows = Columns::default();
        for (viewer, was_in) in &batch.changed {
            let Some(Membership { display_name, character_name }) =
                batch.viewers.get(viewer).and_then(|viewer| viewer.membership.as_ref())
            else {
                continue;
            };
            rows.viewer_id.push(viewer.to_string());
            rows.display_name.push(display_name.clone());
            rows.character_name.push(character_name.to_string());
            rows.name_key.push(character_name.key());
            rows.joins.push(!was_in);
        }
        if rows.viewer_id.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "WITH member AS (
                 SELECT viewer_id, display_name, character_name, name_key, joins,
                        (hashtext(viewer_id) & 255)::smallint AS bucket
                 FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
                      AS given (viewer_id, display_name, character_name, name_key, joins)
             ), written AS (
                 INSERT INTO pool_members
                     (broadcaster_id, viewer_id, display_name, character_name, name_key, bucket, enrolled_at)
                 SELECT $1, viewer_id, display_name, character_name, name_key, bucket, $7 FROM member ORDER BY name_key
             )
             INSERT INTO pool_buckets (broadcaster_id, bucket, members)
             SELECT $1, bucket, count(*) FROM member WHERE joins GROUP BY bucket ORDER BY bucket
             ON CONFLICT (broadcaster_id, bucket) DO UPDATE SET members = pool_buckets.members + EXCLUDED.members",
            self.broadcaster.as_str(),
            &rows.viewer_id,
            &rows.display_name,
            &rows.character_name,
            &rows.name_key,
            &rows.joins,
            at,
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    async fn write_claims(
        &self,
        tx: &mut PgConnection,
        granted: &[(EnrollmentRequestId, ViewerId, CharacterName, OffsetDateTime)],
    ) -> Result<(), StoreError> {
        for (request, viewer, name, at) in granted {
            sqlx::query!(
                "INSERT INTO claims (broadcaster_id, enrollment_request_id, viewer_id, character_name, claimed_at)
                 VALUES ($1, $2, $3, $4, $5)",
                self.broadcaster.as_str(),
                request.as_str(),
                viewer.as_str(),
                name.as_str(),
                at,
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}

impl Batch {
    fn decide(&mut self, Enrolment { source, command, at }: &Enrolment) -> EnrolmentOutcome {
        match source {
            EnrolmentSource::Chat { message_id } => {
                if !self.fresh_messages.remove(message_id.as_str()) {
                    return EnrolmentOutcome::AlreadyProcessed;
                }
                self.enrol(command).map_or_else(EnrolmentOutcome::Refused, |()| EnrolmentOutcome::Enrolled)
            }
            EnrolmentSource::Claim { request_id } => {
                if let Some(claim) = self.claims.get(request_id) {
                    return if claim.viewer == command.viewer {
                        EnrolmentOutcome::Repeated { character_name: claim.character_name.clone() }
                    } else {
                        EnrolmentOutcome::Refused(Rejection::DuplicateEnrollment)
                    };
                }
                if let Err(refusal) = self.enrol(command) {
                    return EnrolmentOutcome::Refused(refusal);
                }
                let Enrol { viewer, name, .. } = command;
                self.granted.push((request_id.clone(), viewer.clone(), name.clone(), *at));
                let claim = Claim { viewer: viewer.clone(), character_name: name.clone() };
                self.claims.insert(request_id.clone(), claim);
                EnrolmentOutcome::Enrolled
            }
        }
    }

    fn enrol(&mut self, command: &Enrol) -> Result<(), Rejection> {
        let viewer = self.viewers.entry(command.viewer.clone()).or_default();
        let key = command.name.key();
        let decided = enrol(command, viewer.standing, viewer.membership.as_ref(), self.holders.get(&key))?;
        let membership = match decided {
            Enrolled::Unchanged => return Ok(()),
            Enrolled::Joined(membership) | Enrolled::Replaced(membership) => membership,
        };
        let before = viewer.membership.replace(membership);
        self.changed.entry(command.viewer.clone()).or_insert(before.is_some());
        if let Some(before) = before {
            let old = before.character_name.key();
            if self.holders.get(&old) == Some(&command.viewer) {
                self.holders.remove(&old);
            }
        }
        self.holders.insert(key, command.viewer.clone());
        Ok(())
    }
}
