//! Making a client.

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
    /// Says which service the client is for. An address that is a setting's value is not said: no error repeats one.
    #[must_use]
    pub fn naming(self, service: &'static str) -> Self {
        Self { service: Some(service), ..self }
    }
}

/// A client for one service, by which no request is ever sent twice: no redirects, no retries, and a connection of its own
/// for every request, so that a failure of a connection that was kept open too long cannot be mistaken for one of this
/// request. Proxies of the environment are not used.
///
/// For a plain `http` service no certificate is loaded.
pub fn client(service: &Url, connect_timeout: Duration) -> Result<Client, ClientError> {
    // Refused only when a provider is installed already, which is as good.
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

/// The error and what caused it, without the address, which may have a secret in it.
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
