//! Runs `mgm` in a separate directory.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// State, logs and temporary files of one test.
pub struct Place(TempDir);

/// The output of a finished `mgm`.
#[derive(Debug)]
pub struct Said {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A running `mgm up`.
pub struct Up {
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: Value,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // PostgreSQL runs as an unprivileged user, who must be able to reach its data.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["state", "tmp"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self(directory)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.path("state/mgm/logs").join(name)
    }

    /// `mgm` with the words of `line` as arguments, in an environment with a stray database and a proxy.
    pub fn command(&self, line: &str) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_mgm")), line)
    }

    /// The same with a copy of the program.
    pub fn command_of(&self, program: &Path, line: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(line.split_whitespace())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("TMPDIR", self.path("tmp"))
            .env("DATABASE_URL", "postgres://stray:stray@127.0.0.1:1/stray")
            .env("http_proxy", "http://127.0.0.1:1")
            .env_remove("RUST_LOG")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, line: &str) -> Said {
        Said::from(self.command(line).output().unwrap())
    }

    /// Starts a stack and waits until it is ready.
    pub fn up(&self, options: &str) -> Up {
        let mut command = self.command(&format!("up --json --auto-ports {options}"));
        let mut child =
            command.stdout(Stdio::piped()).stderr(std::fs::File::create(self.path("up.err")).unwrap()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let said = || std::fs::read_to_string(self.path("up.err")).unwrap();
        assert_eq!(ready["event"], "ready", "{line} {}", said());
        Up { child, stdout, ready }
    }

    /// What servers have left among the temporary files.
    pub fn remnants(&self) -> Vec<PathBuf> {
        let entries = |path: &Path| -> Vec<PathBuf> {
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
        };
        entries(&self.path("tmp")).iter().flat_map(|common| entries(common)).collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

impl Up {
    fn service(&self, name: &str) -> &Value {
        self.ready["services"].as_array().unwrap().iter().find(|service| service["name"] == name).unwrap()
    }

    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.service(name)["port"])
    }

    pub fn pid_of(&self, name: &str) -> Pid {
        Pid::from_raw(self.service(name)["pid"].as_i64().unwrap().try_into().unwrap())
    }

    /// The processes of all services, PostgreSQL included.
    pub fn pids(&self) -> Vec<Pid> {
        let names = ["postgres", "backend", "mock-eventsub", "mock-jwt", "mock-helix", "synthetic-desktop"];
        names.map(|name| self.pid_of(name)).to_vec()
    }

    pub fn connection_string_file(&self) -> PathBuf {
        self.ready["connectionStringFile"].as_str().unwrap().into()
    }

    /// The options that give its addresses.
    pub fn targets(&self) -> String {
        ["backend", "mock-eventsub", "mock-jwt", "mock-helix", "synthetic-desktop"]
            .map(|name| format!("--{name} {}", self.url(name)))
            .join(" ")
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// The next result.
    pub fn next_result(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"))
    }

    /// Waits for the end and returns its status; `None` if a signal ended it.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // After a failed assertion; the services stop with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until all of the processes are gone; a zombie counts as gone.
pub fn wait_until_gone(pids: &[Pid]) {
    let is_there = |pid: &Pid| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .ok()
            .and_then(|stat| stat.rsplit(") ").next().map(|rest| rest.starts_with('Z')));
        kill(*pid, None).is_ok() && state != Some(true)
    };
    for _ in 0..3000 {
        if !pids.iter().any(is_there) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("still there: {pids:?}");
}
