//! The services of the stack: names, ports, order, health. Everything that starts, probes or lists services reads this table.

/// A part of the stack.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ServiceId {
    /// The database.
    Postgres,
    /// The Extension backend service (EBS).
    Backend,
    /// Replaces Twitch's webhook sender.
    MockEventSub,
    /// Replaces Twitch's token issuer.
    MockJwt,
    /// Replaces Twitch's REST interface.
    MockHelix,
    /// Replaces the streamer's desktop program.
    SyntheticDesktop,
    /// Runs the scenarios; does not listen.
    Orchestrator,
}

/// A row of the table.
#[derive(Debug)]
pub struct Service {
    /// The service.
    pub id: ServiceId,
    /// Its name on the command line: `mgm serve <name>`.
    pub name: &'static str,
    /// Its name in documents and in its own answers.
    pub component: &'static str,
    /// Its TCP port on loopback; `None` if it does not listen.
    pub port: Option<u16>,
    /// Its log file.
    pub log_file: &'static str,
    /// The services that must be healthy before it starts.
    pub waits_for: &'static [ServiceId],
    /// Its health probe; `None` if it does not speak HTTP.
    pub health: Option<Health>,
}

/// An HTTP probe.
#[derive(Debug)]
pub struct Health {
    /// The path that answers 200 when the service is ready.
    pub path: &'static str,
    /// Text members of the JSON answer that distinguish this service from another one on the same port.
    pub identity: &'static [(&'static str, &'static str)],
}

/// All services, in the start order documented for people and for CI.
pub const SERVICES: &[Service] = &[
    Service {
        id: ServiceId::Postgres,
        name: "postgres",
        component: "PostgreSQL",
        port: Some(5432),
        log_file: "mgm-postgres.log",
        waits_for: &[],
        health: None,
    },
    Service {
        id: ServiceId::Backend,
        name: "backend",
        component: "backend",
        port: Some(8080),
        log_file: "mgm-backend.log",
        waits_for: &[ServiceId::Postgres],
        health: Some(Health { path: "/health/ready", identity: &[("status", "ready")] }),
    },
    Service {
        id: ServiceId::MockEventSub,
        name: "mock-eventsub",
        component: "MockEventSubWebhook",
        port: Some(9051),
        log_file: "mgm-mock-eventsub.log",
        waits_for: &[ServiceId::Backend],
        health: Some(Health { path: "/health", identity: &[("status", "ok"), ("service", "MockEventSubWebhook")] }),
    },
    Service {
        id: ServiceId::MockJwt,
        name: "mock-jwt",
        component: "MockExtensionJwt",
        port: Some(9052),
        log_file: "mgm-mock-jwt.log",
        waits_for: &[],
        health: Some(Health { path: "/health", identity: &[("status", "ok"), ("service", "MockExtensionJwt")] }),
    },
    Service {
        id: ServiceId::MockHelix,
        name: "mock-helix",
        component: "MockHelixApi",
        port: Some(9053),
        log_file: "mgm-mock-helix.log",
        waits_for: &[],
        health: Some(Health { path: "/health", identity: &[("status", "healthy"), ("component", "MockHelixApi")] }),
    },
    Service {
        id: ServiceId::SyntheticDesktop,
        name: "synthetic-desktop",
        component: "SyntheticDesktop",
        port: Some(9054),
        log_file: "mgm-synthetic-desktop.log",
        waits_for: &[ServiceId::Backend],
        health: Some(Health { path: "/health", identity: &[("status", "healthy"), ("component", "SyntheticDesktop")] }),
    },
    Service {
        id: ServiceId::Orchestrator,
        name: "orchestrator",
        component: "orchestrator",
        port: None,
        log_file: "mgm-tier-b-orchestrator.log",
        waits_for: &[ServiceId::MockEventSub, ServiceId::MockJwt, ServiceId::MockHelix, ServiceId::SyntheticDesktop],
        health: None,
    },
];

impl ServiceId {
    /// Whether it replaces an outside party.
    #[must_use]
    pub const fn is_stand_in(self) -> bool {
        match self {
            Self::MockEventSub | Self::MockJwt | Self::MockHelix | Self::SyntheticDesktop => true,
            Self::Postgres | Self::Backend | Self::Orchestrator => false,
        }
    }

    /// Its row of the table.
    #[must_use]
    pub fn service(self) -> &'static Service {
        SERVICES.iter().find(|service| service.id == self).expect("every service has a line in the table")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_order_starts_nothing_before_what_it_waits_for() {
        for (position, service) in SERVICES.iter().enumerate() {
            for needed in service.waits_for {
                assert!(SERVICES[..position].iter().any(|earlier| earlier.id == *needed), "{}", service.name);
            }
        }
    }

    #[test]
    fn names_ports_and_log_files_are_told_apart() {
        for (position, service) in SERVICES.iter().enumerate() {
            assert_eq!(service.id.service().name, service.name);
            for other in &SERVICES[position + 1..] {
                assert_ne!(service.name, other.name);
                assert_ne!(service.log_file, other.log_file);
                assert!(service.port.is_none() || service.port != other.port);
            }
        }
    }

    #[test]
    fn the_readme_lists_what_listens_as_the_table_has_it() {
        let readme = include_str!("../../../README.md");
        let rows = readme.lines().filter(|line| line.starts_with("| ") && line.contains("| 127.0.0.1:"));
        let listening = SERVICES.iter().filter(|service| service.port.is_some()).collect::<Vec<_>>();
        let rows = rows.collect::<Vec<_>>();
        assert_eq!(rows.len(), listening.len());
        for (row, service) in rows.iter().zip(listening) {
            assert!(row.starts_with(&format!("| {}", service.component)), "{row}");
            let rest = format!("| 127.0.0.1:{} | `{}` |", service.port.unwrap(), service.log_file);
            assert!(row.ends_with(&rest), "{row}");
        }
    }

    #[test]
    fn the_images_expose_the_ports_of_the_table() {
        let images = include_str!("../../../nix/images.nix");
        let words = images.split(|c: char| !c.is_ascii_alphanumeric()).collect::<Vec<_>>();
        for service in SERVICES.iter().filter(|service| service.health.is_some()) {
            assert!(words.contains(&service.port.unwrap().to_string().as_str()), "{}", service.name);
        }
    }
}
