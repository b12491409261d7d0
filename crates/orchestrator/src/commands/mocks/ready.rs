//! Where everything is, and the environment variables by which clients of Twitch find it.

use std::net::SocketAddr;
use std::path::PathBuf;

use mgm_mocks::tls::NAMES;
use mgm_service::services::{Service, ServiceId};
use serde_json::{Map, Value, json};

use crate::terminal::{self, DIM, GOOD};

/// What listens.
#[derive(Debug)]
pub struct Ready {
    /// The stand-ins.
    pub services: Vec<(&'static Service, SocketAddr)>,
    /// The front with TLS, if there is one.
    pub tls: Option<Tls>,
}

/// The front with TLS.
#[derive(Debug)]
pub struct Tls {
    /// The certificate that clients must trust.
    pub certificate: PathBuf,
    /// The front's address.
    pub front: SocketAddr,
    /// The proxy's address, if there is one.
    pub proxy: Option<SocketAddr>,
}

/// A client, and the variables that it needs.
struct Client {
    name: &'static str,
    variables: Vec<(&'static str, String)>,
}

impl Ready {
    /// The address of a stand-in.
    pub fn address(&self, id: ServiceId) -> Option<SocketAddr> {
        self.services.iter().find(|(service, _)| service.id == id).map(|(_, address)| *address)
    }

    /// Says it.
    pub fn show(&self, json: bool) {
        if json {
            terminal::say(self.json());
            return;
        }
        for (service, address) in &self.services {
            terminal::say(format_args!("{:20} http://{address}", service.component));
        }
        if let Some(Tls { front, proxy, .. }) = &self.tls {
            terminal::say(format_args!("{:20} https://{front}  {DIM}{}{DIM:#}", "TLS", NAMES.join(", ")));
            if let Some(proxy) = proxy {
                terminal::say(format_args!("{:20} http://{proxy}", "proxy"));
            }
        }
        for Client { name, variables } in &self.clients() {
            let variables: Vec<_> = variables.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            terminal::say(format_args!("{DIM}{name}:{DIM:#}"));
            terminal::say(format_args!("  export {}", variables.join(" ")));
        }
        terminal::say(format_args!("{GOOD}stand-ins ready{GOOD:#}"));
    }

    fn json(&self) -> Value {
        let services: Vec<_> = self
            .services
            .iter()
            .map(|(service, address)| {
                let url = format!("http://{address}");
                json!({ "name": service.name, "component": service.component, "port": address.port(), "url": url })
            })
            .collect();
        let clients = self.clients();
        let variables = clients.iter().flat_map(|client| &client.variables);
        let variables: Map<_, _> = variables.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let tls = self.tls.as_ref().map(|Tls { certificate, front, proxy }| {
            let proxy = proxy.map(|proxy| format!("http://{proxy}"));
            json!({ "names": NAMES, "address": front, "certificate": certificate, "proxy": proxy })
        });
        json!({ "event": "ready", "services": services, "variables": variables, "tls": tls })
    }

    /// The clients that are configured by environment variables. The others take an address in their code, which
    /// `docs/mocks.md` shows.
    fn clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        if let Some(helix) = self.address(ServiceId::MockHelix) {
            let (api, oauth) = (format!("http://{helix}/mock/"), format!("http://{helix}/auth/"));
            let root = format!("http://{helix}");
            clients.extend([
                Client { name: "twurple", variables: vec![("TWURPLE_MOCK_API_PORT", helix.port().to_string())] },
                Client {
                    name: "twitch_api, twitch_oauth2",
                    variables: vec![("TWITCH_HELIX_URL", api), ("TWITCH_OAUTH2_URL", oauth)],
                },
                Client {
                    name: "the backend of this project",
                    variables: vec![("Twitch__HelixApiBaseUrl", root.clone()), ("Twitch__OAuthBaseUrl", root)],
                },
            ]);
        }
        if let Some(Tls { certificate, proxy, .. }) = &self.tls {
            let certificate = certificate.display().to_string();
            let trusting = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"];
            let mut variables: Vec<_> = trusting.map(|name| (name, certificate.clone())).to_vec();
            variables.extend(proxy.map(|proxy| ("HTTPS_PROXY", format!("http://{proxy}"))));
            clients.push(Client { name: "clients whose addresses are built in", variables });
        }
        clients
    }
}

/// As a shell reads it.
fn quoted(value: &str) -> String {
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "/:._-".contains(c));
    if is_plain { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
