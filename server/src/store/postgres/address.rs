//! The address of a PostgreSQL database: one or several hosts, what is asked of the connection, and never the password in a message.
//!
//! Who would attack: whoever listens on the way. A database on another machine is spoken to over TLS with a certificate for its host name
//! that the system trusts, or `sslrootcert`, unless the address itself says `sslmode=disable`. What `require` means here others call
//! `verify-full`, so that both words are taken; `prefer`, which speaks in clear to whoever says no, is not.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How long one host may take to answer.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the network may leave what was sent without an answer before the connection counts as lost: a primary that lost its power
/// says nothing.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// After what silence the other end is asked whether it is there.
const IDLE: Duration = Duration::from_secs(20);

/// Why an address can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is of no kind that is known. The text is not repeated: a password may stand in it.
    #[error("a database is `postgres://USER@HOST/NAME`, or left out for SQLite in the data folder")]
    Kind,
    /// It can't be read.
    #[error("the address of the database can't be read: {0}")]
    Form(String),
    /// It names no database or no host.
    #[error("the address of the database names no {0}")]
    Missing(&'static str),
}

/// Where a PostgreSQL database is.
#[derive(Clone)]
pub struct Address {
    config: Config,
    roots: Option<PathBuf>,
}

impl Address {
    /// What connections are made with.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The file of certificate authorities that are trusted in place of the system's.
    pub(super) fn roots(&self) -> Option<&Path> {
        self.roots.as_deref()
    }

    /// The same for reading alone: of several hosts any will do, and none waits for long.
    pub(super) fn for_reading(mut self, patience: Duration) -> Self {
        self.config.target_session_attrs(TargetSessionAttrs::Any).connect_timeout(patience).tcp_user_timeout(patience);
        self
    }
}

/// Takes out of an address what is said of TLS and the library has no word for: the address without it, and the file of roots.
///
/// Credentials come first and may hold any sign, so that nothing before them is looked at.
fn without_roots(text: &str) -> (String, Option<PathBuf>) {
    let from = text.find('@').unwrap_or(0);
    let Some(query) = text[from..].find('?').map(|at| from + at) else { return (text.to_owned(), None) };
    let (mut kept, mut roots) = (Vec::new(), None);
    for pair in text[query + 1..].split('&') {
        match pair.split_once('=') {
            Some(("sslmode", "verify-full")) => kept.push("sslmode=require"),
            Some(("sslrootcert", "system")) => roots = None,
            // A path's own `+` is no blank.
            Some(("sslrootcert", _)) => {
                let plain = pair.replace('+', "%2B");
                let mut read = url::form_urlencoded::parse(plain.as_bytes());
                roots = read.next().map(|(_, path)| PathBuf::from(path.into_owned()));
            }
            _ => kept.push(pair),
        }
    }
    let sign = if kept.is_empty() { "" } else { "?" };
    (format!("{}{sign}{}", &text[..query], kept.join("&")), roots)
}

/// Whether a connection to this host stays on this machine.
fn local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(AddressError::Kind);
        }
        let (text, roots) = without_roots(text);
        let mut config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
            // The library names the parameter that it did not understand, and no value.
            AddressError::Form(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
        })?;
        if config.get_hosts().is_empty() {
            return Err(AddressError::Missing("host"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(AddressError::Missing("database"));
        }
        if config.get_ssl_mode() == SslMode::Prefer {
            // A numeric address stands for the host name where it is given.
            let here = config.get_hosts().iter().all(local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
            config.ssl_mode(if here { SslMode::Disable } else { SslMode::Require });
        }
        // Of several hosts the one that may be written to: after a failover it is another.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        config.keepalives_idle(IDLE);
        if config.get_application_name().is_none() {
            config.application_name("cleartitle-server");
        }
        Ok(Self { config, roots })
    }
}

/// Hosts and name: enough to know which database is meant, and nothing to log in with.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            let ports = self.config.get_ports();
            if let Some(port) = ports.get(place).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_database_is_spoken_to_over_tls_unless_the_address_says_otherwise() {
        for (address, mode) in [
            ("postgres://reg@db.example/reg", SslMode::Require),
            ("postgres://reg@127.0.0.1:5433/reg", SslMode::Disable),
            ("postgres://reg@localhost/reg", SslMode::Disable),
            ("postgresql://reg@%2Frun%2Fpostgresql/reg", SslMode::Disable),
            ("postgres://reg@127.0.0.1,db.example/reg", SslMode::Require),
            ("postgres://reg@127.0.0.1/reg?sslmode=require", SslMode::Require),
            ("postgres://reg@db.example/reg?sslmode=disable", SslMode::Disable),
            ("postgres://reg@db.example/reg?sslmode=prefer", SslMode::Require),
            ("postgres://reg@127.0.0.1/reg?sslmode=verify-full&sslrootcert=/etc/ca.pem", SslMode::Require),
            ("postgres://reg@db.example/reg?sslrootcert=%2Fetc%2Fca.pem", SslMode::Require),
            ("postgres://reg@db.example/reg?hostaddr=127.0.0.1", SslMode::Require),
            ("postgres://reg@localhost/reg?hostaddr=192.0.2.1", SslMode::Require),
            ("postgres://reg@localhost/reg?hostaddr=127.0.0.2", SslMode::Disable),
        ] {
            let read: Address = address.parse().unwrap();
            assert_eq!(read.config.get_ssl_mode(), mode, "{address}");
            assert_eq!(read.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        }
    }

    #[test]
    fn roots_are_a_file_of_the_address_and_other_words_for_less_are_refused() {
        for (query, roots) in [
            ("?sslrootcert=/etc/my+ca.pem", Some("/etc/my+ca.pem")),
            ("?sslmode=verify-full&sslrootcert=%2Fetc%2Fmy%20ca.pem&connect_timeout=3", Some("/etc/my ca.pem")),
            ("?sslrootcert=system", None),
            ("", None),
        ] {
            for user in ["reg", "reg:a%40b", "reg:what?sslrootcert=no"] {
                let read: Address = format!("postgres://{user}@db.example/reg{query}").parse().unwrap();
                assert_eq!(read.roots(), roots.map(Path::new), "{user} {query}");
            }
        }
        for less in ["verify-ca", "allow", "yes"] {
            assert!(format!("postgres://reg@db.example/reg?sslmode={less}").parse::<Address>().is_err(), "{less}");
        }
    }

    #[test]
    fn no_message_repeats_a_password() {
        let address: Address = "postgres://reg:s3cret@one.example,two.example:5433/reg".parse().unwrap();
        for shown in [address.to_string(), format!("{address:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(shown.contains("one.example") && shown.ends_with("/reg"), "{shown}");
        }
        for bad in [
            "mysql://reg:s3cret@db.example/reg",
            "reg:s3cret@db.example/reg",
            "postgres://reg:s3cret@db.example/reg?s=s3cret",
            "postgres://reg:s3cret@db.example/reg?port=s3cret",
            "postgres://reg:s3cret@db.example",
            "postgres://:s3cret@/",
        ] {
            let said = bad.parse::<Address>().unwrap_err().to_string();
            assert!(!said.contains("s3cret"), "{bad}: {said}");
        }
    }
}
