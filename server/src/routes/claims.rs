//! Claims over HTTP: bytes that the registry sees served under a claimant's domain prove the claim.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use cleartitle_schema::api::{Problem, ProofRequest, Registration};
use cleartitle_schema::id::{BlobId, StatementId};

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::problem::{Code, Failure, nowhere};
use super::statements::{answer, refused};
use super::{Shared, blocking};
use crate::claims::serving::{check_url, proven};
use crate::claims::{check_provable, proof_of};
use crate::domains::LookError;
use crate::log::{Logged, now};

/// The longest request.
const MAX_REQUEST: usize = 4096;

/// Have a claim over bytes proven.
///
/// Anybody may ask. The registry fetches the URL, which must be https under the registrable domain of whoever made the claim,
/// within 64 MiB and 45 seconds, once at a time for each
/// domain. Where it serves the document, the registry keeps what it saw as
/// evidence and logs a `claim-proof`. A document that is proven already gives the first answer.
#[utoipa::path(
    post, path = "/v1/claims/{id}/proof", tag = "publishers", operation_id = "proveClaim",
    params(("id" = String, Path, description = "The claim's id.", pattern = "^statement:[0-9a-f]{64}$")),
    request_body(content = ProofRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "Proven now.", body = Registration),
        (status = 200, description = "Was proven before; the first receipt.", body = Registration),
        (status = 400, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not the claimant's URL.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not a statement of this log.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The domain has changed hands since.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not a claim over this document, or the URL does not serve it.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The URL could not be looked at.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The domain is being looked at, or the log is unavailable.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn prove(
    State(app): State<Shared>,
    Path(id): Path<String>,
    _: Asked<Nothing>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let id: StatementId = id.parse().map_err(nowhere)?;
    require_media_type(&headers, "application/json")?;
    let bytes = whole_body(&headers, body, MAX_REQUEST).await?;
    let request: ProofRequest = serde_json::from_slice(&bytes).map_err(|error| {
        let code = if error.is_data() { Code::UnprocessableRequest } else { Code::MalformedRequest };
        Failure::new(code, error.to_string())
    })?;
    let ProofRequest { url, content } = request;
    let asked = url.clone();
    let admitted = blocking(&app, move |app| {
        // The path names it, so that it is what is not here.
        let claim = app.store.statement(&id)?.ok_or_else(|| Failure::not_found(id))?;
        check_provable(&*app.registry.store, &claim, content)?;
        let key = check_url(&asked, &claim)?;
        Ok((proof_of(&*app.registry.store, &id, &content)?, claim, key.authority()))
    });
    let (present, claim, domain) = admitted.await.map_err(refused)?;
    let logged = if let Some(stored) = present {
        Logged { stored, new: false }
    } else {
        let served = app.domains.look_at(&url, &domain, now()).await.map_err(|error| refused(unseen(&error)))?;
        let candidate = blocking(&app, move |app| {
            let (candidate, evidence) = proven(app.registry.operator(), &claim, &content, &served, now())?;
            // Kept first: a proof must not name bytes that are lost with the power.
            app.store.put_blob(&BlobId::of(&evidence), &evidence)?;
            Ok(candidate)
        });
        let candidate = candidate.await.map_err(refused)?;
        app.log.add(candidate).await.map_err(|refusal| refused(refusal.into()))?
    };
    answer(&app, logged).await
}

/// Why the URL was not seen; here it is no key that is missing.
fn unseen(error: &LookError) -> Failure {
    let code = match error {
        LookError::Busy => Code::Overloaded,
        LookError::Unreachable(_) | LookError::Refused(_) => Code::ServingUnreachable,
    };
    Failure::new(code, error.to_string())
}
