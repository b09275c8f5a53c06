//! Sealed statements over HTTP: register one, or its commitment alone; give what is held to its parties, and to nobody else.
//!
//! To whoever is no party a sealed leaf is what the log shows of it. A question about one that is not theirs gets the answer that
//! a question about none gets.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{
    CommitmentRequest, Problem, Registration, SEALED_TAG, SealedLeaf, SealedList, SealedView,
};
use cleartitle_schema::canon::MAX_INTEGER;
use cleartitle_schema::id::Commitment;
use cleartitle_schema::leaf::{Leaf, Published};
use cleartitle_schema::signed::MAX_ENVELOPE;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::problem::{Code, Failure, nowhere};
use super::statements::{created, leaf_of, log_admitted, refused, salted};
use super::{Shared, blocking};
use crate::app::App;
use crate::log::{now, receipt};
use crate::sealed;
use crate::signed_request::signer;
use crate::store::Stored;

/// How many sealed statements a page has.
const PAGE: usize = 50;

/// The longest request for a commitment.
const MAX_REQUEST: usize = 1024;

/// What is held for a party, with the proof.
fn view(app: &App, stored: &Stored) -> Result<SealedView, Failure> {
    let blob = app.store.sealed_blob(&stored.commitment)?.ok_or_else(Failure::internal)?;
    let Published { salt, envelope } = Published::parse(&blob).map_err(|_| Failure::internal())?;
    let registration = salted(app, stored, salt.to_hex())?;
    let envelope = serde_json::to_value(envelope).map_err(|_| Failure::internal())?;
    Ok(SealedView { registration, envelope })
}

/// What caches must not keep.
fn private(answer: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

/// Register a sealed statement.
///
/// As `POST /v1/statements`, but the envelope is published nowhere: the log gets a salted commitment, the registry holds salt and
/// envelope for the parties (its operator can read them), and this answer holds what proves the statement to whom they show it.
#[utoipa::path(
    post, path = "/v1/sealed", tag = "publishers", operation_id = "registerSealed",
    request_body(content = super::super::router::Envelope, content_type = "application/json"),
    responses(
        (status = 201, description = "Registered now.", body = Registration),
        (status = 200, description = "Was registered before; the first receipt.", body = Registration),
        (status = 400, description = "Not an envelope, not canonical, not a statement.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not the issuer's to say.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The offer is not in force.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Erased by law.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Understood and refused.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than allowed; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the log is unavailable.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn register(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    require_media_type(&headers, "application/json")?;
    let envelope = whole_body(&headers, body, MAX_ENVELOPE).await?;
    let admitted =
        blocking(&app, move |app| Ok(sealed::admit(&*app.registry.store, &app.registry.origin, &envelope, now())?));
    let candidate = admitted.await.map_err(refused)?;
    let logged = log_admitted(&app, candidate).await?;
    let (new, view) = blocking(&app, move |app| Ok((logged.new, view(app, &logged.stored)?))).await?;
    Ok(private((created(new), Json(view.registration))))
}

/// Register the commitment of a sealed statement whose envelope its parties keep themselves.
///
/// Signed by RFC 9421 with a key bound to the domain that `Signature-Agent` names, tag `cleartitle-sealed`. The registry learns
/// nothing but the commitment, and checks nothing of what it commits to: its parties' own filters do.
#[utoipa::path(
    post, path = "/v1/sealed/commitments", tag = "publishers", operation_id = "registerCommitment",
    request_body = CommitmentRequest,
    responses(
        (status = 201, description = "Registered now.", body = SealedLeaf),
        (status = 200, description = "Was registered before.", body = SealedLeaf),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed so that it could be believed.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Another shape.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than allowed; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the log is unavailable.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn commit(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    require_media_type(&headers, "application/json")?;
    let bytes = whole_body(&headers, body, MAX_REQUEST).await?;
    signer(&app, &method, &headers, &uri, &bytes, SEALED_TAG).await.map_err(refused)?;
    let shape = |error: serde_json::Error| Failure::new(Code::UnprocessableRequest, error.to_string());
    let CommitmentRequest { commitment } = serde_json::from_slice(&bytes).map_err(shape)?;
    let (index, new) = app.log.add_commitment(commitment).await?;
    let leaf = blocking(&app, move |app| sealed_leaf(app, index)).await?;
    Ok((created(new), Json(leaf)).into_response())
}

fn sealed_leaf(app: &App, index: u64) -> Result<SealedLeaf, Failure> {
    let leaf = leaf_of(app, index)?;
    let Leaf { commitment, registered_at, .. } = Leaf::parse(leaf.as_bytes()).map_err(|_| Failure::internal())?;
    let receipt = receipt(&*app.store, index)?.to_text();
    Ok(SealedLeaf { index, registered_at, commitment, leaf, receipt })
}

/// Which sealed statements to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SealedQuery {
    /// Only with a greater index: the `next` of the page before.
    #[param(maximum = 9007199254740991_u64)]
    after: Option<u64>,
}

/// Read the sealed statements of the domain that asks.
///
/// Signed by RFC 9421 with a key bound to the domain that `Signature-Agent` names, tag `cleartitle-sealed`.
#[utoipa::path(
    get, path = "/v1/sealed", tag = "labs", operation_id = "listSealed", params(SealedQuery),
    responses(
        (status = 200, description = "One page, in log order.", body = SealedList),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed so that it could be believed.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than allowed; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<Shared>,
    Asked(query): Asked<SealedQuery>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if query.after.is_some_and(|after| after > MAX_INTEGER) {
        return Err(Failure::new(Code::MalformedRequest, format!("`after` is at most {MAX_INTEGER}")));
    }
    let asker = signer(&app, &method, &headers, &uri, b"", SEALED_TAG).await.map_err(refused)?;
    let listed = blocking(&app, move |app| {
        let from = query.after.map_or(0, |after| after.saturating_add(1));
        let mut found = app.store.sealed_of(&asker.domain, from, PAGE + 1)?;
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(|last| last.registered.index);
        let statements = found.iter().map(|stored| view(app, stored)).collect::<Result<_, _>>()?;
        Ok(SealedList { statements, next })
    });
    Ok(private(Json(listed.await?)))
}

/// Read one sealed statement as a party of it.
///
/// Signed as `GET /v1/sealed` is. Whoever is no party gets the answer that there is nothing.
#[utoipa::path(
    get, path = "/v1/sealed/{commitment}", tag = "labs", operation_id = "readSealed",
    params(("commitment" = String, Path, description = "The commitment that the leaf carries.", pattern = "^commitment:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The statement with its proof.", body = SealedView),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed so that it could be believed.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing that is held for the asker.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than allowed; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<Shared>,
    Path(commitment): Path<String>,
    _: Asked<Nothing>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let asker = signer(&app, &method, &headers, &uri, b"", SEALED_TAG).await.map_err(refused)?;
    let commitment: Commitment = commitment.parse().map_err(nowhere)?;
    let found = blocking(&app, move |app| {
        let nothing = || Failure::not_found(commitment);
        let index = app.store.sealed_leaf(&commitment)?.ok_or_else(nothing)?;
        if !app.store.is_party(&asker.domain, index)? {
            return Err(nothing());
        }
        let stored = app.store.sealed_of(&asker.domain, index, 1)?.pop();
        let stored = stored.filter(|stored| stored.registered.index == index).ok_or_else(nothing)?;
        view(app, &stored)
    });
    Ok(private(Json(found.await?)))
}
