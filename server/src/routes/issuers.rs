//! Issuers over HTTP: who speaks with which keys since when.

use axum::Json;
use axum::extract::{Path, State};
use cleartitle_schema::api::{IssuerKey, IssuerView, KeyEnd, KindCount, Problem};
use cleartitle_schema::bindings::tenure;
use cleartitle_schema::issuer::Domain;

use super::extract::{Asked, Nothing};
use super::problem::{Failure, nowhere};
use super::{Shared, blocking};

/// Read an issuer: its keys, its tenure, and how much it has registered.
#[utoipa::path(
    get, path = "/v1/issuers/{domain}", tag = "everybody", operation_id = "readIssuer",
    params(("domain" = String, Path, description = "The issuer's domain.", example = "press.example")),
    responses(
        (status = 200, description = "The issuer.", body = IssuerView),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No key is bound to it.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(app): State<Shared>,
    Path(domain): Path<String>,
    _: Asked<Nothing>,
) -> Result<Json<IssuerView>, Failure> {
    let domain: Domain = domain.parse().map_err(nowhere)?;
    blocking(&app, move |app| {
        let bindings = app.store.bindings_of(&domain)?;
        let first = bindings.first().ok_or_else(|| Failure::not_found(format!("the issuer `{domain}`")))?;
        let tenure_from = tenure(&*app.store, &domain)?.map_or(first.bound_at, |(_, at)| at);
        let keys = bindings.iter().map(|bound| IssuerKey {
            binding: bound.id,
            new_tenure: bound.new_tenure,
            ended: bound.ended.map(|ended| KeyEnd { at: ended.at, cause: ended.cause }),
            key_id: bound.key_id,
            key: bound.key.clone(),
            proof: bound.proof,
            index: bound.index,
            bound_at: bound.bound_at,
        });
        let counts = app.store.counts(&domain)?.into_iter().map(|(kind, count)| KindCount { kind, count });
        Ok(Json(IssuerView {
            authority: domain.authority().to_string(),
            tenure_from,
            keys: keys.collect(),
            statements: counts.collect(),
            domain,
        }))
    })
    .await
}
