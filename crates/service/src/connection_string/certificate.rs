//! What is wrong with a certificate, of the server or of its authority.

/// What shows in the text of the TLS library, and what that means.
const REASONS: [(&[&str], &str); 4] = [
    (&["UnknownIssuer"], "its issuer is none of the authorities that were asked"),
    (
        &["CaUsedAsEndEntity"],
        "it is an authority's own, self-signed certificate and not one for a server; SSL Mode=Require encrypts without \
         checking it",
    ),
    (
        &["NotValidForName", "not valid for name"],
        "it is for another name than that of the host; SSL Mode=VerifyCA does not compare names",
    ),
    (
        &["Expired", "NotValidYet", "expired", "not valid yet"],
        "its time is over or has not come, if the clock here is right",
    ),
];

/// What is wrong with the server's certificate, by what the TLS library says of it; none when it says something else.
pub(super) fn about_server(error: &str, names_authority: bool) -> Option<String> {
    if !error.contains("invalid peer certificate") {
        return None;
    }
    let reason = REASONS.iter().find(|(signs, _)| signs.iter().any(|sign| error.contains(sign)));
    let reason = reason.map_or_else(String::new, |(_, reason)| format!(": {reason}"));
    let authorities = if names_authority {
        "asked were the authorities in the file that Root Certificate names"
    } else {
        "asked were the system's authorities; Root Certificate names the file of another one"
    };
    Some(format!("the certificate of the database server was not accepted{reason} ({authorities})"))
}

/// What is wrong with the file of the authority, if anything is.
pub(super) fn problem_of_authority(path: &str) -> Result<(), String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let is_pem = String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(()) } else { Err("holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()) }
}
