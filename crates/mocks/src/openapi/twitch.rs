//! What tests can do with MockHelixApi, besides the admin API.

use mgm_api_types::ErrorBody;
use mgm_api_types::mocks::{LastRequest, RevokeSubscription, RevokedSubscription, SentMessages};

use super::common::CALLER;
use super::operation::Operation;

pub(super) fn operations() -> Vec<Operation> {
    let control = |method, path, summary| Operation::new(method, path, "control", summary);
    vec![
        control("get", "/last-request", "The request of the last chat message that counts as sent")
            .query(CALLER)
            .answer::<LastRequest>(200, "The request")
            .errors::<ErrorBody>(&[400]),
        control("get", "/sent", "The chat messages that count as sent")
            .query(&format!("{CALLER} since"))
            .answer::<SentMessages>(200, "The messages")
            .errors::<ErrorBody>(&[400]),
        control("post", "/tokens/expire", "Expire all access tokens").status(204, "They have expired"),
        control("post", "/eventsub/revoke", "Revoke an EventSub subscription and tell its callback")
            .body::<RevokeSubscription>()
            .answer::<RevokedSubscription>(200, "It is revoked")
            .errors::<ErrorBody>(&[400, 404]),
    ]
}
