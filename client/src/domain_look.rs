//! Looking at what a domain publishes about its keys, from here: what a registry would see, if it stands where this machine does.

use crate::clock;
use crate::crawl::{Limits, PayloadState, Response};
use crate::observe::fetch::{FetchError, Fetcher, Want};
use crate::observe::site::{Site, SiteError};
use cleartitle_schema::domain_proof::{self, MAX_PUBLICATION, Published, dns_txt, key_directory, well_known};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::statement::Proof;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use url::Url;

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// DNS gave neither a yes nor a no.
    #[error("the TXT records of `{0}` can't be had")]
    Dns(String, #[source] Box<NetError>),
    /// The resolver can't be made.
    #[error("no DNS server is configured on this machine")]
    NoResolver(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file can't be fetched.
    #[error("`{0}` can't be fetched")]
    Fetch(String, #[source] FetchError),
    /// The domain is no site.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The answer is neither the file nor its absence.
    #[error("`{url}` answered {status}")]
    Status {
        /// Where.
        url: String,
        /// With which status.
        status: u16,
    },
    /// The answer is cut or garbled.
    #[error("the answer of `{0}` can't be read")]
    Damaged(String),
    /// The operator's word stands nowhere.
    #[error("the operator's word is published nowhere")]
    Nowhere,
}

/// What a domain publishes in one of the three places, for the log of this origin.
///
/// # Errors
/// [`LookError`]; that nothing is there is no error.
pub fn look(
    domain: &Domain,
    proof: Proof,
    log: &str,
    fetcher: &Fetcher,
    resolver: Option<SocketAddr>,
) -> Result<Published, LookError> {
    let place = domain_proof::place(domain, proof).ok_or(LookError::Nowhere)?;
    if proof == Proof::DnsTxt {
        let records = txt(&place, resolver)?;
        return Ok(dns_txt::read(records.iter().map(Vec::as_slice), log));
    }
    let site = Site::parse(domain.as_str())?;
    let url = Url::parse(&place).map_err(|_| SiteError::NotASite(place.clone()))?;
    let want =
        Want { limit: MAX_PUBLICATION, beginning: false, within: Some(&site), deadline: Instant::now() + PATIENCE };
    let fetched = fetcher.fetch(&url, &want).map_err(|error| LookError::Fetch(place.clone(), error))?;
    let response = Response::read(&fetched.block, &Limits::default());
    let Some(response) = response.filter(|it| it.state == PayloadState::Ok) else {
        return Err(LookError::Damaged(place));
    };
    match (response.head.status, proof) {
        (200, Proof::KeyDirectory) => Ok(key_directory::read(&response.payload, clock::now())),
        (200, _) => Ok(well_known::read(&response.payload, log)),
        (404 | 410, _) => Ok(Published::default()),
        (status, _) => Err(LookError::Status { url: place, status }),
    }
}

/// The TXT records of a name, each with its strings joined; none where the name does not exist.
fn txt(name: &str, server: Option<SocketAddr>) -> Result<Vec<Vec<u8>>, LookError> {
    let no_resolver = |error: Box<dyn std::error::Error + Send + Sync>| LookError::NoResolver(error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| no_resolver(error.into()))?;
    runtime.block_on(async {
        let builder = match server {
            Some(address) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = address.port();
                    connection
                });
                let server = NameServerConfig::new(address.ip(), true, connections.into());
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().map_err(|error| no_resolver(error.into()))?,
        };
        let resolver = builder.build().map_err(|error| no_resolver(error.into()))?;
        match resolver.lookup(format!("{name}."), RecordType::TXT).await {
            Ok(answer) => {
                let texts = answer.answers().iter().filter_map(|record| match &record.data {
                    RData::TXT(text) => Some(text.txt_data.concat()),
                    _ => None,
                });
                Ok(texts.collect())
            }
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(LookError::Dns(name.to_owned(), Box::new(error))),
        }
    })
}
