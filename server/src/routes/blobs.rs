//! Blobs of evidence over HTTP: the bytes that statements name by their hash, brought once and read by anybody.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::Problem;
use cleartitle_schema::id::BlobId;

use super::extract::{Asked, Nothing, discard, whole_body};
use super::log::IMMUTABLE;
use super::problem::{Code, Failure, nowhere};
use super::statements::created;
use super::{Shared, blocking};
use crate::objects::evidence::{MAX_BLOB, NOTE, lies_elsewhere};
use crate::objects::{ObjectError, layout};
use crate::request_span;

impl From<ObjectError> for Failure {
    fn from(error: ObjectError) -> Self {
        if error.is_grave() {
            tracing::error!(parent: &request_span::current(), %error, "evidence among the objects is not what its name says");
            return Self::internal();
        }
        tracing::warn!(parent: &request_span::current(), %error, "evidence could not be put or read");
        Self::new(Code::Overloaded, "the object storage does not answer")
    }
}

/// Bring the bytes of evidence that a registered statement names.
///
/// Anybody may bring them: the name is their hash, so that nobody can bring others. The media type is not looked at.
#[utoipa::path(
    put, path = "/v1/blobs/{blob}", tag = "publishers", operation_id = "put_blob",
    params(("blob" = String, Path, description = "The blob's digest.", pattern = "^blob:[0-9a-f]{64}$")),
    request_body(content = String, content_type = "application/octet-stream", description = "At most 4 MiB."),
    responses(
        (status = 201, description = "Kept now."),
        (status = 200, description = "Was kept before."),
        (status = 400, description = "A parameter is wrong, or the body broke off.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No registered statement names it.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The bytes have another digest.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn put(
    State(app): State<Shared>,
    Path(blob): Path<String>,
    _: Asked<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let blob: BlobId = blob.parse().map_err(nowhere)?;
    // Without this anybody could keep films here at the operator's cost, under addresses that anybody can read. What is
    // taken is bounded by signed statements, whose signers answer for it: the operator has bound their keys.
    if !blocking(&app, move |app| Ok(app.store.names_blob(&blob)?)).await? {
        discard(&mut body.into_data_stream()).await;
        return Err(Failure::new(Code::BlobNotNamed, format!("no registered statement names `{blob}` as evidence")));
    }
    let memory = app.blob_bodies().await?;
    let bytes = whole_body(&headers, body, MAX_BLOB).await?;
    let found = BlobId::of(&bytes);
    if found != blob {
        return Err(Failure::new(Code::BlobMismatch, format!("the digest of these bytes is `{found}`")));
    }
    // Among the objects the bytes are durable first, so that the note never says what is not so. The store is not held meanwhile.
    let bytes = match app.registry.objects() {
        Some(objects) => {
            objects.create(&layout::blob(&blob), bytes.into()).await?;
            NOTE.to_vec()
        }
        None => bytes,
    };
    let new = blocking(&app, move |app| {
        let new = app.store.put_blob(&blob, &bytes)?;
        // Held until the bytes are durable and freed.
        drop((bytes, memory));
        Ok(new)
    });
    let new = new.await?;
    if new {
        metrics::counter!("cleartitle_blobs_total").increment(1);
    }
    Ok(created(new).into_response())
}

/// Read the bytes of evidence.
///
/// They are whatever a site once served: a file to save, never a page to show.
#[utoipa::path(
    get, path = "/v1/blobs/{blob}", tag = "auditors", operation_id = "get_blob",
    params(("blob" = String, Path, description = "The blob's digest.", pattern = "^blob:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The bytes.", body = String, content_type = "application/octet-stream"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The registry does not keep it.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(State(app): State<Shared>, Path(blob): Path<String>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let blob: BlobId = blob.parse().map_err(nowhere)?;
    let bytes = blocking(&app, move |app| Ok(app.store.blob(&blob)?)).await?;
    let mut bytes = bytes.ok_or_else(|| Failure::not_found(blob))?;
    if lies_elsewhere(&blob, &bytes) {
        let objects = app.registry.objects().ok_or_else(Failure::internal)?;
        let _place = app.objects_read().await?;
        bytes = objects.evidence(&blob).await?.ok_or_else(|| {
            tracing::error!(parent: &request_span::current(), %blob, "evidence is not among the objects where it was put");
            Failure::internal()
        })?;
    }
    // A hostile site's script must not run under the registry's own name: never a page, whatever a browser makes of it.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, IMMUTABLE),
    ];
    Ok((headers, bytes).into_response())
}
