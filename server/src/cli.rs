//! The command line of the registry's operator.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::parse_public_key;
use cleartitle_schema::tlog::note::NoteVerifier;

use crate::app::{App, Registry};
use crate::data_dir::DataDir;
use crate::jobs::{observe, witness as witnesses};
use crate::routes::health;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::{audit, router, serve, witness};

/// The Cleartitle registry: signed terms go in, a transparency log proves them, clearance comes out.
#[derive(Debug, Parser)]
#[command(
    name = "cleartitle-server",
    version,
    about,
    after_help = "\
Exit codes: 0 done, 1 a check found differences, 2 could not do the job.\n\n\
First steps:\n  \
cleartitle-server serve --data registry/\n  \
cleartitle-server bind-key --data registry/ --issuer press.example --key press.pub\n  \
cleartitle register --registry http://127.0.0.1:8787 --key press.pem --issuer press.example terms.toml"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve the registry over HTTP; prints `listening on http://ADDRESS` when ready.
    ///
    /// The first start makes the data folder, the log's key and the operator's key. Clients pin the line in DIR/log.pub.
    Serve {
        /// The data folder; one server at a time.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Address and port; port 0 picks a free one.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
        listen: SocketAddr,
        /// The log's name, fixed at the first start: a host name, and a path if you like. Left out: one made of the log's key.
        #[arg(long, value_name = "NAME")]
        origin: Option<String>,
        #[command(flatten)]
        observe: observe::Flags,
        #[command(flatten)]
        witnesses: witnesses::Flags,
    },
    /// Witness other parties' logs: cosign each checkpoint that continues what was cosigned before, and no other.
    ///
    /// Prints its verifier key on stderr, for registries (`serve --witness`) and readers (`pull --witness`) to pin.
    Witness(witness::Flags),
    /// Bind a public key to an issuer's domain on the operator's word, as a logged statement.
    ///
    /// Works beside a running server. Make sure yourself that the key is the domain's: the log shows that you vouched.
    BindKey {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The domain that the key will speak for.
        #[arg(long, value_name = "DOMAIN")]
        issuer: Domain,
        /// The public key file, as `cleartitle keys new` writes it beside the private one.
        #[arg(long, value_name = "PUBLIC_KEY_FILE")]
        key: PathBuf,
        /// The log's name, where this is the first start.
        #[arg(long, value_name = "NAME")]
        origin: Option<String>,
    },
    /// Make tiles and every derived table again from leaves and blobs, and say what differed. No server may be running.
    Rebuild {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Check every leaf, tile, checkpoint, receipt and projection; exit code 0 when all is right, 1 when not.
    ///
    /// Works beside a running server, on the state at its start.
    Audit {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// How to report.
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
    /// Write the canonical form of every derived table to stdout: equal text, equal projections.
    Dump {
        /// The data folder.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Print the API's description (OpenAPI 3.1, YAML).
    #[command(hide = true)]
    Openapi,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Lines for people.
    Human,
    /// One JSON object.
    Json,
}

/// Runs the command line; the exit code is 0, 1 or 2.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.verb) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // A closed pipe is a quiet end.
            if error.downcast_ref::<std::io::Error>().is_some_and(|it| it.kind() == std::io::ErrorKind::BrokenPipe) {
                return ExitCode::SUCCESS;
            }
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<u8> {
    match verb {
        Verb::Serve { data, listen, origin, observe, witnesses } => {
            serve_until_asked(&data, listen, origin.as_deref(), observe, witnesses)
        }
        Verb::Witness(flags) => {
            trace();
            witness::run(flags)
        }
        Verb::BindKey { data, issuer, key, origin } => {
            let text = std::fs::read_to_string(&key).with_context(|| format!("`{}`", key.display()))?;
            let public = parse_public_key(&text).with_context(|| format!("`{}`", key.display()))?;
            let registry = Registry::open(&data, origin.as_deref())?;
            let index = registry.bind(&issuer, &public)?;
            println!("bound {} to {issuer} at index {index}", cleartitle_schema::signed::key_id(&public));
            Ok(0)
        }
        Verb::Rebuild { data } => rebuild(&data),
        Verb::Audit { data, format } => audit_all(&data, format),
        Verb::Dump { data } => {
            let data = DataDir::existing(&data)?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            SqliteStore::open_frozen(&data.database())?.dump(&mut out)?;
            out.flush()?;
            Ok(0)
        }
        Verb::Openapi => {
            print!("{}", router::openapi_yaml().map_err(anyhow::Error::msg)?);
            Ok(0)
        }
    }
}

/// Tells on stderr what happens, as much of it as `CLEARTITLE_LOG` asks for.
fn trace() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CLEARTITLE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,tower_http=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn serve_until_asked(
    data: &Path,
    listen: SocketAddr,
    origin: Option<&str>,
    observe: observe::Flags,
    witnesses: witnesses::Flags,
) -> anyhow::Result<u8> {
    trace();
    health::count();
    let folder = DataDir::open(data)?;
    let job = observe.job(&folder)?;
    let (quorum, witnesses) = (witnesses.quorum()?, witnesses.job()?);
    let held = folder.lock()?;
    let registry = Registry::open(data, origin)?.with_quorum(quorum)?;
    eprintln!("log key: {}", registry.verifier());
    let app = App::start(registry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = serve::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
        let address = listener.local_addr()?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on http://{address}")?;
        out.flush()?;
        drop(out);
        let observing = job.map(|job| tokio::spawn(job.run(address)));
        let witnessing = witnesses.map(|job| tokio::spawn(job.run(Arc::clone(&app))));
        let asked_to_end = async {
            serve::asked_to_end().await;
            // Before the requests inside are waited for: the observer's own would be among them.
            if let Some(observing) = &observing {
                observing.abort();
            }
            if let Some(witnessing) = &witnessing {
                witnessing.abort();
            }
        };
        serve::serve(listener, router::router(app), asked_to_end).await;
        if let Some(observing) = observing {
            // The child is killed when the aborted task has let go of it.
            let _ = observing.await;
        }
        anyhow::Ok(())
    })?;
    drop(runtime);
    drop(held);
    Ok(0)
}

fn audit_all(data: &Path, format: Format) -> anyhow::Result<u8> {
    let data = DataDir::existing(data)?;
    let store = SqliteStore::open_frozen(&data.database())?;
    let origin = store.present_setting("origin")?.context("the database names no log")?;
    let verifier = NoteVerifier::new(&origin, data.key("log")?.verifying_key())?;
    let report = audit::audit(&store, &verifier)?;
    match format {
        Format::Json => println!("{}", serde_json::to_string(&report)?),
        Format::Human => {
            report.findings.iter().for_each(|finding| println!("{} ({})", finding.what, finding.code));
            let verdict = if report.findings.is_empty() { "all is right" } else { "DAMAGED" };
            println!(
                "audit: {} leaves, {} statements, {} receipts, {} checkpoints, {} lists, {} blobs: {verdict}",
                report.leaves, report.statements, report.receipts, report.checkpoints, report.lists, report.blobs
            );
        }
    }
    Ok(u8::from(!report.findings.is_empty()))
}

fn rebuild(root: &Path) -> anyhow::Result<u8> {
    let data = DataDir::existing(root)?;
    let _held = data.lock()?;
    let registry = Registry::open(root, None)?;
    let mut rebuilt = registry.store.rebuild()?;
    let (other, snapshots) = registry.snapshots()?.make_again()?;
    rebuilt.differing.extend(other.iter().map(|size| format!("snapshot {size}")));
    println!("rebuild: {snapshots} snapshots");
    if rebuilt.differing.is_empty() {
        println!("rebuild: {} leaves, every projection is as it was", rebuilt.leaves);
        return Ok(0);
    }
    println!("rebuild: {} leaves, made again and mended: {}", rebuilt.leaves, rebuilt.differing.join(", "));
    Ok(1)
}
