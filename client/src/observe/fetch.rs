//! Fetching one URL: bounded in bytes, time, hops and header fields, over checked addresses, and kept as it came.
//!
//! The answer is kept as a response block with the body's content coding still on it, so that what is hashed is what was
//! sent, and decoding runs through the same bounded decoders as a crawl's records. HTTP's framing (chunks, HTTP/2 frames)
//! is gone; its `Transfer-Encoding` field is left out for that reason.

use super::address::{AddressError, Guard, GuardedResolver};
use super::cache::Cache;
use super::polite::{Polite, retry_after};
use super::site::Site;
use crate::clock;
use cleartitle_schema::time::Timestamp;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, LOCATION, RETRY_AFTER, TRANSFER_ENCODING};
use std::collections::BTreeSet;
use std::error::Error as _;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

/// The product token that the fetcher goes by, and obeys.
pub const TOKEN: &str = "CleartitleBot";

/// Most redirects that are followed (RFC 9309 section 2.3.1.2 asks for at least five).
pub const MAX_REDIRECTS: usize = 5;

/// Most header fields of an answer, and most bytes of them.
const MAX_FIELDS: usize = 128;
const MAX_HEAD: usize = 64 * 1024;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
    /// An address that must not be connected to, or none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Another scheme than http and https, or a URL with a password.
    #[error("`{0}` is not fetched: it is no plain http or https URL")]
    Scheme(String),
    /// A port that web servers of strangers do not stand at.
    #[error("port {0} is neither 80 nor 443")]
    Port(u16),
    /// No answer.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    BrokeOff(String),
    /// More bytes than are read.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// More or longer header fields than are read.
    #[error("the answer has too many header fields")]
    TooManyFields,
    /// More redirects than are followed.
    #[error("more than {MAX_REDIRECTS} redirects")]
    TooManyRedirects,
    /// A redirect that leads nowhere.
    #[error("a redirect ({0}) without a readable `Location`")]
    NoLocation(u16),
    /// The time for this site is used up.
    #[error("the time for this site is used up")]
    OutOfTime,
}

/// How fetching is bounded and who is told.
#[derive(Debug, Clone)]
pub struct Manners {
    /// `User-Agent`, with a URL that says who this is.
    pub user_agent: String,
    /// The pause between two requests to one host.
    pub pause: Duration,
    /// The longest wait for one answer to begin, and for each of its parts.
    pub request: Duration,
    /// The longest `Retry-After` that is waited for.
    pub patience: Duration,
    /// How often a throttled or unavailable server is asked again.
    pub retries: usize,
    /// Ports beside 80 and 443.
    pub ports: BTreeSet<u16>,
}

impl Manners {
    /// The usual ones; `about` is a URL or a mail address at which the operator can be reached.
    #[must_use]
    pub fn usual(about: &str) -> Self {
        Self {
            user_agent: format!("{TOKEN}/{} (+{about})", env!("CARGO_PKG_VERSION")),
            pause: Duration::from_millis(500),
            request: Duration::from_secs(15),
            patience: Duration::from_secs(30),
            retries: 2,
            ports: BTreeSet::new(),
        }
    }
}

/// What is wanted of one answer.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// Most bytes of the body as sent.
    pub limit: usize,
    /// A longer body is cut there instead of refused; then no coding is asked for, since a cut one could not be read.
    pub beginning: bool,
    /// A redirect that leaves this site is an answer by itself.
    pub within: Option<&'a Site>,
    /// When the time is used up.
    pub deadline: Instant,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The URL that answered, after redirects.
    pub answered: Url,
    /// When.
    pub at: Timestamp,
    /// The response: `application/http;msgtype=response`.
    pub block: Vec<u8>,
}

/// Fetches.
pub struct Fetcher {
    http: Client,
    guard: Arc<Guard>,
    manners: Manners,
    polite: Polite,
    cache: Option<Cache>,
}

impl Fetcher {
    /// A fetcher behind a guard.
    ///
    /// # Errors
    /// [`FetchError::Client`].
    pub fn new(guard: Guard, manners: Manners, cache: Option<Cache>) -> Result<Self, FetchError> {
        let guard = Arc::new(guard);
        let http = Client::builder()
            .user_agent(&manners.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(GuardedResolver::new(Arc::clone(&guard))))
            // A proxy would look names up itself, where nobody checks what it finds.
            .no_proxy()
            .referer(false)
            .connect_timeout(manners.request)
            .timeout(manners.request)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(5))
            .http1_max_headers(MAX_FIELDS)
            .http2_max_header_list_size(MAX_HEAD as u32)
            .no_gzip()
            .no_zstd()
            .build()
            .map_err(FetchError::Client)?;
        let polite = Polite::new(manners.pause);
        Ok(Self { http, guard, manners, polite, cache })
    }

    /// Fetches a URL, following redirects; what they lead to speaks for the URL that was asked for.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn fetch(&self, url: &Url, want: &Want<'_>) -> Result<Fetched, FetchError> {
        if let Some(kept) = self.cache.as_ref().and_then(|cache| cache.fresh(url, clock::now())) {
            return Ok(kept);
        }
        let mut current = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let fetched = self.patiently(&current, want)?;
            let Some(status) = status_of(&fetched.block).filter(|status| is_redirect(*status)) else {
                return self.keep(url, fetched);
            };
            let location = field_of(&fetched.block, LOCATION.as_str());
            let next = location.and_then(|location| current.join(location.trim()).ok());
            let mut next = next.ok_or(FetchError::NoLocation(status))?;
            next.set_fragment(None);
            if want.within.is_some_and(|site| !site.holds(&next)) {
                return self.keep(url, fetched);
            }
            current = next;
        }
        Err(FetchError::TooManyRedirects)
    }

    fn keep(&self, asked: &Url, fetched: Fetched) -> Result<Fetched, FetchError> {
        if let Some(cache) = &self.cache {
            cache.keep(asked, &fetched);
        }
        Ok(fetched)
    }

    /// One URL, asked again where the server wants a little time.
    fn patiently(&self, url: &Url, want: &Want<'_>) -> Result<Fetched, FetchError> {
        let host = self.check(url)?;
        let mut tries = 0;
        loop {
            let asked = self.polite.ask(&host, want.deadline, || {
                let fetched = self.once(url, want);
                let wait = fetched.as_ref().ok().and_then(|fetched| self.wanted_pause(&fetched.block, tries));
                (fetched, wait)
            });
            let fetched = asked.ok_or(FetchError::OutOfTime)??;
            let again = self.wanted_pause(&fetched.block, tries).is_some_and(|wait| wait <= self.manners.patience);
            if !again || tries >= self.manners.retries {
                return Ok(fetched);
            }
            tries += 1;
        }
    }

    /// How long a server that answers 429 or 503 is left alone: as it says, else twice as long each time.
    fn wanted_pause(&self, block: &[u8], tries: usize) -> Option<Duration> {
        matches!(status_of(block), Some(429 | 503)).then(|| {
            let told = field_of(block, RETRY_AFTER.as_str());
            retry_after(told.as_deref()).unwrap_or_else(|| (self.manners.pause * 4).saturating_mul(1 << tries.min(8)))
        })
    }

    /// Refuses what is not to be connected to; gives the host. Names are checked where they are resolved.
    fn check(&self, url: &Url) -> Result<String, FetchError> {
        let shown = || url.as_str().chars().take(200).collect::<String>();
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Scheme(shown()));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !matches!(port, 80 | 443) && !self.manners.ports.contains(&port) {
            return Err(FetchError::Port(port));
        }
        self.guard.check_literal(url)?;
        url.host_str().map(str::to_ascii_lowercase).ok_or_else(|| FetchError::Scheme(shown()))
    }

    fn once(&self, url: &Url, want: &Want<'_>) -> Result<Fetched, FetchError> {
        let left = want.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FetchError::OutOfTime);
        }
        let request = self
            .http
            .get(url.clone())
            .timeout(left.min(self.manners.request))
            .header(ACCEPT, "*/*")
            .header(ACCEPT_ENCODING, if want.beginning { "identity" } else { "gzip" });
        let answer = request.send().map_err(|error| no_answer(&error))?;
        let mut block = head(&answer)?;
        let body = self.body(answer, want)?;
        block.extend_from_slice(&body);
        Ok(Fetched { answered: url.clone(), at: clock::now(), block })
    }

    /// The body as sent. A server that sends a byte now and then meets the deadline of the whole, not of one read.
    fn body(&self, mut answer: Response, want: &Want<'_>) -> Result<Vec<u8>, FetchError> {
        let until = want.deadline.min(Instant::now() + self.manners.request * 2);
        let mut body = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            let count = answer.read(&mut chunk).map_err(|error| FetchError::BrokeOff(told(&error)))?;
            if count == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..count]);
            if body.len() > want.limit {
                if !want.beginning {
                    return Err(FetchError::TooLong(want.limit));
                }
                body.truncate(want.limit);
                return Ok(body);
            }
            if Instant::now() >= until {
                return Err(FetchError::BrokeOff("it took too long".to_owned()));
            }
        }
    }
}

fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The innermost cause that says something: certificates, names and refusals stand there.
fn no_answer(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(inner) = cause {
        if let Some(address) = inner.downcast_ref::<AddressError>() {
            return FetchError::Address(address.clone());
        }
        cause = inner.source();
    }
    FetchError::NoAnswer(if error.is_timeout() { "it took too long".to_owned() } else { told(error) })
}

fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(200).collect()
}

/// The status line and the header fields, as far as HTTP's framing is not concerned.
fn head(answer: &Response) -> Result<Vec<u8>, FetchError> {
    let status = answer.status();
    let mut block =
        format!("{:?} {} {}\r\n", answer.version(), status.as_u16(), status.canonical_reason().unwrap_or_default())
            .into_bytes();
    let chunked = answer.headers().contains_key(TRANSFER_ENCODING);
    let mut fields = 0;
    for (name, value) in answer.headers() {
        fields += 1;
        if *name == TRANSFER_ENCODING || (chunked && *name == CONTENT_LENGTH) {
            continue;
        }
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
        if fields > MAX_FIELDS || block.len() > MAX_HEAD {
            return Err(FetchError::TooManyFields);
        }
    }
    block.extend_from_slice(b"\r\n");
    Ok(block)
}

fn status_of(block: &[u8]) -> Option<u16> {
    let line = block.split(|byte| *byte == b'\n').next()?;
    std::str::from_utf8(line.split(|byte| *byte == b' ').nth(1)?).ok()?.parse().ok()
}

/// The first value of a field of a block made by [`head`].
pub(super) fn field_of(block: &[u8], name: &str) -> Option<String> {
    for line in block.split(|byte| *byte == b'\n').skip(1) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return None;
        }
        let line = String::from_utf8_lossy(line);
        if let Some((field, value)) = line.split_once(':')
            && field.eq_ignore_ascii_case(name)
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}
