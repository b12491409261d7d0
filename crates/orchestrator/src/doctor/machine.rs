//! This machine: its variables, limits and disks.

use std::path::Path;

use mgm_settings::Sources;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use super::finding::Finding;

/// The variables that name a proxy for plain HTTP.
const PROXIES: [&str; 3] = ["http_proxy", "HTTP_PROXY", "ALL_PROXY"];
/// Fewer open files are not enough for PostgreSQL with a backend's connections.
const FILES: u64 = 256;
/// PostgreSQL begins with 16 MiB of log, and needs room for more.
const MEBIBYTES: u64 = 100;

pub(super) fn examine(sources: &Sources, directories: &[&Path]) -> Vec<Finding> {
    let mut found: Vec<_> = proxy(&sources.environment).into_iter().collect();
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE)
        && most < FILES
    {
        found.push(Finding::new("descriptors", format!("RLIMIT_NOFILE is {most}"), &[("limit", &most.to_string())]));
    }
    found.extend(directories.iter().filter_map(|directory| disk(directory, MEBIBYTES)));
    found
}

/// A proxy that also gets the requests to loopback.
fn proxy(environment: &[(String, String)]) -> Option<Finding> {
    let value = |wanted: &str| {
        let found = environment.iter().find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let exceptions = value("no_proxy").or_else(|| value("NO_PROXY")).unwrap_or_default();
    let is_excepted = exceptions.split(',').any(|one| matches!(one.trim(), "*" | "127.0.0.1" | "127.0.0.0/8"));
    let variable = PROXIES.into_iter().find(|name| value(name).is_some()).filter(|_| !is_excepted)?;
    // Its value may hold a password.
    let evidence = format!("{variable} is set, and NO_PROXY is `{exceptions}`");
    Some(Finding::new("proxy", evidence, &[("variable", variable)]))
}

fn disk(directory: &Path, needed: u64) -> Option<Finding> {
    // It may not exist yet.
    let existing = directory.ancestors().find(|path| path.exists())?;
    let disk = statvfs(existing).ok()?;
    #[cfg_attr(target_os = "linux", expect(clippy::useless_conversion, reason = "the types differ by platform"))]
    let free = u64::from(disk.blocks_available()) * u64::from(disk.fragment_size()) / (1024 * 1024);
    let directory = directory.display().to_string();
    (free < needed).then(|| {
        Finding::new(
            "disk",
            format!("statvfs({directory}): {free} MiB"),
            &[("directory", &directory), ("free", &free.to_string())],
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_too_little_room_is_named_even_for_a_directory_to_come() {
        let directory = tempfile::tempdir().unwrap();
        let to_come = directory.path().join("a/b");
        assert!(disk(&to_come, 0).is_none());
        let finding = disk(&to_come, u64::MAX).unwrap();
        assert!(finding.symptom.starts_with(&to_come.display().to_string()), "{finding:?}");
    }

    #[test]
    fn a_proxy_counts_unless_loopback_is_excepted() {
        for (variables, is_found) in [
            (vec![], false),
            (vec![("http_proxy", "http://u:hush@proxy")], true),
            (vec![("HTTP_PROXY", "http://proxy"), ("NO_PROXY", "example.com")], true),
            (vec![("ALL_PROXY", "socks5://proxy"), ("no_proxy", "localhost, 127.0.0.1")], false),
            (vec![("https_proxy", "http://proxy")], false),
        ] {
            let environment: Vec<_> =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let found = proxy(&environment);
            assert_eq!(found.is_some(), is_found, "{variables:?}");
            assert!(!format!("{found:?}").contains("hush"));
        }
    }
}
