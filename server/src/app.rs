//! The one place where the parts are put together: which folder, which store, which keys, which log.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use cleartitle_schema::api::LogKey;
use cleartitle_schema::bindings::in_force;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::{key_id, print_public_key};
use cleartitle_schema::tlog::note::{NoteSigner, NoteVerifier};
use ed25519_dalek::SigningKey;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::changes::News;
use crate::clearance::Clearance;
use crate::data_dir::{DataDir, DataDirError};
use crate::documents::{OpenedTables, Progress};
use crate::domains::Domains;
use crate::domains::binding::{self, BindError, Operator};
use crate::limits::{Client, Limits};
use crate::log::{Candidate, Log, Sequencer, now};
use crate::objects::Objects;
use crate::places::Place;
use crate::readiness::Readiness;
use crate::refusal::Refusal;
use crate::snapshots::Snapshots;
use crate::store::database::Database;
use crate::store::postgres::{Address, MOVED, PostgresStore, Replicated, UNFINISHED};
use crate::store::sqlite::SqliteStore;
use crate::store::witnessed::cosigned_note;
use crate::store::{SignedHead, Store, StoreError};

/// The setting that names the object storage which was given first.
pub const OBJECTS: &str = "objects";

/// How many bodies of up to 32 MiB stand in memory at once.
const MAX_LARGE_BODIES: usize = 8;

/// How many may work on the store at once, for each core: some wait for the disk, and none for long.
const AT_WORK_PER_CORE: usize = 4;

/// At least so many, so that a few slow readings stop nobody on a small machine.
const MIN_AT_WORK: usize = 16;

/// How many blobs of up to 4 MiB stand in memory at once. Places of their own: evidence must not keep statements waiting.
const MAX_BLOB_BODIES: usize = 16;

/// How many blobs are read from the object storage at once.
const MAX_OBJECTS_READ: usize = 32;

/// Why a registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log was begun under another name.
    #[error("the log's origin is `{present}`, not `{wanted}`")]
    Origin {
        /// The name it has.
        present: String,
        /// The name that was asked for.
        wanted: String,
    },
    /// The origin does not begin with a host name, or is not one word.
    #[error("`{0}` can't be a log's origin: a host name, and a path if you like, such as `registry.example/log`")]
    OriginForm(String),
    /// The registry was moved to another database.
    #[error("the registry was moved to {0}\n\nhint: name it with --database, or CLEARTITLE_DATABASE")]
    Moved(String),
    /// The database holds part of a registry.
    #[error(
        "the database holds part of a registry that is being moved\n\nhint: run `cleartitle-server migrate` again, to its end"
    )]
    Unfinished,
    /// Evidence lies among objects that were not named.
    #[error("the registry's evidence lies in {0}\n\nhint: name it with --objects, or CLEARTITLE_OBJECTS")]
    Elsewhere(String),
    /// The log could not be begun.
    #[error(transparent)]
    Log(#[from] Refusal),
    /// A key could not be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl OpenError {
    /// The store's own word, where it was that.
    #[must_use]
    pub const fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// An opened registry, not yet serving: its store, names and keys.
pub struct Registry {
    /// Where it lies.
    pub data: DataDir,
    /// What it keeps.
    pub store: Arc<dyn Database>,
    /// The same for readers: with replicas, where there are any.
    pub reads: Arc<dyn Store>,
    /// The same where several servers may share it.
    shared: Option<Arc<PostgresStore>>,
    /// The log's name.
    pub origin: String,
    signer: NoteSigner,
    operator_domain: Domain,
    operator: SigningKey,
    quorum: Option<usize>,
    objects: Option<Objects>,
}

impl Registry {
    /// Opens a registry, beginning its log where there is none. The origin is fixed at the first start; without one, a
    /// name of the key's own is taken, so that no two logs share it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(root: &Path, origin: Option<&str>) -> Result<Self, OpenError> {
        let data = DataDir::open(root)?;
        data.check_keys()?;
        let store = SqliteStore::open(&data.database())?;
        if let Some(to) = store.present_setting(MOVED)? {
            return Err(OpenError::Moved(to));
        }
        Self::over(data, Arc::new(store), None, origin)
    }

    /// The same over a database that several servers may share, or where none is named over the folder's own. All servers of one log have
    /// the same keys, each in its own folder: another key would sign another log under the same name.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_at(root: &Path, database: Option<&Address>, origin: Option<&str>) -> Result<Self, OpenError> {
        let Some(address) = database else { return Self::open(root, origin) };
        let data = DataDir::open(root)?;
        let store = PostgresStore::open(address)?;
        if store.present_setting(UNFINISHED)?.is_some() {
            return Err(OpenError::Unfinished);
        }
        if store.present_setting("origin")?.is_some() {
            data.check_shared_keys()?;
        }
        for name in ["log", "operator"] {
            let ours = print_public_key(&data.key(name)?.verifying_key());
            if store.setting(&format!("{name} key"), &ours)? != ours {
                return Err(DataDirError::OtherKey(data.key_file(name)).into());
            }
        }
        let store = Arc::new(store);
        Self::over(data, Arc::clone(&store) as Arc<dyn Database>, Some(store), origin)
    }

    fn over(
        data: DataDir,
        store: Arc<dyn Database>,
        shared: Option<Arc<PostgresStore>>,
        origin: Option<&str>,
    ) -> Result<Self, OpenError> {
        let (log_key, operator) = (data.key("log")?, data.key("operator")?);
        let own = || {
            let id = key_id(&log_key.verifying_key()).to_string();
            format!("log-{}.example", id.trim_start_matches("key:").get(..16).unwrap_or_default())
        };
        let wanted = origin.map_or_else(own, str::to_owned);
        let operator_domain = operator_domain(&wanted)?;
        let present = store.setting("origin", &wanted)?;
        if origin.is_some() && present != wanted {
            return Err(OpenError::Origin { present, wanted });
        }
        let operator_domain = if present == wanted { operator_domain } else { self::operator_domain(&present)? };
        let signer = NoteSigner::new(&present, log_key).map_err(|_| OpenError::OriginForm(present.clone()))?;
        data.publish("log.pub", &format!("{}\n", signer.verifier()))?;
        data.publish("operator.pub", &print_public_key(&operator.verifying_key()))?;
        let reads = Arc::clone(&store) as Arc<dyn Store>;
        let registry = Self {
            data,
            store,
            reads,
            shared,
            origin: present,
            signer,
            operator_domain,
            operator,
            quorum: None,
            objects: None,
        };
        registry.begin()?;
        Ok(registry)
    }

    /// The empty log's checkpoint, and as its first leaf the operator's own key.
    fn begin(&self) -> Result<(), OpenError> {
        let sequencer = self.sequencer();
        sequencer.begin()?;
        if self.store.bindings_of(&self.operator_domain)?.is_empty() {
            let key = self.operator.verifying_key();
            self.bind(&self.operator_domain.clone(), &key, false)?;
        }
        Ok(())
    }

    /// Says how many witnesses' operators must have cosigned a checkpoint before it is shown; `None` shows each at once.
    ///
    /// # Errors
    /// [`OpenError::Store`].
    pub fn with_quorum(mut self, quorum: Option<usize>) -> Result<Self, OpenError> {
        if quorum.is_none() {
            self.store.unmark()?;
        }
        self.quorum = quorum;
        Ok(self)
    }

    /// Has readers' questions go to replicas of a shared database where those can answer as well.
    ///
    /// # Errors
    /// [`OpenError::Store`] where one can't be asked at all.
    pub fn with_replicas(mut self, replicas: &[Address]) -> Result<Self, OpenError> {
        if let Some(primary) = self.shared.as_ref().filter(|_| !replicas.is_empty()) {
            self.reads = Arc::new(Replicated::new(Arc::clone(primary), replicas)?);
        }
        Ok(self)
    }

    /// Says where evidence is put and what is shown is published besides: a bucket or a folder.
    #[must_use]
    pub fn with_objects(mut self, objects: Option<Objects>) -> Self {
        self.objects = objects;
        self
    }

    /// The object storage, where there is one.
    #[must_use]
    pub const fn objects(&self) -> Option<&Objects> {
        self.objects.as_ref()
    }

    /// Refuses to go on without the storage in which evidence lies, and remembers the first that is given.
    ///
    /// # Errors
    /// [`OpenError::Elsewhere`], [`OpenError::Store`].
    pub fn check_objects(&self) -> Result<(), OpenError> {
        match &self.objects {
            Some(objects) => _ = self.store.setting(OBJECTS, &objects.address().to_string())?,
            None => {
                if let Some(first) = self.store.present_setting(OBJECTS)? {
                    return Err(OpenError::Elsewhere(first));
                }
            }
        }
        Ok(())
    }

    /// The log's name and the keys that clients pin.
    #[must_use]
    pub fn log_key(&self) -> LogKey {
        LogKey {
            origin: self.origin.clone(),
            verifier: self.verifier().to_string(),
            operator: print_public_key(&self.operator_key()).trim_end().to_owned(),
        }
    }

    /// How many witnesses' operators must have cosigned.
    #[must_use]
    pub fn quorum(&self) -> Option<usize> {
        self.quorum
    }

    /// The checkpoint that is shown, with the cosignatures that are there: the newest one, or where a quorum is asked the
    /// newest that has had it. It never goes back: who saw a later one would take the log for rolled back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn shown(&self) -> Result<Option<SignedHead>, StoreError> {
        let head = if self.quorum.is_some() { self.store.witnessed()? } else { self.store.latest_checkpoint()? };
        head.map(|head| self.cosigned(head)).transpose()
    }

    /// The oldest checkpoint over at least `size` leaves that the quorum, or any witness where none is asked, cosigned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn witnessed_from(&self, size: u64) -> Result<Option<SignedHead>, StoreError> {
        let head = self.store.witnessed_from(size, self.quorum.unwrap_or(1))?;
        head.map(|head| self.cosigned(head)).transpose()
    }

    fn cosigned(&self, head: SignedHead) -> Result<SignedHead, StoreError> {
        let note = cosigned_note(&head, &self.store.cosignatures(head.size)?);
        Ok(SignedHead { note, ..head })
    }

    /// A sequencer of this log.
    #[must_use]
    pub fn sequencer(&self) -> Sequencer {
        Sequencer::new(Arc::clone(&self.store) as Arc<dyn Store>, self.signer.clone())
    }

    /// The key that checkpoints are checked with.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        self.signer.verifier()
    }

    /// The key that signs key bindings.
    #[must_use]
    pub fn operator_key(&self) -> ed25519_dalek::VerifyingKey {
        self.operator.verifying_key()
    }

    /// The snapshots of this log.
    ///
    /// # Errors
    /// [`OpenError::OriginForm`] for an origin that can't name a key.
    pub fn snapshots(&self) -> Result<Snapshots, OpenError> {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        Snapshots::new(self.data.snapshots(), &self.origin, self.data.key("log")?, store)
            .map_err(|_| OpenError::OriginForm(self.origin.clone()))
    }

    /// Who makes key bindings.
    #[must_use]
    pub const fn operator(&self) -> Operator<'_> {
        Operator { origin: self.origin.as_str(), domain: &self.operator_domain, key: &self.operator }
    }

    /// Binds a key to a domain by the operator's word; bound already is fine, unless a new tenure is to begin. Returns the
    /// binding's leaf index.
    ///
    /// # Errors
    /// [`OpenError::Bind`], [`OpenError::Log`], [`OpenError::Store`].
    pub fn bind(&self, domain: &Domain, key: &ed25519_dalek::VerifyingKey, new_tenure: bool) -> Result<u64, OpenError> {
        let store: &dyn Store = &*self.store;
        let bound = in_force(store, domain)?;
        if let Some(bound) = bound.iter().find(|bound| bound.key_id == key_id(key) && bound.proof.signs_deeds())
            && !new_tenure
        {
            return Ok(bound.index);
        }
        let candidate: Candidate = binding::vouched(store, self.operator(), domain, key, new_tenure, now())?;
        let mut answers = self.sequencer().commit(std::slice::from_ref(&candidate));
        let lost = || Refusal::Unavailable("no answer".to_owned());
        Ok(answers.pop().ok_or_else(lost)??.stored.registered.index)
    }
}

fn operator_domain(origin: &str) -> Result<Domain, OpenError> {
    let host = origin.split('/').next().unwrap_or_default();
    let one_word = origin.len() <= 200 && origin.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'+');
    let form = || OpenError::OriginForm(origin.chars().take(80).collect());
    if one_word { host.parse().map_err(|_| form()) } else { Err(form()) }
}

/// A serving registry: what every route may ask.
pub struct App {
    /// What is kept, for readers; what a registration is judged by is asked of the registry's own.
    pub store: Arc<dyn Store>,
    /// Where candidates go.
    pub log: Log,
    /// Where those are woken who wait for changes.
    pub news: Arc<News>,
    /// Where questions go.
    pub clearance: Clearance,
    /// Where snapshots lie.
    pub snapshots: Arc<Snapshots>,
    /// The opened registry.
    pub registry: Registry,
    /// What domains publish.
    pub domains: Domains,
    /// Whether registrations would be durable.
    pub readiness: Readiness,
    /// How much one address and one issuer may ask for.
    pub limits: Arc<Limits>,
    /// Whoever works on the store beside the async threads: more at once than this only push each other off the cores.
    pub at_work: Arc<Semaphore>,
    /// How many leaves the object storage shows, as far as this server knows.
    pub published: AtomicU64,
    /// Told when the last bytes of a provenance table have come.
    pub tables_whole: Notify,
    /// How far the table is that is loaded now.
    pub loading: Progress,
    /// Tables that are open for look-ups.
    pub opened_tables: OpenedTables,
    large_bodies: Arc<Semaphore>,
    blob_bodies: Arc<Semaphore>,
    objects_read: Arc<Semaphore>,
}

impl App {
    /// Starts the log of an opened registry.
    ///
    /// # Errors
    /// Whatever starting a thread gives.
    pub fn start(registry: Registry, domains: Domains, limits: Arc<Limits>) -> std::io::Result<Arc<Self>> {
        let store = Arc::clone(&registry.reads);
        let news = Arc::new(News::default());
        let log = Log::start(registry.sequencer().telling(Arc::clone(&news)))?;
        let snapshots = Arc::new(registry.snapshots().map_err(std::io::Error::other)?);
        let clearance = Clearance::start(Arc::clone(&store), Arc::clone(&snapshots), Arc::clone(&news))?;
        let large_bodies = Arc::new(Semaphore::new(MAX_LARGE_BODIES));
        let blob_bodies = Arc::new(Semaphore::new(MAX_BLOB_BODIES));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_work = Arc::new(Semaphore::new((cores * AT_WORK_PER_CORE).max(MIN_AT_WORK)));
        Ok(Arc::new(Self {
            store,
            log,
            news,
            clearance,
            snapshots,
            registry,
            domains,
            readiness: Readiness::default(),
            limits,
            at_work,
            published: AtomicU64::new(0),
            tables_whole: Notify::new(),
            loading: Progress::default(),
            opened_tables: OpenedTables::default(),
            large_bodies,
            blob_bodies,
            objects_read: Arc::new(Semaphore::new(MAX_OBJECTS_READ)),
        }))
    }

    /// A place for a stream of questions, held while it lasts.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub fn stream_place(&self, client: Client) -> Result<Place, Refusal> {
        self.limits.stream(client).ok_or(Refusal::Busy)
    }

    /// Memory for a body of many megabytes, waited for a little.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub async fn large_bodies(&self, client: Client) -> Result<(Place, OwnedSemaphorePermit), Refusal> {
        let own = self.limits.large_body(client).ok_or(Refusal::Busy)?;
        Ok((own, place_among(&self.large_bodies).await?))
    }

    /// Memory for a blob, waited for a little.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub async fn blob_bodies(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        place_among(&self.blob_bodies).await
    }

    /// A place for reading from the object storage, waited for a little.
    ///
    /// # Errors
    /// [`Refusal::Busy`].
    pub async fn objects_read(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        place_among(&self.objects_read).await
    }
}

async fn place_among(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    match tokio::time::timeout(std::time::Duration::from_secs(5), Arc::clone(places).acquire_owned()).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(Refusal::Busy),
    }
}
