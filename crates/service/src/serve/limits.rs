//! The limits for clients.

use std::time::Duration;

use ipnet::IpNet;

use crate::body;
use crate::memory::Budget;

/// What clients can use, of one another's share and of the process.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum number of open connections; fewer if there are not enough file descriptors.
    pub connections: usize,
    /// File descriptors reserved for what the process itself opens, such as database connections.
    pub kept_descriptors: usize,
    /// Networks whose connections do not count against their address.
    pub trusted_proxies: Vec<IpNet>,
    /// Memory for heads beyond the first few KiB of each.
    pub memory: Budget,
    /// Time for the head of a request, and the longest time that a connection may be idle.
    pub head: Duration,
    /// Maximum size of the head of a request, in bytes.
    pub head_bytes: usize,
    /// Time for the body of a request.
    pub body: Duration,
    /// The longest time in which a client may read nothing of an answer that waits for it.
    pub answer: Duration,
    /// Time for open requests to finish after the shutdown was requested.
    pub drain: Duration,
    /// The longest time, after the shutdown was requested, in which a partial request may make no progress.
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
