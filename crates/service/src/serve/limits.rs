//! How much clients may take.

use std::time::Duration;

use ipnet::IpNet;

use crate::body;
use crate::memory::Budget;

/// What clients can take from each other and from the process.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections; fewer where there are not as many file descriptors.
    pub connections: usize,
    /// File descriptors that are kept for what the process itself opens, such as connections to the database.
    pub kept_descriptors: usize,
    /// Networks whose connections do not count against their address.
    pub trusted_proxies: Vec<IpNet>,
    /// Memory for heads beyond the first few KiB of each.
    pub memory: Budget,
    /// Time for the head of a request, which is also how long a connection may stay idle.
    pub head: Duration,
    /// Size of the head of a request, in bytes.
    pub head_bytes: usize,
    /// Time for the body of a request.
    pub body: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub answer: Duration,
    /// Time for open requests to finish after the shutdown was asked for.
    pub drain: Duration,
    /// How long, after the shutdown was asked for, nothing more of a request may arrive that has begun to.
    pub stalled: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            kept_descriptors: 128,
            trusted_proxies: Vec::new(),
            memory: Budget::new(body::BUDGET),
            head: Duration::from_secs(30),
            head_bytes: 64 * 1024,
            body: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            stalled: Duration::from_secs(2),
        }
    }
}
