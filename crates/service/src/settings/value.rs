//! How a setting's text becomes its type. Variables are always text: a secret of digits, commas or brackets stays as it is.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::bind::BindUrls;

/// What would have been right; never what was found, which may be a secret.
pub(super) struct Expected(pub(super) String);

impl Expected {
    fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// A type that a setting can have.
pub(super) trait Value: Sized {
    fn from_text(text: &str) -> Result<Self, Expected>;

    /// From the file. Text is understood everywhere; numbers, flags and arrays where they fit.
    fn from_toml(value: &toml::Value) -> Result<Self, Expected> {
        match value {
            toml::Value::String(text) => Self::from_text(text),
            _ => Err(Expected::new("text in quotes")),
        }
    }

    /// For descriptions; redacted where secret.
    fn show(&self) -> String;
}

impl<T: Value> Value for Option<T> {
    fn from_text(text: &str) -> Result<Self, Expected> {
        T::from_text(text).map(Some)
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Expected> {
        T::from_toml(value).map(Some)
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "(not set)".to_owned(), T::show)
    }
}

impl Value for String {
    fn from_text(text: &str) -> Result<Self, Expected> {
        Ok(text.trim().to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for SecretString {
    fn from_text(text: &str) -> Result<Self, Expected> {
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        "(set, not shown)".to_owned()
    }
}

impl Value for bool {
    fn from_text(text: &str) -> Result<Self, Expected> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Expected::new("true or false")),
        }
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Expected> {
        value.as_bool().map_or_else(|| Self::from_text(value.as_str().unwrap_or_default()), Ok)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_number {
    ($($type:ty),+) => { $(
        impl Value for $type {
            fn from_text(text: &str) -> Result<Self, Expected> {
                text.trim().parse().map_err(|_| Expected(format!("a whole number from 0 to {}", Self::MAX)))
            }

            fn from_toml(value: &toml::Value) -> Result<Self, Expected> {
                Self::from_text(&value.as_integer().map_or_else(|| value.as_str().unwrap_or_default().to_owned(), |n| n.to_string()))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+ };
}
whole_number!(u32, u64);

impl Value for Url {
    fn from_text(text: &str) -> Result<Self, Expected> {
        Self::parse(text.trim())
            .ok()
            .filter(|url| {
                matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
            })
            .ok_or_else(|| Expected::new("an http:// or https:// URL without credentials"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for BindUrls {
    fn from_text(text: &str) -> Result<Self, Expected> {
        text.parse()
            .map_err(|error| Expected(format!("addresses such as http://127.0.0.1:8080;http://+:9090 ({error})")))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for IpNet {
    fn from_text(text: &str) -> Result<Self, Expected> {
        let text = text.trim();
        Self::from_str(text)
            .or_else(|_| text.parse::<IpAddr>().map(Self::from))
            .map_err(|_| Expected::new("IP addresses or networks such as 10.0.0.0/8"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<T: Value> Value for Vec<T> {
    fn from_text(text: &str) -> Result<Self, Expected> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::from_text).collect()
    }

    fn from_toml(value: &toml::Value) -> Result<Self, Expected> {
        match value {
            toml::Value::Array(values) => values.iter().map(T::from_toml).collect(),
            toml::Value::String(text) => Self::from_text(text),
            _ => Err(Expected::new("an array of texts")),
        }
    }

    fn show(&self) -> String {
        if self.is_empty() {
            return "(none)".to_owned();
        }
        self.iter().map(T::show).collect::<Vec<_>>().join(",")
    }
}

/// A closed set of words, matched without regard to case.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal ),+ }, $expected:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $name { $( $(#[$variant_meta])* $variant ),+ }

        impl Value for $name {
            fn from_text(text: &str) -> Result<Self, Expected> {
                let text = text.trim();
                $( if text.eq_ignore_ascii_case($word) { return Ok(Self::$variant); } )+
                Err(Expected::new($expected))
            }

            fn show(&self) -> String {
                match self { $( Self::$variant => $word.to_owned() ),+ }
            }
        }
    };
}

words! {
    /// How strict the backend is with itself.
    Environment {
        /// Development aids may be turned on, and what is missing has a default.
        Development = "Development",
        /// Refuses to start when anything that protects it is missing.
        Production = "Production"
    }, "Development or Production"
}

words! {
    /// How logs are written.
    LogFormat {
        /// Lines for people.
        Text = "text",
        /// One JSON object a line.
        Json = "json"
    }, "text or json"
}
