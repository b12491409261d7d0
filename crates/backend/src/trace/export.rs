//! Exports traces by OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>). Off unless an endpoint is
//! set.

use std::time::Duration;

use async_trait::async_trait;
use mgm_http_client::ClientError;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::runtime::Handle;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Registry;
use url::Url;

/// How long sending a batch to the collector may take.
const EXPORT_TIME: Duration = Duration::from_secs(10);
/// How long the last batch may take, at shutdown.
const FLUSH_TIME: Duration = Duration::from_secs(5);

/// Why traces cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// No client for the collector can be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No exporter can be built.
    #[error("the exporter of traces cannot be built: look at Mgm__OtlpEndpoint and the variables OTEL_EXPORTER_OTLP_…")]
    Exporter(#[from] ExporterBuildError),
}

/// Exports spans in the background, in batches; spans that an unavailable collector does not accept in time are
/// dropped.
#[derive(Debug)]
pub struct Telemetry(SdkTracerProvider);

impl Telemetry {
    /// Exports to the collector at `endpoint`, without `/v1/traces`. OpenTelemetry's other variables also apply, such
    /// as `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_EXPORTER_OTLP_HEADERS`.
    ///
    /// Must be called in the runtime that will send the batches.
    pub fn to(endpoint: &Url) -> Result<Self, TelemetryError> {
        let client = Client { http: mgm_http_client::client(endpoint, EXPORT_TIME / 2)?, runtime: Handle::current() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .with_timeout(EXPORT_TIME)
            .build()?;
        let resource = Resource::builder();
        let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
            Some(_) => resource,
            None => resource.with_service_name("mgm-backend"),
        };
        Ok(Self(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build()))
    }

    /// The layer that receives the spans.
    #[must_use]
    pub fn layer(&self) -> OpenTelemetryLayer<Registry, SdkTracer> {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("mgm-backend"))
    }

    /// Sends the remaining spans.
    pub async fn flush(self) {
        // The shutdown waits for the exporter's thread, and that thread for this runtime.
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH_TIME)).await;
        if let Ok(Err(error)) = flushed {
            tracing::warn!(%error, "the last traces were not exported");
        }
    }
}

/// Sends batches on the runtime, since the exporter works on its own thread.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        self.runtime.spawn(send(http, request)).await?
    }
}

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut request = reqwest::Request::try_from(request)?;
    *request.timeout_mut() = Some(EXPORT_TIME);
    // Without the URL, which may contain a secret.
    let answer = http.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.extend(answer.headers().clone());
    }
    Ok(response.body(answer.bytes().await.map_err(reqwest::Error::without_url)?)?)
}
