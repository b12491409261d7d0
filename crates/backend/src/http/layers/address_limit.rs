//! Middleware: the rate limit per address.

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

/// Counts per address the requests to open routes and those refused with 401 or 403. Requests with a valid desktop key
/// are not counted.
#[derive(Debug, Clone)]
pub(crate) struct AddressLimit {
    pub(crate) limits: Arc<RequestLimits>,
    pub(crate) keys: DesktopKeys,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Arc<[IpNet]>,
    /// Routes that need no credentials.
    pub(crate) open_routes: &'static [&'static str],
    /// Routes that are never counted.
    pub(crate) free_routes: &'static [&'static str],
}

impl AddressLimit {
    /// Refuses a request to an open route; returns what refuses a request after too many refusals.
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
