//! A small witness for peers to run: it cosigns checkpoints of the logs that its operator names, each only if it continues
//! all that it cosigned before (`c2sp.org/tlog-witness` and `c2sp.org/tlog-cosignature`, v1.1.0, Ed25519).
//!
//! It needs no registry beside it, and holds none of a log's entries. Deliberately absent: cosignatures by
//! ML-DSA-44, which the specification recommends and a later release may add beside these; `sign-subtree`, which is optional;
//! any trust in whoever posts, since the log's signature decides.
//!
//! ```text
//! DIR/lock              held while it serves
//! DIR/keys/witness.pem  private key, 0600, for this witness alone
//! DIR/witness.pub       verifier key, for registries and readers to pin
//! DIR/witness.sqlite    the newest checkpoint of each log, never to be lost: without it the key must not sign again
//! DIR/evidence/         checkpoints, signed by a log, that contradict one that was cosigned
//! ```

mod routes;
mod state;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use cleartitle_schema::tlog::cosignature::WitnessSigner;
use cleartitle_schema::tlog::note::NoteVerifier;

use crate::data_dir::DataDir;
use crate::routes::health;
use crate::serve::{self, Server};
use state::{State, Witness};

/// Flags of `witness`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, with a registry that asks for it:
  cleartitle-server witness --data witness --name witness.example --log \"$(cat registry/log.pub)\"
  cleartitle-server serve --data registry --witness-quorum 1 --witness \"http://127.0.0.1:8788=$(cat witness/witness.pub)\"

Keep witness.sqlite as safe as the key: without it the key can't know what it has signed.")]
pub struct Flags {
    /// The witness's folder; one process at a time.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address and port; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// The witness's name, fixed at the first start: a host name of yours, and a path if you like.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// A log to witness, by its verifier key (`log.pub` of a registry); again for another, or for a second key of one.
    #[arg(long, value_name = "VERIFIER_KEY", required = true, value_parser = log_key)]
    log: Vec<NoteVerifier>,
}

fn log_key(text: &str) -> Result<NoteVerifier, String> {
    NoteVerifier::parse(text.trim()).map_err(|error| error.to_string())
}

/// Serves the witness until it is asked to end.
///
/// # Errors
/// A folder that can't be used, and an address that is taken.
pub fn run(flags: Flags) -> anyhow::Result<u8> {
    let data = DataDir::open_witness(&flags.data)?;
    let held = data.lock()?;
    let (database, key_file) = (data.file("witness.sqlite"), data.file("keys/witness.pem"));
    // The key outlives its memory only by accident or by theft; signing on would break what it has signed before.
    anyhow::ensure!(
        database.is_file() || !key_file.exists(),
        "`{}` is gone, and with it what this key has cosigned\nhint: restore it; or, if it is lost, begin anew with another \
         name in another folder, and tell those who pin the key",
        database.display()
    );
    let state = State::open(&database)?;
    let signer = WitnessSigner::new(&flags.name, data.key("witness")?).context("--name")?;
    state.belongs_to(&signer.verifier().to_string())?;
    data.publish("witness.pub", &format!("{}\n", signer.verifier()))?;
    eprintln!("witness key: {}", signer.verifier());
    health::count();
    let witness = Arc::new(Witness::new(signer, flags.log, state, data.file("evidence")));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = serve::bind(flags.listen).await.with_context(|| format!("listening on {}", flags.listen))?;
        let address = listener.local_addr()?;
        let asked = serve::asked_to_end();
        let mut out = std::io::stdout().lock();
        writeln!(out, "listening on http://{address}")?;
        out.flush()?;
        drop(out);
        let server = Server::new(routes::router(witness), Arc::default(), None);
        server.serve(listener, asked).await;
        anyhow::Ok(())
    })?;
    drop(runtime);
    drop(held);
    Ok(0)
}
