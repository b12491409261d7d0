//! MockExtensionJwt.

use mgm_api_types::ErrorBody;
use mgm_api_types::mocks::TokenAnswer;

use super::operation::Operation;

/// What a token can be asked for with.
const OPTIONS: &str =
    "userId displayName opaque_user_id role is_unlinked channel_id listen* send* expires_in extension key";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("get", "/token", "tokens", "Issue an Extension token for a user")
            .query(&format!("{OPTIONS} flaw"))
            .answer::<TokenAnswer>(200, "The token")
            .errors::<ErrorBody>(&[400]),
        Operation::new("get", "/helix-token", "tokens", "Issue a token with which a front end calls Helix")
            .query(OPTIONS)
            .answer::<TokenAnswer>(200, "The token")
            .errors::<ErrorBody>(&[400]),
    ]
}
