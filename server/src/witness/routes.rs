//! The witness over HTTP: `add-checkpoint`, the checkpoint cosigned last of each log, health and metrics. Nothing else.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cleartitle_schema::tlog::witness::{ADD_CHECKPOINT, MAX_ADD_CHECKPOINT, SIZE_MEDIA_TYPE};
use tokio::sync::Semaphore;

use super::state::{Answer, Witness};
use crate::routes::extract::whole_body;
use crate::routes::health;

/// How many bodies are read and judged at once; each is a quarter of a megabyte at most.
const MAX_REQUESTS: usize = 64;

/// How long a whole body may take to come.
const WHOLE_BODY: Duration = Duration::from_secs(30);

const TEXT: &str = "text/plain; charset=utf-8";

struct Served {
    witness: Arc<Witness>,
    places: Semaphore,
}

type Shared = Arc<Served>;

/// The whole service.
pub fn router(witness: Arc<Witness>) -> Router {
    let served = Served { witness, places: Semaphore::new(MAX_REQUESTS) };
    Router::new()
        .route(&format!("/{ADD_CHECKPOINT}"), post(add_checkpoint))
        .route("/{origin}/checkpoint", get(latest))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .with_state(Arc::new(served))
}

fn told(status: StatusCode, media_type: &'static str, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")], text).into_response()
}

fn refused(status: StatusCode, why: &str) -> Response {
    told(status, TEXT, format!("{why}\n"))
}

impl Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Cosigned(line) => told(StatusCode::OK, TEXT, line),
            Self::Conflict(size) => told(StatusCode::CONFLICT, SIZE_MEDIA_TYPE, format!("{size}\n")),
            Self::Malformed(why) => refused(StatusCode::BAD_REQUEST, &why),
            Self::UnknownOrigin => refused(StatusCode::NOT_FOUND, "this witness does not know the log"),
            Self::Unsigned(why) => refused(StatusCode::FORBIDDEN, &why),
            Self::Inconsistent(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
            Self::Unavailable(why) => refused(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }
}

async fn add_checkpoint(State(served): State<Shared>, headers: HeaderMap, body: Body) -> Response {
    let Ok(_place) = served.places.try_acquire() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once");
    };
    let whole = tokio::time::timeout(WHOLE_BODY, whole_body(&headers, body, MAX_ADD_CHECKPOINT)).await;
    let bytes = match whole {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(failure)) => return refused(failure.code.status(), &failure.detail),
        Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
    };
    let witness = Arc::clone(&served.witness);
    let judged = tokio::task::spawn_blocking(move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        witness.add(&bytes, now)
    });
    let answer = judged.await.unwrap_or_else(|_| Answer::Unavailable("the witness failed".to_owned())).into_response();
    let status = answer.status().as_str().to_owned();
    metrics::counter!("cleartitle_witness_answers_total", "status" => status).increment(1);
    answer
}

async fn latest(State(served): State<Shared>, Path(origin): Path<String>) -> Response {
    let witness = Arc::clone(&served.witness);
    let found = tokio::task::spawn_blocking(move || witness.latest(&format!("{origin}/checkpoint"))).await;
    match found {
        Ok(Ok(Some(note))) => told(StatusCode::OK, TEXT, note),
        Ok(Ok(None)) => refused(StatusCode::NOT_FOUND, "nothing was cosigned under this name"),
        Ok(Err(_)) | Err(_) => refused(StatusCode::SERVICE_UNAVAILABLE, "the witness's memory does not answer"),
    }
}
