//! The operator's `migrate`: from a folder's SQLite to a database that several servers share.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::audit;
use crate::data_dir::{DataDir, DataDirError};
use crate::store::Store;
use crate::store::postgres::{Address, MOVED, PostgresStore};
use crate::store::sqlite::SqliteStore;

/// Move a registry from its folder's SQLite to PostgreSQL, and audit what came out; exit code 1 while it is not through.
///
/// Run it first beside the running server: it copies what there is, and a run that stops is taken up by the next. Then stop the server and run
/// it once more: the rest follows, the audit runs, and the old database refuses to be served from then on. The folder keeps its keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:\n  \
cleartitle-server migrate --from sqlite:registry/ --to postgres://reg@db.example/reg   # beside the server; exits 1\n  \
# stop the server\n  \
cleartitle-server migrate --from sqlite:registry/ --to postgres://reg@db.example/reg   # exits 0\n  \
cleartitle-server serve --data registry/ --database postgres://reg@db.example/reg")]
pub struct Migrate {
    /// Where the registry is: `sqlite:` and its data folder.
    #[arg(long, value_name = "sqlite:DIR")]
    from: String,
    /// Where it goes: an empty database, or one that an earlier run began to fill.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_DATABASE", hide_env_values = true)]
    to: String,
}

impl Migrate {
    /// Migrates; the exit code.
    ///
    /// # Errors
    /// What stopped it.
    pub fn run(self) -> anyhow::Result<u8> {
        let Some(folder) = self.from.strip_prefix("sqlite:") else {
            bail!("--from is `sqlite:` and a data folder\n\nhint: --from sqlite:registry/");
        };
        let to: Address = self.to.parse().context("--to")?;
        let data = DataDir::existing(Path::new(folder))?;
        let source = SqliteStore::open(&data.database())?;
        let origin = source.present_setting("origin")?.context("the folder's database names no log")?;
        let target = PostgresStore::open(&to)?;
        let held = match data.lock() {
            Ok(held) => held,
            Err(DataDirError::InUse(_)) => {
                let size = target.follow(&source)?;
                println!("migrate: {size} leaves of `{origin}` are in {to}; the log grows on where it is");
                eprintln!("hint: stop the server and run this again");
                return Ok(1);
            }
            Err(error) => return Err(error.into()),
        };
        target.follow(&source)?;
        // Before the log is there: of two that can both be served one would be a fork.
        source.setting(MOVED, &to.to_string())?;
        let head = target.take_over(&source)?;
        let report = audit::audit(&PostgresStore::open_frozen(&to)?, &data.log_verifier(&origin)?)?;
        report.findings.iter().for_each(|finding| println!("{finding}"));
        println!("{}", report.line());
        let same = digest(&source)? == digest(&target)?;
        drop(held);
        if !report.findings.is_empty() || !same {
            println!("migrate: what came out is not what went in: do not serve it");
            return Ok(1);
        }
        println!("migrate: {} leaves of `{origin}` are in {to}, every projection as it was", head.size);
        eprintln!("hint: serve --data {folder} --database URL; every further server needs the same DIR/keys");
        Ok(0)
    }
}

/// The BLAKE3 of every derived table's canonical text.
fn digest(store: &dyn Store) -> anyhow::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    store.dump(&mut hasher)?;
    Ok(hasher.finalize())
}
