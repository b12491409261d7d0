//! Problems with a certificate, of the server or of its authority.

/// Texts of the TLS library, and their meaning.
const REASONS: [(&[&str], &str); 4] = [
    (&["UnknownIssuer"], "its issuer is not one of the known authorities"),
    (
        &["CaUsedAsEndEntity"],
        "it is an authority's own, self-signed certificate and not one for a server; SSL Mode=Require encrypts without \
         checking it",
    ),
    (
        &["NotValidForName", "not valid for name"],
        "it is not for the name of the host; SSL Mode=VerifyCA does not compare names",
    ),
    (
        &["Expired", "NotValidYet", "expired", "not valid yet"],
        "it has expired or is not valid yet, if the clock here is right",
    ),
];

/// The problem of the server's certificate, by the TLS library's error; `None` if that is about something else.
pub(super) fn about_server(error: &str, names_authority: bool) -> Option<String> {
    if !error.contains("invalid peer certificate") {
        return None;
    }
    let reason = REASONS.iter().find(|(signs, _)| signs.iter().any(|sign| error.contains(sign)));
    let reason = reason.map_or_else(String::new, |(_, reason)| format!(": {reason}"));
    let authorities = if names_authority {
        "the known authorities are those in the file that Root Certificate names"
    } else {
        "the known authorities are the system's; Root Certificate names the file of another one"
    };
    Some(format!("the certificate of the database server was not accepted{reason} ({authorities})"))
}

/// The problem of the authority's file, if any.
pub(super) fn problem_of_authority(path: &str) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let is_pem = String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(()) } else { Err("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()) }
}
