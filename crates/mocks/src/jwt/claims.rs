//! What tokens say. Twitch's have these claims (<https://dev.twitch.tv/docs/extensions/reference/#jwt-schema>):
//!
//! | claim | parameter, and what stands there without it |
//! | --- | --- |
//! | `opaque_user_id` | the same; else `U` and the user's id, or `A` and random letters for a viewer who is not logged in |
//! | `user_id` | `userId`; absent if `is_unlinked` |
//! | `channel_id` | the same; else the configured broadcaster, or the user for the role `broadcaster` |
//! | `role` | the same: `viewer` (the default), `moderator`, `broadcaster` or `external` |
//! | `is_unlinked` | the same; else whether there is no `userId` |
//! | `pubsub_perms` | `listen` and `send`, which may be repeated; else what a viewer and a broadcaster may |
//! | `exp` | `expires_in` seconds from now; else two hours |

use mgm_system::RandomSource;
use serde::Serialize;
use time::OffsetDateTime;

use super::query::Query;
use crate::error::Refusal;

/// The default lifetime of a token, in seconds.
const LIFETIME: u32 = 7200;
/// The longest lifetime, in seconds.
const LONGEST: u32 = 365 * 24 * 3600;

const ROLES: [&str; 4] = ["viewer", "moderator", "broadcaster", "external"];

/// The parameters that ask for Twitch's claims.
const TWITCHS: [&str; 3] = ["opaque_user_id", "role", "is_unlinked"];

/// The claims of a token, in the order in which they are written.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opaque_user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_unlinked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pubsub_perms: Option<Permissions>,
    /// In seconds.
    #[serde(skip)]
    pub(super) lifetime: u32,
}

#[derive(Clone, Debug, Serialize)]
struct Permissions {
    listen: Vec<String>,
    send: Vec<String>,
}

/// Whether the query asks for Twitch's claims.
pub(super) fn are_twitchs(query: &Query) -> bool {
    TWITCHS.iter().any(|name| query.has(name))
}

fn lifetime(query: &Query) -> Result<u32, Refusal> {
    let Some(text) = query.one("expires_in")? else { return Ok(LIFETIME) };
    let seconds = text.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.ok_or_else(|| Refusal::invalid(format!("expires_in is from 1 to {LONGEST} seconds")))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

impl Claims {
    /// The claims on which scripts rely that know nothing of Twitch's.
    pub(super) fn short(
        query: &Query,
        client_id: Option<&str>,
        channel_id: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let user_id = query.one("userId")?.ok_or_else(|| Refusal::invalid("the query has to have a userId"))?;
        let (name, channel, lifetime) = (query.one("displayName")?, query.one("channel_id")?, lifetime(query)?);
        Ok(Self {
            name: Some(name.unwrap_or_else(|| user_id.clone())),
            user_id: Some(user_id),
            exp: Some(now.unix_timestamp() + i64::from(lifetime)),
            aud: client_id.map(str::to_owned),
            channel_id: channel.or_else(|| channel_id.map(str::to_owned)),
            lifetime,
            ..Self::default()
        })
    }

    /// Twitch's claims.
    pub(super) fn of_twitch(
        query: &Query,
        channel_id: Option<&str>,
        now: OffsetDateTime,
        random: &RandomSource,
    ) -> Result<Self, Refusal> {
        let user = query.one("userId")?;
        let role = query.one("role")?.unwrap_or_else(|| ROLES[0].to_owned());
        if !ROLES.contains(&role.as_str()) {
            return Err(Refusal::invalid(format!("role is one of {}", ROLES.join(", "))));
        }
        let opaque = query.one("opaque_user_id")?.unwrap_or_else(|| match &user {
            Some(user) => format!("U{user}"),
            None => format!("A{}", random.letters(20)),
        });
        if !opaque.starts_with(['U', 'A']) {
            return Err(Refusal::invalid("opaque_user_id begins with U or, for a viewer who is not logged in, with A"));
        }
        let is_unlinked = query.flag("is_unlinked")?.unwrap_or(user.is_none());
        let is_broadcaster = role == "broadcaster";
        let own_channel = || user.clone().filter(|_| is_broadcaster);
        let channel_id = query.one("channel_id")?.or_else(|| channel_id.map(str::to_owned)).or_else(own_channel);
        let permissions = Permissions {
            listen: match query.all("listen")? {
                Some(listen) => listen,
                None => texts(&["broadcast", &format!("whisper-{opaque}"), "global"]),
            },
            send: query
                .all("send")?
                .unwrap_or_else(|| texts(if is_broadcaster { &["broadcast", "whisper-*"] } else { &[] })),
        };
        let lifetime = lifetime(query)?;
        Ok(Self {
            user_id: user.filter(|_| !is_unlinked),
            name: query.one("displayName")?,
            exp: Some(now.unix_timestamp() + i64::from(lifetime)),
            channel_id,
            opaque_user_id: Some(opaque),
            role: Some(role),
            is_unlinked: Some(is_unlinked),
            pubsub_perms: Some(permissions),
            lifetime,
            ..Self::default()
        })
    }
}
