//! Documents over HTTP: batches of provenance records, and what is known of one document.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::{BatchRegistration, DocumentView, NDJSON, Problem, ProvenanceRecord};
use cleartitle_schema::id::{ContentName, ListId};
use cleartitle_schema::provenance::MEDIA_TYPE;
use cleartitle_schema::signed::MAX_ENVELOPE;
use cleartitle_schema::statement::Body as Said;
use futures_util::stream::try_unfold;

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::log::IMMUTABLE;
use super::problem::{Failure, nowhere};
use super::statements::{created, log_admitted, refused, registration_of, summary};
use super::{Shared, blocking};
use crate::documents;
use crate::limits::Client;
use crate::log::now;
use crate::registration::{self, MAX_LIST};
use crate::store::Page;

/// The most records and statements that are shown of one document.
const SHOWN: usize = 1000;

/// How much of a table is read at once.
const PIECE: u64 = 1 << 20;

/// Register a batch of provenance records.
///
/// The body is NDJSON: on the first line the DSSE envelope of a `manifest` statement with the role `provenance`, after it
/// exactly the bytes whose digest, length and number of rows that statement signs: one acquisition a line, at most 32 MiB.
#[utoipa::path(
    post, path = "/v1/documents", tag = "publishers", operation_id = "registerBatch",
    request_body(content = serde_json::Value, content_type = "application/x-ndjson"),
    responses(
        (status = 201, description = "Registered now.", body = BatchRegistration),
        (status = 200, description = "Was registered before; the first receipt.", body = BatchRegistration),
        (status = 400, description = "Not an envelope, not canonical, not a statement.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not the issuer's to say.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Erased by law.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not NDJSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Understood and refused.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the log is unavailable.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn register(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    require_media_type(&headers, NDJSON)?;
    let memory = app.large_bodies(client).await?;
    let mut envelope = whole_body(&headers, body, MAX_ENVELOPE + 1 + MAX_LIST).await?;
    let end = envelope.iter().position(|byte| *byte == b'\n').unwrap_or(envelope.len());
    let list = envelope.split_off((end + 1).min(envelope.len()));
    envelope.truncate(end);
    let admitted = blocking(&app, move |app| {
        Ok(registration::admit_batch(&*app.registry.store, &app.registry.origin, &envelope, list, now())?)
    });
    let candidate = admitted.await.map_err(refused)?;
    let logged = log_admitted(&app, candidate).await?;
    drop(memory);
    let answer = blocking(&app, move |app| {
        let registration = registration_of(app, &logged.stored)?;
        let Said::Manifest { list, rows, .. } = &logged.stored.registered.statement.body else {
            return Err(Failure::internal());
        };
        Ok((created(logged.new), BatchRegistration { registration, list: *list, rows: *rows }))
    });
    let (status, answer) = answer.await?;
    Ok((status, Json(answer)).into_response())
}

/// Read what is registered of a document by its name alone: provenance records, and statements that list it.
#[utoipa::path(
    get, path = "/v1/documents/{name}", tag = "everybody", operation_id = "readDocument",
    params(("name" = String, Path, description = "The document's id, or an alias of it.",
        pattern = "^(blake3|sha256):[0-9a-f]{64}$|^warc-sha1:[0-9a-f]{40}$")),
    responses(
        (status = 200, description = "What is registered; nothing is an answer too.", body = DocumentView),
        (status = 404, description = "Not a document's name.", body = Problem, content_type = "application/problem+json"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<Shared>,
    Path(name): Path<String>,
    _: Asked<Nothing>,
) -> Result<Json<DocumentView>, Failure> {
    let name: ContentName = name.parse().map_err(nowhere)?;
    blocking(&app, move |app| {
        let mut records = Vec::new();
        let mut found = documents::records(&*app.registry.store, &app.opened_tables, &name)?;
        for record in app.store.records(&name, SHOWN)? {
            let acquisition: Acquisition = serde_json::from_slice(&record.bytes).map_err(|_| Failure::internal())?;
            found.push((record.index, record.line, acquisition));
        }
        found.sort_by_key(|(index, line, _)| (*index, *line));
        for (index, line, acquisition) in found.into_iter().take(SHOWN) {
            let page = Page { from: index, below: Some(index + 1), limit: 1, ..Page::default() };
            let manifest = app.store.statements(&page)?.pop().ok_or_else(Failure::internal)?.registered;
            records.push(ProvenanceRecord {
                statement: manifest.id,
                issuer: manifest.statement.issuer.domain,
                registered_at: manifest.registered_at,
                line,
                acquisition,
            });
        }
        let statements = app.store.claims(&name, SHOWN)?.iter().map(summary).collect::<Result<_, _>>()?;
        Ok(Json(DocumentView { document: name, records, statements }))
    })
    .await
}

/// Read the bytes of a bulk list: lines of a batch, or a table's Parquet file.
#[utoipa::path(
    get, path = "/v1/lists/{list}", tag = "auditors", operation_id = "readList",
    params(("list" = String, Path, description = "The list's digest.", pattern = "^list:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The list's bytes.", content(
            (String = "application/x-ndjson"), (String = "application/vnd.apache.parquet"),
        )),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The registry does not keep it.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<Shared>, Path(list): Path<String>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let list: ListId = list.parse().map_err(nowhere)?;
    if let Some(bytes) = blocking(&app, move |app| Ok(app.store.list(&list)?)).await? {
        return Ok(([(header::CONTENT_TYPE, NDJSON), (header::CACHE_CONTROL, IMMUTABLE)], bytes).into_response());
    }
    let table = blocking(&app, move |app| Ok(app.registry.store.table_of(&list)?)).await?;
    let (statement, length) = table.ok_or_else(|| Failure::not_found(list))?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE)),
    ];
    // A piece at a time, as fast as whoever asked takes it.
    let pieces = try_unfold(0, move |at| {
        let app = Shared::clone(&app);
        async move {
            let end = length.min(at + PIECE);
            if at == end {
                return Ok::<_, std::io::Error>(None);
            }
            let piece = blocking(&app, move |app| Ok(app.registry.store.table_bytes(&statement, at..end)?)).await;
            piece.map(|piece| Some((piece, end))).map_err(|failure| std::io::Error::other(failure.detail))
        }
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}
