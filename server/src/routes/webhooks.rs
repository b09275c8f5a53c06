//! Webhooks over HTTP: subscriptions to changes, made, listed and ended by signed requests; no account is needed.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::Problem;
use cleartitle_schema::changes::{WEBHOOK_TAG, WebhookList, WebhookRequest, WebhookState, WebhookView};
use cleartitle_schema::domain_proof::key_directory;
use cleartitle_schema::issuer::{Authority, Domain};

use super::extract::{Asked, Nothing, require_media_type, whole_body};
use super::problem::{Code, Failure};
use super::{Shared, blocking};
use crate::log::now;
use crate::signed_request::signer;
use crate::store::webhooks::{Progress, Webhook};

/// The longest request.
const MAX_REQUEST: usize = 8 << 10;

/// The longest address.
const MAX_URL: usize = 2000;

/// How many subscriptions a registrable domain has, and how many there are in all.
const MOST_EACH: usize = 16;
const MOST: usize = 10_000;

/// Subscribe to changes.
///
/// Signed (RFC 9421, Ed25519) with a key that is bound to the domain that `Signature-Agent` names, tag `cleartitle-webhook`,
/// over `@method`, `@authority`, `@path`, `content-digest` and `signature-agent`, with `created`, `expires` at most five minutes
/// later, `nonce` and `keyid` (the `key:` id or the JSON Web Key thumbprint). Deliveries are POSTs, at least once and in order,
/// signed with a key of `/.well-known/http-message-signatures-directory`, tag `cleartitle-changes`; any 2xx takes one, 410 ends the
/// subscription. `webhook` and the entries' `index` tell what was delivered before.
#[utoipa::path(
    post, path = "/v1/webhooks", tag = "labs", operation_id = "subscribe", request_body = WebhookRequest,
    responses(
        (status = 201, description = "Subscribed.", body = WebhookView),
        (status = 400, description = "The body can't be read.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed as it must be, or for another's host.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Too many subscriptions.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Of another shape, or for another log.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn subscribe(State(app): State<Shared>, _: Asked<Nothing>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    require_media_type(&parts.headers, "application/json")?;
    let bytes = whole_body(&parts.headers, body, MAX_REQUEST).await?;
    let signer = signer(&app, &parts.method, &parts.headers, &parts.uri, &bytes, WEBHOOK_TAG).await?;
    let wanted = read_request(&bytes)?;
    if wanted.log != app.registry.origin {
        let detail = format!("the request is for the log `{}`", wanted.log.chars().take(80).collect::<String>());
        return Err(Failure::new(Code::OtherLog, detail));
    }
    let url = own_address(&app, &signer.domain, &wanted.url)?;
    let view = blocking(&app, move |app| {
        let size = app.store.head()?.map_or(0, |head| head.size);
        let at = now();
        let next = wanted.after.map_or(size, |after| after.saturating_add(1).min(size));
        let webhook = Webhook {
            id: fresh_id()?,
            domain: signer.domain,
            url,
            filter: wanted.filter,
            made_at: at,
            told: Progress { next, due_at: at, ..Progress::default() },
        };
        if !app.registry.store.put_webhook(&webhook, MOST_EACH, MOST)? {
            return Err(Failure::new(
                Code::TooManyWebhooks,
                format!("the most are {MOST_EACH} of one registrable domain"),
            ));
        }
        Ok(view(&webhook))
    });
    Ok((StatusCode::CREATED, Json(view.await?)).into_response())
}

fn read_request(bytes: &[u8]) -> Result<WebhookRequest, Failure> {
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| Failure::new(Code::MalformedRequest, error.to_string()))?;
    serde_json::from_value(value).map_err(|error| Failure::new(Code::UnprocessableRequest, error.to_string()))
}

/// The address, if it is one of the asker's own house.
fn own_address(app: &Shared, domain: &Domain, url: &str) -> Result<String, Failure> {
    let elsewhere = |why: String| Failure::new(Code::WebhookElsewhere, why);
    if url.len() > MAX_URL {
        return Err(elsewhere(format!("the address is longer than {MAX_URL} bytes")));
    }
    let target = app.domains.target(url).map_err(|error| elsewhere(error.to_string()))?;
    let host = target.host_str().unwrap_or_default();
    if Authority::of_host(host) != domain.authority() {
        return Err(elsewhere(format!("`{host}` is not within the registrable domain of `{domain}`")));
    }
    Ok(target.to_string())
}

fn fresh_id() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Failure::internal())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn view(webhook: &Webhook) -> WebhookView {
    let Progress { next, failures, failing_since, failure, given_up, .. } = &webhook.told;
    let state = match (given_up, failures) {
        (true, _) => WebhookState::GivenUp,
        (false, 0) => WebhookState::Active,
        (false, _) => WebhookState::Failing,
    };
    WebhookView {
        id: webhook.id.clone(),
        url: webhook.url.clone(),
        filter: webhook.filter.clone(),
        state,
        after: next.checked_sub(1),
        failing_since: *failing_since,
        failure: failure.clone(),
    }
}

/// List one's own subscriptions, and how each stands.
///
/// Signed as the request that made them.
#[utoipa::path(
    get, path = "/v1/webhooks", tag = "labs", operation_id = "listSubscriptions",
    responses(
        (status = 200, description = "The subscriptions of the domain that asks.", body = WebhookList),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed as it must be.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<Shared>,
    _: Asked<Nothing>,
    request: Request,
) -> Result<Json<WebhookList>, Failure> {
    let (parts, _) = request.into_parts();
    let signer = signer(&app, &parts.method, &parts.headers, &parts.uri, &[], WEBHOOK_TAG).await?;
    let own = blocking(&app, move |app| Ok(app.registry.store.webhooks_of(&signer.domain)?)).await?;
    Ok(Json(WebhookList { webhooks: own.iter().map(view).collect() }))
}

/// End a subscription.
///
/// Signed as the request that made it.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", tag = "labs", operation_id = "endSubscription",
    params(("id" = String, Path, description = "The subscription's id.", pattern = "^[0-9a-f]{32}$")),
    responses(
        (status = 204, description = "Ended."),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not signed as it must be.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The domain that asks has no such subscription.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn end(
    State(app): State<Shared>,
    Path(id): Path<String>,
    _: Asked<Nothing>,
    request: Request<Body>,
) -> Result<StatusCode, Failure> {
    let (parts, _) = request.into_parts();
    let signer = signer(&app, &parts.method, &parts.headers, &parts.uri, &[], WEBHOOK_TAG).await?;
    let ended = blocking(&app, move |app| {
        let ended = app.registry.store.remove_webhook(&id, &signer.domain)?;
        if ended { Ok(()) } else { Err(Failure::not_found(format!("the subscription `{id}`"))) }
    });
    ended.await.map(|()| StatusCode::NO_CONTENT)
}

/// Read the keys with which the registry signs its own requests, as Web Bot Auth has it.
#[utoipa::path(
    get, path = "/.well-known/http-message-signatures-directory", tag = "everybody", operation_id = "readSigningKeys",
    responses(
        (status = 200, description = "A JSON Web Key Set.", body = Object, content_type = "application/http-message-signatures-directory+json"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn directory(State(app): State<Shared>, _: Asked<Nothing>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(key_directory::MEDIA_TYPE));
    (headers, key_directory::directory(&[app.registry.operator_key()])).into_response()
}
