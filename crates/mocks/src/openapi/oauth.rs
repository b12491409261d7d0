//! The token service (<https://dev.twitch.tv/docs/authentication/>), whose routes are also below `/auth`.

use utoipa::ToSchema;

use super::operation::Operation;

/// An error of the token service.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct TokenServiceError {
    /// The HTTP status.
    status: u16,
    /// What is wrong.
    message: String,
}

fn call(method: &'static str, path: String, summary: &'static str) -> Operation {
    Operation::new(method, path, "tokens", summary).errors::<TokenServiceError>(&[400])
}

fn shared(prefix: &str) -> [Operation; 5] {
    let at = |path: &str| format!("{prefix}/{path}");
    [
        call("post", at("token"), "Get or renew a token")
            .fields("client_id! client_secret grant_type! code redirect_uri refresh_token device_code scopes")
            .object(200, "The token", "access_token! expires_in! token_type! refresh_token scope")
            .errors::<TokenServiceError>(&[403]),
        call("get", at("validate"), "Describe the token of the header Authorization")
            .object(200, "What it is", "client_id! scopes! expires_in! login user_id")
            .errors::<TokenServiceError>(&[401]),
        call("post", at("revoke"), "Revoke a token")
            .fields("client_id! token!")
            .status(200, "It is revoked")
            .errors::<TokenServiceError>(&[404]),
        call("post", at("device"), "Begin the device code flow").fields("client_id! scopes").object(
            200,
            "The codes",
            "device_code! expires_in! interval! user_code! verification_uri!",
        ),
        call("get", at("authorize"), "Ask a user for consent")
            .query("client_id redirect_uri response_type scope state user_code approve deny")
            .status(200, "A page with a button for each user")
            .status(303, "What was decided, in the address of the redirection"),
    ]
}

pub(super) fn operations() -> Vec<Operation> {
    let approve = call("post", "/oauth2/authorize".to_owned(), "Decide, as the page's buttons do")
        .fields("client_id redirect_uri response_type scope state user_code approve deny")
        .status(200, "A device is approved")
        .status(303, "What was decided, in the address of the redirection");
    let give = call("post", "/auth/authorize".to_owned(), "Issue a user's token without consent")
        .fields("client_id! client_secret! grant_type! user_id! scope")
        .object(200, "The token", "access_token! refresh_token! expires_in! scope! token_type!")
        .errors::<TokenServiceError>(&[403]);
    shared("/oauth2").into_iter().chain(shared("/auth")).chain([approve, give]).collect()
}
