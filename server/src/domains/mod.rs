//! Domains: what a domain publishes about its keys, looked at by the registry itself, and the bindings that follow.
//!
//! Reading order: `dns` and `fetch` (how foreign servers are asked), `look_alike` (names that people mistake), `binding` (what a
//! key and its domain must show), and `jobs::recheck`, which looks again.

pub mod binding;
mod dns;
mod fetch;
pub mod look_alike;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cleartitle_schema::domain_proof::{self, Published, dns_txt, key_directory, well_known};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::statement::Proof;
use cleartitle_schema::time::Timestamp;
use serde_json::json;
use tokio::sync::Semaphore;

use dns::Dns;
use fetch::Fetcher;
use look_alike::LookAlikes;

use crate::jobs::interval;

/// How many domains are looked at at once.
const MAX_LOOKS: usize = 16;

/// How long a look waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// Flags of `serve` about the domains' own publications.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Domain control")]
#[group(id = "domain-control")]
pub struct Flags {
    /// Ask this DNS server instead of the system's.
    #[arg(long, value_name = "ADDRESS:PORT")]
    resolver: Option<SocketAddr>,
    /// Certificate authorities (PEM) to trust beside the usual ones when domains are fetched.
    #[arg(long, value_name = "FILE")]
    proof_roots: Option<PathBuf>,
    /// Connect to private addresses when domains are fetched. For tests and networks of your own.
    #[arg(long)]
    proof_private: bool,
    /// The port at which domains serve https.
    #[arg(long, value_name = "PORT", default_value_t = 443, hide = true)]
    proof_port: u16,
    /// What was seen of a domain serves for so many seconds whoever asks next.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, hide = true, overrides_with = "look_serves")]
    look_serves: u64,
    /// How often each domain is looked at again: a number with s, m, h or d.
    #[arg(long, value_name = "INTERVAL", default_value = "24h", value_parser = interval)]
    pub recheck_every: Duration,
    /// A key that its domain has not published for so long no longer speaks.
    #[arg(long, value_name = "INTERVAL", default_value = "7d", value_parser = interval)]
    pub lapse_missing: Duration,
    /// A key whose domain could not be reached for so long no longer speaks.
    #[arg(long, value_name = "INTERVAL", default_value = "30d", value_parser = interval)]
    pub lapse_unreachable: Duration,
}

impl Default for Flags {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Self {
            resolver: None,
            proof_roots: None,
            proof_private: false,
            proof_port: 443,
            look_serves: 3,
            recheck_every: Duration::from_secs(DAY),
            lapse_missing: Duration::from_secs(7 * DAY),
            lapse_unreachable: Duration::from_secs(30 * DAY),
        }
    }
}

/// What is posted to a host, apart from its address.
pub struct Post {
    /// Header fields.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a look came to nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookError {
    /// Nobody answers there now.
    #[error("{0}")]
    Unreachable(String),
    /// What is there is not looked at: a private address, too many bytes, a redirect out of the domain.
    #[error("{0}")]
    Refused(String),
    /// Too many domains are being looked at.
    #[error("too many domains are being looked at")]
    Busy,
}

/// What was seen, and the bytes that show it.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The keys that are published.
    pub published: Published,
    /// The evidence.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// Where it was.
    pub url: String,
}

/// How many looks are remembered.
const MAX_REMEMBERED: usize = 4096;

type Looked = (Instant, Result<Sight, LookError>);

/// Looks at what domains publish.
pub struct Domains {
    /// Names that people mistake for each other.
    pub look_alikes: LookAlikes,
    /// How often, and for how long nothing may be seen.
    pub flags: Flags,
    dns: Dns,
    fetcher: Fetcher,
    places: Semaphore,
    seen: Mutex<HashMap<(Domain, Proof), Looked>>,
}

impl Domains {
    /// As the flags say.
    ///
    /// # Errors
    /// When the roots can't be read or the system's resolver is not configured.
    pub fn new(flags: Flags) -> anyhow::Result<Self> {
        let roots = match &flags.proof_roots {
            None => Vec::new(),
            Some(path) => {
                let pem = std::fs::read(path).with_context(|| format!("--proof-roots `{}`", path.display()))?;
                reqwest::Certificate::from_pem_bundle(&pem)
                    .with_context(|| format!("--proof-roots `{}` holds no certificates", path.display()))?
            }
        };
        let dns = Dns::new(flags.resolver, flags.proof_private)?;
        let fetcher = Fetcher::new(dns.clone(), roots, flags.proof_port)?;
        Ok(Self {
            look_alikes: LookAlikes::default(),
            flags,
            dns,
            fetcher,
            places: Semaphore::new(MAX_LOOKS),
            seen: Mutex::default(),
        })
    }

    /// Looks as [`Domains::look`] does, or takes what was seen a moment ago: anybody can have a domain looked at, and must not make
    /// the registry a hammer.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn look_once(
        &self,
        domain: &Domain,
        proof: Proof,
        log: &str,
        now: Timestamp,
    ) -> Result<Sight, LookError> {
        let (place, serves) = ((domain.clone(), proof), Duration::from_secs(self.flags.look_serves));
        let recent = |(at, _): &Looked| at.elapsed() < serves;
        if let Some((_, seen)) = self.remembered().get(&place).filter(|it| recent(it)) {
            return seen.clone();
        }
        let seen = self.look(domain, proof, log, now).await;
        let mut remembered = self.remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.retain(|_, looked| recent(looked));
        }
        if remembered.len() < MAX_REMEMBERED && !matches!(seen, Err(LookError::Busy)) {
            remembered.insert(place, (Instant::now(), seen.clone()));
        }
        seen
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<(Domain, Proof), Looked>> {
        // What is in it is whole after a panic elsewhere.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address that is connected to for a URL of a domain.
    ///
    /// # Errors
    /// [`LookError::Refused`] for what is never connected to: no plain https, an address for a name, another port.
    pub fn target(&self, url: &str) -> Result<url::Url, LookError> {
        self.fetcher.target(url)
    }

    /// Posts to a host, by the same guard that looks go through, and follows no redirect; the status of the answer, whose body is
    /// not read.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn post(&self, url: &url::Url, post: Post) -> Result<u16, LookError> {
        self.fetcher.post(url, post).await
    }

    /// Looks at what a domain publishes about its keys in the log of this origin. That nothing is there is an answer too.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn look(&self, domain: &Domain, proof: Proof, log: &str, now: Timestamp) -> Result<Sight, LookError> {
        let place = tokio::time::timeout(TURN, self.places.acquire()).await;
        let Ok(Ok(_held)) = place else { return Err(LookError::Busy) };
        let Some(place) = domain_proof::place(domain, proof) else {
            return Err(LookError::Refused("the operator's word is not looked up".to_owned()));
        };
        if proof == Proof::DnsTxt {
            let records = self.dns.txt(&place).await?;
            let published = dns_txt::read(records.iter().map(Vec::as_slice), log);
            // Lossless where a record is text, as all of ours are; of foreign ones it is enough to know that they are there.
            let texts: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(record)).collect();
            let bytes = json!({"name": place, "type": "TXT", "records": texts}).to_string().into_bytes();
            let media_type = "application/json".to_owned();
            return Ok(Sight { published, bytes, media_type, url: format!("dns:{place}?type=TXT") });
        }
        let served = self.fetcher.fetch(&place).await?;
        if served.status >= 500 || matches!(served.status, 408 | 425 | 429) {
            return Err(LookError::Unreachable(format!("`{place}` answered {}", served.status)));
        }
        if served.status != 200 {
            let bytes = json!({"url": served.url, "status": served.status}).to_string().into_bytes();
            let media_type = "application/json".to_owned();
            return Ok(Sight { published: Published::default(), bytes, media_type, url: served.url });
        }
        let published = match proof {
            Proof::KeyDirectory => key_directory::read(&served.body, now),
            _ => well_known::read(&served.body, log),
        };
        let stated =
            if served.media_type.is_empty() { "application/octet-stream".to_owned() } else { served.media_type };
        Ok(Sight { published, bytes: served.body, media_type: stated, url: served.url })
    }
}
