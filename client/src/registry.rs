//! A registry over HTTP: one bounded request each, no redirects, https or loopback alone, errors as the registry tells them.

mod upload;

use crate::asker::Asker;
use crate::clock;
use cleartitle_schema::api::{
    DecisionAnswer, DecisionRequest, IssuerView, LogKey, Problem, ProofRequest, Registration, SEALED_TAG, SealedLeaf,
    SealedList, SnapshotView, StatementView,
};
use cleartitle_schema::http_signature::SignatureError;
use cleartitle_schema::id::{BlobId, Commitment, ContentName, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::tlog::note::MAX_NOTE;
use cleartitle_schema::tlog::proof::MAX_RECEIPT;
use cleartitle_schema::tlog::tile::{EntriesId, FULL_WIDTH, TileId};
use cleartitle_schema::tlog::witness::checkpoint_path;
use cleartitle_schema::usage::{USAGE_TAG, UsageList, UsageReceipt};
use reqwest::StatusCode;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, RANGE, RETRY_AFTER};
use serde::de::DeserializeOwned;
use std::io::Read as _;
use std::ops::Range;
use std::time::Duration;
use url::Url;

/// The longest JSON answer that is read.
pub const MAX_ANSWER: u64 = 16 << 20;

/// The longest wait for a registry to answer, or to send more of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a request waits in all for a registry that is asked too often.
const WAIT_IN_ALL: Duration = Duration::from_secs(60);

/// Why a registry could not be asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The request could not be signed.
    #[error("the request can't be signed: {0}")]
    Unsigned(#[source] SignatureError),
    /// Not an address of a registry.
    #[error("`{0}` is not a registry's address, such as https://registry.example")]
    Address(String),
    /// Plain HTTP to another machine, where anybody on the way can read and change it.
    #[error("`{0}` is plain http to another machine")]
    PlainHttp(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
    /// No answer.
    #[error("`{url}` does not answer")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer broke off.
    #[error("the answer of `{url}` broke off")]
    BrokeOff {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The registry said no, and why.
    #[error("the registry refuses: {detail} ({code})")]
    Refused {
        /// The stable code.
        code: String,
        /// What went wrong.
        detail: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is none that a registry gives.
    #[error("`{url}` answers with status {status}, which a registry does not; is it one?")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is longer than it may be.
    #[error("the answer of `{url}` is longer than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The bound.
        limit: u64,
    },
    /// The answer has another shape.
    #[error("the answer of `{url}` can't be read: {why}")]
    Malformed {
        /// What was asked for.
        url: String,
        /// What is wrong.
        why: String,
    },
}

/// A registry at an address.
#[derive(Debug, Clone)]
pub struct Registry {
    base: Url,
    http: Client,
}

/// The longest page of sealed statements.
const MAX_SEALED: u64 = 8 << 20;

/// The request, signed by whoever asks.
fn signed(
    request: RequestBuilder,
    asker: &Asker,
    method: &str,
    url: &Url,
    body: &[u8],
) -> Result<RequestBuilder, RegistryError> {
    signed_for(request, asker, method, url, body, SEALED_TAG)
}

/// A request of this asker's, for the purpose that the tag names.
fn signed_for(
    request: RequestBuilder,
    asker: &Asker,
    method: &str,
    url: &Url,
    body: &[u8],
    tag: &str,
) -> Result<RequestBuilder, RegistryError> {
    let fields = asker.fields(method, url, body, tag, clock::now()).map_err(RegistryError::Unsigned)?;
    Ok(fields.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
}

/// What a registration came to.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The registry's answer, not yet verified.
    pub registration: Registration,
    /// Whether the statement is new; `false`: it was registered before, and this is the first receipt.
    pub new: bool,
}

impl Registry {
    /// Takes an address. Plain http is taken for this very machine, or where it is allowed expressly.
    ///
    /// # Errors
    /// [`RegistryError::Address`], [`RegistryError::PlainHttp`], [`RegistryError::Client`].
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

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    fn url(&self, path: &str) -> Result<Url, RegistryError> {
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
            let answer = request
                .send()
                .map_err(|source| RegistryError::Unreachable { url: url.to_string(), source: source.without_url() })?;
            match (asked_to_wait(&answer), again) {
                (Some(wait), Some(again)) if wait <= patience => {
                    std::thread::sleep(wait);
                    patience -= wait;
                    request = again;
                }
                _ => break answer,
            }
        };
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(answer, url)) }
    }

    /// Sends a signed request. It is not sent again by itself: its nonce is used.
    fn send_once(&self, request: RequestBuilder, url: &Url) -> Result<Response, RegistryError> {
        let answer = request
            .header(ACCEPT_ENCODING, "identity")
            .send()
            .map_err(|source| RegistryError::Unreachable { url: url.to_string(), source: source.without_url() })?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(answer, url)) }
    }

    fn bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let url = self.url(path)?;
        read_bounded(self.send(self.http.get(url.clone()), &url)?, &url, limit)
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, RegistryError> {
        let url = self.url(path)?;
        parse(&self.bytes(path, MAX_ANSWER)?, &url)
    }

    /// The log's name and keys, at the registry's word.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn log_key(&self) -> Result<LogKey, RegistryError> {
        self.json("v1/log-key")
    }

    /// Registers an envelope.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says which check failed.
    pub fn register(&self, envelope: &[u8]) -> Result<Registered, RegistryError> {
        let url = self.url("v1/statements")?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(envelope.to_vec());
        let answer = self.send(request, &url)?;
        let new = answer.status() == StatusCode::CREATED;
        let registration = parse(&read_bounded(answer, &url, MAX_ANSWER)?, &url)?;
        Ok(Registered { registration, new })
    }

    /// Asks for a key to be bound, as its domain publishes it.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says what the registry saw.
    pub fn bind_key(&self, request: &[u8]) -> Result<Registered, RegistryError> {
        self.post_envelope("v1/keys", request)
    }

    fn post_envelope(&self, path: &str, envelope: &[u8]) -> Result<Registered, RegistryError> {
        let url = self.url(path)?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(envelope.to_vec());
        let answer = self.send(request, &url)?;
        let new = answer.status() == StatusCode::CREATED;
        let registration = parse(&read_bounded(answer, &url, MAX_ANSWER)?, &url)?;
        Ok(Registered { registration, new })
    }

    /// Asks for a claim to be proven by what a URL serves.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says what the registry saw.
    pub fn prove_claim(
        &self,
        claim: &StatementId,
        url: &str,
        content: ContentName,
    ) -> Result<Registered, RegistryError> {
        let at = self.url(&format!("v1/claims/{claim}/proof"))?;
        let request = self.http.post(at.clone()).json(&ProofRequest { url: url.to_owned(), content });
        let answer = self.send(request, &at)?;
        let new = answer.status() == StatusCode::CREATED;
        let registration = parse(&read_bounded(answer, &at, MAX_ANSWER)?, &at)?;
        Ok(Registered { registration, new })
    }

    /// An issuer as the registry knows it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn issuer(&self, domain: &Domain) -> Result<IssuerView, RegistryError> {
        self.json(&format!("v1/issuers/{domain}"))
    }

    /// Registers an envelope that is to be sealed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn register_sealed(&self, envelope: &[u8]) -> Result<Registered, RegistryError> {
        self.post_envelope("v1/sealed", envelope)
    }

    /// A page of the sealed statements that the registry holds for whoever asks.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sealed(&self, asker: &Asker, after: Option<u64>) -> Result<SealedList, RegistryError> {
        let mut url = self.url("v1/sealed")?;
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", &after.to_string());
        }
        let request = signed(self.http.get(url.clone()), asker, "GET", &url, b"")?;
        parse(&read_bounded(self.send_once(request, &url)?, &url, MAX_SEALED)?, &url)
    }

    /// Sends a usage report. The flag says whether it is new there.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn report_usage(&self, envelope: &[u8]) -> Result<(UsageReceipt, bool), RegistryError> {
        let url = self.url("v1/usage")?;
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(envelope.to_vec());
        let answer = self.send(request, &url)?;
        let new = answer.status() == StatusCode::CREATED;
        Ok((parse(&read_bounded(answer, &url, MAX_ANSWER)?, &url)?, new))
    }

    /// One page of the usage reports that a domain may read, behind a number.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn usage(&self, asker: &Asker, after: Option<u64>) -> Result<UsageList, RegistryError> {
        let mut url = self.url("v1/usage")?;
        if let Some(after) = after {
            url.query_pairs_mut().append_pair("after", &after.to_string());
        }
        let request = signed_for(self.http.get(url.clone()), asker, "GET", &url, b"", USAGE_TAG)?;
        parse(&read_bounded(self.send_once(request, &url)?, &url, MAX_SEALED)?, &url)
    }

    /// Registers the commitment of a sealed statement alone.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn register_commitment(&self, asker: &Asker, commitment: Commitment) -> Result<SealedLeaf, RegistryError> {
        let url = self.url("v1/sealed/commitments")?;
        let body = serde_json::json!({ "commitment": commitment }).to_string().into_bytes();
        let request = self.http.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.clone());
        let request = signed(request, asker, "POST", &url, &body)?;
        parse(&read_bounded(self.send_once(request, &url)?, &url, MAX_ANSWER)?, &url)
    }

    /// Uploads the bytes of a blob that a registered statement names. The flag says whether they are new there.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] where no registered statement names the blob.
    pub fn put_blob(&self, blob: &BlobId, bytes: Vec<u8>) -> Result<bool, RegistryError> {
        let url = self.url(&format!("v1/blobs/{blob}"))?;
        let request = self.http.put(url.clone()).header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        Ok(self.send(request, &url)?.status() == StatusCode::CREATED)
    }

    /// A statement as the registry holds it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn statement(&self, id: &StatementId) -> Result<StatementView, RegistryError> {
        self.json(&format!("v1/statements/{id}"))
    }

    /// The registry's answer to one question; `as_of` asks what it would have answered then.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn decide(&self, question: &DecisionRequest, as_of: Option<&str>) -> Result<DecisionAnswer, RegistryError> {
        let mut url = self.url("v1/decisions")?;
        if let Some(as_of) = as_of {
            url.query_pairs_mut().append_pair("as_of", as_of);
        }
        let answer = self.send(self.http.post(url.clone()).json(question), &url)?;
        parse(&read_bounded(answer, &url, MAX_ANSWER)?, &url)
    }

    /// The newest signed checkpoint.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn checkpoint(&self) -> Result<Vec<u8>, RegistryError> {
        self.bytes("checkpoint", MAX_NOTE as u64)
    }

    /// The checkpoint that this place has of a log: a registry's or mirror's newest, or the one that a witness cosigned last.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn checkpoint_of(&self, origin: &str) -> Result<Vec<u8>, RegistryError> {
        match self.checkpoint() {
            Err(RegistryError::Status { status: 404, .. }) => self.bytes(&checkpoint_path(origin), MAX_NOTE as u64),
            other => other,
        }
    }

    /// The receipt of a statement under a checkpoint that witnesses have cosigned.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] with the code `not-yet-witnessed` until there is one.
    pub fn receipt(&self, id: &StatementId) -> Result<Vec<u8>, RegistryError> {
        self.bytes(&format!("v1/statements/{id}/receipt"), MAX_RECEIPT as u64)
    }

    /// One tile of the log's tree.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, RegistryError> {
        self.bytes(&tile.path(), 8192)
    }

    /// One bundle of the log's entries.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn entries(&self, bundle: EntriesId) -> Result<Vec<u8>, RegistryError> {
        self.bytes(&bundle.path(), u64::from(FULL_WIDTH) * (u64::from(u16::MAX) + 2))
    }

    /// The blob that opens a leaf; `None` where it is sealed or erased.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn published(&self, commitment: &Commitment) -> Result<Option<Vec<u8>>, RegistryError> {
        match self.bytes(&format!("v1/published/{commitment}"), MAX_ANSWER) {
            Err(RegistryError::Refused { status: 404, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    /// What the registry says of its newest snapshot.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn latest_snapshot(&self) -> Result<SnapshotView, RegistryError> {
        self.json("v1/snapshots/latest")
    }

    /// Some bytes of a file, and no others.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Malformed`] for an answer with other bytes than asked for.
    pub fn part(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, RegistryError> {
        let length = range.end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Vec::new());
        }
        let url = self.url(path)?;
        let place = format!("bytes={}-{}", range.start, range.end - 1);
        let answer = self.send(self.http.get(url.clone()).header(RANGE, place), &url)?;
        let begins = format!("bytes {}-{}/", range.start, range.end - 1);
        let told = answer.headers().get(reqwest::header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let other = |why: &str| RegistryError::Malformed { url: url.to_string(), why: why.to_owned() };
        if answer.status() != StatusCode::PARTIAL_CONTENT || !told.is_some_and(|told| told.starts_with(&begins)) {
            return Err(other("it is not the part that was asked for"));
        }
        let bytes = read_bounded(answer, &url, length)?;
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(other("it is shorter than the part that was asked for"))
        }
    }

    /// Begins to download from byte `from` on. The flag says whether the answer does begin there, or at the first byte.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn download(&self, path: &str, from: u64) -> Result<(Response, bool), RegistryError> {
        let url = self.url(path)?;
        let mut request = self.http.get(url.clone());
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let answer = self.send(request, &url)?;
        let begins = format!("bytes {from}-");
        let told = answer.headers().get(reqwest::header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let partial =
            answer.status() == StatusCode::PARTIAL_CONTENT && told.is_some_and(|told| told.starts_with(&begins));
        if answer.status() == StatusCode::PARTIAL_CONTENT && !partial {
            return Err(RegistryError::Malformed {
                url: url.to_string(),
                why: "it has another range than asked for".to_owned(),
            });
        }
        Ok((answer, partial))
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

fn parse<T: DeserializeOwned>(bytes: &[u8], url: &Url) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|error| RegistryError::Malformed {
        url: url.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_reaches_this_machine_alone() {
        for good in ["https://registry.example", "http://127.0.0.1:8787", "http://[::1]:1/", "http://localhost:80/a"] {
            assert!(Registry::at(good, false).is_ok(), "{good}");
        }
        assert!(matches!(Registry::at("http://registry.example", false), Err(RegistryError::PlainHttp(_))));
        assert!(Registry::at("http://registry.example", true).is_ok());
        for bad in
            ["registry.example", "ftp://registry.example", "https://u:p@registry.example", "https://a.example/?q", ""]
        {
            assert!(matches!(Registry::at(bad, true), Err(RegistryError::Address(_))), "{bad}");
        }
    }

    /// A registry that takes one blob, has another, and knows of no third.
    #[test]
    fn blobs_are_uploaded_as_they_are() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let problem = r#"{"type":"/reasons/not-found","title":"t","status":404,"detail":"d","code":"not-found"}"#;
            let answers = [("201 Created", ""), ("200 OK", ""), ("404 Not Found", problem)];
            let mut requests = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
                while !bytes.ends_with(b"evidence") {
                    let count = stream.read(&mut chunk).unwrap();
                    bytes.extend_from_slice(&chunk[..count]);
                }
                let length = body.len();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                    .unwrap();
                requests.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            requests
        });
        let registry = Registry::at(&address, false).unwrap();
        let blob = BlobId::of(b"evidence");
        let put = || registry.put_blob(&blob, b"evidence".to_vec());
        assert!(put().unwrap());
        assert!(!put().unwrap());
        assert!(matches!(put(), Err(RegistryError::Refused { status: 404, .. })));
        for request in served.join().unwrap() {
            assert!(request.starts_with(&format!("PUT /v1/blobs/{blob} HTTP/1.1\r\n")), "{request}");
        }
    }

    #[test]
    fn a_path_stays_with_its_registry() {
        let registry = Registry::at("https://registry.example/log", false).unwrap();
        assert_eq!(registry.url("/v1/x").unwrap().as_str(), "https://registry.example/log/v1/x");
        assert!(registry.url("https://evil.example/x").is_err());
    }
}
