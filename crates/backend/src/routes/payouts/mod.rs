//! Payouts: a viewer sees their newest, and the desktop program completes each.

pub(super) mod change_status;
pub(super) mod confirm_acceptance;
pub(super) mod list;

use mgm_api_types::Payout;
use mgm_store::PayoutView;

/// A payout as clients see it.
fn payout(view: PayoutView) -> Payout {
    use mgm_api_types::PayoutStatus as Wire;
    use mgm_domain::PayoutStatus;
    Payout {
        id: view.id.as_uuid(),
        twitch_user_id: view.viewer.to_string(),
        twitch_display_name: view.display_name,
        in_game_name: view.character_name.in_game().to_string(),
        character_name: view.character_name.to_string(),
        gold_amount: view.gold.amount(),
        enrollment_request_id: view.enrollment_request_id.to_string(),
        status: match view.status {
            PayoutStatus::Pending => Wire::Pending,
            PayoutStatus::InProgress => Wire::InProgress,
            PayoutStatus::Sent => Wire::Sent,
            PayoutStatus::Failed => Wire::Failed,
            PayoutStatus::Cancelled => Wire::Cancelled,
            PayoutStatus::Expired => Wire::Expired,
        },
        created_at: view.created_at,
        is_reward_sent_announced_to_chat: view.announced,
    }
}

/// The domain's status for a status on the wire.
const fn status(wire: mgm_api_types::PayoutStatus) -> mgm_domain::PayoutStatus {
    use mgm_api_types::PayoutStatus as Wire;
    use mgm_domain::PayoutStatus;
    match wire {
        Wire::Pending => PayoutStatus::Pending,
        Wire::InProgress => PayoutStatus::InProgress,
        Wire::Sent => PayoutStatus::Sent,
        Wire::Failed => PayoutStatus::Failed,
        Wire::Cancelled => PayoutStatus::Cancelled,
        Wire::Expired => PayoutStatus::Expired,
    }
}
