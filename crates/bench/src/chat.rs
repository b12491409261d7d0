//! Ordinary chat compared with an empty handler.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::routing::post;
use mgm_service::bind::BindUrls;
use mgm_service::serve::{Limits, Listeners, serve};
use mgm_system::port;
use tokio_util::sync::CancellationToken;

use crate::extent::Extent;
use crate::lab::{Lab, Program};
use crate::load::closed;
use crate::notification::{Notification, PATH, Signer};
use crate::report::{Goal, memory, ratio};

/// Chat that is not a command: verified, parsed and acknowledged without the database.
pub async fn measure(lab: &Lab, extent: Extent) -> Result<()> {
    let database = lab.database("chat").await?;
    let backend = lab.backend(&database).await?;
    let port = port::free()?;
    let peer = lab.start(Program::Bench, &["empty-server", &port.to_string()], &[], port).await?;
    let load = lines()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..extent.rounds {
        ours.push(closed(&[backend.address], Arc::clone(&load), extent.duration, true).await?);
        theirs.push(closed(&[peer.address], Arc::clone(&load), extent.duration, true).await?);
    }
    ratio(
        "Ordinary chat acknowledged",
        "/s",
        ("mgm-backend, signature checked", &ours),
        ("the same server, empty handler", &theirs),
        Goal::AtLeast(0.8),
    );
    memory("mgm-backend", backend.pid(), 64.0);
    backend.stop().await;
    peer.stop().await;
    Ok(())
}

/// A few lines of realistic length; what matters is that each is signed.
fn lines() -> Result<Arc<[Notification]>> {
    let signer = Signer::new()?;
    let line = |number| {
        signer.line(
            &format!("line-{number}"),
            &format!("viewer-{number}"),
            "that was the best pull of the whole raid so far",
        )
    };
    Ok((0..1000).map(line).collect())
}

/// Listens and serves like the backend, and does nothing.
pub async fn empty_server(port: u16) -> Result<()> {
    let listeners = Listeners::bind(&BindUrls::loopback(port))?;
    let addresses: Vec<SocketAddr> = listeners.addresses();
    println!("listening on {addresses:?}");
    let router = Router::new().route(PATH, post(async || ()));
    serve(listeners, router, Limits::default(), CancellationToken::new()).await;
    Ok(())
}
