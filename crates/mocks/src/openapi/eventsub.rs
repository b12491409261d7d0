//! MockEventSubWebhook.

use mgm_api_types::ErrorBody;

use super::operation::Operation;

pub(super) fn operations() -> Vec<Operation> {
    let summary = "Check a notification and forward it to the backend, whose answer is returned";
    vec![
        Operation::new("post", "/api/twitch/eventsub", "eventsub", summary)
            .fields("challenge subscription event")
            .status(200, "The backend's answer")
            .errors::<ErrorBody>(&[401, 502]),
    ]
}
