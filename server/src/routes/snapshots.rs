//! Snapshots over HTTP: the newest one's note, and bodies by log size.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{Problem, SnapshotView};
use cleartitle_schema::id::ContentId;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::extract::{Asked, Nothing};
use super::log::{IMMUTABLE, shown};
use super::problem::{Code, Failure, nowhere};
use super::range::{self, Wanted};
use super::{Shared, blocking};
use crate::request_span;
use crate::snapshots::SnapshotError;

/// How much of a body is read at once.
const PIECE: usize = 256 << 10;

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::NoCheckpoint(_) => Self::new(Code::NotFound, error.to_string()),
            SnapshotError::Busy => Self::new(Code::Overloaded, error.to_string()),
            SnapshotError::Store(error) => error.into(),
            other => {
                tracing::error!(parent: &request_span::current(), error = %other, "a snapshot could not be made");
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
        (status = 404, description = "No checkpoint has its quorum of witnesses yet.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn latest(State(app): State<Shared>, _: Asked<Nothing>) -> Result<Response, Failure> {
    // Of the checkpoint that is shown, not of a newer one that waits for its witnesses: the two are checked together.
    let ready = blocking(&app, |app| Ok(app.snapshots.at(shown(app)?.size)?)).await?;
    Ok(([(header::CACHE_CONTROL, "no-cache")], Json(ready.view())).into_response())
}

/// Read a snapshot's body.
///
/// `Range` asks for a part of it (one range of bytes), `If-Range` with the `ETag` for a part of just this body.
#[utoipa::path(
    get, path = "/v1/snapshots/{size}", tag = "labs", operation_id = "readSnapshot",
    params(("size" = String, Path, description = "A log size that the log signed a checkpoint of.", pattern = "^[0-9]{1,16}$", example = "1")),
    responses(
        (status = 200, description = "The body.", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "The part that `Range` asks for.", body = String, content_type = "application/octet-stream"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No checkpoint has this size.", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "`Range` begins behind the end.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn body(
    State(app): State<Shared>,
    Path(size): Path<String>,
    _: Asked<Nothing>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let size = size_of(&size)?;
    let (ready, file) = blocking(&app, move |app| {
        let ready = app.snapshots.at(size)?;
        let file = std::fs::File::open(&ready.path).map_err(|_| Failure::internal())?;
        Ok((ready, file))
    })
    .await?;
    let (tag, length) = (format!("\"{}\"", ContentId(ready.body_hash)), ready.length);
    // RFC 9110 section 14.2: a range has a meaning for GET alone.
    let wanted = if method == Method::GET { range::wanted(&headers, length, &tag) } else { Wanted::Whole };
    let (status, part) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0..length),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Nothing => return Ok(no_such_range(length)),
    };
    let told = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CACHE_CONTROL, IMMUTABLE.to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CONTENT_LENGTH, (part.end - part.start).to_string()),
        (header::ETAG, tag),
    ];
    let mut response = (status, told, stream(file, part.clone())).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let place = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        response
            .headers_mut()
            .insert(header::CONTENT_RANGE, HeaderValue::from_str(&place).map_err(|_| Failure::internal())?);
    }
    Ok(response)
}

fn no_such_range(length: u64) -> Response {
    let detail = format!("the body has {length} bytes, and the range begins behind them");
    let mut response = Failure::new(Code::RangeNotSatisfiable, detail).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, place);
    }
    response
}

/// A part of the file piece by piece, so that a large body never stands in memory whole.
fn stream(mut file: std::fs::File, part: Range<u64>) -> Body {
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(4);
    let mut left = part.end - part.start;
    tokio::task::spawn_blocking(move || {
        if let Err(error) = file.seek(SeekFrom::Start(part.start)) {
            let _ = sender.blocking_send(Err(error));
            return;
        }
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
    let ready = blocking(&app, move |app| Ok(app.snapshots.at(size)?)).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, IMMUTABLE)];
    Ok((headers, ready.note).into_response())
}
