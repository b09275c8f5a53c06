//! A small internet: a real DNS server for `example.`, and a real https server for every host below it, both in this process.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hickory_server::Server;
use hickory_server::proto::rr::rdata::{A, SOA, TXT};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordType, RrKey};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneHandler, ZoneType};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// What is served under a host and a path.
#[derive(Clone)]
pub enum Page {
    /// A file.
    File(&'static str, Vec<u8>),
    /// A redirect.
    To(String),
    /// Bytes without an end.
    Endless,
}

/// What was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The host with its port, as the request named it.
    pub authority: String,
    /// The path.
    pub path: String,
    /// Header fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether something stood there, so that it was taken.
    pub taken: bool,
}

/// What stands under each host and path, and how often each was asked for.
type Pages = Arc<Mutex<(HashMap<(String, String), Page>, HashMap<(String, String), usize>)>>;

#[derive(Clone, Default)]
struct Sites {
    pages: Pages,
    posted: Arc<Mutex<Vec<Posted>>>,
}

/// The small internet.
pub struct Internet {
    runtime: tokio::runtime::Runtime,
    zone: Arc<InMemoryZoneHandler>,
    serial: AtomicU32,
    sites: Sites,
    dns: SocketAddr,
    https: u16,
    folder: tempfile::TempDir,
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).expect("a name")
}

/// Both kinds of socket at one port: what is free for one may be taken for the other.
async fn one_port() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

impl Internet {
    /// Starts it; certificates are made for these hosts.
    pub fn start(hosts: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let zone = Arc::new(InMemoryZoneHandler::empty(name("example"), ZoneType::Primary, AxfrPolicy::Deny));
        let (folder, sites) = (tempfile::tempdir().unwrap(), Sites::default());
        let config = certificates(hosts, folder.path());
        let (dns, https) = runtime.block_on(async {
            let soa = SOA::new(name("ns.example"), name("root.example"), 1, 60, 60, 60, 0);
            zone.upsert(Record::from_rdata(name("example"), 0, RData::SOA(soa)), 0).await;
            let mut catalog = Catalog::new();
            catalog.upsert(LowerName::new(&name("example")), vec![Arc::clone(&zone) as Arc<dyn ZoneHandler>]);
            let mut server = Server::new(catalog);
            let (udp, tcp) = one_port().await;
            let dns = udp.local_addr().unwrap();
            server.register_socket(udp);
            server.register_listener(tcp, Duration::from_secs(5), 16);
            tokio::spawn(async move { server.block_until_done().await });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let https = listener.local_addr().unwrap().port();
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            let router = Router::new().fallback(serve).with_state(sites.clone());
            tokio::spawn(async move { axum::serve(Tls { listener, acceptor }, router).await });
            (dns, https)
        });
        let internet = Self { runtime, zone, serial: AtomicU32::new(1), sites, dns, https, folder };
        hosts.iter().for_each(|host| internet.address(host, Ipv4Addr::LOCALHOST));
        internet
    }

    fn put(&self, host: &str, kind: RecordType, data: Vec<RData>) {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed) + 1;
        self.runtime.block_on(async {
            self.zone.records_mut().await.remove(&RrKey::new(LowerName::new(&name(host)), kind));
            for rdata in data {
                self.zone.upsert(Record::from_rdata(name(host), 0, rdata), serial).await;
            }
        });
    }

    /// Sets the TXT records of a name; none removes it.
    pub fn txt(&self, host: &str, records: &[&str]) {
        let record = |text: &&str| RData::TXT(TXT::new(vec![(*text).to_owned()]));
        self.put(host, RecordType::TXT, records.iter().map(record).collect());
    }

    /// Sets the address of a host.
    pub fn address(&self, host: &str, address: Ipv4Addr) {
        self.put(host, RecordType::A, vec![RData::A(A(address))]);
    }

    /// Sets what stands under a path of a host; `None` removes it.
    pub fn page(&self, host: &str, path: &str, page: Option<Page>) {
        let place = (host.to_owned(), path.to_owned());
        let mut pages = self.sites.pages.lock().unwrap();
        match page {
            Some(page) => _ = pages.0.insert(place, page),
            None => _ = pages.0.remove(&place),
        }
    }

    /// How often a path of a host was asked for.
    pub fn asked(&self, host: &str, path: &str) -> usize {
        self.sites.pages.lock().unwrap().1.get(&(host.to_owned(), path.to_owned())).copied().unwrap_or_default()
    }

    /// Everything that was posted to these hosts, in order.
    pub fn posted(&self) -> Vec<Posted> {
        self.sites.posted.lock().unwrap().clone()
    }

    /// The address of the DNS server.
    pub fn resolver(&self) -> String {
        self.dns.to_string()
    }

    /// The address of a path of a host, as a redirect names it.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.https)
    }

    /// Flags of `cleartitle-server serve` that make this its internet, private addresses aside.
    pub fn flags(&self) -> Vec<String> {
        let roots = self.folder.path().join("root.pem").display().to_string();
        let port = self.https.to_string();
        ["--resolver", &self.resolver(), "--proof-roots", &roots, "--proof-port", &port, "--look-serves", "0"]
            .map(str::to_owned)
            .to_vec()
    }
}

/// Makes a root, kept as `root.pem`, and a certificate under it for these hosts.
fn certificates(hosts: &[&str], folder: &std::path::Path) -> ServerConfig {
    let root_key = KeyPair::generate().unwrap();
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = root.self_signed(&root_key).unwrap().pem();
    std::fs::write(folder.join("root.pem"), pem).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let issuer = Issuer::new(root, root_key);
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder =
        ServerConfig::builder_with_provider(Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

struct Tls {
    listener: TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            // A client that hangs up in the handshake is no reason to end.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn serve(State(sites): State<Sites>, headers: HeaderMap, request: Request) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (authority, path) = (host.to_owned(), request.uri().path().to_owned());
    let host = host.split(':').next().unwrap_or_default().to_owned();
    let place = (host, path.clone());
    let page = {
        let mut pages = sites.pages.lock().unwrap();
        *pages.1.entry(place.clone()).or_default() += 1;
        pages.0.get(&place).cloned()
    };
    if request.method() == axum::http::Method::POST {
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let fields = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let taken = page.is_some();
        let body = axum::body::to_bytes(request.into_body(), 8 << 20).await.unwrap_or_default().to_vec();
        sites.posted.lock().unwrap().push(Posted { authority, path, fields, body, taken });
    }
    match page {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Page::File(media_type, bytes)) => ([(header::CONTENT_TYPE, media_type)], bytes).into_response(),
        Some(Page::To(url)) => (StatusCode::FOUND, [(header::LOCATION, url)]).into_response(),
        Some(Page::Endless) => {
            let stream = std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 4096]));
            axum::body::Body::from_stream(Endless(stream)).into_response()
        }
    }
}

struct Endless<I>(I);

impl<I: Iterator + Unpin> futures_util::Stream for Endless<I> {
    type Item = I::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}
