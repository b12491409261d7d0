//! Builds a client.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use url::Url;

/// The operating system's certificates could not be loaded, or TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error(
    "an HTTPS client{} cannot be built ({reason}): install the CA certificates of the system (the package is \
     mostly called ca-certificates), or name a file of them in SSL_CERT_FILE",
    service.map(|service| format!(" for {service}")).unwrap_or_default()
)]
pub struct ClientError {
    service: Option<&'static str>,
    reason: String,
}

impl ClientError {
    /// Names the service that the client is for. Does not name an address from a setting, since no error repeats a value.
    #[must_use]
    pub fn naming(self, service: &'static str) -> Self {
        Self { service: Some(service), ..self }
    }
}

/// A client for one service that never sends a request twice: no redirects, no retries, and a new connection for every
/// request, so that the failure of a connection that was kept open too long cannot be mistaken for a failure of this
/// request. The environment's proxies are not used.
///
/// For a plain `http` service no certificate is loaded.
pub fn client(service: &Url, connect_timeout: Duration) -> Result<Client, ClientError> {
    // Fails only if a provider is already installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let builder = Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .no_proxy();
    let builder = if service.scheme() == "https" { builder } else { builder.tls_certs_only([]) };
    builder.build().map_err(|error| ClientError { service: None, reason: reason(error) })
}

/// The error and its causes, without the address, which may contain a secret.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
