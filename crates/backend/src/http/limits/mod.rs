//! Rate limits per viewer and per address.
//!
//! Each client has a bucket (the generic cell rate algorithm): a minute's worth of requests at once, and then as many
//! as the rate allows. Memory is bounded whatever the number of clients.

pub(super) mod address;
mod recent;

use std::{hash::Hash, net::IpAddr, num::NonZeroU32, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock, Reference},
    middleware::NoOpMiddleware,
};
use mgm_settings::RateLimits;

use recent::Recent;

/// The minimum number of clients remembered for each limit; about 5 MiB for all limits together.
const REMEMBERED: usize = 50_000;

/// A limit on the requests per minute of each client.
#[derive(Debug)]
pub struct Limit<K: Hash, C: Clock = DefaultClock> {
    name: &'static str,
    per_minute: NonZeroU32,
    buckets: RateLimiter<K, Recent<K>, C, NoOpMiddleware<C::Instant>>,
}

/// A client exceeded a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    name: &'static str,
    per_minute: NonZeroU32,
    /// How long to wait, in whole seconds.
    pub retry_after_seconds: u64,
}

impl<K: Hash> Limit<K> {
    /// Makes a limit; clients see its name.
    #[must_use]
    pub fn per_minute(name: &'static str, per_minute: NonZeroU32) -> Self {
        Self::with(name, per_minute, REMEMBERED, DefaultClock::default())
    }
}

impl<K: Hash, C: Clock> Limit<K, C> {
    fn with(name: &'static str, per_minute: NonZeroU32, remembered: usize, clock: C) -> Self {
        let buckets = RateLimiter::new(Quota::per_minute(per_minute), Recent::new(remembered), clock);
        Self { name, per_minute, buckets }
    }

    /// Counts a request.
    pub fn check(&self, client: &K) -> Result<(), Exceeded>
    where
        K: Clone + Eq,
    {
        self.buckets.check_key(client).map_err(|until| {
            let wait = until.earliest_possible().duration_since(self.buckets.clock().now()).into();
            Exceeded { name: self.name, per_minute: self.per_minute, retry_after_seconds: whole_seconds(wait) }
        })
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The header fields of draft-ietf-httpapi-ratelimit-headers-10.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The header fields of the same draft up to -06, which most clients know.
const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
/// All headers of a 429 about limits.
pub(crate) const HEADERS: [HeaderName; 6] =
    [header::RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY, RATE_LIMIT_LIMIT, RATE_LIMIT_REMAINING, RATE_LIMIT_RESET];

impl Exceeded {
    /// Sets the headers that say how long to wait, and what the limit is.
    pub fn set_headers(&self, headers: &mut HeaderMap) {
        let Self { name, per_minute, retry_after_seconds } = self;
        let values = [
            retry_after_seconds.to_string(),
            format!("\"{name}\";r=0;t={retry_after_seconds}"),
            format!("\"{name}\";q={per_minute};w=60"),
            per_minute.to_string(),
            "0".to_owned(),
            retry_after_seconds.to_string(),
        ];
        for (field, value) in HEADERS.into_iter().zip(values) {
            headers
                .insert(field, HeaderValue::try_from(value).expect("digits and names of ours can stand in a header"));
        }
    }
}

/// All limits.
#[derive(Debug)]
pub struct RequestLimits {
    /// A viewer's writes.
    pub viewer_writes: Limit<String>,
    /// A viewer's reads.
    pub viewer_reads: Limit<String>,
    /// An address's refused requests, and its requests to open routes.
    pub address: Limit<IpAddr>,
}

impl RequestLimits {
    /// The configured limits.
    #[must_use]
    pub fn new(settings: &RateLimits) -> Self {
        Self {
            viewer_writes: Limit::per_minute("viewer-writes", settings.viewer_writes_per_minute),
            viewer_reads: Limit::per_minute("viewer-reads", settings.viewer_reads_per_minute),
            address: Limit::per_minute("address", settings.address_per_minute),
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::{address::client_address, *};

    const CAPACITY: usize = 100;

    fn limit(per_minute: u32, clock: &FakeRelativeClock) -> Limit<String, FakeRelativeClock> {
        Limit::with("test", NonZeroU32::new(per_minute).unwrap(), CAPACITY, clock.clone())
    }

    #[test]
    fn a_client_has_a_minutes_worth_at_once_and_then_what_is_due() {
        let clock = FakeRelativeClock::default();
        let limit = limit(2, &clock);
        let (ann, bob) = ("ann".to_owned(), "bob".to_owned());
        assert_eq!(limit.check(&ann), Ok(()));
        assert_eq!(limit.check(&ann), Ok(()));
        assert_eq!(limit.check(&ann).unwrap_err().retry_after_seconds, 30);
        assert_eq!(limit.check(&bob), Ok(()));
        clock.advance(Duration::from_secs(29));
        assert_eq!(limit.check(&ann).unwrap_err().retry_after_seconds, 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(limit.check(&ann), Ok(()));
        assert!(limit.check(&ann).is_err());
    }

    #[test]
    fn memory_is_bounded_whatever_the_number_of_clients() {
        let limit = limit(1, &FakeRelativeClock::default());
        for n in 0..10 * CAPACITY {
            assert_eq!(limit.check(&n.to_string()), Ok(()));
        }
        assert!(limit.buckets.into_state_store().len() <= 2 * CAPACITY);
    }

    #[test]
    fn a_million_addresses_behind_a_proxy_take_no_more_memory_than_those_remembered() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let limit = Limit::per_minute("test", NonZeroU32::MIN);
        for n in 0..1_000_000_u32 {
            let client = format!("198.51.100.7, {}, 10.0.0.2", std::net::Ipv4Addr::from_bits((203 << 24) + n));
            let headers = [(HeaderName::from_static("x-forwarded-for"), client.parse().unwrap())];
            let address = client_address([10, 0, 0, 1].into(), &HeaderMap::from_iter(headers), &trusted);
            assert_eq!(limit.check(&address), Ok(()), "{address} asks for the first time");
        }
        let remembered = limit.buckets.into_state_store();
        assert!((REMEMBERED..=2 * REMEMBERED).contains(&remembered.len()), "{}", remembered.len());
        // A table of this many 16-byte entries, at most seven eighths full.
        assert!(remembered.capacity() <= 4 * REMEMBERED, "{}", remembered.capacity());
    }

    #[test]
    fn a_client_that_keeps_asking_is_not_forgotten_for_newcomers() {
        let limit = limit(1, &FakeRelativeClock::default());
        let ann = "ann".to_owned();
        assert_eq!(limit.check(&ann), Ok(()));
        for n in 0..10 * CAPACITY {
            assert_eq!(limit.check(&n.to_string()), Ok(()));
            if n % (CAPACITY / 2) == 0 {
                assert!(limit.check(&ann).is_err(), "forgotten after {n} others");
            }
        }
    }

    #[test]
    fn the_headers_say_when_to_come_again() {
        let exceeded =
            Exceeded { name: "viewer-writes", per_minute: NonZeroU32::new(5).unwrap(), retry_after_seconds: 12 };
        let mut headers = HeaderMap::new();
        exceeded.set_headers(&mut headers);
        let shown: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        retry-after: 12
        ratelimit: "viewer-writes";r=0;t=12
        ratelimit-policy: "viewer-writes";q=5;w=60
        ratelimit-limit: 5
        ratelimit-remaining: 0
        ratelimit-reset: 12
        "#);
    }
}
