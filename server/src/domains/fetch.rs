//! Fetching what a domain publishes: https alone, over checked addresses, bounded in bytes, time and hops.
//!
//! Anybody can ask the registry to look at any domain, so the domain's owner may be the attacker: of the operator's network, by
//! names that lead inside (also only at the second question: the addresses that passed are those connected to); of the
//! registry, by answers without an end; of another domain, by redirects that make its file speak for this one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cleartitle_schema::domain_proof::MAX_PUBLICATION;
use cleartitle_schema::issuer::Authority;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Certificate, Client, Response};
use url::{Host, Url};

use super::LookError;
use super::dns::Dns;

/// Most redirects that are followed, all within the registrable domain.
const MAX_HOPS: usize = 3;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A file as it was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The URL that answered.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// Its media type, as stated.
    pub media_type: String,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// Fetches.
#[derive(Clone)]
pub struct Fetcher {
    http: Client,
    port: u16,
}

struct Guarded(Dns);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let dns = self.0.clone();
        let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
        Box::pin(async move {
            let found = dns.addresses(&host).await?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

impl Fetcher {
    /// A fetcher that looks names up with `dns` and trusts these authorities beside the usual ones.
    ///
    /// # Errors
    /// When the HTTP client can't be made.
    pub fn new(dns: Dns, roots: Vec<Certificate>, port: u16) -> anyhow::Result<Self> {
        let http = Client::builder()
            .user_agent(concat!("cleartitle-registry/", env!("CARGO_PKG_VERSION")))
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(Guarded(dns)))
            // A proxy would look names up itself, where nobody checks what it finds.
            .no_proxy()
            .referer(false)
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(0)
            .http1_max_headers(128)
            .no_gzip()
            .no_zstd()
            .tls_certs_merge(roots)
            .build()?;
        Ok(Self { http, port })
    }

    /// Fetches one URL of a domain.
    ///
    /// # Errors
    /// [`LookError`]. An answer with any status is an answer.
    pub async fn fetch(&self, url: &str) -> Result<Served, LookError> {
        let whole = async {
            let (url, answer) = self.follow(url, PATIENCE).await?;
            served(&url, answer).await
        };
        let timed = tokio::time::timeout(PATIENCE, whole).await;
        timed.unwrap_or_else(|_| Err(LookError::Unreachable(format!("`{url}`: it took too long"))))
    }

    /// The answer at the end of the redirects, its body unread and bounded by `patience`, as each hop is.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn follow(&self, url: &str, patience: Duration) -> Result<(Url, Response), LookError> {
        let mut current = self.checked(url, None)?;
        for _ in 0..=MAX_HOPS {
            let answer = self.once(&current, patience).await?;
            let status = answer.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Ok((current, answer));
            }
            let location = answer.headers().get(LOCATION).and_then(|it| it.to_str().ok());
            let next = location.and_then(|location| current.join(location.trim()).ok());
            let next = next.ok_or_else(|| LookError::Refused(format!("`{current}` redirects to nowhere")))?;
            current = self.checked(next.as_str(), Some(&current))?;
        }
        Err(LookError::Refused(format!("`{url}` redirects more than {MAX_HOPS} times")))
    }

    /// Refuses what is not to be connected to. `from` is the hop before.
    fn checked(&self, url: &str, from: Option<&Url>) -> Result<Url, LookError> {
        let shown: String = url.chars().filter(|letter| !letter.is_control()).take(200).collect();
        let refused = |why: &str| LookError::Refused(format!("`{shown}` {why}"));
        let mut url = Url::parse(url).map_err(|_| refused("is no URL"))?;
        url.set_fragment(None);
        let Some(Host::Domain(host)) = url.host() else { return Err(refused("names no host, but an address")) };
        if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
            return Err(refused("is not plain https"));
        }
        let (host, authority) = (host.to_owned(), Authority::of_host(host));
        if from.and_then(Url::host_str).is_some_and(|before| Authority::of_host(before) != authority) {
            return Err(refused("leads out of the registrable domain"));
        }
        if Authority::is_public_suffix(&host) {
            return Err(refused("is at a public suffix"));
        }
        if url.port().is_some_and(|port| port != self.port) {
            return Err(refused("is at another port"));
        }
        url.set_port(Some(self.port)).map_err(|()| refused("has no port"))?;
        Ok(url)
    }

    async fn once(&self, url: &Url, patience: Duration) -> Result<Response, LookError> {
        let request =
            self.http.get(url.clone()).timeout(patience).header(ACCEPT, "*/*").header(ACCEPT_ENCODING, "identity");
        request.send().await.map_err(|error| failed(url, &error))
    }
}

/// The body, refused beyond the bound whatever length it announced.
async fn served(url: &Url, mut answer: Response) -> Result<Served, LookError> {
    let status = answer.status().as_u16();
    let media_type = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(url, &error))? {
        if body.len() + chunk.len() > MAX_PUBLICATION {
            return Err(LookError::Refused(format!("`{url}` has more than {MAX_PUBLICATION} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Served { url: url.to_string(), status, media_type, body })
}

/// The refusal that a guard gave on the way, or the innermost cause in words.
pub(super) fn failed(url: &Url, error: &reqwest::Error) -> LookError {
    let mut last: &(dyn std::error::Error + 'static) = error;
    while let Some(inner) = last.source() {
        if let Some(LookError::Refused(why)) = inner.downcast_ref::<LookError>() {
            return LookError::Refused(why.clone());
        }
        last = inner;
    }
    let why = if error.is_timeout() { "it took too long".to_owned() } else { last.to_string() };
    let why: String = why.chars().filter(|letter| !letter.is_control()).take(200).collect();
    LookError::Unreachable(format!("`{url}`: {why}"))
}
