//! The stand-in for Helix, on a port of its own.

use mgm_api_types::mocks::Journal;
use mgm_mocks::{helix, sources::Sources};
use mgm_service::{
    bind::BindUrls,
    serve::{Limits, Listeners, serve},
};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

pub struct HelixStandIn {
    pub url: String,
    http: reqwest::Client,
    _running: DropGuard,
}

impl HelixStandIn {
    pub fn start() -> Self {
        let listeners = Listeners::bind(&BindUrls::loopback(0)).unwrap();
        let url = format!("http://{}", listeners.addresses()[0]);
        let router = helix::router(helix::Config { strict_auth: true, sources: Sources::system() });
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listeners, router, Limits::default(), shutdown.clone()));
        // The stand-in's own client too needs a provider of cryptography to be chosen, though it speaks plain HTTP.
        let origin = url.parse().unwrap();
        let http = mgm_twitch::transport::client(&origin, std::time::Duration::from_secs(10)).unwrap();
        Self { url, http, _running: shutdown.drop_guard() }
    }

    /// What the next requests are to suffer.
    pub async fn faults(&self, faults: Value) {
        let answer = self.http.post(format!("{}/faults", self.url)).json(&faults).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    pub async fn status(&self, status: u16) {
        self.faults(json!([{"kind": "status", "status": status}])).await;
    }

    /// The bodies of the chat messages that were asked for, sent or not.
    pub async fn messages(&self) -> Vec<Value> {
        let journal = self.journal().await;
        let asked = journal.requests.into_iter().filter(|request| request.path == "/helix/chat/messages");
        asked.map(|request| request.body.unwrap_or_default()).collect()
    }

    pub async fn journal(&self) -> Journal {
        self.http.get(format!("{}/requests", self.url)).send().await.unwrap().json().await.unwrap()
    }

    pub async fn last_request(&self) -> Value {
        self.http.get(format!("{}/last-request", self.url)).send().await.unwrap().json().await.unwrap()
    }
}
