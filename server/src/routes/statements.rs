//! Statements over HTTP: register one, read one with its proof, list them.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{
    MAX_LISTED, NamedBy, Problem, Registration, StatementList, StatementStatus, StatementSummary, StatementView,
};
use cleartitle_schema::canon::MAX_INTEGER;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::leaf::Published;
use cleartitle_schema::signed::MAX_ENVELOPE;
use cleartitle_schema::statement::{Body as Said, Ending, Kind};
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::problem::{Code, Failure, nowhere};
use super::{Shared, blocking};
use crate::app::App;
use crate::log::{Candidate, Logged, now, receipt};
use crate::registration;
use crate::request_span;
use crate::store::{Page, Relation, Stored};

/// Where a statement stands, with its proof: the same answer whenever it is asked for.
pub(crate) fn registration_of(app: &App, stored: &Stored) -> Result<Registration, Failure> {
    let salt = published_of(app, stored)?.map(|published| published.salt.to_hex());
    salted(app, stored, salt.unwrap_or_default())
}

/// As [`registration_of`], with the salt of the leaf from wherever it is held.
pub(super) fn salted(app: &App, stored: &Stored, salt: String) -> Result<Registration, Failure> {
    let registered = &stored.registered;
    Ok(Registration {
        statement: registered.id,
        index: registered.index,
        registered_at: registered.registered_at,
        commitment: stored.commitment,
        salt,
        leaf: leaf_of(app, registered.index)?,
        receipt: receipt(&*app.store, registered.index)?.to_text(),
    })
}

pub(super) fn leaf_of(app: &App, index: u64) -> Result<String, Failure> {
    let leaf = app.store.leaves(index..index + 1)?.pop().ok_or_else(Failure::internal)?;
    String::from_utf8(leaf).map_err(|_| Failure::internal())
}

fn published_of(app: &App, stored: &Stored) -> Result<Option<Published>, Failure> {
    let blob = app.store.published(&stored.commitment)?;
    blob.map(|blob| Published::parse(&blob)).transpose().map_err(|_| Failure::internal())
}

pub(super) fn summary(stored: &Stored) -> Result<StatementSummary, Failure> {
    let registered = &stored.registered;
    Ok(StatementSummary {
        statement: registered.id,
        index: registered.index,
        registered_at: registered.registered_at,
        issuer: registered.statement.issuer.domain.clone(),
        kind: registered.statement.kind(),
        payload: serde_json::to_value(&registered.statement).map_err(|_| Failure::internal())?,
    })
}

/// Register a signed statement.
///
/// The body is a DSSE v1 envelope with one to four Ed25519 signatures over a canonical statement. The answer comes when
/// the leaf is durable under a signed checkpoint. Sending the same payload again gives the first answer.
#[utoipa::path(
    post, path = "/v1/statements", tag = "publishers", operation_id = "registerStatement",
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
    let admitted = blocking(&app, move |app| {
        Ok(registration::admit(&*app.registry.store, &app.registry.origin, &envelope, now())?)
    });
    let candidate = admitted.await.map_err(refused)?;
    let logged = log_admitted(&app, candidate).await?;
    answer(&app, logged).await
}

/// Logs what was admitted, unless its issuer registers faster than it may.
pub(super) async fn log_admitted(app: &App, candidate: Candidate) -> Result<Logged, Failure> {
    app.limits.registration(&candidate.statement.issuer.domain).map_err(|error| refused(error.into()))?;
    app.log.add(candidate).await.map_err(|refusal| refused(refusal.into()))
}

/// What whoever registers is told: where the statement stands, as of now or from before.
pub(super) async fn answer(app: &Shared, logged: Logged) -> Result<Response, Failure> {
    let Logged { new, stored } = logged;
    let registration = blocking(app, move |app| registration_of(app, &stored)).await?;
    Ok((created(new), Json(registration)).into_response())
}

pub(super) fn created(new: bool) -> StatusCode {
    if new { StatusCode::CREATED } else { StatusCode::OK }
}

pub(super) fn refused(failure: Failure) -> Failure {
    tracing::info!(parent: &request_span::current(), code = failure.code.word(), "a statement was refused");
    failure
}

/// Read a statement with its status and its receipt.
#[utoipa::path(
    get, path = "/v1/statements/{id}", tag = "everybody", operation_id = "readStatement",
    params(("id" = String, Path, description = "The statement's id.", pattern = "^statement:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The statement.", body = StatementView),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not in this log.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Erased by law.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
    _: Asked<Nothing>,
) -> Result<Json<StatementView>, Failure> {
    let id: StatementId = id.parse().map_err(nowhere)?;
    blocking(&app, move |app| match app.store.statement(&id)? {
        Some(stored) => view(app, &stored).map(Json),
        None => Err(gone(app, &id)?),
    })
    .await
}

/// A statement that is not here: erased, as the log says, or never registered.
fn gone(app: &App, id: &StatementId) -> Result<Failure, Failure> {
    let naming = app.store.naming(id)?;
    let erasure = naming.iter().find(|(relation, _)| *relation == Relation::Erases);
    Ok(erasure.map_or_else(
        || Failure::not_found(id),
        |(_, by)| Failure::new(Code::Erased, format!("`{id}` was erased by law, as `{}` says", by.registered.id)),
    ))
}

fn view(app: &App, stored: &Stored) -> Result<StatementView, Failure> {
    let naming = app.store.naming(&stored.registered.id)?;
    let envelope = published_of(app, stored)?.map(|published| published.envelope);
    let named_by = naming.iter().map(|(relation, by)| NamedBy {
        statement: by.registered.id,
        relation: relation.word().to_owned(),
        registered_at: by.registered.registered_at,
    });
    Ok(StatementView {
        registration: registration_of(app, stored)?,
        status: status(stored, &naming),
        named_by: named_by.collect(),
        signed_by: stored.registered.signed_by.clone(),
        payload: serde_json::to_value(&stored.registered.statement).map_err(|_| Failure::internal())?,
        envelope: serde_json::to_value(envelope).map_err(|_| Failure::internal())?,
    })
}

/// What later statements say of one. Only shown: `decide` judges an end by its own rules.
fn status(stored: &Stored, naming: &[(Relation, Stored)]) -> StatementStatus {
    let by = |wanted: Relation| naming.iter().filter(move |(relation, _)| *relation == wanted).map(|(_, by)| by);
    if by(Relation::Supersedes).next().is_some() {
        return StatementStatus::Superseded;
    }
    let statement = &stored.registered.statement;
    let Said::Agreement { ending, licensees, .. } = &statement.body else {
        let withdrawn = by(Relation::Withdraws).next().is_some();
        return if withdrawn { StatementStatus::Withdrawn } else { StatementStatus::InForce };
    };
    let (mut licensor_ends, mut licensee_ends) = (false, false);
    for end in by(Relation::Withdraws) {
        let domain = &end.registered.statement.issuer.domain;
        licensor_ends |= statement.issuer.includes(domain) || domain.authority() == statement.issuer.domain.authority();
        licensee_ends |= licensees.iter().any(|party| party.includes(domain));
    }
    let alone = match ending {
        Some(Ending::EitherParty) => licensor_ends || licensee_ends,
        Some(Ending::Licensor) => licensor_ends,
        Some(Ending::Licensee) => licensee_ends,
        None => false,
    };
    match (alone || (licensor_ends && licensee_ends), licensor_ends || licensee_ends) {
        (true, _) => StatementStatus::Withdrawn,
        (false, true) => StatementStatus::EndContested,
        (false, false) => StatementStatus::InForce,
    }
}

/// Which statements to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only by this issuer.
    #[param(value_type = Option<String>, example = "press.example", max_length = 253, pattern = r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?[.])+(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")]
    issuer: Option<Domain>,
    /// Only of this kind.
    kind: Option<Kind>,
    /// Only with a greater index: the `next` of the page before.
    #[param(maximum = 9007199254740991_u64)]
    after: Option<u64>,
    /// At most so many; 100 where left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
}

/// List statements in log order.
#[utoipa::path(
    get, path = "/v1/statements", tag = "everybody", operation_id = "listStatements", params(ListQuery),
    responses(
        (status = 200, description = "One page.", body = StatementList),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<Shared>, Asked(query): Asked<ListQuery>) -> Result<Json<StatementList>, Failure> {
    let limit = query.limit.unwrap_or(100);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Failure::new(Code::MalformedRequest, format!("`limit` is 1 to {MAX_LISTED}")));
    }
    if query.after.is_some_and(|after| after > MAX_INTEGER) {
        return Err(Failure::new(Code::MalformedRequest, format!("`after` is at most {MAX_INTEGER}")));
    }
    let limit = usize::try_from(limit).unwrap_or(100);
    blocking(&app, move |app| {
        let from = query.after.map_or(0, |after| after.saturating_add(1));
        let page = Page { issuer: query.issuer, kind: query.kind, from, limit: limit + 1, ..Page::default() };
        let mut found = app.store.statements(&page)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.registered.index);
        let statements = found.iter().map(summary).collect::<Result<_, _>>()?;
        Ok(Json(StatementList { statements, next }))
    })
    .await
}
