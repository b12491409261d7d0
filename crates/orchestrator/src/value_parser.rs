//! Parsers of values on the command line.

use std::ffi::OsStr;

use clap::Arg;
use clap::builder::{PossibleValue, PossibleValuesParser, RangedI64ValueParser, TypedValueParser};
use clap::error::ErrorKind;
use mgm_twitch::eventsub::Hostile;
use secrecy::SecretString;
use url::Url;

/// Refuses a value that a script has left empty by mistake.
pub fn filled(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) }
}

/// The same for a value that must not be shown.
pub fn secret(text: &str) -> Result<SecretString, &'static str> {
    filled(text).map(SecretString::from)
}

/// A port that can be requested.
pub fn port() -> RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

/// A kind of hostile delivery.
pub fn hostile() -> impl TypedValueParser<Value = Hostile> {
    let names = Hostile::ALL.map(|kind| PossibleValue::new(kind.name().replace('_', "-")));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Hostile>())
}

/// The URL of a service. The error does not repeat the value, which may hold a password.
#[derive(Clone, Copy, Debug)]
pub struct HttpUrl;

impl TypedValueParser for HttpUrl {
    type Value = Url;

    fn parse_ref(&self, command: &clap::Command, argument: Option<&Arg>, text: &OsStr) -> Result<Url, clap::Error> {
        let url = text.to_str().and_then(|text| Url::parse(text).ok());
        let is_plain = |url: &Url| url.username().is_empty() && url.password().is_none();
        url.filter(|url| matches!(url.scheme(), "http" | "https") && is_plain(url)).ok_or_else(|| {
            let argument = argument.map_or_else(String::new, |argument| format!("{argument}: "));
            let message = format!("{argument}expected an http:// or https:// URL without credentials\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}
