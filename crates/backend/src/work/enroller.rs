//! Groups enrolments into transactions: while one group is being committed, the next gathers. Each enrolment is
//! answered only after its commit.

use std::{sync::Arc, time::Duration};

use mgm_store::{Enrolment, EnrolmentOutcome, EnrolmentSession, Store};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

use crate::metrics;

/// The maximum number of waiting enrolments; further ones are refused until later.
const QUEUE: usize = 4_096;
/// The maximum number of enrolments in a transaction.
const BATCH: usize = 128;
/// How long the database connection is kept while no enrolment arrives.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for a batch to fill.
const MOST_PATIENCE: Duration = Duration::from_millis(5);
/// How long a commit may take before the database counts as unavailable.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes enrolments. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Enroller(mpsc::Sender<Job>);

/// Why an enrolment was not decided. The details are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// The database is unavailable, or too many enrolments wait. Worth retrying.
    #[error("enrolments cannot be taken just now")]
    Unavailable,
    /// A defect.
    #[error("the enrolment failed")]
    Failed,
}

/// The size of the last batch: as many are expected again, for example when each client sends its next enrolment after
/// an answer. Without waiting, the first to arrive would be committed alone, while the others wait for that.
#[derive(Debug, Default)]
struct Crowd {
    size: usize,
    /// How long to wait for them: half of the last transaction's duration.
    patience: Duration,
}

#[derive(Debug)]
struct Job {
    enrolment: Enrolment,
    answer: oneshot::Sender<Result<EnrolmentOutcome, EnrolError>>,
}

impl Enroller {
    /// Starts the gathering task; it ends when the last [`Enroller`] is dropped and all accepted enrolments are
    /// answered.
    #[must_use]
    pub fn start(store: Store, tasks: &TaskTracker) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        tasks.spawn(gather(store, jobs, tasks.clone()));
        Self(sender)
    }

    /// Decides an enrolment and commits its effect. Once queued, it is completed even if the caller goes away.
    pub async fn enrol(&self, enrolment: Enrolment) -> Result<EnrolmentOutcome, EnrolError> {
        let (answer, decided) = oneshot::channel();
        self.0.try_send(Job { enrolment, answer }).map_err(|_| EnrolError::Unavailable)?;
        decided.await.unwrap_or(Err(EnrolError::Failed))
    }
}

/// Commits what has gathered whenever no transaction is running. Each transaction runs in a separate task, so that a
/// panic fails only that one.
async fn gather(store: Store, mut jobs: mpsc::Receiver<Job>, tasks: TaskTracker) {
    let session = Arc::new(store.enrolment_session());
    let mut crowd = Crowd::default();
    loop {
        let mut gathered = Vec::new();
        if timeout(PAUSE, jobs.recv_many(&mut gathered, BATCH)).await.is_err() {
            session.pause();
            jobs.recv_many(&mut gathered, BATCH).await;
        }
        if gathered.is_empty() {
            return;
        }
        let deadline = Instant::now() + crowd.patience;
        while gathered.len() < crowd.size {
            let room = BATCH - gathered.len();
            // The time is over, or all senders are gone.
            if !matches!(timeout_at(deadline, jobs.recv_many(&mut gathered, room)).await, Ok(1..)) {
                break;
            }
        }
        let (size, started) = (gathered.len(), Instant::now());
        let session = Arc::clone(&session);
        // `commit` reports its own failures; a panic is in the log.
        let _ = tasks.spawn(async move { commit(&session, gathered).await }).await;
        crowd = Crowd { size, patience: (started.elapsed() / 2).min(MOST_PATIENCE) };
    }
}

async fn commit(session: &EnrolmentSession, jobs: Vec<Job>) {
    let (enrolments, answers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.enrolment, job.answer)).unzip();
    metrics::enrolment_batch_size().record(f64::from(u32::try_from(answers.len()).unwrap_or(u32::MAX)));
    match decide(session, &enrolments).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // The caller may be gone; the effect stands.
                let _ = answer.send(Ok(outcome));
            }
        }
        // One of them causes the failure, which must not affect the others.
        Err(EnrolError::Failed) if enrolments.len() > 1 => {
            for (enrolment, answer) in enrolments.iter().zip(answers) {
                let alone = decide(session, std::slice::from_ref(enrolment)).await;
                let _ = answer.send(alone.and_then(|mut outcomes| outcomes.pop().ok_or(EnrolError::Failed)));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error));
            }
        }
    }
}

async fn decide(session: &EnrolmentSession, enrolments: &[Enrolment]) -> Result<Vec<EnrolmentOutcome>, EnrolError> {
    match timeout(PATIENCE, session.enrol(enrolments)).await {
        Ok(Ok(outcomes)) => Ok(outcomes),
        Ok(Err(error)) if error.is_unavailable() => {
            tracing::warn!(%error, enrolments = enrolments.len(), "enrolments could not be committed");
            Err(EnrolError::Unavailable)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, enrolments = enrolments.len(), "enrolments failed");
            Err(EnrolError::Failed)
        }
        Err(_) => {
            tracing::warn!(enrolments = enrolments.len(), "enrolments were not committed in time");
            Err(EnrolError::Unavailable)
        }
    }
}
