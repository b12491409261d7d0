//! Enrolments. Those that arrive together are committed together.

use std::collections::{BTreeMap, HashMap, HashSet};

use mgm_domain::{
    CharacterName, EnrollmentRequestId, MessageId, Rejection, ViewerId,
    pool::{Enrol, Enrolled, enrol},
};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    Store, StoreError,
    error::Origin,
    pool::{BUCKETS, Viewer, in_order},
    transaction::KeptConnection,
};

/// Where an enrolment came from, and the id by which a repeat is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentSource {
    /// A chat message. Processed once, whatever its outcome.
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

/// A viewer's request to join the pool.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// Where it came from.
    pub source: EnrolmentSource,
    /// The viewer, and the character name.
    pub command: Enrol,
    /// The time of receipt, by our clock.
    pub at: OffsetDateTime,
}

/// The outcome of an enrolment. Even a refusal is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentOutcome {
    /// The viewer is in the pool with this name.
    Enrolled,
    /// The claim was granted before, with this name; nothing changes.
    Repeated {
        /// The name that was granted.
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
    /// The viewer who made it.
    pub viewer: ViewerId,
    /// The character name that was granted.
    pub character_name: CharacterName,
}

/// The part of the pool that a batch concerns, updated in memory as its enrolments are decided one after the other.
struct Batch {
    viewers: HashMap<ViewerId, Viewer>,
    holders: HashMap<String, ViewerId>,
    fresh_messages: HashSet<String>,
    claims: HashMap<EnrollmentRequestId, Claim>,
    /// The viewers who changed, each with the key of the name before the batch, if they were in the pool.
    changed: BTreeMap<ViewerId, Option<String>>,
    granted: Vec<(EnrollmentRequestId, ViewerId, CharacterName, OffsetDateTime)>,
}

/// Rows of `pool_members` to be written, column by column.
#[derive(Default)]
struct Columns {
    viewer_id: Vec<String>,
    display_name: Vec<String>,
    character_name: Vec<String>,
    name_key: Vec<String>,
    bucket: Vec<i16>,
}

/// Enrols on one connection as long as there is work.
#[derive(Debug)]
pub struct EnrolmentSession {
    store: Store,
    connection: KeptConnection,
}

impl EnrolmentSession {
    /// Decides enrolments in order and commits them in one transaction; returns the outcomes in the same order.
    pub async fn enrol(&self, enrolments: &[Enrolment]) -> Result<Vec<EnrolmentOutcome>, StoreError> {
        if enrolments.is_empty() {
            return Ok(vec![]);
        }
        let work = async |tx: &mut PgConnection| {
            let mut batch = self.store.load_batch(tx, enrolments).await?;
            let outcomes = enrolments.iter().map(|enrolment| batch.decide(enrolment)).collect();
            self.store.write_batch(tx, &batch, enrolments).await?;
            Ok(outcomes)
        };
        self.connection.transaction("enrol", work).await
    }

    /// Returns the connection to the pool, before a pause.
    pub fn pause(&self) {
        self.connection.release();
    }
}

impl Store {
    /// A session for consecutive enrolments.
    #[must_use]
    pub fn enrolment_session(&self) -> EnrolmentSession {
        EnrolmentSession { store: self.clone(), connection: KeptConnection::new(self.pool.clone()) }
    }

    /// Runs [`EnrolmentSession::enrol`] once.
    pub async fn enrol(&self, enrolments: &[Enrolment]) -> Result<Vec<EnrolmentOutcome>, StoreError> {
        self.enrolment_session().enrol(enrolments).await
    }

    /// The claim that was granted under this id.
    pub async fn claimed(&self, request: &EnrollmentRequestId) -> Result<Option<Claim>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(self.load_claims(&mut connection, &[request.to_string()]).await?.remove(request))
    }

    async fn load_batch(&self, tx: &mut PgConnection, enrolments: &[Enrolment]) -> Result<Batch, StoreError> {
        let viewers: Vec<ViewerId> = enrolments.iter().map(|enrolment| enrolment.command.viewer.clone()).collect();
        let fresh_messages = self.note_messages_and_lock_viewers(tx, enrolments, &viewers).await?;
        let requests: Vec<String> = enrolments
            .iter()
            .filter_map(|enrolment| match &enrolment.source {
                EnrolmentSource::Claim { request_id } => Some(request_id.to_string()),
                EnrolmentSource::Chat { .. } => None,
            })
            .collect();
        let claims = if requests.is_empty() { HashMap::new() } else { self.load_claims(tx, &requests).await? };
        let keys: Vec<String> = enrolments.iter().map(|enrolment| enrolment.command.name.key()).collect();
        let (viewers, holders) = self.load_viewers_and_holders(tx, &viewers, &keys).await?;
        Ok(Batch { viewers, holders, fresh_messages, claims, changed: BTreeMap::new(), granted: vec![] })
    }

    /// Records the batch's chat messages, then locks its viewers as [`Store::lock_viewers`] does; returns the messages
    /// that are new.
    async fn note_messages_and_lock_viewers(
        &self,
        tx: &mut PgConnection,
        enrolments: &[Enrolment],
        viewers: &[ViewerId],
    ) -> Result<HashSet<String>, StoreError> {
        let (messages, times): (Vec<String>, Vec<OffsetDateTime>) = enrolments
            .iter()
            .filter_map(|enrolment| match &enrolment.source {
                EnrolmentSource::Chat { message_id } => Some((message_id.to_string(), enrolment.at)),
                EnrolmentSource::Claim { .. } => None,
            })
            .unzip();
        if messages.is_empty() {
            self.lock_viewers(tx, viewers).await?;
            return Ok(HashSet::new());
        }
        // The sub-statement that is read runs first, so every process records the messages before it locks any viewer.
        let fresh = sqlx::query_scalar!(
            "WITH noted AS (
                 INSERT INTO chat_inbox (broadcaster_id, message_id, received_at)
                 SELECT $1, message_id, received_at
                 FROM unnest($2::text[], $3::timestamptz[]) AS message (message_id, received_at) ORDER BY message_id
                 ON CONFLICT (broadcaster_id, message_id) DO NOTHING
                 RETURNING message_id
             ), locked AS (
                 INSERT INTO viewers (broadcaster_id, viewer_id)
                 SELECT $1, viewer_id FROM unnest($4::text[]) AS locked (viewer_id) ORDER BY viewer_id
                 ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE SET viewer_id = EXCLUDED.viewer_id WHERE false
             )
             SELECT message_id FROM noted",
            self.broadcaster.as_str(),
            &messages,
            &times,
            &in_order(viewers),
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
            "SELECT enrollment_request_id, viewer_id, character_name
             FROM unnest($2::text[]) AS asked (id),
                  LATERAL (SELECT * FROM claims
                           WHERE broadcaster_id = $1 AND enrollment_request_id = asked.id LIMIT 1) AS claim",
            self.broadcaster.as_str(),
            requests,
        )
        .fetch_all(connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                let key = row.enrollment_request_id;
                let claim = Origin::row("claims", &key);
                let request = claim.column("enrollment_request_id", EnrollmentRequestId::parse(&*key))?;
                let viewer = claim.column("viewer_id", ViewerId::parse(row.viewer_id))?;
                let character_name = claim.column("character_name", CharacterName::parse(&row.character_name))?;
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
        let mut rows = Columns::default();
        let mut joined = [0; BUCKETS];
        for (id, before) in &batch.changed {
            let Some(Viewer { membership: Some(membership), bucket, .. }) = batch.viewers.get(id) else { continue };
            rows.viewer_id.push(id.to_string());
            rows.display_name.push(membership.display_name.clone());
            rows.character_name.push(membership.character_name.to_string());
            rows.name_key.push(membership.character_name.key());
            rows.bucket.push(i16::from(*bucket));
            if before.is_none() {
                joined[usize::from(*bucket)] += 1;
            }
        }
        if rows.viewer_id.is_empty() {
            return Ok(());
        }
        self.give_up_names(tx, batch, &rows, at).await?;
        // The counts are updated last, since a row of them stays locked until the transaction ends. The first unlocked
        // row is used. If all are locked, another row is added, up to a limit; beyond that, the transaction waits for
        // one of them.
        sqlx::query!(
            "WITH free AS (
                 SELECT shard FROM pool_counts WHERE broadcaster_id = $1 AND $8::boolean ORDER BY shard LIMIT 1
                 FOR UPDATE SKIP LOCKED
             ), counted AS (
                 INSERT INTO pool_counts AS had (broadcaster_id, shard, members)
                 SELECT $1, coalesce((SELECT shard FROM free), floor(random() * 32)::smallint), $9 WHERE $8
                 ON CONFLICT (broadcaster_id, shard) DO UPDATE
                 SET members = ARRAY(SELECT had.members[place] + EXCLUDED.members[place]
                                     FROM generate_series(1, 256) AS place)
             )
             INSERT INTO pool_members
                 (broadcaster_id, viewer_id, display_name, character_name, name_key, bucket, enrolled_at)
             SELECT $1, viewer_id, display_name, character_name, name_key, bucket, $7
             FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[])
                  AS member (viewer_id, display_name, character_name, name_key, bucket)
             ORDER BY name_key
             ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE
             SET display_name = EXCLUDED.display_name, character_name = EXCLUDED.character_name,
                 name_key = EXCLUDED.name_key, enrolled_at = EXCLUDED.enrolled_at",
            self.broadcaster.as_str(),
            &rows.viewer_id,
            &rows.display_name,
            &rows.character_name,
            &rows.name_key,
            &rows.bucket,
            at,
            joined.iter().any(|count| *count > 0),
            &joined[..],
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// If a name changes hands within a batch, the viewer who gives it up loses it before the other takes it.
    async fn give_up_names(
        &self,
        tx: &mut PgConnection,
        batch: &Batch,
        rows: &Columns,
        at: Option<OffsetDateTime>,
    ) -> Result<(), StoreError> {
        let taken: HashSet<&String> = rows.name_key.iter().collect();
        let giving: Vec<String> = batch
            .changed
            .iter()
            .filter(|(_, before)| before.as_ref().is_some_and(|key| taken.contains(key)))
            .map(|(viewer, _)| viewer.to_string())
            .collect();
        if giving.is_empty() {
            return Ok(());
        }
        // No name key contains a blank. The rows exist, so each is found by the conflict's key, and none is inserted.
        sqlx::query!(
            "INSERT INTO pool_members
                 (broadcaster_id, viewer_id, display_name, character_name, name_key, bucket, enrolled_at)
             SELECT $1, viewer_id, '', '', ' ' || viewer_id, 0, $3 FROM unnest($2::text[]) AS giving (viewer_id)
             ORDER BY viewer_id
             ON CONFLICT (broadcaster_id, viewer_id) DO UPDATE SET name_key = EXCLUDED.name_key",
            self.broadcaster.as_str(),
            &giving,
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
        let old = before.map(|before| before.character_name.key());
        if let Some(old) = &old
            && self.holders.get(old) == Some(&command.viewer)
        {
            self.holders.remove(old);
        }
        self.changed.entry(command.viewer.clone()).or_insert(old);
        self.holders.insert(key, command.viewer.clone());
        Ok(())
    }
}
