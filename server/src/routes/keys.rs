//! Keys over HTTP: a key that its domain publishes is bound, on the registry's own look.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use cleartitle_schema::api::{Problem, Registration};
use cleartitle_schema::domain_proof::request::{Opened, RequestError};
use cleartitle_schema::id::BlobId;
use cleartitle_schema::signed::{Envelope, MAX_ENVELOPE, key_id};

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::problem::Failure;
use super::statements::{answer, refused};
use super::{Shared, blocking};
use crate::app::App;
use crate::domains::Sight;
use crate::domains::binding::{self, BindError};
use crate::log::{Candidate, Logged, now};

/// Bind a key that a domain publishes.
///
/// The body is a DSSE v1 envelope over a canonical key request, signed by the key that is to be bound, and, to go on in the
/// same tenure, by a key that speaks for the domain now. The registry looks at what the domain publishes, keeps that as evidence,
/// and logs a `key-binding`. A key that is bound the same way already gives the first answer.
#[utoipa::path(
    post, path = "/v1/keys", tag = "publishers", operation_id = "bindKey",
    request_body(content = super::super::router::Envelope, content_type = "application/json"),
    responses(
        (status = 201, description = "Bound now.", body = Registration),
        (status = 200, description = "Was bound before; the first receipt.", body = Registration),
        (status = 400, description = "Not an envelope, not canonical, not a key request.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key or the domain may not be bound so.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The domain does not publish the key, or the request is for another log or time.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The domain could not be looked at.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the log is unavailable.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn bind(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    require_media_type(&headers, "application/json")?;
    let bytes = whole_body(&headers, body, MAX_ENVELOPE).await?;
    let admitted = blocking(&app, move |app| {
        let envelope = Envelope::parse(&bytes).map_err(|error| BindError::Request(RequestError::Signed(error)))?;
        let opened = binding::admit(&*app.registry.store, &app.registry.origin, &envelope, now())?;
        let request = &opened.request;
        let present = binding::present(&*app.registry.store, &request.domain, &key_id(&opened.key), request.proof)?;
        let present = present.map(|binding| app.registry.store.statement(&binding.id)).transpose()?.flatten();
        if present.is_none() {
            app.domains.look_alikes.check(&*app.registry.store, &request.domain)?.map_err(BindError::Name)?;
        }
        Ok((envelope, opened, present))
    });
    let (envelope, opened, present) = admitted.await.map_err(refused)?;
    if let Some(stored) = present {
        return answer(&app, Logged { stored, new: false }).await;
    }
    let request = &opened.request;
    let looked = app.domains.look_once(&request.domain, request.proof, &app.registry.origin, now()).await;
    let sight = looked.map_err(|error| refused(error.into()))?;
    let candidate = blocking(&app, move |app| candidate(app, &envelope, &opened, &sight)).await.map_err(refused)?;
    let logged = app.log.add(candidate).await.map_err(|refusal| refused(refusal.into()))?;
    answer(&app, logged).await
}

/// The statement, its evidence kept first: a binding must not name bytes that are lost with the power.
fn candidate(app: &App, envelope: &Envelope, opened: &Opened, sight: &Sight) -> Result<Candidate, Failure> {
    let operator = app.registry.operator();
    let candidate = binding::proven(&*app.registry.store, operator, opened, envelope, sight, now())?;
    for bytes in [&envelope.to_bytes(), &sight.bytes] {
        app.store.put_blob(&BlobId::of(bytes), bytes)?;
    }
    Ok(candidate)
}
