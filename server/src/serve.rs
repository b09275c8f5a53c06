//! Serving: connections accepted, slow ones cut off, and a graceful end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::deadlines::Deadlines;
use crate::figures::Inside;
use crate::limits::Limits;
use crate::patience::Patient;
use crate::peer::Peer;
use crate::tls::CHALLENGE;

/// How long a client may take for a request's head, and before that for the handshake of TLS.
const HEAD: Duration = Duration::from_secs(15);

/// How long requests inside may take to end after the signal.
const GRACE: Duration = Duration::from_secs(20);

/// What every connection is served with.
#[derive(Clone)]
pub struct Server {
    router: Router,
    limits: Arc<Limits>,
    http: http1::Builder,
    tls: Option<TlsAcceptor>,
}

impl Server {
    /// A server of these routes; with an acceptor over TLS alone.
    #[must_use]
    pub fn new(router: Router, limits: Arc<Limits>, tls: Option<TlsAcceptor>) -> Self {
        // HTTP/1 alone: telling the versions apart would wait for a silent client without a bound. Proxies that speak HTTP/2
        // outwards speak HTTP/1 inwards.
        let mut http = http1::Builder::new();
        http.header_read_timeout(HEAD).max_buf_size(64 << 10);
        Self { router, limits, http, tls }
    }

    /// Accepts connections until `stop` is done, then lets the requests inside end. A single connection's failure ends that
    /// connection alone.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut stop => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, say: waiting lets others close.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let Some(place) = self.limits.connection(peer.ip()) else {
                // Dropped at once: a flood of connections must not use up the process's files.
                metrics::counter!("cleartitle_connections_refused_total").increment(1);
                continue;
            };
            let (server, watcher) = (self.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _inside = Inside::new(metrics::gauge!("cleartitle_connections_open"));
                server.connection(stream, Peer(peer.ip()), watcher).await;
                drop(place);
            });
        }
        drop(listener);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were cut off at the end");
        }
    }

    async fn connection(self, stream: TcpStream, peer: Peer, watcher: Watcher) {
        let stream = Patient::new(stream);
        let Some(tls) = self.tls.clone() else { return self.converse(stream, peer, watcher).await };
        match tokio::time::timeout(HEAD, tls.accept(stream)).await {
            // A certificate authority has seen what it came for.
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(CHALLENGE) => {}
            Ok(Ok(stream)) => self.converse(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            Err(_) => tracing::debug!("a handshake took too long"),
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self,
        stream: S,
        peer: Peer,
        watcher: Watcher,
    ) {
        let named = self.router.map_request(with(peer));
        let mut http = self.http;
        http.timer(Deadlines::new());
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(named));
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// Notes on each request whose connection it came by.
fn with<B>(peer: Peer) -> impl Fn(Request<B>) -> Request<B> + Clone {
    move |mut request| {
        request.extensions_mut().insert(peer);
        request
    }
}

/// Listens for being asked to end from now on, and not only once it is waited for: who starts a server may end it right after it
/// says that it listens.
pub fn asked_to_end() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let asked = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = asked {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Binds the address that was asked for.
///
/// # Errors
/// Whatever binding gives.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
