//! Snapshots over HTTP: the newest one's note, and bodies by log size.

use std::io::Read as _;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{Problem, SnapshotView};
use cleartitle_schema::id::ContentId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::extract::{Asked, Nothing};
use super::log::IMMUTABLE;
use super::problem::{Code, Failure, nowhere};
use super::{Shared, blocking};
use crate::snapshots::{Ready, SnapshotError};

/// How much of a body is read at once.
const PIECE: usize = 256 << 10;

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::NoCheckpoint(_) => Self::new(Code::NotFound, error.to_string()),
            SnapshotError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "a snapshot could not be made");
                Self::internal()
            }
        }
    }
}

fn size_of(text: &str) -> Result<u64, Failure> {
    let plain = !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_digit());
    let size = plain.then(|| text.parse().ok()).flatten();
    size.ok_or_else(|| nowhere("a snapshot is named by a log size in decimal"))
}

/// Read what the newest snapshot is: size, root, digest, and the signed note.
#[utoipa::path(
    get, path = "/v1/snapshots/latest", tag = "labs", operation_id = "readLatestSnapshot",
    responses(
        (status = 200, description = "The newest snapshot.", body = SnapshotView),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn latest(State(app): State<Shared>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let ready = blocking(&app, |app| Ok(app.snapshots.latest(&app.clearance)?)).await?;
    let view = SnapshotView {
        size: ready.size,
        root: ready.root,
        blake3: ContentId(ready.body_hash).to_string().trim_start_matches(ContentId::PREFIX).to_owned(),
        bytes: ready.length,
        note: ready.note,
        url: format!("/v1/snapshots/{}", ready.size),
    };
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(view)).into_response())
}

/// Read a snapshot's body.
#[utoipa::path(
    get, path = "/v1/snapshots/{size}", tag = "labs", operation_id = "readSnapshot",
    params(("size" = String, Path, description = "A log size that the log signed a checkpoint of.", pattern = "^[0-9]{1,16}$", example = "1")),
    responses(
        (status = 200, description = "The body.", body = String, content_type = "application/octet-stream"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No checkpoint has this size.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn body(State(app): State<Shared>, Path(size): Path<String>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let size = size_of(&size)?;
    let (ready, file) = blocking(&app, move |app| {
        let ready = app.snapshots.at(size, &app.clearance)?;
        let file = std::fs::File::open(&ready.path).map_err(|_| Failure::internal())?;
        Ok((ready, file))
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CACHE_CONTROL, IMMUTABLE.to_owned()),
        (header::CONTENT_LENGTH, ready.length.to_string()),
        (header::ETAG, format!("\"{}\"", ContentId(ready.body_hash))),
    ];
    Ok((headers, stream(file, &ready)).into_response())
}

/// The file piece by piece, so that a large body never stands in memory whole.
fn stream(mut file: std::fs::File, ready: &Ready) -> Body {
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(4);
    let mut left = ready.length;
    tokio::task::spawn_blocking(move || {
        while left > 0 {
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            let read = file.read_exact(&mut piece).map(|()| Bytes::from(piece));
            let failed = read.is_err();
            left = left.saturating_sub(PIECE as u64);
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

/// Read a snapshot's signed note.
#[utoipa::path(
    get, path = "/v1/snapshots/{size}/note", tag = "labs", operation_id = "readSnapshotNote",
    params(("size" = String, Path, description = "A log size that the log signed a checkpoint of.", pattern = "^[0-9]{1,16}$", example = "1")),
    responses(
        (status = 200, description = "The signed note.", body = String, content_type = "text/plain; charset=utf-8"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No checkpoint has this size.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn note(State(app): State<Shared>, Path(size): Path<String>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let size = size_of(&size)?;
    let ready = blocking(&app, move |app| Ok(app.snapshots.at(size, &app.clearance)?)).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, IMMUTABLE)];
    Ok((headers, ready.note).into_response())
}
