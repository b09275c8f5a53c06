//! The address of a PostgreSQL database: one or several hosts, what is asked of the connection, and never the password in a message.
//!
//! Who would attack: whoever listens on the way. A database on another machine is spoken to over TLS with a certificate that the
//! system trusts, unless the address itself says `sslmode=disable`; `prefer`, which speaks in clear to whoever says no, is not taken.

use std::fmt;
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
}

impl Address {
    /// What connections are made with.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }
}

/// Whether a connection to this host stays on this machine.
fn local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
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
            let here = config.get_hosts().iter().all(local);
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
        Ok(Self { config })
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
        ] {
            let read: Address = address.parse().unwrap();
            assert_eq!(read.config.get_ssl_mode(), mode, "{address}");
            assert_eq!(read.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
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
