//! Distrust: why whoever answers is not taken for the database that was meant, and what to do.

/// Why the other end of a connection is not taken for the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Nobody who is trusted made its certificate.
    #[error("no authority that is trusted here made its certificate")]
    Authority,
    /// Its certificate is another host's.
    #[error("its certificate is for another host name")]
    Name,
    /// Its certificate is over, or for another use, or broken.
    #[error("its certificate is not taken: {0}")]
    Certificate(String),
    /// It speaks in clear alone.
    #[error("it does not speak TLS")]
    Clear,
}

impl Distrust {
    /// What to do.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Authority => {
                "name the authority's certificate with `sslrootcert=FILE` in the URL, or with SSL_CERT_FILE for all connections"
            }
            Self::Name => {
                "name the host in the URL as the certificate does; `hostaddr=ADDRESS` says where it is when the name does not resolve"
            }
            Self::Certificate(_) => "give the database a certificate that is good now and made for servers",
            Self::Clear => {
                "set `ssl = on` and a certificate on the database; `sslmode=disable` in the URL speaks in clear, for a wire that nobody else reads"
            }
        }
    }
}
