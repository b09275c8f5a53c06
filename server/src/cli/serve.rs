//! The operator's `serve`.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::place::{self, Place};
use crate::app::App;
use crate::data_dir::DataDir;
use crate::domains::{self, Domains};
use crate::jobs::{certify, measure, news, observe, publish, recheck, tables, webhooks, witness as witnesses};
use crate::router;
use crate::routes::{Shared, health};
use crate::serve::{self, Server};
use crate::store::postgres::{Address, MOST_REPLICAS};
use crate::tls::{self, Certificate};
use crate::{limits, notify, telemetry};

use super::logs;

/// Where the scheduled observer's child comes in when everybody else comes by https.
const INNER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Serve the registry over HTTP, or with a certificate over HTTPS; prints `listening on http://ADDRESS` when ready.
///
/// The first start makes the data folder, the log's key and the operator's key. Clients pin the line in DIR/log.pub. One server at a
/// time has a folder. With --database several servers, each with a folder of its own, keep one log: copy DIR/keys of the first into the
/// folder of each other before it starts. Each keeps its own snapshots, certificates, limits and observer; of the jobs that all share, one
/// server does each.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each flag is heard from the environment as CLEARTITLE_ and its name, CLEARTITLE_TLS_CERT for --tls-cert, and from the file that
--config names; a flag beats the environment, the environment beats the file. SIGTERM ends it when the requests inside are done.\n\n\
Examples:\n  \
cleartitle-server serve --data registry\n  \
cleartitle-server serve --config /etc/cleartitle/cleartitle-server.toml\n  \
cleartitle-server serve --data one --database postgres://reg@db1.example/reg --read-database postgres://reg@db2.example/reg\n  \
CLEARTITLE_LOG_FORMAT=json cleartitle-server serve --data registry --tls-cert chain.pem --tls-key key.pem")]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    /// A replica of --database to read from, `postgres://USER@HOST/NAME`; several times for several, or with blanks between them in
    /// CLEARTITLE_READ_DATABASE, where they stand if a password is in one.
    ///
    /// Pages of statements, changes, documents, tiles, envelopes and receipts are read there, whenever the replica stands where this server
    /// last saw the log, so that whoever has registered here finds it here at once. Registrations are judged on --database alone. A replica
    /// that lags, fails or is of another registry is left alone, told on stderr and in the metrics, and tried again.
    #[arg(long, value_name = "URL", requires = "database")]
    read_database: Vec<String>,
    /// Settings from this file: TOML, a member for each flag. `cleartitle-server init` prints one.
    #[arg(long, value_name = "FILE")]
    #[allow(dead_code, reason = "read by `configuration` before everything else")]
    config: Option<PathBuf>,
    /// Address and port; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// The log's name, fixed at the first start: a host name, and a path if you like. Left out: one made of the log's key.
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// When asked to end, say so on /readyz and go on serving for so many seconds, so that a balancer sends nobody any more.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600))]
    drain: u64,
    #[command(flatten)]
    logs: logs::Flags,
    #[command(flatten)]
    observe: observe::Flags,
    #[command(flatten)]
    witnesses: witnesses::Flags,
    #[command(flatten)]
    domains: domains::Flags,
    #[command(flatten)]
    webhooks: webhooks::Flags,
    #[command(flatten)]
    publish: publish::Flags,
    #[command(flatten)]
    limits: limits::Flags,
    #[command(flatten)]
    tls: tls::Flags,
    #[command(flatten)]
    acme: certify::Flags,
}

impl Serve {
    /// Serves until the process is asked to end; the exit code.
    ///
    /// # Errors
    /// What stopped it.
    pub fn run(self) -> anyhow::Result<u8> {
        self.logs.begin()?;
        health::count();
        let telling = telemetry::begin()?;
        let folder = DataDir::open(&self.place.data)?;
        let observing = self.observe.job(&folder)?;
        let certifying = self.acme.job(&folder);
        let certificate = match &certifying {
            Some(job) => Some(job.certificate()),
            None => self.tls.certificate()?,
        };
        let (quorum, witnessing) = (self.witnesses.quorum()?, self.witnesses.job()?);
        let held = folder.lock()?;
        let replicas = replicas(&self.read_database)?;
        anyhow::ensure!(
            replicas.is_empty() || self.place.is_shared()?,
            "--read-database names replicas of no --database"
        );
        let registry = self.place.registry(self.origin.as_deref())?.with_quorum(quorum)?.with_replicas(&replicas)?;
        registry.check_objects()?;
        self.logs.tell_key(registry.verifier());
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let domains = runtime.block_on(async { Domains::new(self.domains) })?;
        let app = App::start(registry, domains, Arc::new(self.limits.into()))?;
        runtime.block_on(serve_until_asked(
            app,
            self.listen,
            Jobs {
                delivering: self.webhooks,
                publishing: self.publish,
                observing,
                witnessing,
                certifying,
                certificate,
                drain: Duration::from_secs(self.drain),
            },
        ))?;
        drop(runtime);
        drop(telling);
        drop(held);
        Ok(0)
    }
}

/// The replicas' addresses. Not read by the parser of arguments: its message would repeat a password.
fn replicas(given: &[String]) -> anyhow::Result<Vec<Address>> {
    anyhow::ensure!(given.len() <= MOST_REPLICAS, "--read-database is given more than {MOST_REPLICAS} times");
    let read = given.iter().map(|text| text.parse::<Address>().context("--read-database"));
    read.collect::<anyhow::Result<_>>().context(place::FORM)
}

/// What goes on beside serving.
struct Jobs {
    delivering: webhooks::Flags,
    publishing: publish::Flags,
    observing: Option<observe::Job>,
    witnessing: Option<witnesses::Job>,
    certifying: Option<certify::Job>,
    certificate: Option<Arc<Certificate>>,
    drain: Duration,
}

async fn serve_until_asked(app: Shared, listen: SocketAddr, jobs: Jobs) -> anyhow::Result<()> {
    let listener = serve::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let address = listener.local_addr()?;
    let acceptor = jobs.certificate.as_ref().map(Certificate::acceptor).transpose()?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let rechecking = tokio::spawn(recheck::run(Arc::clone(&app)));
    let witnessing = jobs.witnessing.map(|job| tokio::spawn(job.run(Arc::clone(&app))));
    let delivering = tokio::spawn(webhooks::run(Arc::clone(&app), jobs.delivering));
    let publishing = tokio::spawn(publish::run(Arc::clone(&app), jobs.publishing));
    let telling = tokio::spawn(news::run(Arc::clone(&app)));
    let measuring = tokio::spawn(measure::run(Arc::clone(&app)));
    let loading = tokio::spawn(tables::run(Arc::clone(&app)));
    let ending = Arc::clone(&app);
    let (limits, routes) = (Arc::clone(&app.limits), router::router(app));
    let (end, mut ended) = watch::channel(());
    // The observer's child trusts no certificate that is for another name: it comes in by a door on this machine alone.
    let apart = jobs.observing.is_some() && acceptor.is_some();
    let inner = if apart { Some(serve::bind(INNER).await?) } else { None };
    let door = inner.as_ref().map_or(Ok(address), TcpListener::local_addr)?;
    let inner = inner.map(|listener| {
        let server = Server::new(routes.clone(), Arc::clone(&limits), None);
        tokio::spawn(server.serve(listener, async move { _ = ended.changed().await }))
    });
    let following = jobs.certificate.map(|certificate| tokio::spawn(certificate.follow()));
    let certifying = jobs.certifying.map(|job| tokio::spawn(job.run()));
    let asked = serve::asked_to_end();
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {scheme}://{address}")?;
    out.flush()?;
    drop(out);
    notify::tell(&format!("READY=1\nSTATUS=listening on {scheme}://{address}"));
    let observing = jobs.observing.map(|job| tokio::spawn(job.run(door)));
    let asked_to_end = async {
        asked.await;
        ending.readiness.end();
        notify::tell("STOPPING=1\nSTATUS=letting requests end");
        tokio::time::sleep(jobs.drain).await;
        rechecking.abort();
        telling.abort();
        measuring.abort();
        loading.abort();
        delivering.abort();
        publishing.abort();
        // Those who wait for changes are answered at once.
        ending.news.end();
        // Before the requests inside are waited for: the observer's own would be among them.
        if let Some(observing) = &observing {
            observing.abort();
        }
    };
    Server::new(routes, limits, acceptor).serve(listener, asked_to_end).await;
    drop(end);
    if let Some(inner) = inner {
        let _ = inner.await;
    }
    following.into_iter().chain(certifying).chain(witnessing).for_each(|job| job.abort());
    if let Some(observing) = observing {
        // The child is killed when the aborted task has let go of it.
        let _ = observing.await;
    }
    Ok(())
}
