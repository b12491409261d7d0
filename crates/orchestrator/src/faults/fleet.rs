//! Several backends on one database, each of which can be killed and restarted.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::Result;
use mgm_service::services::ServiceId;
use mgm_system::Child;
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::http::Endpoint;
use crate::stack::{ReservedPort, STOPPED_WITHIN, Stack, StartError, log_file};

/// The backends of a run.
pub struct Fleet<'a> {
    stack: &'a Stack,
    members: Vec<Member>,
}

struct Member {
    port: ReservedPort,
    endpoint: Endpoint,
    log: PathBuf,
    child: RefCell<Option<Child>>,
}

impl<'a> Fleet<'a> {
    /// The requested number of backends, none of them started yet.
    pub fn new(stack: &'a Stack, size: usize) -> Result<Self> {
        let member = |number: usize| {
            let port = ReservedPort::any()?;
            let endpoint = Endpoint::new(ServiceId::Backend, port.url().parse()?)?;
            let log = log_file(stack.plan().log_dir.path(), ServiceId::Backend)
                .with_file_name(format!("mgm-backend-{number}.log"));
            // Every start of the process appends to it.
            std::fs::File::create(&log)?;
            Ok(Member { port, endpoint, log, child: RefCell::default() })
        };
        Ok(Self { stack, members: (1..=size).map(member).collect::<Result<_>>()? })
    }

    /// The number of backends.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// All of them, running or not.
    pub fn all(&self) -> impl Iterator<Item = &Endpoint> {
        self.members.iter().map(|member| &member.endpoint)
    }

    /// One of them, running or not.
    pub fn any(&self, rng: &mut StdRng) -> &Endpoint {
        &self.members[rng.random_range(0..self.members.len())].endpoint
    }

    /// Starts those that are not running and waits until all are ready.
    pub async fn start_all(&self) -> Result<(), StartError> {
        for number in 0..self.size() {
            self.start(number)?;
        }
        for member in &self.members {
            self.stack.until_healthy_at(&member.endpoint).await?;
        }
        Ok(())
    }

    /// Starts one, unless it is running.
    pub fn start(&self, number: usize) -> Result<(), StartError> {
        let Member { port, log, child, .. } = &self.members[number];
        if child.borrow().is_none() {
            *child.borrow_mut() = Some(self.stack.spawn_backend(port, log)?);
        }
        Ok(())
    }

    /// Kills one, whatever it is doing.
    pub async fn kill(&self, number: usize) {
        let child = self.members[number].child.take();
        if let Some(child) = child {
            child.kill().await;
        }
    }

    /// Asks one to stop cleanly; returns the problem if it did not.
    pub async fn drain(&self, number: usize) -> Option<String> {
        let child = self.members[number].child.take()?;
        let ended = child.ended();
        child.stop(STOPPED_WITHIN).await;
        let status = ended.await;
        let is_clean = status.is_some_and(|status| status.success());
        (!is_clean).then(|| format!("backend {} did not stop cleanly: {status:?}", number + 1))
    }

    /// Those that have stopped unexpectedly.
    pub fn deaths(&self) -> Vec<String> {
        let death = |(number, member): (usize, &Member)| {
            let child = member.child.borrow();
            let status = child.as_ref()?.exit_status()?;
            Some(format!("backend {} stopped unexpectedly ({status}); see {}", number + 1, member.log.display()))
        };
        self.members.iter().enumerate().filter_map(death).collect()
    }
}
