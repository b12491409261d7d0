//! The end of a log file.

use std::fs::File;
use std::io::{Read as _, Result, Seek as _, SeekFrom};
use std::path::Path;

/// Larger than the lines that are ever needed; longer files are not read completely.
const ENOUGH: u64 = 64 * 1024;

/// The last lines, at most `count`, of the file's content from the byte `since` on.
pub fn last_lines(path: &Path, since: u64, count: usize) -> Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH).max(since)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str, since: u64, count: usize) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, text).unwrap();
        last_lines(&path, since, count).unwrap()
    }

    #[test]
    fn only_the_last_lines_are_given_and_none_from_before() {
        assert_eq!(last("one\ntwo\nthree\n", 0, 2), ["two", "three"]);
        assert_eq!(last("one\ntwo\nthree\n", 8, 2), ["three"]);
        assert_eq!(last("one\n", 4, 2), [""; 0]);
    }

    #[test]
    fn of_a_long_file_only_the_end_is_read() {
        let lines = last(&"x".repeat(100 * 1024), 0, 1);
        assert_eq!(lines[0].len() as u64, ENOUGH);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        assert!(last_lines(Path::new("/nowhere/log"), 0, 1).is_err());
    }
}
