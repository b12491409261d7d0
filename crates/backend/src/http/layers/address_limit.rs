//! The rate limit of an address.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request},
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use ipnet::IpNet;

use crate::http::{
    auth::DesktopKeys,
    error::ApiError,
    limits::{RequestLimits, address::client_address},
};

/// Counts, against the address, requests to open routes and those that are refused with 401 or 403. Whoever has the
/// desktop key is not counted.
#[derive(Debug, Clone)]
pub(crate) struct AddressLimit {
    pub(crate) limits: Arc<RequestLimits>,
    pub(crate) keys: DesktopKeys,
    /// Whose word is taken for the address of a client.
    pub(crate) trusted_proxies: Arc<[IpNet]>,
    /// Routes that anybody may ask for.
    pub(crate) open_routes: &'static [&'static str],
    /// Routes of which nothing is counted.
    pub(crate) free_routes: &'static [&'static str],
}

impl AddressLimit {
    /// Refuses a request to an open route; answers what refuses one that turns out to be refused too often.
    pub(crate) fn count(&self, request: &Request) -> Result<impl FnOnce(Response) -> Response + use<>, ApiError> {
        let path = request.uri().path();
        let is_counted = !self.free_routes.contains(&path) && request.method() != Method::OPTIONS;
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let peer = peer.filter(|_| is_counted && !self.keys.unlock(request.headers()));
        let counted = peer.map(|peer| client_address(peer, request.headers(), &self.trusted_proxies));
        let is_open = self.open_routes.contains(&path);
        if is_open && let Some(Err(exceeded)) = counted.map(|address| self.limits.address.check(&address)) {
            return Err(ApiError::RateLimited(exceeded));
        }
        let counted = counted.map(|address| (address, Arc::clone(&self.limits)));
        Ok(move |response: Response| {
            let is_refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            if is_refused
                && let Some((address, limits)) = counted
                && let Err(exceeded) = limits.address.check(&address)
            {
                return ApiError::RateLimited(exceeded).into_response();
            }
            response
        })
    }
}
