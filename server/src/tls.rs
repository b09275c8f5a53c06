//! TLS: the operator's own certificate, read again when it is renewed; handshakes bounded in time by whoever accepts.
//!
//! rustls alone, with its defaults: TLS 1.2 and 1.3, no old cipher. HTTP/1.1 is the only protocol that is spoken. A renewed file
//! that can't be read, or whose key is another's, is told and the certificate at hand stays in use.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use crate::data_dir::private;

/// The protocol by which a certificate authority asks whether a name is this server's (RFC 8737). Nothing is spoken over it.
pub const CHALLENGE: &[u8] = b"acme-tls/1";

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// The longest file of certificates or of a key.
const MAX_FILE: u64 = 1 << 20;

/// The most certificates of a chain.
const MAX_CHAIN: usize = 16;

/// Flags of `serve` about TLS.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Flags {
    /// Serve https with this certificate: PEM, the chain after it. Read again on SIGHUP and when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key: PEM, readable by its owner alone.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl Flags {
    /// The certificate that the flags name, read; `None` where they name none.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn certificate(self) -> anyhow::Result<Option<Arc<Certificate>>> {
        match (self.tls_cert, self.tls_key) {
            (Some(chain), Some(key)) => Ok(Some(Arc::new(Certificate::read(chain, key)?))),
            _ => Ok(None),
        }
    }
}

/// A certificate with its key, and the files that it is read from.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    present: RwLock<Option<Arc<CertifiedKey>>>,
    /// What is shown to a certificate authority that asks for a name by [`CHALLENGE`].
    answers: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

fn bounded(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let told = || format!("`{}`", path.display());
    let length = std::fs::metadata(path).with_context(told)?.len();
    anyhow::ensure!(length <= MAX_FILE, "`{}` is longer than {MAX_FILE} bytes", path.display());
    Ok(Zeroizing::new(std::fs::read(path).with_context(told)?))
}

fn load(chain: &Path, key: &Path, provider: &CryptoProvider) -> anyhow::Result<Arc<CertifiedKey>> {
    private(key)?;
    let text = bounded(chain)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .take(MAX_CHAIN)
        .collect::<Result<_, _>>()
        .map_err(|error| anyhow::anyhow!("`{}`: {error}", chain.display()))?;
    anyhow::ensure!(!certificates.is_empty(), "`{}` holds no certificate", chain.display());
    // Errors about the key say nothing of its text.
    let secret = PrivateKeyDer::from_pem_slice(&bounded(key)?)
        .map_err(|_| anyhow::anyhow!("`{}` holds no private key", key.display()))?;
    let certified = CertifiedKey::from_der(certificates, secret, provider);
    certified.map(Arc::new).with_context(|| format!("`{}` is not the key of `{}`", key.display(), chain.display()))
}

impl Certificate {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// When one can't be read, the key is open to others, or they don't belong together.
    pub fn read(chain: PathBuf, key: PathBuf) -> anyhow::Result<Self> {
        let present = Some(load(&chain, &key, &aws_lc_rs::default_provider())?);
        Ok(Self { chain, key, present: RwLock::new(present), answers: RwLock::default() })
    }

    /// A certificate that is fetched, kept with its key in one file: what lies there already is used, if it can be.
    #[must_use]
    pub fn fetched(file: PathBuf) -> Self {
        let present = load(&file, &file, &aws_lc_rs::default_provider()).ok();
        Self { chain: file.clone(), key: file, present: RwLock::new(present), answers: RwLock::default() }
    }

    /// The certificate itself, where there is one.
    #[must_use]
    pub fn leaf(&self) -> Option<CertificateDer<'static>> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        present.as_ref().and_then(|certified| certified.cert.first().cloned())
    }

    /// Shows this certificate to whoever asks for the name by [`CHALLENGE`], until [`Certificate::answer_nothing`].
    ///
    /// # Errors
    /// When it can't be used.
    pub fn answer(
        &self,
        name: &str,
        chain: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> anyhow::Result<()> {
        // Put together by hand: rustls' own check refuses the critical extension that such a certificate is made for.
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key)?;
        let certified = CertifiedKey::new(vec![chain], key);
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        answers.insert(name.to_owned(), Arc::new(certified));
        Ok(())
    }

    /// Answers no certificate authority any more.
    pub fn answer_nothing(&self) {
        self.answers.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// An acceptor of connections that shows whatever certificate is present.
    ///
    /// # Errors
    /// What rustls finds wrong with its own defaults.
    pub fn acceptor(self: &Arc<Self>) -> anyhow::Result<TlsAcceptor> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let resolver = Arc::clone(self) as Arc<dyn ResolvesServerCert>;
        let mut config =
            builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec(), CHALLENGE.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.chain, &self.key].map(|path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        })
    }

    /// Reads the files again; what can't be read changes nothing.
    pub fn read_again(&self) {
        match load(&self.chain, &self.key, &aws_lc_rs::default_provider()) {
            Ok(new) => {
                *self.present.write().unwrap_or_else(PoisonError::into_inner) = Some(new);
                tracing::info!(chain = %self.chain.display(), "the certificate was read again");
            }
            // Two files are renewed one after the other: in between they don't match, and the next look finds both.
            Err(error) => tracing::warn!("the certificate was not read again, the old one stays: {error:#}"),
        }
    }

    /// Reads the files again whenever they change or the process is asked to, until it is dropped.
    pub async fn follow(self: Arc<Self>) {
        let mut seen = self.stamps();
        let mut asked = Asked::new();
        loop {
            let by_signal = asked.within(LOOK).await;
            let stamps = self.stamps();
            if by_signal || stamps != seen {
                seen = stamps;
                let own = Arc::clone(&self);
                let _ = tokio::task::spawn_blocking(move || own.read_again()).await;
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == CHALLENGE)) {
            let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
            return answers.get(hello.server_name()?).cloned();
        }
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// SIGHUP, where there is such a thing.
struct Asked {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Asked {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    /// Whether the signal came within this time.
    async fn within(&mut self, time: Duration) -> bool {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal {
            return matches!(tokio::time::timeout(time, signal.recv()).await, Ok(Some(())));
        }
        tokio::time::sleep(time).await;
        false
    }
}
