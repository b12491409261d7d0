//! Checks whether somebody's webhook receiver keeps Twitch's contract
//! (<https://dev.twitch.tv/docs/eventsub/handling-webhook-events/>): sends it what Twitch sends, and what Twitch would never
//! send, and judges the answers. What good receivers do differently is accepted: any 2xx for what they take, any 4xx for what
//! they refuse, either for a duplicate.
//!
//! The checks are a table (`checks.rs`). A check that builds on another one is skipped if that one has failed, so that a
//! fault shows once.

mod check;
mod checks;
mod message;
mod odd;
mod probe;
mod receiver;
mod target;

use std::time::Duration;

use mgm_http_client::ClientError;
use mgm_system::{Clock, RandomSource};

pub use check::{Check, Checked, Outcome, Severity};
pub use target::Target;

use checks::{CHECKS, IN_TIME};
use message::Maker;
use probe::Probe;
use receiver::{Receiver, Reply};

/// After so many messages without an answer, no more are sent.
const PATIENCE: usize = 3;

/// Why nothing can be checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Nobody listens there.
    #[error("the receiver cannot be reached: {0}")]
    Unreachable(String),
    /// No HTTP client can be built.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// All checks, in the order in which they are run.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().map(|probe| &probe.check).chain([&IN_TIME])
}

/// Runs all checks, and reports each when it is done.
pub async fn verify(
    target: &Target,
    clock: &dyn Clock,
    random: &RandomSource,
    mut on_checked: impl FnMut(&Checked),
) -> Result<Vec<Checked>, VerifyError> {
    let maker = Maker { target, clock, random };
    let receiver = Receiver::new(&target.callback)?;
    let mut run = Run { done: Vec::new(), slowest: Duration::ZERO, silent: 0, is_gone: false };
    for probe in CHECKS {
        let checked = match run.reason_to_skip(&probe.check) {
            Some(reason) => Checked::skipped(&probe.check, reason),
            None => run.take(probe, &maker, &receiver).await?,
        };
        on_checked(&checked);
        run.done.push(checked);
    }
    let in_time = run.in_time(target.within);
    on_checked(&in_time);
    run.done.push(in_time);
    Ok(run.done)
}

/// What has come of the checks so far.
struct Run {
    done: Vec<Checked>,
    slowest: Duration,
    /// How many messages were not answered in time.
    silent: usize,
    is_gone: bool,
}

impl Run {
    /// Sends the messages of a check, and judges the reply to the last one.
    async fn take(
        &mut self,
        probe: &'static Probe,
        maker: &Maker<'_>,
        receiver: &Receiver,
    ) -> Result<Checked, VerifyError> {
        let mut checked = None;
        for message in (probe.make)(maker) {
            let reply = receiver.send(&message).await;
            if let (Reply::NotConnected(reason), true) = (&reply, self.done.is_empty()) {
                return Err(VerifyError::Unreachable(reason.clone()));
            }
            self.note(&reply);
            checked = Some(probe.judge(&reply, &message));
        }
        Ok(checked.unwrap_or_else(|| Checked::skipped(&probe.check, "there is nothing to send".to_owned())))
    }

    fn reason_to_skip(&self, check: &Check) -> Option<String> {
        if self.is_gone {
            return Some("the receiver is gone".to_owned());
        }
        if self.silent >= PATIENCE {
            return Some(format!("{PATIENCE} messages were not answered"));
        }
        let needed = self.done.iter().find(|done| Some(done.check.id) == check.needs)?;
        let has_passed = matches!(needed.outcome, Outcome::Passed);
        (!has_passed).then(|| format!("it builds on {}", needed.check.id))
    }

    fn note(&mut self, reply: &Reply) {
        match reply {
            Reply::Answer { took, .. } => self.slowest = self.slowest.max(*took),
            Reply::TooLate => self.silent += 1,
            Reply::NotConnected(_) => self.is_gone = true,
            Reply::Cut(_) => {}
        }
    }

    /// The check of all answers together.
    fn in_time(&self, within: Duration) -> Checked {
        let slowest = format!("the slowest took {:.2} s", self.slowest.as_secs_f64());
        let got = match self.silent {
            0 => slowest,
            silent => format!("{slowest}; {silent} did not come within {} s", receiver::TIMEOUT.as_secs()),
        };
        let is_in_time = self.silent == 0 && self.slowest <= within;
        Checked {
            check: &IN_TIME,
            got,
            outcome: if is_in_time { Outcome::Passed } else { Outcome::Failed },
            took: self.slowest,
        }
    }
}
