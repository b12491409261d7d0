//! The local authority that signs the certificate of the front.
//!
//! Whoever trusts it need not fear its key: it can sign for Twitch's names and this machine's own only.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use super::NAMES;

/// The names of the files.
const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";

/// How long the front's certificate is valid; some clients accept no more than 398 days.
const VALIDITY: Duration = Duration::days(397);

/// The local authority.
#[derive(Debug)]
pub struct Authority {
    certificate: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or its directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The key file holds no key.
    #[error("{path} is not the key of a local authority; remove it, and a new one is made")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// No certificate can be made.
    #[error("a certificate cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS does not accept the certificate.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Authority {
    /// The authority in this directory, which is made if it is not there. Its key is readable by this user only.
    pub fn open(directory: &Path) -> Result<Self, AuthorityError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| AuthorityError::File { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at(directory))?;
        let (certificate, key_file) = (directory.join(CERTIFICATE), directory.join(KEY));
        let (key, is_new) = match std::fs::read_to_string(&key_file) {
            Ok(text) => (KeyPair::from_pem(&text).map_err(|_| AuthorityError::Key { path: key_file })?, false),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = KeyPair::generate()?;
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key_file);
                file.and_then(|mut file| file.write_all(key.serialize_pem().as_bytes())).map_err(at(&key_file))?;
                (key, true)
            }
            Err(source) => return Err(AuthorityError::File { path: key_file, source }),
        };
        let params = params();
        if is_new || !certificate.exists() {
            std::fs::write(&certificate, params.self_signed(&key)?.pem()).map_err(at(&certificate))?;
        }
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// The file with its certificate, which clients must trust.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// What the front shows its clients: a new certificate for all names, and HTTP/1.1.
    pub fn server_config(&self, now: OffsetDateTime) -> Result<Arc<ServerConfig>, AuthorityError> {
        let names: Vec<_> = NAMES.iter().chain(&["localhost", "127.0.0.1"]).map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, NAMES[0]);
        params.not_before = now - Duration::DAY;
        params.not_after = params.not_before + VALIDITY;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The same for every start, so that the kept certificate stays true.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Mimiron's Gold-o-Matic: stand-ins for Twitch");
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let name = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            name("twitch.tv"),
            name("localhost"),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
        ],
        excluded_subtrees: vec![],
    });
    params
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_kept_and_its_key_is_for_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("below/tls");
        let read = |authority: &Authority| std::fs::read_to_string(authority.certificate()).unwrap();
        let first = Authority::open(&directory).unwrap();
        let certificate = read(&first);
        for (file, mode) in [(KEY, 0o600), ("", 0o700)] {
            let mode_of = directory.join(file).metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode_of, mode, "{file}");
        }
        assert_eq!(read(&Authority::open(&directory).unwrap()), certificate);
        std::fs::remove_file(directory.join(KEY)).unwrap();
        assert_ne!(read(&Authority::open(&directory).unwrap()), certificate, "a new key has a new certificate");
        std::fs::write(directory.join(KEY), "nonsense").unwrap();
        let error = Authority::open(&directory).unwrap_err();
        assert!(matches!(error, AuthorityError::Key { .. }), "{error}");
    }
}
