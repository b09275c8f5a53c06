//! Health over HTTP: is the process alive, is the registry ready, what has it counted.

use std::sync::OnceLock;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{Health, Problem};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::problem::{Code, Failure};
use super::{Shared, blocking};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Starts counting, once in a process.
pub fn count() {
    if let Ok(handle) = PrometheusBuilder::new().install_recorder() {
        let _ = METRICS.set(handle);
    }
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operators", operation_id = "isAlive",
    responses((status = 200, description = "It does.", body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

/// Whether the store and the sequencer answer.
#[utoipa::path(
    get, path = "/readyz", tag = "operators", operation_id = "isReady",
    responses(
        (status = 200, description = "They do.", body = Health),
        (status = 503, description = "One doesn't.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn readyz(State(app): State<Shared>) -> Result<Json<Health>, Failure> {
    let not_ready = |what: &str| Failure::new(Code::NotReady, format!("the {what} does not answer"));
    let head = blocking(&app, |app| Ok(app.store.head()?)).await;
    if !matches!(head, Ok(Some(_))) {
        return Err(not_ready("store"));
    }
    if app.log.alive().await { Ok(Json(Health { status: "ok".to_owned() })) } else { Err(not_ready("sequencer")) }
}

/// Counters and histograms, in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operators", operation_id = "readMetrics",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
pub async fn metrics() -> Response {
    let text = METRICS.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
