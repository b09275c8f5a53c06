//! DNS: TXT records, and addresses that have passed the guard, from the resolver that the operator chose.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cleartitle_schema::address::is_public;
use cleartitle_schema::domain_proof::{MAX_KEYS, MAX_PUBLICATION};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use super::LookError;

/// How long one question to one server may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 64;

/// Looks names up.
#[derive(Clone)]
pub struct Dns {
    /// None where the system names no server.
    resolver: Option<TokioResolver>,
    allow_private: bool,
}

impl Dns {
    /// Asks this server, or those of the system. A system that names none is found out when a domain is looked at: the registry
    /// serves without.
    ///
    /// # Errors
    /// When the resolver can't be made.
    pub fn new(server: Option<SocketAddr>, allow_private: bool) -> anyhow::Result<Self> {
        let mut builder = match server {
            Some(address) => {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = address.port();
                    connection
                });
                let server = NameServerConfig::new(address.ip(), true, connections.into());
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => match TokioResolver::builder_tokio() {
                Ok(builder) => builder,
                Err(_) => return Ok(Self { resolver: None, allow_private }),
            },
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 2;
        // What a domain publishes is looked at when somebody asks for it, not when somebody asked before.
        options.cache_size = 0;
        Ok(Self { resolver: Some(builder.build()?), allow_private })
    }

    fn resolver(&self) -> Result<&TokioResolver, LookError> {
        let none = || LookError::Unreachable("this machine names no DNS server; `serve --resolver` does".to_owned());
        self.resolver.as_ref().ok_or_else(none)
    }

    /// The TXT records of a name, the strings of each joined; none where the name or its records don't exist.
    ///
    /// # Errors
    /// [`LookError::Unreachable`] when nobody answers, or not with a yes or no.
    pub async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, LookError> {
        // With a dot at its end no search list is tried.
        let answer = match self.resolver()?.lookup(format!("{name}."), RecordType::TXT).await {
            Ok(answer) => answer,
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(LookError::Unreachable(format!("the TXT records of `{name}`: {error}"))),
        };
        let mut records: Vec<Vec<u8>> = Vec::new();
        for record in answer.answers() {
            if let RData::TXT(text) = &record.data {
                records.push(text.txt_data.concat());
            }
        }
        if records.len() > MAX_KEYS || records.iter().map(Vec::len).sum::<usize>() > MAX_PUBLICATION {
            return Err(LookError::Refused(format!("`{name}` has more TXT records than are read")));
        }
        // Servers give them in any order; evidence has one.
        records.sort();
        Ok(records)
    }

    /// The addresses of a host that may be connected to. Refused where none is public: a name that leads into the operator's
    /// own network is an attack on it, whoever set it up.
    ///
    /// # Errors
    /// [`LookError`].
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookError> {
        let answer = match self.resolver()?.lookup_ip(format!("{host}.")).await {
            Ok(answer) => answer,
            Err(error) => return Err(LookError::Unreachable(format!("the addresses of `{host}`: {error}"))),
        };
        let all: Vec<IpAddr> = answer.iter().take(MAX_ADDRESSES).collect();
        let good: Vec<IpAddr> = all.iter().copied().filter(|it| self.allow_private || is_public(*it)).collect();
        if good.is_empty() {
            return Err(LookError::Refused(format!("`{host}` has no public address")));
        }
        Ok(good)
    }
}
