//! Every route of the registry on one page, grouped by who calls it, and the layer around them all.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::{PROBLEM_JSON, Problem};
use cleartitle_schema::lineage::DerivedFrom;
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::figures::Inside;
use crate::limits::Limits;
use crate::peer::Peer;
use crate::routes::problem::{Code, Failure};
use crate::routes::{
    Shared, blobs, changes, claims, decisions, documents, health, issuers, keys, log, reasons, sealed, snapshots,
    statements, uploads, usage, webhooks,
};
use crate::telemetry::Asked;

/// How many requests are worked on at once; more are turned away, so that those inside get done.
const MAX_REQUESTS: usize = 512;

/// What a browser may load for any page of the registry: its own files, no other host's.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A DSSE v1 envelope.
#[derive(ToSchema)]
#[schema(title = "Envelope")]
#[allow(dead_code, reason = "the description alone; `schema::signed` reads envelopes")]
pub struct Envelope {
    /// `application/vnd.cleartitle.statement+json`.
    #[schema(rename = "payloadType", example = "application/vnd.cleartitle.statement+json")]
    payload_type: String,
    /// The canonical statement, in padded standard base64; at most 48,000 bytes before encoding.
    #[schema(max_length = 64000)]
    payload: String,
    /// One to four signatures by different keys.
    #[schema(min_items = 1, max_items = 4)]
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the description alone")]
pub struct EnvelopeSignature {
    /// The key's id.
    #[schema(pattern = "^key:[0-9a-f]{64}$")]
    keyid: String,
    /// The Ed25519 signature over DSSE's pre-authentication encoding, in padded standard base64.
    #[schema(min_length = 88, max_length = 88)]
    sig: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cleartitle registry",
        description = "Who stated what about the use of documents in AI training, and what follows from it. The registry \
            proves who stated what and when, not who owns what; `cleared` says nothing of data protection.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "publishers", description = "State terms and prove provenance; a signature is the credential."),
        (name = "labs", description = "Ask for clearance, pull snapshots."),
        (name = "auditors", description = "Check that nothing was rewritten."),
        (name = "operators", description = "Probes and metrics."),
        (name = "everybody", description = "Read what is registered."),
    ),
    components(schemas(Envelope, EnvelopeSignature, Acquisition, DerivedFrom)),
)]
struct Base;

/// Every route with its description.
fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Base::openapi())
        // Publishers.
        .routes(routes!(statements::register, statements::list))
        .routes(routes!(keys::bind))
        .routes(routes!(sealed::register, sealed::list))
        .routes(routes!(sealed::commit))
        .routes(routes!(sealed::show))
        .routes(routes!(claims::prove))
        .routes(routes!(documents::register))
        .routes(routes!(uploads::begin))
        .routes(routes!(uploads::bring, uploads::show))
        .routes(routes!(blobs::put, blobs::show))
        // Labs.
        .routes(routes!(decisions::ask, decisions::ask_many))
        .routes(routes!(changes::list))
        .routes(routes!(webhooks::subscribe, webhooks::list))
        .routes(routes!(webhooks::end))
        .routes(routes!(usage::report, usage::list))
        .routes(routes!(snapshots::latest))
        .routes(routes!(snapshots::body))
        .routes(routes!(snapshots::note))
        // Everybody.
        .routes(routes!(statements::show))
        .routes(routes!(log::receipt))
        .routes(routes!(changes::feed))
        .routes(routes!(documents::show))
        .routes(routes!(issuers::show))
        .routes(routes!(reasons::show))
        .routes(routes!(log::log_key))
        .routes(routes!(webhooks::directory))
        // Auditors.
        .routes(routes!(log::checkpoint))
        .routes(routes!(log::published))
        .routes(routes!(documents::list))
        // Operators.
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The API's description, tiles included: their paths hold slashes, which a router spells otherwise than OpenAPI.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = described().into_openapi();
    api.merge(Tiles::openapi());
    // Every request is counted, whatever it asks for.
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new()
        .description("Faster than allowed; `Retry-After` says when to try again.")
        .content(PROBLEM_JSON, content)
        .build();
    for path in api.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
        for operation in methods.into_iter().filter_map(Option::as_mut) {
            operation.responses.responses.insert("429".to_owned(), response.clone().into());
        }
    }
    api
}

#[derive(OpenApi)]
#[openapi(paths(log::tile), components(schemas(Problem)))]
struct Tiles;

/// The description in YAML, as the file `openapi.yaml` has it.
///
/// # Errors
/// What the encoder gives.
pub fn openapi_yaml() -> Result<String, String> {
    openapi().to_yaml().map_err(|error| error.to_string())
}

async fn yaml() -> Result<Response, Failure> {
    let text = openapi_yaml().map_err(|_| Failure::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text).into_response())
}

/// The viewer of the description. Its files are in the program; it asks no other host, not even a validator.
fn viewer() -> SwaggerUi {
    let config = Config::new(["/openapi.json"]).validator_url("none").try_it_out_enabled(true);
    SwaggerUi::new("/docs").url("/openapi.json", openapi()).config(config)
}

/// The whole service.
pub fn router(app: Shared) -> Router {
    let (routes, _) = described().split_for_parts();
    let places = Arc::new(Semaphore::new(MAX_REQUESTS));
    let door = Door { limits: Arc::clone(&app.limits), places, numbered: Numbered::default() };
    routes
        .route("/tile/{*path}", get(log::tile))
        .route("/openapi.yaml", get(yaml))
        .with_state(app)
        .merge(viewer())
        // One layer that does all: the router boxes and clones each for every request, and layers that give a body another type box it
        // again, which together cost as much as a question's answer.
        .layer(middleware::from_fn_with_state(door, enter))
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Ids of requests that brought none: a word drawn at the start, and a count. They tell requests apart, and are no secret.
#[derive(Clone)]
struct Numbered {
    word: u64,
    count: Arc<AtomicU64>,
}

impl Default for Numbered {
    fn default() -> Self {
        Self { word: RandomState::new().hash_one(0), count: Arc::default() }
    }
}

impl Numbered {
    /// The id that a request brought, or a new one.
    fn id(&self, request: &Request) -> HeaderValue {
        if let Some(id) = request.headers().get(REQUEST_ID) {
            return id.clone();
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let digit = |word: u64, at: usize| DIGITS[(word >> (60 - 4 * at)) as usize & 15];
        let id: [u8; 32] = std::array::from_fn(|at| if at < 16 { digit(self.word, at) } else { digit(count, at - 16) });
        HeaderValue::from_bytes(&id).unwrap_or(HeaderValue::from_static("none"))
    }
}

/// The span of a request: its id, method and path. Never the query, which may name what a lab holds, nor who asks.
fn span(request: &Request, id: &HeaderValue) -> tracing::Span {
    // A caller may bring its own id; a long one must not fill the log.
    let id = id.to_str().ok().and_then(|id| id.get(..64.min(id.len()))).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

/// Whom the registry lets in.
#[derive(Clone)]
struct Door {
    limits: Arc<Limits>,
    places: Arc<Semaphore>,
    numbered: Numbered,
}

/// Lets a request in, counts it, and gives what came of it its form and its headers. A panic within is an answer like any other.
async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let id = door.numbered.id(&request);
    let span = span(&request, &id);
    let answering = async {
        let inside = measured(request, async |request| door.by_address(request, next).await);
        let answered = AssertUnwindSafe(inside).catch_unwind().await;
        let response = as_problem(answered.unwrap_or_else(|_| Failure::internal().into_response()));
        match response.status() {
            status if status.is_server_error() => tracing::error!(status = status.as_u16(), "failed"),
            status => tracing::debug!(status = status.as_u16(), "answered"),
        }
        response
    };
    let mut response = answering.instrument(span).await;
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Counts a request by its method, the route that it took and the status that came of it: names of ours alone, so that nobody who
/// asks makes new ones.
async fn measured(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let inside = metrics::gauge!("cleartitle_requests_inside");
    let _inside = Inside::new(inside);
    let asked = Asked::with(method);
    let response = asked.around(next(request)).await;
    asked.answered(method, &route, response.status().as_u16());
    let status = response.status().as_str().to_owned();
    metrics::histogram!("cleartitle_request_seconds", "method" => method, "route" => route, "status" => status)
        .record(begun.elapsed().as_secs_f64());
    response
}

impl Door {
    /// Turns a request away when its address asks too often, before its body is read.
    async fn by_address(&self, mut request: Request, next: Next) -> Response {
        // Without a peer, as in a test of the router alone, all share one.
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        let client = self.limits.client(peer, request.headers());
        request.extensions_mut().insert(client);
        match self.limits.request(client) {
            Ok(()) => self.shed(request, next).await,
            Err(error) => Failure::from(error).into_response(),
        }
    }

    /// Turns a request away when too many are inside.
    async fn shed(&self, request: Request, next: Next) -> Response {
        match self.places.try_acquire() {
            Ok(_inside) => next.run(request).await,
            Err(_) => Failure::new(Code::Overloaded, "too many requests at once").into_response(),
        }
    }
}

/// Gives every error that is not yet a problem the form of one, the framework's own among them.
fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_problem =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == PROBLEM_JSON.as_bytes());
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (Code::NotFound, "there is nothing under this address"),
        StatusCode::METHOD_NOT_ALLOWED => (Code::MethodNotAllowed, "the address exists, but not for this method"),
        StatusCode::PAYLOAD_TOO_LARGE => (Code::TooLong, "the body is too long"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (Code::UnsupportedMediaType, "the media type is not taken here"),
        StatusCode::UNPROCESSABLE_ENTITY => (Code::UnprocessableRequest, "the body has another shape"),
        other if other.is_client_error() => (Code::MalformedRequest, "the request can't be read"),
        _ => (Code::Internal, "the registry failed"),
    };
    let mut problem = Failure::new(code, detail).into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            problem.headers_mut().insert(name, HeaderValue::clone(value));
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_committed_description_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");
        let generated = openapi_yaml().unwrap();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == generated, "`UPDATE=1 cargo test -p cleartitle-server` writes openapi.yaml again");
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_its_problems() {
        let described = serde_json::to_value(openapi()).unwrap();
        let mut names = BTreeSet::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(names.insert(name.clone()), "{name} twice");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let problem = response["content"].get("application/problem+json").is_some();
                    assert_eq!(problem, status.starts_with(['4', '5']), "{method} {path} {status}");
                }
            }
        }
        assert!(names.len() >= 20);
    }

    #[test]
    fn codes_of_problems_are_no_reasons_of_decisions() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(cleartitle_schema::decide::Reason::ALL.iter().all(|reason| !words.contains(reason.word())));
    }
}
