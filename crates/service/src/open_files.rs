//! The limit of open files, which the system's own message does not name.

use nix::sys::resource::{Resource, getrlimit};

/// How the limit shows in messages: the system's own, and that of PostgreSQL.
const SIGNS: [&str; 3] = ["Too many open files", "os error 24)", "insufficient file descriptors"];

/// The limit and what to do, where `message` is about running into it.
#[must_use]
pub fn explain(message: &str) -> Option<String> {
    if !SIGNS.iter().any(|sign| message.contains(sign)) {
        return None;
    }
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or_else(|_| "few".to_owned(), |(soft, _)| soft.to_string());
    Some(format!(
        "a process may have only {limit} files open here; raise that limit to 1024 or more (`ulimit -n` in a shell, \
         LimitNOFILE= of a systemd unit, --ulimit nofile= of a container)"
    ))
}

/// The message, with that where it belongs.
#[must_use]
pub fn explained(message: String) -> String {
    match explain(&message) {
        Some(limit) => format!("{message}\n{limit}"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_named_where_it_was_met_and_nowhere_else() {
        let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let system = std::io::Error::from_raw_os_error(nix::libc::EMFILE).to_string();
        for message in [system.as_str(), "FATAL:  insufficient file descriptors available to start server process"] {
            let said = explained(message.to_owned());
            assert!(said.starts_with(message) && said.contains(&format!("only {limit} files")), "{said}");
        }
        assert_eq!(explained("connection refused".to_owned()), "connection refused");
    }
}
