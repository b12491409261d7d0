//! Middleware that handles a request on its way in and the answer on its way out.
//!
//! `axum::middleware::from_fn` can do more, but clones and boxes everything inside it for every request.

use std::{
    convert::Infallible,
    future::ready,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use crate::http::error::ApiError;

/// Makes middleware of `enter`, which is called with every request. It returns the span of the request and a function
/// for the answer, or refuses the request.
pub(crate) fn around<E, L>(enter: E) -> AroundLayer<E>
where
    E: Fn(&mut Request) -> Result<(Span, L), ApiError>,
    L: FnOnce(Response) -> Response,
{
    AroundLayer(enter)
}

/// See [`around`].
#[derive(Debug, Clone)]
pub(crate) struct AroundLayer<E>(E);

/// See [`around`].
#[derive(Debug, Clone)]
pub(crate) struct Around<E, S> {
    enter: E,
    inner: S,
}

impl<E: Clone, S> Layer<S> for AroundLayer<E> {
    type Service = Around<E, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Around { enter: self.0.clone(), inner }
    }
}

impl<E, L, S> Service<Request> for Around<E, S>
where
    E: Fn(&mut Request) -> Result<(Span, L), ApiError>,
    L: FnOnce(Response) -> Response + Send + 'static,
    S: Service<Request, Response: IntoResponse, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let (span, leave) = match (self.enter)(&mut request) {
            Ok(inside) => inside,
            Err(refusal) => return Box::pin(ready(Ok(refusal.into_response()))),
        };
        let answer = span.in_scope(|| self.inner.call(request));
        Box::pin(async move { answer.await.map(|answer| leave(answer.into_response())) }.instrument(span))
    }
}
