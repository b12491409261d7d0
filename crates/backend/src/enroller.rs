//! Enrolments are committed together when they arrive together: while one transaction commits, the next gathers. Each is
//! answered only after its commit.

use mgm_store::{Enrolment, EnrolmentOutcome, Store};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// Enrolments that wait at the most; more are told to come again.
const QUEUE: usize = 4_096;
/// Enrolments in one transaction at the most.
const BATCH: usize = 128;

/// Takes enrolments. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Enroller(mpsc::Sender<Job>);

/// Why an enrolment was not decided. The details are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrolError {
    /// The database is away, or too many wait. Worth trying again.
    #[error("enrolments cannot be taken just now")]
    Unavailable,
    /// A defect.
    #[error("the enrolment failed")]
    Failed,
}

#[derive(Debug)]
struct Job {
    enrolment: Enrolment,
    answer: oneshot::Sender<Result<EnrolmentOutcome, EnrolError>>,
}

impl Enroller {
    /// Starts the task that commits; it ends when the last [`Enroller`] is gone and everything taken is answered.
    #[must_use]
    pub fn start(store: Store, tasks: &TaskTracker) -> Self {
        let (sender, mut jobs) = mpsc::channel(QUEUE);
        tasks.spawn(async move {
            let mut gathered = Vec::new();
            while jobs.recv_many(&mut gathered, BATCH).await > 0 {
                let size = u32::try_from(gathered.len()).unwrap_or(u32::MAX);
                metrics::histogram!("mgm_enrolment_batch_size").record(f64::from(size));
                commit(&store, std::mem::take(&mut gathered)).await;
            }
        });
        Self(sender)
    }

    /// Decides an enrolment and commits its effect.
    pub async fn enrol(&self, enrolment: Enrolment) -> Result<EnrolmentOutcome, EnrolError> {
        let (answer, decided) = oneshot::channel();
        self.0.try_send(Job { enrolment, answer }).map_err(|_| EnrolError::Unavailable)?;
        decided.await.unwrap_or(Err(EnrolError::Failed))
    }
}

async fn commit(store: &Store, jobs: Vec<Job>) {
    let (enrolments, answers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.enrolment, job.answer)).unzip();
    match store.enrol(&enrolments).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever asked may have gone; the effect stands.
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(error) if error.is_unavailable() => {
            tracing::warn!(%error, enrolments = enrolments.len(), "enrolments could not be committed");
            for answer in answers {
                let _ = answer.send(Err(EnrolError::Unavailable));
            }
        }
        // One of them is at fault: it must not cost the others.
        Err(_) => {
            for (enrolment, answer) in enrolments.iter().zip(answers) {
                let decided = match store.enrol(std::slice::from_ref(enrolment)).await {
                    Ok(mut outcomes) => outcomes.pop().ok_or(EnrolError::Failed),
                    Err(error) if error.is_unavailable() => Err(EnrolError::Unavailable),
                    Err(error) => {
                        tracing::error!(%error, viewer = %enrolment.command.viewer, "an enrolment failed");
                        Err(EnrolError::Failed)
                    }
                };
                let _ = answer.send(decided);
            }
        }
    }
}
