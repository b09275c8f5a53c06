//! Where a registry is: its folder, and the database that several servers may share.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::app::Registry;
use crate::data_dir::DataDir;
use crate::objects::{self, Objects};
use crate::store::database::Database;
use crate::store::postgres::{Address, PostgresStore};
use crate::store::sqlite::SqliteStore;

/// What to do about an address that can't be read.
pub const FORM: &str = "hint: postgres://USER@HOST:5432/NAME, percent-encoded where a sign has a meaning";

/// Flags that every command about a registry takes.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The data folder.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// A PostgreSQL database in place of the folder's own SQLite, `postgres://USER@HOST/NAME`; several hosts with commas between them.
    ///
    /// Several servers may share it, each with a folder of its own and the same DIR/keys in all of them. Give it by the environment where
    /// a password is in it, since other users see a command's arguments. A database on
    /// another machine is spoken to over TLS, with a certificate for its host name that the system, SSL_CERT_FILE or the URL's own
    /// `sslrootcert=FILE` trusts, unless the URL says `sslmode=disable`. On this machine that is asked for by `sslmode=verify-full`. For a failover that loses nothing set `synchronous_standby_names` on the primary, and name all hosts in the URL.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Object storage beside the database: `s3://BUCKET/PREFIX`, or a folder. Evidence that is brought lies there and not in the database,
    /// and checkpoints, tiles, lists, opened leaves and snapshots are published there, each under the path at which it is served.
    ///
    /// Any web server or CDN in front of it is then a registry for `cleartitle pull` and `audit`, with no server behind. Credentials and
    /// endpoint are heard from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL and their kin. All servers of one
    /// database name the same storage. Nobody who registers waits for it, but who brings evidence does.
    #[arg(long, value_name = "URL", env = "CLEARTITLE_OBJECTS")]
    objects: Option<String>,
}

impl Place {
    /// The database's address, where there is one. Not read by the parser of arguments: its message would repeat a password.
    ///
    /// # Errors
    /// An address that can't be read.
    pub fn address(&self) -> anyhow::Result<Option<Address>> {
        let text = self.database.as_deref().filter(|text| !text.is_empty());
        let address = text.map(|text| text.parse::<Address>().context("--database")).transpose();
        address.context(FORM)
    }

    /// Whether several servers may share it.
    ///
    /// # Errors
    /// An address that can't be read.
    pub fn is_shared(&self) -> anyhow::Result<bool> {
        Ok(self.address()?.is_some())
    }

    /// The folder of a registry that is there.
    ///
    /// # Errors
    /// That it isn't.
    pub fn folder(&self) -> anyhow::Result<DataDir> {
        let shared = self.address()?.is_some();
        Ok(if shared { DataDir::open(&self.data)? } else { DataDir::existing(&self.data)? })
    }

    /// The registry, begun where there is none.
    ///
    /// # Errors
    /// What keeps it from being opened.
    pub fn registry(&self, origin: Option<&str>) -> anyhow::Result<Registry> {
        let objects = self.objects()?;
        Ok(Registry::open_at(&self.data, self.address()?.as_ref(), origin)?.with_objects(objects))
    }

    /// The object storage that was named.
    ///
    /// # Errors
    /// An address that can't be read, or a storage that can't be opened.
    pub fn objects(&self) -> anyhow::Result<Option<Objects>> {
        let text = self.objects.as_deref().filter(|text| !text.is_empty());
        let address = text.map(|text| text.parse::<objects::address::Address>().context("--objects")).transpose()?;
        Ok(address.map(|address| Objects::open(&address)).transpose()?)
    }

    /// The registry's database as it stands now, whatever is written meanwhile.
    ///
    /// # Errors
    /// What keeps it from being opened.
    pub fn frozen(&self) -> anyhow::Result<Box<dyn Database>> {
        Ok(match self.address()? {
            Some(address) => Box::new(PostgresStore::open_frozen(&address)?),
            None => Box::new(SqliteStore::open_frozen(&self.folder()?.database())?),
        })
    }
}
