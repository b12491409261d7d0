//! Which tokens are valid, for whom, and for which scopes.

use std::collections::HashMap;

use time::Duration;

use super::fixture::Stored as _;
use super::records::{ANY_CLIENT, Grant};
use super::state::State;
use super::token_store::{
    APP_SECONDS, Access, Code, DEVICE_SECONDS, Device, DeviceCodes, Holder, NotYet, Pair, Refresh, Request, Tokens,
    USER_SECONDS, is_of,
};

/// The lifetime of an authorization code, in seconds.
const CODE_SECONDS: i64 = 600;
impl State {
    /// Adds the tokens that the grants name.
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

    /// A known access token that is still valid.
    pub(crate) fn access(&self, token: &str) -> Option<&Access> {
        let Tokens { granted_access, access, void, .. } = &self.tokens;
        let found = access.get(token).or_else(|| granted_access.get(token))?;
        let is_alive = found.expires_at.is_none_or(|end| self.now < end);
        (is_alive && !void.has(token)).then_some(found)
    }

    /// Whether an access token is accepted. Unless the rules are enforced, any is, until all were expired.
    pub(crate) fn is_good(&self, token: &str) -> bool {
        let any_is = !self.strict && !self.tokens.have_expired && !self.tokens.void.has(token);
        any_is || self.access(token).is_some()
    }

    /// The user id and scopes of an unknown token, if the rules are not enforced.
    pub(crate) fn anybody(&self) -> (String, Vec<String>) {
        match self.records.users.iter().next() {
            Some(user) => {
                let scopes = self.records.grants.iter().find(|grant| grant.user_id == user.id);
                (user.id.clone(), scopes.map(|grant| grant.scopes.clone()).unwrap_or_default())
            }
            None => ("streamer".to_owned(), vec![]),
        }
    }

    /// Expires all access tokens.
    pub(crate) fn expire_tokens(&mut self) {
        let granted: Vec<_> = self.tokens.granted_access.keys().cloned().collect();
        for token in granted {
            self.tokens.void.put(token, ());
        }
        self.tokens.access.retain(|_| false);
        self.tokens.have_expired = true;
    }

    /// Revokes a token, if it is the client's; returns whether it was.
    pub(crate) fn revoke(&mut self, client: &str, token: &str) -> bool {
        let is_clients = self.access(token).map_or(!self.strict && self.is_good(token), |access| access.is_of(client));
        if is_clients {
            self.tokens.void.put(token.to_owned(), ());
            self.tokens.access.remove(token);
        }
        is_clients
    }

    /// Revokes all of a user's tokens that a client has.
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

    // Tokens look like those of Twitch.
    fn token(&self) -> String {
        self.random.hex::<16>()
    }

    fn issue(&mut self, client_id: &str, holder: Holder, seconds: u32) -> String {
        let token = self.token();
        let expires_at = Some(self.now + Duration::seconds(seconds.into()));
        self.tokens.access.put(token.clone(), Access { client_id: client_id.to_owned(), holder, expires_at });
        token
    }

    /// Issues an app token.
    pub(crate) fn issue_to_app(&mut self, client_id: &str) -> String {
        self.issue(client_id, Holder::App, APP_SECONDS)
    }

    /// Issues a user's tokens.
    pub(crate) fn issue_to_user(&mut self, client: &str, user: &str, scopes: Vec<String>, is_public: bool) -> Pair {
        let holder = Holder::User { id: user.to_owned(), scopes: scopes.clone() };
        let (access, refresh) = (self.issue(client, holder, USER_SECONDS), self.token());
        let (client_id, user_id) = (client.to_owned(), user.to_owned());
        let renews = Refresh { client_id, user_id, scopes: scopes.clone(), is_public };
        self.tokens.refresh.put(refresh.clone(), renews);
        Pair { access, refresh, scopes }
    }

    /// What a refresh token renews, if it is the client's.
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

    /// Uses up a refresh token, and issues another pair.
    pub(crate) fn renew(&mut self, client: &str, refresh: &str) -> Option<Pair> {
        let Refresh { user_id, scopes, is_public, .. } = self.refresh(client, refresh)?;
        self.tokens.refresh.remove(refresh);
        self.tokens.void.put(refresh.to_owned(), ());
        Some(self.issue_to_user(client, &user_id, scopes, is_public))
    }

    /// Grants a client scopes of a user, in addition to the existing ones.
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

    /// Approves a request as the user; returns the code for the client.
    pub(crate) fn approve(&mut self, request: Request, user: &str) -> String {
        self.grant_scopes(&request.client_id, user, &request.scopes);
        let code = self.random.letters(30);
        let expires_at = self.now + Duration::seconds(CODE_SECONDS);
        self.tokens.codes.put(code.clone(), Code { request, user_id: user.to_owned(), expires_at });
        code
    }

    /// Uses up a code.
    pub(crate) fn redeem(&mut self, client: &str, code: &str, redirect_uri: Option<&str>) -> Option<Pair> {
        let known = self.tokens.codes.get(code)?;
        let is_meant = known.request.client_id == client && known.request.redirect_uri.as_deref() == redirect_uri;
        if !is_meant || self.now >= known.expires_at {
            return None;
        }
        let Code { request, user_id, .. } = self.tokens.codes.remove(code)?;
        Some(self.issue_to_user(client, &user_id, request.scopes, false))
    }

    /// Registers a device that asks for approval.
    pub(crate) fn ask_by_device(&mut self, request: Request) -> DeviceCodes {
        let device_code = self.random.letters(40);
        let user_code = self.random.letters(8).to_ascii_uppercase();
        let expires_at = self.now + Duration::seconds(DEVICE_SECONDS.into());
        let device = Device { request, user_code: user_code.clone(), expires_at, approved_by: None };
        self.tokens.devices.put(device_code.clone(), device);
        DeviceCodes { device_code, user_code }
    }

    /// Approves a device by the code that it shows; returns whether there is one.
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

    /// Issues the tokens of an approved device.
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
