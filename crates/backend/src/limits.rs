//! Rate limits: how much one viewer, or one address, may ask for.
//!
//! Memory is bounded whatever the number of clients: so many are counted each on their own, and beyond that newcomers
//! share a fixed number of counters until others have been quiet for a minute.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};
use ipnet::IpNet;

use crate::{error::ApiError, state::AppState};

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, NoOpMiddleware>;

/// Clients that are counted each on their own.
const COUNTED_ALONE: usize = 50_000;
/// How often, while there is no room, it is looked for.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// Counters that the others share.
const SHARED: u64 = 4_096;

/// So many requests a minute for each client.
#[derive(Debug)]
pub struct Limit<K: Hash + Eq + Clone> {
    name: &'static str,
    per_minute: NonZeroU32,
    alone: Keyed<K>,
    shared: Keyed<u64>,
    hasher: RandomState,
    tidied: Mutex<Option<Instant>>,
}

/// A client asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    name: &'static str,
    per_minute: NonZeroU32,
    /// When to try again, in whole seconds.
    pub retry_after_seconds: u64,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// A limit under a name that clients are shown.
    #[must_use]
    pub fn per_minute(name: &'static str, per_minute: NonZeroU32) -> Self {
        let quota = Quota::per_minute(per_minute);
        Self {
            name,
            per_minute,
            alone: RateLimiter::hashmap(quota),
            shared: RateLimiter::hashmap(quota),
            hasher: RandomState::new(),
            tidied: Mutex::new(None),
        }
    }

    /// Counts a request.
    pub fn check(&self, client: &K) -> Result<(), Exceeded> {
        self.forget_the_quiet();
        let result = if self.alone.len() < COUNTED_ALONE {
            self.alone.check_key(client)
        } else {
            self.shared.check_key(&(self.hasher.hash_one(client) % SHARED))
        };
        result.map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Exceeded { name: self.name, per_minute: self.per_minute, retry_after_seconds: whole_seconds(wait) }
        })
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    /// Makes room when there is none, by forgetting clients who have been quiet. That reads all of them, so not at every
    /// request.
    fn forget_the_quiet(&self) {
        if self.alone.len() < COUNTED_ALONE {
            return;
        }
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            self.alone.retain_recent();
            *tidied = Some(Instant::now());
        }
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

impl Exceeded {
    /// `Retry-After`, and the headers of draft-ietf-httpapi-ratelimit-headers.
    pub fn set_headers(&self, headers: &mut HeaderMap) {
        let Self { name, per_minute, retry_after_seconds } = self;
        let values = [
            (header::RETRY_AFTER.as_str(), retry_after_seconds.to_string()),
            ("ratelimit-policy", format!("\"{name}\";q={per_minute};w=60")),
            ("ratelimit", format!("\"{name}\";r=0;t={retry_after_seconds}")),
        ];
        for (name, value) in values {
            if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
    }
}

/// All limits.
#[derive(Debug)]
pub struct Limits {
    /// A viewer's writes.
    pub viewer_writes: Limit<String>,
    /// A viewer's reads.
    pub viewer_reads: Limit<String>,
    /// What an address is refused, and the open routes.
    pub address: Limit<IpAddr>,
}

/// Routes that anybody may ask for, and that count against the address.
const OPEN_ROUTES: [&str; 2] = ["/api/version", "/openapi/v1.json"];
/// Twitch's route: its refusals are not counted, for the address is a proxy's or Twitch's own.
const EVENTSUB_ROUTE: &str = "/api/twitch/eventsub";

/// Counts, against the address, requests to open routes and those that are refused with 401 or 403.
pub(crate) async fn by_address(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = OPEN_ROUTES.contains(&path) && request.method() != axum::http::Method::OPTIONS;
    let is_eventsub = path == EVENTSUB_ROUTE;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let Some(address) = peer.map(|peer| client_address(peer, request.headers(), &state.config.trusted_proxies)) else {
        return next.run(request).await;
    };
    if is_open && let Err(exceeded) = state.limits.address.check(&address) {
        return ApiError::RateLimited(exceeded).into_response();
    }
    let response = next.run(request).await;
    let is_refusal = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if is_refusal
        && !is_eventsub
        && let Err(exceeded) = state.limits.address.check(&address)
    {
        return ApiError::RateLimited(exceeded).into_response();
    }
    response
}

/// Whose request it is: the peer, or, where the peer is a proxy we trust, the last address in `X-Forwarded-For` that is
/// no such proxy. An IPv6 client has its /64.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.to_canonical();
    if is_trusted(&client) {
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.into_iter().rev() {
            let Ok(hop) = hop.trim_matches(['[', ']']).parse::<IpAddr>() else { break };
            client = hop.to_canonical();
            if !is_trusted(&client) {
                break;
            }
        }
    }
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_minute: u32) -> Limit<String> {
        Limit::per_minute("test", NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn a_client_has_its_own_count() {
        let limit = limit(2);
        let (ann, bob) = ("ann".to_owned(), "bob".to_owned());
        assert_eq!(limit.check(&ann), Ok(()));
        assert_eq!(limit.check(&ann), Ok(()));
        let exceeded = limit.check(&ann).unwrap_err();
        assert!((1..=30).contains(&exceeded.retry_after_seconds), "{exceeded:?}");
        assert_eq!(limit.check(&bob), Ok(()));
    }

    #[test]
    fn memory_is_bounded_whatever_the_number_of_clients() {
        let limit = limit(1);
        for n in 0..3 * COUNTED_ALONE {
            let _ = limit.check(&n.to_string());
        }
        assert!(limit.alone.len() <= COUNTED_ALONE);
        assert!(limit.shared.len() <= usize::try_from(SHARED).unwrap());
        assert!(limit.check(&"0".to_owned()).is_err());
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, expected) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("::ffff:10.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(forwarded).unwrap(),
            )]);
            let address = client_address(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(address, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded}");
        }
    }
}
