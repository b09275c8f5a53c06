//! Uploads over HTTP: provenance tables in pieces, each acknowledged when it is durable.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cleartitle_schema::api::{Problem, UploadView};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::provenance::{MAX_PIECE, PART};
use cleartitle_schema::signed::MAX_ENVELOPE;

use super::extract::{Asked, Nothing, discard, require_media_type, whole_body};
use super::problem::{Code, Failure, nowhere};
use super::statements::{created, refused};
use super::{Shared, blocking};
use crate::documents;
use crate::limits::Client;
use crate::log::now;
use crate::store::StoreError;

/// Where a piece of an upload belongs.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct At {
    /// The file's byte that the piece begins with: what `received` says.
    offset: u64,
}

/// What the store gives, told where the disk is full.
fn stored(error: StoreError) -> Failure {
    match error {
        StoreError::Full(_) => Failure::new(Code::NoRoom, "the registry's disk is full"),
        other => other.into(),
    }
}

/// Begin to upload a table of provenance records.
///
/// The body is the DSSE envelope of a `manifest` statement with the role `provenance` and the media type `application/vnd.apache.parquet`: it
/// signs digest, length and rows of a Parquet file of at most 16 GiB, one acquisition a row. Its columns are `content`, `sha256`, `warc_sha1`,
/// `url`, `captured_at`, `acquired_at`, `published_at`, `channel`, `access` and `more`. Sent again, the answer says how the upload stands.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "publishers", operation_id = "beginUpload",
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses(
        (status = 201, description = "Begun now.", body = UploadView),
        (status = 200, description = "Was begun before; where it stands.", body = UploadView),
        (status = 400, description = "Not an envelope, not canonical, not a statement.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not the issuer's to say.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Erased by law.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Understood and refused.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than the issuer may.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "There is no room for it.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn begin(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    require_media_type(&headers, "application/json")?;
    let envelope = whole_body(&headers, body, MAX_ENVELOPE).await?;
    let (view, new) = blocking(&app, move |app| documents::begin(app, &envelope)).await.map_err(refused)?;
    Ok((created(new), Json(view)).into_response())
}

/// Bring the next piece of a table.
///
/// Pieces come in order. Each but the last is a multiple of 262,144 bytes, and at most 8,388,608. What is acknowledged is durable. After the
/// last one the table is checked and loaded; `GET` says when it is in the log.
#[utoipa::path(
    put, path = "/v1/uploads/{statement}", tag = "publishers", operation_id = "bringPiece",
    params(
        ("statement" = String, Path, description = "The manifest statement's id.", pattern = "^statement:[0-9a-f]{64}$"),
        At,
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "At most 8 MiB."),
    responses(
        (status = 200, description = "It is durable.", body = UploadView),
        (status = 400, description = "A parameter is wrong, or the body broke off.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such upload was begun, or it was forgotten.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The upload does not go on there.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not a whole number of parts.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The registry's disk is full.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn bring(
    State(app): State<Shared>,
    Path(statement): Path<String>,
    Asked(At { offset }): Asked<At>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<UploadView>, Failure> {
    let statement: StatementId = statement.parse().map_err(nowhere)?;
    let before = blocking(&app, move |app| documents::view(app, &statement)).await;
    let before = before.and_then(|view| view.ok_or_else(|| Failure::not_found(format!("an upload of `{statement}`"))));
    let goes_on = before.and_then(|view| {
        if view.received == offset && offset < view.bytes && view.problem.is_none() {
            return Ok(view);
        }
        let (state, received) = (view.state, view.received);
        Err(Failure::new(
            Code::WrongOffset,
            format!("the upload is `{state}` and goes on at byte {received}, not at {offset}"),
        ))
    });
    let view = match goes_on {
        Ok(view) => view,
        Err(failure) => {
            discard(&mut body.into_data_stream()).await;
            return Err(failure);
        }
    };
    let memory = app.large_bodies(client).await?;
    let bytes = whole_body(&headers, body, MAX_PIECE).await?;
    let end = offset + bytes.len() as u64;
    let whole = end == view.bytes || (end < view.bytes && bytes.len().is_multiple_of(PART));
    if bytes.is_empty() || !whole {
        let detail = format!("{} bytes at byte {offset} of {} are no whole number of parts", bytes.len(), view.bytes);
        return Err(Failure::new(Code::UnprocessableRequest, detail));
    }
    blocking(&app, move |app| {
        let added = app.registry.store.add_piece(&statement, offset, &bytes, now()).map_err(stored)?;
        drop((bytes, memory));
        let moved = || Failure::new(Code::WrongOffset, "another piece came in between");
        let added = added.ok_or_else(moved)?;
        if added.received == added.bytes {
            app.tables_whole.notify_one();
        }
        documents::view(app, &statement)?.map(Json).ok_or_else(Failure::internal)
    })
    .await
}

/// Read how an upload stands.
#[utoipa::path(
    get, path = "/v1/uploads/{statement}", tag = "publishers", operation_id = "readUpload",
    params(("statement" = String, Path, description = "The manifest statement's id.", pattern = "^statement:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "How it stands.", body = UploadView),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such upload was begun, or it was forgotten.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<Shared>,
    Path(statement): Path<String>,
    _: Asked<Nothing>,
) -> Result<Json<UploadView>, Failure> {
    let statement: StatementId = statement.parse().map_err(nowhere)?;
    let view = blocking(&app, move |app| documents::view(app, &statement)).await?;
    view.map(Json).ok_or_else(|| Failure::not_found(format!("an upload of `{statement}`")))
}
