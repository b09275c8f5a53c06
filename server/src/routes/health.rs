//! Health over HTTP: is the process alive, is the registry ready, what has it counted.

use std::sync::OnceLock;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{Health, Problem};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::Shared;
use super::problem::{Code, Failure};
use crate::figures;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting, once in a process.
pub fn count() {
    let buckets = PrometheusBuilder::new().set_buckets(&figures::SECONDS);
    if let Ok(handle) = buckets.and_then(PrometheusBuilder::install_recorder) {
        let _ = METRICS.set(handle);
        figures::describe();
    }
}

/// Sums up what was counted since: without it, durations that nobody reads would fill memory.
pub fn sum_up() {
    METRICS.get().inspect(|handle| handle.run_upkeep());
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operators", operation_id = "isAlive",
    responses((status = 200, description = "It does.", body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

/// Whether a registration would be durable now: the sequencer answers, the store takes a write, and the server is not ending.
#[utoipa::path(
    get, path = "/readyz", tag = "operators", operation_id = "isReady",
    responses(
        (status = 200, description = "It would.", body = Health),
        (status = 503, description = "It would not.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn readyz(State(app): State<Shared>) -> Result<Json<Health>, Failure> {
    let ready = app.readiness.ask(&app.log).await;
    ready
        .map(|()| Json(Health { status: "ok".to_owned() }))
        .map_err(|why| Failure::new(Code::NotReady, why.to_string()))
}

/// Counters and histograms, in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operators", operation_id = "readMetrics",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
pub async fn metrics() -> Response {
    let text = METRICS.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
