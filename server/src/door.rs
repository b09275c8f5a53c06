//! Door: the one layer around all routes. It lets a request in or turns it away, counts it, and gives every answer its headers and every
//! error the form of a problem.
//!
//! Who would attack: whoever asks too often or holds too many places, whoever brings an id to fill the log or a path to make new
//! metrics, and whoever makes a handler panic.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::PROBLEM_JSON;
use futures_util::FutureExt as _;
use metrics::{Gauge, Histogram};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::figures::Inside;
use crate::limits::Limits;
use crate::peer::Peer;
use crate::request_span::{self, Told};
use crate::routes::problem::{Code, Failure};
use crate::telemetry::Asked;

/// How many requests are worked on at once; more are turned away, so that those inside get done.
const MAX_REQUESTS: usize = 512;

/// What a browser may load for any page of the registry: its own files, no other host's.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const DIGITS: [u8; 16] = *b"0123456789abcdef";

/// Ids of requests that brought none: a word drawn at the start, and a count. They tell requests apart, and are no secret.
struct Numbered {
    word: u64,
    count: AtomicU64,
}

impl Default for Numbered {
    fn default() -> Self {
        Self { word: RandomState::new().hash_one(0), count: AtomicU64::new(0) }
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

/// Whom the registry lets in.
pub struct Door {
    limits: Arc<Limits>,
    places: Semaphore,
    numbered: Numbered,
    inside: Gauge,
}

/// Lets a request in, counts it, and gives what came of it its form and its headers. A panic within is an answer like any other.
///
/// Flat, since a future within a future is copied with each that holds it.
pub async fn enter(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = door.numbered.id(&request);
    let told = Told::of(&request, id.clone());
    let (method, route) = (method(&request), request.extensions().get::<MatchedPath>().cloned());
    let inside = Inside::new(door.inside.clone());
    let asked = Asked::with(method);
    let answering = async {
        let inside = async {
            match door.admit(&mut request) {
                Ok(_place) => next.run(request).await,
                Err(failure) => failure.into_response(),
            }
        };
        let answered = AssertUnwindSafe(inside).catch_unwind().await;
        let response = as_problem(answered.unwrap_or_else(|_| Failure::internal().into_response()));
        let status = response.status().as_u16();
        if response.status().is_server_error() {
            tracing::error!(parent: &request_span::current(), status, "failed");
        } else {
            tracing::debug!(parent: &request_span::current(), status, "answered");
        }
        response
    };
    let mut response = told.within(asked.around(answering)).await;
    drop(inside);
    asked.answered(method, named(&route), response.status().as_u16());
    count(method, route, response.status(), begun);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// A method by a name of ours.
fn method(request: &Request) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Where requests of one kind are counted: by names of ours alone, so that nobody who asks makes new ones.
struct Counted {
    method: &'static str,
    route: Option<MatchedPath>,
    status: StatusCode,
    seconds: Histogram,
}

thread_local! {
    /// Where this thread counted last: most requests are of one kind, and the recorder finds a place by copying all its labels.
    static LAST: RefCell<Option<Counted>> = const { RefCell::new(None) };
}

impl Counted {
    fn new(method: &'static str, route: Option<MatchedPath>, status: StatusCode) -> Self {
        let labels = [
            ("method", method.to_owned()),
            ("route", named(&route).to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        let seconds = metrics::histogram!("cleartitle_request_seconds", &labels);
        Self { method, route, status, seconds }
    }

    fn is_of(&self, method: &str, route: &Option<MatchedPath>, status: StatusCode) -> bool {
        self.status == status && self.method == method && named(&self.route) == named(route)
    }
}

fn named(route: &Option<MatchedPath>) -> &str {
    route.as_ref().map_or("other", MatchedPath::as_str)
}

/// Counts a request by its method, the route that it took and the status that came of it.
fn count(method: &'static str, route: Option<MatchedPath>, status: StatusCode, begun: Instant) {
    LAST.with_borrow_mut(|last| {
        if !last.as_ref().is_some_and(|last| last.is_of(method, &route, status)) {
            *last = Some(Counted::new(method, route, status));
        }
        if let Some(last) = last {
            last.seconds.record(begun.elapsed().as_secs_f64());
        }
    });
}

impl Door {
    /// A door with these limits. The recorder of metrics is there before it.
    #[must_use]
    pub fn new(limits: Arc<Limits>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            places: Semaphore::new(MAX_REQUESTS),
            numbered: Numbered::default(),
            inside: metrics::gauge!("cleartitle_requests_inside"),
        })
    }

    /// A place inside for a request; none when its address asks too often, or when too many are inside. Before its body is read.
    fn admit(&self, request: &mut Request) -> Result<SemaphorePermit<'_>, Failure> {
        // Without a peer, as in a test of the router alone, all share one.
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        let client = self.limits.client(peer, request.headers());
        request.extensions_mut().insert(client);
        self.limits.request(client)?;
        self.places.try_acquire().map_err(|_| Failure::new(Code::Overloaded, "too many requests at once"))
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
