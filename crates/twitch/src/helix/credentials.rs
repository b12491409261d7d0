//! The credentials of a call.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

const CLIENT_ID: HeaderName = HeaderName::from_static("client-id");

/// A user's access token and the client that it was issued to. Neither is shown in `Debug`.
#[derive(Clone)]
pub struct Credentials {
    client_id: HeaderValue,
    authorization: HeaderValue,
}

/// Why credentials are invalid. Never contains them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Empty, or with characters that are not allowed in a header.
    #[error("the client id is empty or not allowed in a header")]
    ClientId,
    /// Empty, or with characters that are not allowed in a header.
    #[error("the access token is empty or not allowed in a header")]
    AccessToken,
}

impl Credentials {
    /// Builds credentials from the client id and the access token, without `Bearer`.
    pub fn new(client_id: &str, access_token: &SecretString) -> Result<Self, CredentialsError> {
        let (client_id, token) = (client_id.trim(), access_token.expose_secret().trim());
        if client_id.is_empty() {
            return Err(CredentialsError::ClientId);
        }
        if token.is_empty() {
            return Err(CredentialsError::AccessToken);
        }
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| CredentialsError::AccessToken)?;
        // Keeps it out of the debug output of `http` and of the libraries below.
        authorization.set_sensitive(true);
        let client_id = HeaderValue::from_str(client_id).map_err(|_| CredentialsError::ClientId)?;
        Ok(Self { client_id, authorization })
    }

    pub(super) fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(CLIENT_ID, self.client_id.clone()), (AUTHORIZATION, self.authorization.clone())])
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_show() {
        let credentials = Credentials::new("client-1", &SecretString::from("token-1")).unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials(redacted)");
        assert!(!format!("{:?}", credentials.headers()).contains("token-1"));
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_without_showing_it() {
        let refusal = |id: &str, token: &str| Credentials::new(id, &SecretString::from(token)).unwrap_err();
        assert_eq!(refusal("", "token"), CredentialsError::ClientId);
        assert_eq!(refusal("a\nb", "token"), CredentialsError::ClientId);
        assert_eq!(refusal("client", " "), CredentialsError::AccessToken);
        assert_eq!(refusal("client", "sec\nret"), CredentialsError::AccessToken);
        assert!(!refusal("client", "sec\nret").to_string().contains("sec"));
    }
}
