//! `mgm mocks` itself: all stand-ins in this process.
#![expect(clippy::doc_markdown, reason = "the comments are help for a terminal, which shows markup as it is")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, ValueHint};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use mgm_mocks::helix::HelixArgs;
use mgm_mocks::program::OwnArgs as _;
use mgm_mocks::tls::{Authority, Front, Proxy};
use mgm_mocks::together;
use mgm_service::serve::{Limits, Listeners, serve};
use mgm_service::services::ServiceId;
use mgm_service::{log, shutdown};
use mgm_settings::{Settings, needs};
use mgm_system::{Clock as _, SystemClock};
use url::Url;

use super::ports::{AddressArgs, Choice, USUAL, reachable};
use super::ready::{Ready, Tls};
use crate::environment::StackEnvironment;
use crate::global::GlobalArgs;
use crate::targets::default_url;
use crate::value_parser::HttpUrl;

/// The usual port of the front with TLS.
const TLS_PORT: u16 = 9443;
/// The usual port of the proxy.
const PROXY_PORT: u16 = 9080;

/// The options of `mgm mocks` itself.
#[derive(Args, Debug)]
pub struct StandInArgs {
    /// The world of MockHelixApi: a TOML or JSON file with clients, users and tokens [default: MockHelix__Fixture; without
    /// one, any token is accepted].
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fixture: Option<PathBuf>,
    /// The backend, to which MockEventSubWebhook forwards and which SyntheticDesktop calls; it may start later [default:
    /// Backend__BaseUrl and SyntheticDesktop__BackendBaseUrl].
    #[arg(long, value_name = "URL", value_parser = HttpUrl)]
    backend: Option<Url>,
    /// Use the settings of the Tier B profile where nothing else is set: the world, the secrets and the key with which
    /// `tier-b --attach` works.
    #[arg(long)]
    tier_b: bool,
    /// Also serve api.twitch.tv, id.twitch.tv and eventsub.wss.twitch.tv with TLS, for clients whose addresses are built in
    /// [default port: 9443]. The certificate of the authority that signs for them is kept in the state directory.
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = USUAL, value_parser = Choice::parse)]
    tls: Option<Choice>,
    /// Also run a proxy that leads clients to those names, for HTTPS_PROXY [default port: 9080].
    #[arg(
        long, value_name = "PORT", num_args = 0..=1, default_missing_value = USUAL, value_parser = Choice::parse,
        requires = "tls"
    )]
    proxy: Option<Choice>,
    #[command(flatten)]
    helix: HelixArgs,
    #[command(flatten)]
    addresses: AddressArgs,
}

pub fn run(global: &GlobalArgs, options: &StandInArgs) -> Result<ExitCode> {
    let settings = settings(global, options)?;
    log::init(settings.mgm.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let shutdown = shutdown::on_signal().context("cannot handle signals")?;
        let (ids, routers): (Vec<_>, Vec<_>) = together::stand_ins(&settings)?.into_iter().unzip();
        let tls =
            options.tls.map(|_| Authority::open(&global.state()?.tls()).map_err(anyhow::Error::from)).transpose()?;
        let wanted: Vec<_> = ids
            .iter()
            .map(|id| options.addresses.stand_in(*id))
            .chain(options.tls.map(|port| options.addresses.other("TLS", "tls", port, TLS_PORT)))
            .chain(options.proxy.map(|port| options.addresses.other("proxy", "proxy", port, PROXY_PORT)))
            .collect();
        let mut listeners = options.addresses.listen(&wanted)?;
        let addresses: Vec<_> = listeners.iter().map(reachable).collect();
        let others = listeners.split_off(ids.len());

        let mut ready =
            Ready { services: ids.iter().map(|id| id.service()).zip(addresses.iter().copied()).collect(), tls: None };
        let mut more: Vec<BoxFuture<'_, ()>> = vec![];
        if let Some(authority) = &tls {
            let helix = ready.address(ServiceId::MockHelix).context("MockHelixApi does not listen")?;
            let front = Front::new(authority.server_config(SystemClock.now())?, helix);
            let proxy = Proxy::new(front.clone());
            let mut others = others.into_iter().map(Listeners::into_sockets);
            for socket in others.next().into_iter().flatten() {
                let (front, shutdown) = (front.clone(), shutdown.clone());
                more.push(async move { front.serve(socket, shutdown).await }.boxed());
            }
            for socket in others.next().into_iter().flatten() {
                let (proxy, shutdown) = (proxy.clone(), shutdown.clone());
                more.push(async move { proxy.serve(socket, shutdown).await }.boxed());
            }
            let mut addresses = addresses.into_iter().skip(ids.len());
            let front = addresses.next().context("the front does not listen")?;
            ready.tls = Some(Tls { certificate: authority.certificate().to_owned(), front, proxy: addresses.next() });
        }
        ready.show(global.json);
        let serving = routers
            .into_iter()
            .zip(listeners)
            .map(|(router, listeners)| serve(listeners, router, Limits::default(), shutdown.clone()).boxed());
        join_all(serving.chain(more)).await;
        Ok(ExitCode::SUCCESS)
    })
}

fn settings(global: &GlobalArgs, options: &StandInArgs) -> Result<Box<Settings>> {
    let mut sources = global.sources();
    options.helix.apply(&mut sources);
    if let Some(fixture) = &options.fixture {
        let path = fixture.to_str().context("--fixture: the path is not text")?;
        sources.set("MockHelix__Fixture", path);
    }
    if let Some(backend) = &options.backend {
        for name in ["Backend__BaseUrl", "SyntheticDesktop__BackendBaseUrl"] {
            sources.set(name, backend.as_str());
        }
    }
    if options.tier_b {
        let url = |service| default_url(service).as_str().trim_end_matches('/').to_owned();
        return Ok(StackEnvironment::tier_b(sources, url)?.settings);
    }
    Ok(Box::new(Settings::load_for(&sources, needs::of_a_stand_in)?.settings))
}
