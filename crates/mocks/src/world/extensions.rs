//! The secrets of Extensions, which sign tokens, and how they are replaced.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mgm_twitch::extension_jwt::ExtensionKeys;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::secret::Secret;
use super::state::{NewSecret, State};

/// How many secrets of an Extension are kept.
const MOST: usize = 100;
/// When the newest secret expires.
const FOREVER: OffsetDateTime = datetime!(2100-01-01 0:00 UTC);

/// A secret of an Extension.
#[derive(Clone, Debug)]
pub(crate) struct ExtensionSecret {
    /// In base64.
    pub(crate) content: Secret,
    /// When it begins to sign.
    pub(crate) active_at: OffsetDateTime,
    /// When the next one has replaced it.
    pub(crate) expires_at: OffsetDateTime,
}

/// The keys of the tokens with which the front end of an Extension calls Helix. Twitch's own key signs those, so that no
/// Extension can make one itself; this one is derived from the Extension's secret.
pub(crate) fn helix_keys(secret: &Secret) -> Option<ExtensionKeys> {
    ExtensionKeys::parse(&STANDARD.encode(format!("a key for Helix, not {}", secret.text()))).ok()
}

impl State {
    /// The secrets of an Extension, the newest last, including expired ones.
    pub(crate) fn secrets_of(&self, extension: &str) -> Vec<ExtensionSecret> {
        let first = self.records.extensions.get(&[extension]).map(|of| (&of.secret, OffsetDateTime::UNIX_EPOCH));
        let new = self.new_secrets.get(extension).into_iter().flatten().map(|one| (&one.content, one.active_at));
        let all: Vec<_> = first.into_iter().chain(new).collect();
        let ends = all.iter().skip(1).map(|(_, active_at)| *active_at).chain([FOREVER]);
        let secret = |(&(content, active_at), expires_at): (&(&Secret, _), _)| ExtensionSecret {
            content: content.clone(),
            active_at,
            expires_at,
        };
        all.iter().zip(ends).map(secret).collect()
    }

    /// Those whose tokens are valid now.
    pub(crate) fn signing_secrets(&self, extension: &str) -> impl Iterator<Item = ExtensionSecret> {
        let now = self.now;
        self.secrets_of(extension).into_iter().filter(move |one| one.active_at <= now && now < one.expires_at)
    }

    /// The secrets that have begun to sign, the newest last, including those that no longer do.
    pub(crate) fn past_secrets(&self, extension: &str) -> Vec<Secret> {
        let begun = self.secrets_of(extension).into_iter().filter(|one| one.active_at <= self.now);
        begun.map(|one| one.content).collect()
    }

    /// Makes a secret that replaces the others after the delay.
    pub(crate) fn new_secret(&mut self, extension: &str, delay: Duration) {
        // Any text of this alphabet is base64 if its length is a multiple of four.
        let secret = NewSecret { content: self.random.letters(44).into(), active_at: self.now + delay };
        match self.new_secrets.get_mut(extension) {
            Some(secrets) => {
                secrets.push(secret);
                let excess = secrets.len().saturating_sub(MOST);
                secrets.drain(..excess);
            }
            None => self.new_secrets.put(extension.to_owned(), vec![secret]),
        }
    }

    /// Whether a token is that of the front end of this Extension.
    pub(crate) fn is_helix_token(&self, extension: &str, token: &str) -> bool {
        let keys = self.signing_secrets(extension).filter_map(|secret| helix_keys(&secret.content));
        keys.map(|keys| keys.verify(token, None, self.now)).any(|verified| verified.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mgm_system::RandomSource;
    use time::macros::datetime;

    use super::super::{Extension, Fixture};
    use super::*;

    fn state() -> State {
        let extension = Extension { id: "e".to_owned(), owner_id: None, secret: "Zmlyc3Q=".into() };
        let records = Fixture { extensions: [extension].into_iter().collect(), ..Fixture::default() };
        State::new(records, true, datetime!(2026-04-05 12:00 UTC), Arc::new(RandomSource::from_seed([7; 32])))
    }

    #[test]
    fn old_secrets_are_forgotten_and_the_newest_signs_in_the_end() {
        let mut state = state();
        for number in 1..=2 * MOST {
            state.new_secret("e", Duration::seconds(i64::try_from(number).unwrap()));
        }
        let secrets = state.secrets_of("e");
        assert_eq!(secrets.len(), 1 + MOST);
        state.set_time(state.now + Duration::hours(1));
        let signing: Vec<_> = state.signing_secrets("e").map(|one| one.content).collect();
        assert_eq!(signing, [secrets[MOST].content.clone()]);
        assert_eq!(state.past_secrets("e").len(), 1 + MOST);
        assert!(state.secrets_of("another").is_empty());
    }

    #[test]
    fn a_token_for_helix_is_of_one_extension_and_none_of_its_own() {
        let state = state();
        let claims = serde_json::json!({"exp": state.now.unix_timestamp() + 60, "user_id": "1"});
        let secret = Secret::from("Zmlyc3Q=");
        let helix = helix_keys(&secret).unwrap().sign(&claims).unwrap();
        let own = ExtensionKeys::parse(secret.text()).unwrap().sign(&claims).unwrap();
        assert!(state.is_helix_token("e", &helix));
        assert!(!state.is_helix_token("e", &own) && !state.is_helix_token("another", &helix));
    }
}
