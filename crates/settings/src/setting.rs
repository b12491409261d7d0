//! How a value is parsed into a setting's type, and how it is shown. A message about an invalid value never repeats it.
//!
//! A variable is always text: a secret of digits, commas or brackets stays as it is, and numbers and flags are parsed from
//! the text here. The file may also hold numbers, flags and arrays.

use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use figment::value::Value;
use ipnet::IpNet;
use mgm_domain::BroadcasterId;
use mgm_service::bind::BindUrls;
use mgm_service::connection_string::ConnectionString;
use mgm_service::log::LogFormat;
use mgm_twitch::eventsub::{CallbackUrl, MappedCallback, SigningSecret};
use mgm_twitch::extension_jwt::ExtensionKeys;
use mgm_twitch::helix::HelixBaseUrl;
use mgm_twitch::oauth::OAuthBaseUrl;
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use serde::ser::Serializer;
use url::Url;

use crate::origin::{ExtensionClientId, WebOrigin};

/// How strictly the backend checks its own configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Environment {
    /// Development aids may be enabled, and missing settings have defaults.
    Development,
    /// Refuses to start if anything that protects it is missing.
    Production,
}

impl Environment {
    pub(crate) const WORDS: &[(&str, Self)] = &[("Development", Self::Development), ("Production", Self::Production)];
}

/// A type that a setting can have.
pub(crate) trait Setting: Sized {
    /// Parses a variable, or text in the file.
    fn from_text<E: Error>(text: &str) -> Result<Self, E>;

    /// Parses a value in the file.
    fn from_value<E: Error>(value: &Value) -> Result<Self, E> {
        value.as_str().map_or_else(|| Err(expected("text in quotes")), Self::from_text)
    }

    /// The text for descriptions; redacted if secret.
    fn show(&self) -> String;
}

/// Deserializes for `#[serde(with = "setting")]`.
pub(crate) fn deserialize<'de, T: Setting, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::from_value(&<Value as Deserialize>::deserialize(deserializer)?)
}

/// Serializes for `#[serde(with = "setting")]`, as it is shown.
pub(crate) fn serialize<T: Setting, S: Serializer>(setting: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&setting.show())
}

/// The value is not of the type.
fn expected<E: Error>(what: &str) -> E {
    E::invalid_value(Unexpected::Other("a value that is not shown"), &what)
}

impl<T: Setting> Setting for Option<T> {
    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        T::from_text(text).map(Some)
    }

    fn from_value<E: Error>(value: &Value) -> Result<Self, E> {
        T::from_value(value).map(Some)
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "(not set)".to_owned(), T::show)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::from_text).collect()
    }

    fn from_value<E: Error>(value: &Value) -> Result<Self, E> {
        match value {
            Value::Array(_, values) => values.iter().map(T::from_value).collect(),
            Value::String(_, text) => Self::from_text(text),
            _ => Err(expected("an array of texts")),
        }
    }

    fn show(&self) -> String {
        if self.is_empty() { "(none)".to_owned() } else { self.iter().map(T::show).collect::<Vec<_>>().join(",") }
    }
}

/// Numbers and flags need no quotes in the file: this is their text, which is empty for anything else.
fn bare(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Bool(_, flag) => flag.to_string(),
        _ => value.to_i128().map_or_else(String::new, |number| number.to_string()),
    }
}

impl Setting for bool {
    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        text.trim().to_ascii_lowercase().parse().map_err(|_| expected("true or false"))
    }

    fn from_value<E: Error>(value: &Value) -> Result<Self, E> {
        Self::from_text(&bare(value))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Whole numbers, by the type with which they are parsed.
macro_rules! whole_numbers {
    ($($type:ty: $number:ty, $read:expr, $shown:expr;)+) => { $(
        impl Setting for $type {
            fn from_text<E: Error>(text: &str) -> Result<Self, E> {
                let number = text.trim().parse::<$number>();
                let number = number.map_err(|_| expected(&format!("a whole number from 0 to {}", <$number>::MAX)))?;
                $read(number).ok_or_else(|| E::custom("must be at least 1"))
            }

            fn from_value<E: Error>(value: &Value) -> Result<Self, E> {
                Self::from_text(&bare(value))
            }

            fn show(&self) -> String {
                $shown(*self).to_string()
            }
        }
    )+ };
}

whole_numbers! {
    u32: u32, Some, u32::from;
    NonZeroU32: u32, Self::new, Self::get;
    NonZeroU64: u64, Self::new, Self::get;
    // Whole seconds.
    Duration: u32, |seconds: u32| (seconds > 0).then(|| Self::from_secs(seconds.into())), |span: Self| span.as_secs();
}

impl Setting for String {
    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        header_text(text.trim()).map(Self::from)
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// A text that can be sent in an HTTP header. HTTP strips blanks at the ends of a value, so one with them could never match.
fn header_text<E: Error>(text: &str) -> Result<&str, E> {
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) || text.contains(char::is_control) {
        return Err(E::custom("the value begins or ends with a blank, or holds a control character; leave it out"));
    }
    Ok(text)
}

fn http_url<E: Error>(text: &str) -> Result<Url, E> {
    let url = Url::parse(text.trim()).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
    });
    url.ok_or_else(|| expected("an http:// or https:// URL without credentials"))
}

fn network<E: Error>(text: &str) -> Result<IpNet, E> {
    let network = text.trim().parse().or_else(|_| text.trim().parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| expected("IP addresses or networks such as 10.0.0.0/8"))
}

/// One of a closed set of words, ignoring case.
fn word<T: Copy, E: Error>(text: &str, words: &[(&str, T)], what: &str) -> Result<T, E> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim()));
    found.map(|(_, value)| *value).ok_or_else(|| expected(what))
}

fn hidden<T>(_: &T) -> String {
    "(set, not shown)".to_owned()
}

/// Types with their own rules, each with the function that parses its text and the one that shows it.
macro_rules! types {
    ($($type:ty: $read:expr, $show:expr;)+) => { $(
        impl Setting for $type {
            fn from_text<E: Error>(text: &str) -> Result<Self, E> {
                $read(text)
            }

            fn show(&self) -> String {
                $show(self)
            }
        }
    )+ };
}

types! {
    SecretString: |text| header_text(text).map(Self::from), hidden;
    SigningSecret: |text| Self::parse(header_text::<E>(text)?.into()).map_err(E::custom), hidden;
    ExtensionKeys: |text| Self::parse(header_text::<E>(text)?).map_err(E::custom), hidden;
    ConnectionString: |text| Self::parse(text).map_err(E::custom), hidden;
    BroadcasterId: |text: &str| Self::parse(header_text::<E>(text.trim())?).map_err(E::custom), Self::to_string;
    ExtensionClientId: |text: &str| Self::parse(header_text::<E>(text.trim())?)
        .map_err(|_| E::custom("it cannot be part of a host name")), |id: &Self| id.as_str().to_owned();
    Url: http_url, Self::to_string;
    HelixBaseUrl: |text| Self::parse(http_url::<E>(text)?.as_str()).map_err(E::custom), |url: &Self| url.as_url().to_string();
    OAuthBaseUrl: |text| Self::parse(http_url::<E>(text)?.as_str()).map_err(E::custom), |url: &Self| url.as_url().to_string();
    CallbackUrl: |text| Self::new(http_url::<E>(text)?).map_err(E::custom), |url: &Self| url.as_url().to_string();
    MappedCallback: |text: &str| text.parse().map_err(E::custom), Self::to_string;
    WebOrigin: |text: &str| text.parse().map_err(|error| expected(&format!("origins ({error})"))), Self::to_string;
    BindUrls: |text: &str| text.parse().map_err(|error| {
        expected(&format!("addresses such as http://127.0.0.1:8080;http://+:9090 ({error})"))
    }), Self::to_string;
    IpNet: network, Self::to_string;
    PathBuf: |text: &str| Ok::<_, E>(Self::from(text)), |path: &Self| path.display().to_string();
    Environment: |text| word(text, Self::WORDS, "Development or Production"), |it: &Self| format!("{it:?}");
    LogFormat: |text| word(text, &[("text", Self::Text), ("json", Self::Json)], "text or json"),
        |it: &Self| format!("{it:?}").to_ascii_lowercase();
}
