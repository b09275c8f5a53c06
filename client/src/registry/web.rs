//! A registry's address on the web, whether a server of ours answers there or files lie there: one bounded request each, no
//! redirects, https or loopback alone, errors as the registry tells them.
//!
//! A server of files knows no problem documents, may send a file whole where a part was asked for, and names types and tags of
//! its own; nothing of that is relied on. What it sends is checked like everything else.

use super::{MAX_ANSWER, RegistryError};
use crate::asker::Asker;
use crate::clock;
use cleartitle_schema::api::Problem;
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, RANGE, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::Read as _;
use std::ops::Range;
use std::time::Duration;
use url::Url;

/// The longest wait for a registry to answer, or to send more of an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a request waits in all for a registry that is asked too often.
const WAIT_IN_ALL: Duration = Duration::from_secs(60);

/// An address, and the client that asks there.
#[derive(Debug, Clone)]
pub(super) struct Web {
    base: Url,
    http: Client,
}

impl Web {
    pub fn at(address: &str, allow_http: bool) -> Result<Self, RegistryError> {
        let bad = || RegistryError::Address(address.chars().take(200).collect());
        let mut base = Url::parse(address).map_err(|_| bad())?;
        let loopback = is_loopback(&base);
        match base.scheme() {
            "https" => {}
            "http" if loopback || allow_http => {}
            "http" => return Err(RegistryError::PlainHttp(base.to_string())),
            _ => return Err(bad()),
        }
        let plain = base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if !plain || base.password().is_some() || base.host().is_none() {
            return Err(bad());
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("cleartitle/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(PATIENCE)
            // Bodies are compared with hashes and ranges; compression would only stand between.
            .no_gzip()
            .no_zstd();
        if loopback {
            builder = builder.no_proxy();
        }
        Ok(Self { base, http: builder.build().map_err(RegistryError::Client)? })
    }

    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub fn url(&self, path: &str) -> Result<Url, RegistryError> {
        let url = self.base.join(path.trim_start_matches('/'));
        // A path that the registry named must not lead to another host.
        url.ok()
            .filter(|url| url.origin() == self.base.origin())
            .ok_or_else(|| RegistryError::Address(path.chars().take(200).collect()))
    }

    /// Sends a request. A registry that asks to be left alone for a while is asked again after it, within bounds: it has done
    /// nothing yet.
    fn send(&self, request: RequestBuilder, url: &Url) -> Result<Response, RegistryError> {
        let mut request = request.header(ACCEPT_ENCODING, "identity");
        let mut patience = WAIT_IN_ALL;
        let answer = loop {
            let again = request.try_clone();
            let answer = request.send().map_err(|source| unreachable_at(url, source))?;
            match (asked_to_wait(&answer), again) {
                (Some(wait), Some(again)) if wait <= patience => {
                    std::thread::sleep(wait);
                    patience -= wait;
                    request = again;
                }
                _ => break answer,
            }
        };
        accepted(answer, url)
    }

    /// Sends a signed request. It is not sent again by itself: its nonce is used.
    fn send_once(&self, request: RequestBuilder, url: &Url) -> Result<Response, RegistryError> {
        let answer = request.header(ACCEPT_ENCODING, "identity").send();
        accepted(answer.map_err(|source| unreachable_at(url, source))?, url)
    }

    pub fn bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let url = self.url(path)?;
        read_bounded(self.send(self.http.get(url.clone()), &url)?, &url, limit)
    }

    /// Posts an envelope; the flag says whether what it says is new there.
    pub fn post<T: DeserializeOwned>(&self, path: &str, envelope: &[u8]) -> Result<(T, bool), RegistryError> {
        let url = self.url(path)?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(envelope.to_vec());
        self.posted(request, &url)
    }

    /// Posts JSON to a URL of [`Web::url`]; the flag as for [`Web::post`].
    pub fn post_json<T: DeserializeOwned>(&self, url: &Url, body: &impl Serialize) -> Result<(T, bool), RegistryError> {
        self.posted(self.http.post(url.clone()).json(body), url)
    }

    fn posted<T: DeserializeOwned>(&self, request: RequestBuilder, url: &Url) -> Result<(T, bool), RegistryError> {
        let answer = self.send(request, url)?;
        let new = answer.status() == StatusCode::CREATED;
        Ok((parse(&read_bounded(answer, url, MAX_ANSWER)?, url.as_str())?, new))
    }

    /// Puts bytes there; the flag as for [`Web::post`].
    pub fn put(&self, path: &str, bytes: Vec<u8>) -> Result<bool, RegistryError> {
        let url = self.url(path)?;
        let request = self.http.put(url.clone()).header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        Ok(self.send(request, &url)?.status() == StatusCode::CREATED)
    }

    /// Puts the piece of something larger there that begins at this byte.
    pub fn put_piece<T: DeserializeOwned>(&self, path: &str, offset: u64, piece: Vec<u8>) -> Result<T, RegistryError> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().append_pair("offset", &offset.to_string());
        let request = self.http.put(url.clone()).header(CONTENT_TYPE, "application/octet-stream").body(piece);
        parse(&read_bounded(self.send(request, &url)?, &url, MAX_ANSWER)?, url.as_str())
    }

    /// A page behind a number, for this asker alone.
    pub fn signed_page<T: DeserializeOwned>(
        &self,
        path: &str,
        (asker, tag): (&Asker, &str),
        after: Option<u64>,
        limit: u64,
    ) -> Result<T, RegistryError> {
        let mut url = self.url(path)?;
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", &after.to_string());
        }
        let request = signed(self.http.get(url.clone()), (asker, tag), "GET", &url, b"")?;
        parse(&read_bounded(self.send_once(request, &url)?, &url, limit)?, url.as_str())
    }

    /// Posts JSON in this asker's name.
    pub fn signed_post<T: DeserializeOwned>(
        &self,
        path: &str,
        by: (&Asker, &str),
        body: Vec<u8>,
    ) -> Result<T, RegistryError> {
        let url = self.url(path)?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.clone());
        let request = signed(request, by, "POST", &url, &body)?;
        parse(&read_bounded(self.send_once(request, &url)?, &url, MAX_ANSWER)?, url.as_str())
    }

    pub fn part(&self, path: &str, range: &Range<u64>) -> Result<Vec<u8>, RegistryError> {
        let length = range.end.saturating_sub(range.start);
        let url = self.url(path)?;
        let place = format!("bytes={}-{}", range.start, range.end - 1);
        let answer = self.send(self.http.get(url.clone()).header(RANGE, place), &url)?;
        let other = |why: &str| RegistryError::Malformed { url: url.to_string(), why: why.to_owned() };
        // RFC 9110 section 14.2: a server may ignore what part was asked for, and files' servers do.
        if answer.status() == StatusCode::OK {
            return Err(RegistryError::NoParts { url: url.to_string() });
        }
        if !begins_with(&answer, &format!("bytes {}-{}/", range.start, range.end - 1)) {
            return Err(other("it is not the part that was asked for"));
        }
        let bytes = read_bounded(answer, &url, length)?;
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(other("it is shorter than the part that was asked for"))
        }
    }

    pub fn download(&self, path: &str, from: u64) -> Result<(Response, bool), RegistryError> {
        let url = self.url(path)?;
        let mut request = self.http.get(url.clone());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let answer = self.send(request, &url)?;
        let partial = begins_with(&answer, &format!("bytes {from}-"));
        if answer.status() == StatusCode::PARTIAL_CONTENT && !partial {
            let why = "it has another range than asked for".to_owned();
            return Err(RegistryError::Malformed { url: url.to_string(), why });
        }
        Ok((answer, partial))
    }
}

/// Whether the answer is a part, and the one that begins so.
fn begins_with(answer: &Response, begins: &str) -> bool {
    let told = answer.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    answer.status() == StatusCode::PARTIAL_CONTENT && told.is_some_and(|told| told.starts_with(begins))
}

/// The request, signed by whoever asks, for the purpose that the tag names.
fn signed(
    request: RequestBuilder,
    (asker, tag): (&Asker, &str),
    method: &str,
    url: &Url,
    body: &[u8],
) -> Result<RequestBuilder, RegistryError> {
    let fields = asker.fields(method, url, body, tag, clock::now()).map_err(RegistryError::Unsigned)?;
    Ok(fields.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
}

fn unreachable_at(url: &Url, source: reqwest::Error) -> RegistryError {
    RegistryError::Unreachable { url: url.to_string(), source: source.without_url() }
}

/// An answer that says yes, in the bytes themselves.
fn accepted(answer: Response, url: &Url) -> Result<Response, RegistryError> {
    if !answer.status().is_success() {
        return Err(refusal(answer, url));
    }
    let coding = answer.headers().get(CONTENT_ENCODING).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match coding {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") => {
            let coding: String = coding.chars().filter(|c| !c.is_control()).take(40).collect();
            let why = format!("it comes coded as `{coding}`, which was not asked for");
            Err(RegistryError::Malformed { url: url.to_string(), why })
        }
        _ => Ok(answer),
    }
}

/// How long a registry that answers 429 asks to be left alone.
fn asked_to_wait(answer: &Response) -> Option<Duration> {
    if answer.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let seconds: u64 = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.max(1)))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn read_bounded(answer: Response, url: &Url, limit: u64) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    answer
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| RegistryError::BrokeOff { url: url.to_string(), source })?;
    if bytes.len() as u64 > limit { Err(RegistryError::TooLong { url: url.to_string(), limit }) } else { Ok(bytes) }
}

/// Reads JSON that came from a place.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], place: &str) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|error| RegistryError::Malformed {
        url: place.to_owned(),
        why: error.to_string().chars().take(200).collect(),
    })
}

/// What a registry says when it says no; control characters in it are not passed on to a terminal.
fn refusal(answer: Response, url: &Url) -> RegistryError {
    let status = answer.status().as_u16();
    let problem =
        read_bounded(answer, url, 64 << 10).ok().and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok());
    let clean = |text: String| text.chars().filter(|c| !c.is_control()).take(1000).collect();
    match problem {
        Some(problem) => RegistryError::Refused { code: clean(problem.code), detail: clean(problem.detail), status },
        None => RegistryError::Status { url: url.to_string(), status },
    }
}
