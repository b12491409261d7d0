//! Servers whose process ends without notice: nothing of them remains.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{directory, home, is_running};
use mgm_postgres::{Listen, ParentDeath, Server, ServerOptions, install};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};

/// Tells the process below what to do: how its server is watched, and its data directory if any.
const ROLE: &str = "MGM_TEST_PARENT_ROLE";

#[cfg(target_os = "linux")]
const WATCHED_BY: [(&str, ParentDeath); 2] = [("signal", ParentDeath::Signal), ("pipe", ParentDeath::Pipe)];
#[cfg(not(target_os = "linux"))]
const WATCHED_BY: [(&str, ParentDeath); 1] = [("pipe", ParentDeath::Pipe)];

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A separate process with a server, which waits for a line on its standard input and exits without clean-up.
#[tokio::test]
#[ignore = "the process that the other tests start"]
async fn parent() {
    let role = std::env::var(ROLE).unwrap();
    let (watch, data) = role.split_once(' ').unwrap();
    let (_, parent_death) = WATCHED_BY.into_iter().find(|(name, _)| *name == watch).unwrap();
    let options = if data.is_empty() { ServerOptions::throw_away() } else { ServerOptions::persistent(data) };
    let options = ServerOptions { listen: Listen::Socket, parent_death, ..options };
    let server = Server::start(&install::install().await.unwrap(), options).await.unwrap();
    println!("\nserver {} {}", server.pid().unwrap(), home(&server).display());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    std::process::exit(0);
}

/// A process that runs `parent`, and its server.
struct Parent {
    process: Child,
    server: u32,
    home: PathBuf,
}

impl Parent {
    fn start(watch: &str, data: Option<&Path>) -> Self {
        Self::start_by(Command::new(std::env::current_exe().expect("this program is a file")), watch, data)
    }

    fn start_by(mut command: Command, watch: &str, data: Option<&Path>) -> Self {
        let data = data.map(|path| path.display().to_string()).unwrap_or_default();
        let mut process = command
            .args(["parent", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{watch} {data}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let output = process.stdout.take().expect("it is a pipe");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("server ")).expect("the server starts");
        let words: Vec<&str> = line.split(' ').collect();
        Self { server: words[1].parse().expect("a process id"), home: words[2].into(), process }
    }

    /// The server and the processes that it has started.
    fn servers(&self) -> Vec<u32> {
        let mut servers = children(self.server);
        servers.push(self.server);
        servers
    }

    /// Ends the process, and returns what existed of the server before.
    fn end(mut self, how: End) -> Vec<u32> {
        let servers = self.servers();
        match how {
            End::By(signal) => kill(Pid::from_raw(self.process.id().cast_signed()), signal).expect("it runs"),
            End::Exit => {
                let mut input = self.process.stdin.take().expect("it is a pipe");
                input.write_all(b"\n").expect("it reads");
            }
        }
        self.process.wait().expect("it is a child");
        servers
    }
}

#[derive(Clone, Copy)]
enum End {
    By(Signal),
    Exit,
}

const ENDS: [End; 3] = [End::By(Signal::SIGKILL), End::By(Signal::SIGTERM), End::Exit];

/// The processes that `parent` has started, if the system tells.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            let of: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            (of == parent).then_some(pid)
        })
        .collect()
}

fn eventually_gone(servers: &[u32]) {
    let start = Instant::now();
    while let Some(pid) = servers.iter().find(|pid| is_running(**pid)) {
        assert!(start.elapsed() < PATIENCE, "process {pid} still runs after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The id of the shared memory of the server in `home`, and whether the system still has it.
fn shared_memory(home: &Path) -> Option<String> {
    let pid_file = fs::read_to_string(home.join("data/postmaster.pid")).ok()?;
    Some(pid_file.lines().nth(6)?.split_whitespace().nth(1)?.to_owned())
}

fn exists_shared_memory(id: &str) -> bool {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    table.lines().any(|line| line.split_whitespace().nth(1) == Some(id))
}

#[test]
fn a_throw_away_server_dies_with_its_process_however_that_ends() {
    for (watch, _) in WATCHED_BY {
        for how in ENDS {
            let parent = Parent::start(watch, None);
            let segment = shared_memory(&parent.home).unwrap();
            eventually_gone(&parent.end(how));
            assert!(!exists_shared_memory(&segment));
        }
    }
}

#[test]
fn so_does_one_whose_data_stay_and_they_can_be_used_at_once() {
    for (watch, _) in WATCHED_BY {
        let directory = directory();
        let mut servers = Vec::new();
        for how in ENDS {
            servers.extend(Parent::start(watch, Some(directory.path())).end(how));
        }
        eventually_gone(&servers);
    }
}

#[tokio::test]
async fn what_a_killed_throw_away_server_leaves_the_next_one_removes() {
    let parent = Parent::start(WATCHED_BY[0].0, None);
    let (home, segment, server) = (parent.home.clone(), shared_memory(&parent.home).unwrap(), parent.server);
    // Both at once, so that nobody is left to clean up.
    let servers = parent.servers();
    kill(Pid::from_raw(server.cast_signed()), Signal::SIGKILL).unwrap();
    parent.end(End::By(Signal::SIGKILL));
    eventually_gone(&servers);

    let options = ServerOptions { listen: Listen::Socket, ..ServerOptions::throw_away() };
    let next = Server::start(&install::install().await.unwrap(), options).await.unwrap();
    assert!(!home.exists());
    assert!(!exists_shared_memory(&segment));
    next.stop().await;
}

#[tokio::test]
async fn a_living_servers_directory_is_not_removed() {
    let parent = Parent::start(WATCHED_BY[0].0, None);
    let options = ServerOptions { listen: Listen::Socket, ..ServerOptions::throw_away() };
    Server::start(&install::install().await.unwrap(), options).await.unwrap().stop().await;
    assert!(parent.home.join("data/postmaster.pid").exists());
    eventually_gone(&parent.end(End::Exit));
}

#[tokio::test]
async fn a_normal_user_runs_it_as_themselves() {
    let Some(user) = Uid::effective().is_root().then(|| User::from_name("nobody").unwrap()).flatten() else {
        // All other tests do.
        return;
    };
    let binaries = install::install().await.unwrap();
    // A directory of that user's, with a program that they can reach.
    let theirs = directory();
    let program = theirs.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(theirs.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    for data in [None, Some(theirs.path().join("data"))] {
        let mut command = Command::new(&program);
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw()).current_dir("/");
        command.env("TMPDIR", theirs.path()).env(install::VARIABLE, binaries.directory());
        let parent = Parent::start_by(command, WATCHED_BY[0].0, data.as_deref());
        eventually_gone(&parent.end(End::By(Signal::SIGKILL)));
    }
}
