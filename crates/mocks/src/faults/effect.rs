//! What a fault does.

use std::time::Duration;

use http::StatusCode;
use mgm_api_types::mocks::{DropReason, Fault, FaultKind};

/// The default of `delayMs` where there is no fault without a delay.
const DEFAULT_DELAY: Duration = Duration::from_secs(1);

/// The reason for a fault that gives none.
const ASKED_FOR: &str = "A fault that was asked for.";

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// A status in place of the answer's.
    Status(StatusCode),
    /// Nothing is done, and the answer says why.
    NotSent(DropReason),
    /// 429, with the seconds to wait.
    RateLimited(u32),
    ReplyLost,
    Truncated,
    Slow(Duration),
    SlowBody(Duration),
    Dropped(Duration),
    Reset(Duration),
}

/// How a delivery is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DeliveryPlan {
    /// The fault, if there is one.
    pub(crate) fault: Option<FaultKind>,
    /// The time before.
    pub(crate) delay: Duration,
    /// How many times it is made, with the same id; 0: it counts as failed.
    pub(crate) times: u32,
    /// Whether the answer counts as lost, whatever it is.
    pub(crate) is_answer_lost: bool,
}

impl Default for DeliveryPlan {
    fn default() -> Self {
        Self { fault: None, delay: Duration::ZERO, times: 1, is_answer_lost: false }
    }
}

/// Either of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Happens {
    ToRequest(Effect),
    ToDelivery(DeliveryPlan),
}

impl Happens {
    pub(super) fn of(fault: &Fault) -> Self {
        let delay = fault.delay_ms.map(Duration::from_millis);
        let (late, early) = (delay.unwrap_or(DEFAULT_DELAY), delay.unwrap_or_default());
        let reason = |code: &str| {
            let given = fault.drop_reason.clone();
            given.unwrap_or_else(|| DropReason { code: code.to_owned(), message: ASKED_FOR.to_owned() })
        };
        let plan = DeliveryPlan { fault: Some(fault.kind), ..DeliveryPlan::default() };
        Self::ToRequest(match fault.kind {
            FaultKind::Status => {
                let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
                Effect::Status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
            FaultKind::NotSent => Effect::NotSent(reason("msg_rejected")),
            FaultKind::Duplicate => Effect::NotSent(reason("msg_duplicate")),
            FaultKind::RateLimited => Effect::RateLimited(fault.retry_after_seconds.unwrap_or(1)),
            FaultKind::ReplyLost => Effect::ReplyLost,
            FaultKind::Truncated => Effect::Truncated,
            FaultKind::Slow => Effect::Slow(late),
            FaultKind::SlowBody => Effect::SlowBody(late),
            FaultKind::Dropped => Effect::Dropped(early),
            FaultKind::Reset => Effect::Reset(early),
            FaultKind::NotDelivered => return Self::ToDelivery(DeliveryPlan { times: 0, ..plan }),
            FaultKind::Late => return Self::ToDelivery(DeliveryPlan { delay: late, ..plan }),
            FaultKind::Twice => return Self::ToDelivery(DeliveryPlan { times: 2, ..plan }),
            FaultKind::AnswerLost => return Self::ToDelivery(DeliveryPlan { is_answer_lost: true, ..plan }),
        })
    }
}
