//! TLS to the database: rustls with the roots that the system trusts (`SSL_CERT_FILE` names others) or with those of the address alone,
//! the host name checked.
//!
//! Deliberately absent: channel binding, and any way to leave the certificate unchecked.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use crate::store::{Distrust, StoreError};

/// Makes connections to one host each.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// With the system's roots, or with those of a file alone.
    ///
    /// # Errors
    /// [`StoreError::Backend`] where those can't be read.
    pub(super) fn new(roots: Option<&Path>) -> Result<Self, StoreError> {
        let unusable = |error: &dyn std::fmt::Display| StoreError::Backend(format!("TLS to the database: {error}"));
        let mut config = match roots {
            None => ClientConfig::with_platform_verifier().map_err(|error| unusable(&error))?,
            Some(path) => {
                let unread = |error: &dyn std::fmt::Display| unusable(&format!("`{}`: {error}", path.display()));
                let mut trusted = RootCertStore::empty();
                for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))? {
                    let certificate = certificate.map_err(|error| unread(&error))?;
                    trusted.add(certificate).map_err(|error| unread(&error))?;
                }
                if trusted.is_empty() {
                    return Err(unread(&"no certificate is in it"));
                }
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
                builder.map_err(|error| unusable(&error))?.with_root_certificates(trusted).with_no_client_auth()
            }
        };
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// Why a connection was not made, where that was for want of trust.
pub(super) fn distrust(error: &tokio_postgres::Error) -> Option<Distrust> {
    let source = std::error::Error::source(error)?;
    if let Some(refused) = source.downcast_ref::<io::Error>() {
        let rustls::Error::InvalidCertificate(why) = refused.get_ref()?.downcast_ref()? else { return None };
        return Some(match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Distrust::Name,
            // The second of an authority that calls itself like one that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::Authority,
            other => Distrust::Certificate(other.to_string()),
        });
    }
    // The library has no kind for it, only words.
    (source.to_string() == "server does not support TLS").then_some(Distrust::Clear)
}

/// A handshake with one host.
pub(super) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// An encrypted connection.
pub(super) struct Encrypted<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Encrypted<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, io::Error> {
        let name = ServerName::try_from(domain.to_owned()).map_err(io::Error::other)?;
        Ok(Handshake { connector: TlsConnector::from(Arc::clone(&self.0)), name })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(Encrypted) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
