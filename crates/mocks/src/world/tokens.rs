//! Which tokens are good, whose they are and what for.

use std::collections::HashMap;

use time::{Duration, OffsetDateTime};

use super::bounded::Bounded;
use super::{ANY_CLIENT, Grant, Record as _, State};

/// How long a client's own token lasts, in seconds.
pub(crate) const APP_SECONDS: u32 = 5_011_271;
/// How long a user's does.
pub(crate) const USER_SECONDS: u32 = 14_124;
/// How long a code of the authorization code flow is good.
const CODE_SECONDS: i64 = 600;
/// How long a device has for being approved.
pub(crate) const DEVICE_SECONDS: u32 = 1800;

/// An access token that is good.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The client that it was issued to; [`ANY_CLIENT`]: whichever.
    pub(crate) client_id: String,
    /// Whose it is.
    pub(crate) holder: Holder,
    /// Until when it is good; none: until it is ended.
    expires_at: Option<OffsetDateTime>,
}

/// Whose an access token is.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// The client's own.
    App,
    /// A user's.
    User {
        /// Who.
        id: String,
        /// What it is good for.
        scopes: Vec<String>,
    },
}

/// What a refresh token renews.
#[derive(Clone, Debug)]
pub(crate) struct Refresh {
    client_id: String,
    user_id: String,
    scopes: Vec<String>,
    /// Whether it came without the client's secret, and so is used without it.
    pub(crate) is_public: bool,
}

/// What somebody was asked for, in the authorization code flow and by a device.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The client that asks.
    pub(crate) client_id: String,
    /// What for.
    pub(crate) scopes: Vec<String>,
    /// Where the user goes back to.
    pub(crate) redirect_uri: Option<String>,
}

/// A request that was approved.
#[derive(Debug)]
struct Code {
    request: Request,
    user_id: String,
    expires_at: OffsetDateTime,
}

/// A device that waits for its user.
#[derive(Debug)]
struct Device {
    request: Request,
    user_code: String,
    expires_at: OffsetDateTime,
    approved_by: Option<String>,
}

/// What is known of tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Those of the grants, by their text.
    granted_access: HashMap<String, Access>,
    granted_refresh: HashMap<String, Refresh>,
    /// Those that were given out here.
    access: Bounded<Access>,
    refresh: Bounded<Refresh>,
    /// What is void for good: what was revoked, and refresh tokens that were used.
    void: Bounded<()>,
    codes: Bounded<Code>,
    devices: Bounded<Device>,
    /// Whether all there were have been ended.
    have_expired: bool,
}

/// A user's tokens.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scopes: Vec<String>,
}

/// What a device gets to show.
#[derive(Debug)]
pub(crate) struct DeviceCodes {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
}

/// Why a device gets no token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotYet {
    /// Its user has not approved it.
    Pending,
    /// There is no such device, or no longer.
    Invalid,
}

/// Whether what was issued to one client is this one's.
fn is_of(issued_to: &str, client: &str) -> bool {
    issued_to == ANY_CLIENT || issued_to == client
}

impl Access {
    /// For how many seconds it is good.
    pub(crate) fn seconds_left(&self, now: OffsetDateTime) -> i64 {
        self.expires_at.map_or_else(
            || match self.holder {
                Holder::App => APP_SECONDS.into(),
                Holder::User { .. } => USER_SECONDS.into(),
            },
            |end| (end - now).whole_seconds(),
        )
    }

    /// Whether it was issued to this client.
    pub(crate) fn is_of(&self, client: &str) -> bool {
        is_of(&self.client_id, client)
    }
}

impl State {
    /// Takes up the tokens that the grants name.
    pub(crate) fn know_granted_tokens(&mut self) {
        let (mut access, mut refresh) = (HashMap::new(), HashMap::new());
        for grant in self.records.grants.iter() {
            let Grant { client_id, user_id, .. } = grant;
            for token in &grant.tokens {
                let scopes = token.scopes.as_ref().unwrap_or(&grant.scopes);
                if let Some(text) = token.access_token.as_ref().map(|token| token.text().to_owned()) {
                    let expires_at = match self.tokens.granted_access.get(&text) {
                        Some(known) => known.expires_at,
                        None => token.expires_in.map(|seconds| self.now + Duration::seconds(seconds.into())),
                    };
                    let holder = Holder::User { id: user_id.clone(), scopes: scopes.clone() };
                    access.insert(text, Access { client_id: client_id.clone(), holder, expires_at });
                }
                if let Some(text) = token.refresh_token.as_ref().map(|token| token.text().to_owned()) {
                    let (client_id, user_id, scopes) = (client_id.clone(), user_id.clone(), scopes.clone());
                    refresh.insert(text, Refresh { client_id, user_id, scopes, is_public: false });
                }
            }
        }
        self.tokens.granted_access = access;
        self.tokens.granted_refresh = refresh;
    }

    /// An access token that is known and alive.
    pub(crate) fn access(&self, token: &str) -> Option<&Access> {
        let Tokens { granted_access, access, void, .. } = &self.tokens;
        let found = access.get(token).or_else(|| granted_access.get(token))?;
        let is_alive = found.expires_at.is_none_or(|end| self.now < end);
        (is_alive && !void.has(token)).then_some(found)
    }

    /// Whether an access token is good. Where the rules are not held to any is, until all were ended.
    pub(crate) fn is_good(&self, token: &str) -> bool {
        let any_is = !self.strict && !self.tokens.have_expired && !self.tokens.void.has(token);
        any_is || self.access(token).is_some()
    }

    /// Whose a token is that nobody knows, where the rules are not held to: id and scopes.
    pub(crate) fn anybody(&self) -> (String, Vec<String>) {
        match self.records.users.iter().next() {
            Some(user) => {
                let scopes = self.records.grants.iter().find(|grant| grant.user_id == user.id);
                (user.id.clone(), scopes.map(|grant| grant.scopes.clone()).unwrap_or_default())
            }
            None => ("streamer".to_owned(), vec![]),
        }
    }

    /// Ends every access token there is.
    pub(crate) fn expire_tokens(&mut self) {
        let granted: Vec<_> = self.tokens.granted_access.keys().cloned().collect();
        for token in granted {
            self.tokens.void.put(token, ());
        }
        self.tokens.access.retain(|_| false);
        self.tokens.have_expired = true;
    }

    /// Ends one, where it is the client's; whether it was.
    pub(crate) fn revoke(&mut self, client: &str, token: &str) -> bool {
        let is_clients = self.access(token).map_or(!self.strict && self.is_good(token), |access| access.is_of(client));
        if is_clients {
            self.tokens.void.put(token.to_owned(), ());
            self.tokens.access.remove(token);
        }
        is_clients
    }

    /// Ends all tokens that a client has of a user.
    pub(crate) fn disconnect(&mut self, grant: &Grant) {
        let of_user = |client: &str, user: &str| {
            user == grant.user_id && (client == grant.client_id || grant.client_id == ANY_CLIENT)
        };
        self.tokens
            .access
            .retain(|access| !matches!(&access.holder, Holder::User { id, .. } if of_user(&access.client_id, id)));
        self.tokens.refresh.retain(|refresh| !of_user(&refresh.client_id, &refresh.user_id));
        self.know_granted_tokens();
    }

    // They look like those of Twitch.
    fn token(&self) -> String {
        self.random.hex::<16>()
    }

    fn issue(&mut self, client_id: &str, holder: Holder, seconds: u32) -> String {
        let token = self.token();
        let expires_at = Some(self.now + Duration::seconds(seconds.into()));
        self.tokens.access.put(token.clone(), Access { client_id: client_id.to_owned(), holder, expires_at });
        token
    }

    /// Gives out a client's own token.
    pub(crate) fn issue_to_app(&mut self, client_id: &str) -> String {
        self.issue(client_id, Holder::App, APP_SECONDS)
    }

    /// Gives out a user's tokens.
    pub(crate) fn issue_to_user(&mut self, client: &str, user: &str, scopes: Vec<String>, is_public: bool) -> Pair {
        let holder = Holder::User { id: user.to_owned(), scopes: scopes.clone() };
        let (access, refresh) = (self.issue(client, holder, USER_SECONDS), self.token());
        let (client_id, user_id) = (client.to_owned(), user.to_owned());
        let renews = Refresh { client_id, user_id, scopes: scopes.clone(), is_public };
        self.tokens.refresh.put(refresh.clone(), renews);
        Pair { access, refresh, scopes }
    }

    /// What a refresh token renews, where the client has it.
    pub(crate) fn refresh(&self, client: &str, refresh: &str) -> Option<Refresh> {
        let Tokens { granted_refresh, refresh: given_out, void, .. } = &self.tokens;
        if void.has(refresh) {
            return None;
        }
        let known = given_out.get(refresh).or_else(|| granted_refresh.get(refresh)).cloned();
        let anybodys = || {
            let (user_id, scopes) = self.anybody();
            Refresh { client_id: client.to_owned(), user_id, scopes, is_public: false }
        };
        known.filter(|known| is_of(&known.client_id, client)).or_else(|| (!self.strict).then(anybodys))
    }

    /// Uses a refresh token up for another pair.
    pub(crate) fn renew(&mut self, client: &str, refresh: &str) -> Option<Pair> {
        let Refresh { user_id, scopes, is_public, .. } = self.refresh(client, refresh)?;
        self.tokens.refresh.remove(refresh);
        self.tokens.void.put(refresh.to_owned(), ());
        Some(self.issue_to_user(client, &user_id, scopes, is_public))
    }

    /// A user grants scopes to a client, beside those that it has.
    pub(crate) fn grant_scopes(&mut self, client: &str, user: &str, scopes: &[String]) {
        let mut grant = self.records.grants.get(&[client, user]).cloned().unwrap_or_else(|| Grant {
            client_id: client.to_owned(),
            user_id: user.to_owned(),
            scopes: self.grant(client, user).map(|grant| grant.scopes.clone()).unwrap_or_default(),
            tokens: vec![],
        });
        for scope in scopes {
            if !grant.scopes.contains(scope) {
                grant.scopes.push(scope.clone());
            }
        }
        Grant::table(&mut self.records).put(grant);
    }

    /// A user approves; the code that the client gets.
    pub(crate) fn approve(&mut self, request: Request, user: &str) -> String {
        self.grant_scopes(&request.client_id, user, &request.scopes);
        let code = self.random.letters(30);
        let expires_at = self.now + Duration::seconds(CODE_SECONDS);
        self.tokens.codes.put(code.clone(), Code { request, user_id: user.to_owned(), expires_at });
        code
    }

    /// Uses a code up.
    pub(crate) fn redeem(&mut self, client: &str, code: &str, redirect_uri: Option<&str>) -> Option<Pair> {
        let known = self.tokens.codes.get(code)?;
        let is_meant = known.request.client_id == client && known.request.redirect_uri.as_deref() == redirect_uri;
        if !is_meant || self.now >= known.expires_at {
            return None;
        }
        let Code { request, user_id, .. } = self.tokens.codes.remove(code)?;
        Some(self.issue_to_user(client, &user_id, request.scopes, false))
    }

    /// A device asks to be approved.
    pub(crate) fn ask_by_device(&mut self, request: Request) -> DeviceCodes {
        let device_code = self.random.letters(40);
        let user_code = self.random.letters(8).to_ascii_uppercase();
        let expires_at = self.now + Duration::seconds(DEVICE_SECONDS.into());
        let device = Device { request, user_code: user_code.clone(), expires_at, approved_by: None };
        self.tokens.devices.put(device_code.clone(), device);
        DeviceCodes { device_code, user_code }
    }

    /// A user approves a device by the code that it shows; whether there is one.
    pub(crate) fn approve_device(&mut self, user_code: &str, user: &str) -> bool {
        let now = self.now;
        let shows = |device: &Device| device.user_code.eq_ignore_ascii_case(user_code) && now < device.expires_at;
        let found = self.tokens.devices.iter().find(|(_, device)| shows(device));
        let Some(device_code) = found.map(|(device_code, _)| device_code.to_owned()) else { return false };
        let Some(device) = self.tokens.devices.get_mut(&device_code) else { return false };
        device.approved_by = Some(user.to_owned());
        let request = device.request.clone();
        self.grant_scopes(&request.client_id, user, &request.scopes);
        true
    }

    /// The device that was approved gets its tokens.
    pub(crate) fn redeem_device(&mut self, client: &str, device_code: &str) -> Result<Pair, NotYet> {
        let device = self.tokens.devices.get(device_code).ok_or(NotYet::Invalid)?;
        if device.request.client_id != client || self.now >= device.expires_at {
            return Err(NotYet::Invalid);
        }
        let Some(user) = device.approved_by.clone() else { return Err(NotYet::Pending) };
        let scopes = device.request.scopes.clone();
        self.tokens.devices.remove(device_code);
        Ok(self.issue_to_user(client, &user, scopes, true))
    }
}
