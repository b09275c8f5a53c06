//! Usage reports over HTTP: taken from a licensee by the signature of its envelope, shown to payee and reporter by signed requests.
//!
//! Nothing public tells of one: the log has a salted commitment, like any sealed leaf's. To whoever is neither there are none.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::Problem;
use cleartitle_schema::canon::MAX_INTEGER;
use cleartitle_schema::leaf::{Leaf, Salt};
use cleartitle_schema::signed::MAX_ENVELOPE;
use cleartitle_schema::usage::{USAGE_TAG, UsageList, UsageReceipt, UsageView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::problem::{Code, Failure};
use super::statements::{created, leaf_of, refused};
use super::{Shared, blocking};
use crate::app::App;
use crate::log::{now, receipt};
use crate::signed_request::signer;
use crate::store::usage::{KeptReport, NewReport};
use crate::usage;

/// How many reports a page has.
const PAGE: usize = 50;

/// How many reports a registrable domain has sent at most, and how many are kept in all.
const MOST_EACH: usize = 10_000;
const MOST: usize = 1_000_000;

/// Where a report stands in the log; none before its leaf is there.
fn receipt_of(app: &App, kept: &KeptReport) -> Result<Option<UsageReceipt>, Failure> {
    let commitment = kept.salt.commit(&kept.envelope);
    let Some(index) = app.store.sealed_leaf(&commitment)? else { return Ok(None) };
    let leaf = leaf_of(app, index)?;
    let registered_at = Leaf::parse(leaf.as_bytes()).map_err(|_| Failure::internal())?.registered_at;
    let receipt = receipt(&*app.store, index)?.to_text();
    Ok(Some(UsageReceipt {
        report: kept.id,
        index,
        registered_at,
        commitment,
        salt: kept.salt.to_hex(),
        leaf,
        receipt,
    }))
}

/// What caches must not keep.
fn private(answer: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

/// Send a usage report.
///
/// A DSSE envelope of type `application/vnd.cleartitle.usage+json`, signed with a key bound to the licensee that reports; the
/// signature is the credential. The report names an agreement of which it is a licensee, or its acceptance of an offer, public or
/// sealed. The same report again is the first one. `GET /v1/usage` shows it to the reporter and to the deal's licensor and payees.
#[utoipa::path(
    post, path = "/v1/usage", tag = "labs", operation_id = "reportUsage",
    request_body(content = super::super::router::Envelope, content_type = "application/json"),
    responses(
        (status = 201, description = "Taken now.", body = UsageReceipt),
        (status = 200, description = "Was taken before; where it stands.", body = UsageReceipt),
        (status = 400, description = "Not an envelope.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed by a licensee of the deal.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Too many reports.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No usage report, of a deal that is not known to be the reporter's, or for another log.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than allowed; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the log is unavailable.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn report(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    require_media_type(&headers, "application/json")?;
    let envelope = whole_body(&headers, body, MAX_ENVELOPE).await?;
    let admitted =
        blocking(&app, move |app| Ok(usage::admit(&*app.registry.store, &app.registry.origin, &envelope, now())?));
    let admitted = admitted.await.map_err(refused)?;
    app.limits.registration(&admitted.licensee).map_err(|error| refused(error.into()))?;
    // Kept before its commitment is logged: what a crash leaves is told to nobody, and sending the report again ends it.
    let kept = blocking(&app, move |app| {
        let usage::Admitted { id, licensee, envelope, readers } = admitted;
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|_| Failure::internal())?;
        let new = NewReport { id, licensee, salt: Salt(salt), envelope, readers };
        let kept = app.registry.store.put_usage(&new, MOST_EACH, MOST)?;
        kept.ok_or_else(|| Failure::new(Code::TooManyUsageReports, format!("a house sends at most {MOST_EACH}")))
    });
    let kept = kept.await?;
    let (_, new) = app.log.add_commitment(kept.salt.commit(&kept.envelope)).await?;
    let receipt = blocking(&app, move |app| receipt_of(app, &kept)?.ok_or_else(Failure::internal)).await?;
    Ok(private((created(new), Json(receipt))))
}

/// Which reports to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// Only behind this number: the `next` of the page before.
    #[param(maximum = 9007199254740991_u64)]
    after: Option<u64>,
}

/// Read the usage reports that the domain that asks has sent, or is paid by.
///
/// Signed by RFC 9421 with a key bound to the domain that `Signature-Agent` names, tag `cleartitle-usage`.
#[utoipa::path(
    get, path = "/v1/usage", tag = "publishers", operation_id = "listUsage", params(UsageQuery),
    responses(
        (status = 200, description = "One page, as they came.", body = UsageList),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed so that it could be believed.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Faster than allowed; `Retry-After` says when to try again.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<Shared>,
    Asked(query): Asked<UsageQuery>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if query.after.is_some_and(|after| after > MAX_INTEGER) {
        return Err(Failure::new(Code::MalformedRequest, format!("`after` is at most {MAX_INTEGER}")));
    }
    let asker = signer(&app, &method, &headers, &uri, b"", USAGE_TAG).await.map_err(refused)?;
    let listed = blocking(&app, move |app| {
        let mut found = app.registry.store.usage_of(&asker.domain, query.after.unwrap_or(0), PAGE + 1)?;
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(|last| last.number);
        let mut reports = Vec::new();
        for kept in &found {
            let Some(receipt) = receipt_of(app, kept)? else { continue };
            let envelope = serde_json::from_slice(&kept.envelope).map_err(|_| Failure::internal())?;
            reports.push(UsageView { number: kept.number, receipt, envelope });
        }
        Ok(UsageList { reports, next })
    });
    Ok(private(Json(listed.await?)))
}
