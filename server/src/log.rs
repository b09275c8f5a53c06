//! The log: a pool of candidates, one sequencer that commits them by the tick, tiles, checkpoints and receipts.
//!
//! A candidate is answered only when its leaf and a checkpoint that covers it are durable. Leaf, salt and receipt of the answer are
//! read back from the store, the same way as for a statement that was there already: success and recovery walk one path.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cleartitle_schema::bindings::{Established, Once, establish};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{Commitment, KeyId, StatementId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published, Salt};
use cleartitle_schema::signed::Envelope;
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::hash::leaf_hash;
use cleartitle_schema::tlog::note::NoteSigner;
use cleartitle_schema::tlog::proof::{Receipt, inclusion};
use cleartitle_schema::tlog::tile::{TileId, tiles_after};
use tokio::sync::oneshot;

use crate::changes::News;
use crate::refusal::Refusal;
use crate::sealed::parties_of;
use crate::standing;
use crate::store::{Batch, CommitError, Entry, Head, Held, SealedEntry, SignedHead, Store, StoreError, Stored};
use crate::telemetry::{Committing, Origin};

/// The longest time that a candidate waits for others to share its commit. The promise is 100 ms; less is kinder.
pub const TICK: Duration = Duration::from_millis(20);

/// How long nobody may come before those who wait are committed: a lone publisher does not wait a whole tick for company.
const QUIET: Duration = Duration::from_millis(2);

/// The most candidates of one commit.
const MAX_BATCH: usize = 256;

/// The most bulk bytes of one commit: a few whole batches.
const MAX_BATCH_BYTES: usize = 64 << 20;

/// How many candidates may wait.
const POOL: usize = 4096;

/// How often in a row a batch is built again on a head that moved before the store is called stuck.
const ATTEMPTS: usize = 100;

/// A statement whose signatures and form have been checked, on its way into the log.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The id of its payload.
    pub id: StatementId,
    /// The envelope around it.
    pub envelope: Envelope,
    /// What it says.
    pub statement: Statement,
    /// The bulk list that it names, where the registry keeps it.
    pub list: Option<Vec<u8>>,
    /// Its envelope is held for its parties, and published nowhere.
    pub sealed: bool,
}

/// Where a statement stands in the log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The statement as it is kept.
    pub stored: Stored,
    /// Whether this candidate made it so; otherwise the same payload was there before.
    pub new: bool,
}

enum Work {
    Candidate(Box<Candidate>, Origin, oneshot::Sender<Result<Logged, Refusal>>),
    Commitment(Commitment, oneshot::Sender<Result<(u64, bool), Refusal>>),
    Probe(oneshot::Sender<bool>),
}

/// Why nothing can be registered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The thread that commits has stopped, has too much to do, or waits for the store.
    #[error("the sequencer does not answer")]
    Sequencer,
    /// Nothing can be read from the store or written to it.
    #[error("the store can't be written")]
    Store,
}

/// The wall clock, in whole seconds.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)).min(Timestamp::MAX)
}

/// Whoever commits candidates: the one place where the log grows.
pub struct Sequencer {
    store: Arc<dyn Store>,
    signer: NoteSigner,
    news: Option<Arc<News>>,
}

impl Sequencer {
    /// A sequencer that signs checkpoints as `signer`, whose name is the log's origin.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, signer: NoteSigner) -> Self {
        Self { store, signer, news: None }
    }

    /// The same, which tells how the log grows before it answers anybody: whoever was answered is heard from then on.
    #[must_use]
    pub fn telling(mut self, news: Arc<News>) -> Self {
        self.news = Some(news);
        self
    }

    fn tell(&self, size: u64) {
        if let Some(news) = &self.news {
            news.tell(size);
        }
    }

    /// Signs a checkpoint over the empty log where there is none yet.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub fn begin(&self) -> Result<(), Refusal> {
        if self.store.head()?.is_some() {
            return Ok(());
        }
        let batch = self.build(&Head::empty(), Vec::new(), Vec::new())?;
        match self.store.commit(&Head::empty(), &batch) {
            // Another process was first.
            Ok(_) | Err(CommitError::Moved(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Whether the store has the log and takes a write, tried by one that nobody misses: a nonce of no key, over at once.
    fn writes(&self) -> bool {
        let (nobody, now) = (KeyId([0; 32]), now());
        let there = self.store.head().is_ok_and(|head| head.is_some());
        there && self.store.take_nonce(&nobody, "readiness", now, now).is_ok()
    }

    /// Commits candidates together and answers each in its place.
    #[must_use]
    pub fn commit(&self, candidates: &[Candidate]) -> Vec<Result<Logged, Refusal>> {
        let mut answers: Vec<Option<Result<Logged, Refusal>>> = vec![None; candidates.len()];
        let (mut left, mut idle) = (candidates.len(), 0);
        while left > 0 && idle < ATTEMPTS {
            match self.attempt(candidates, &mut answers) {
                Ok(()) => {}
                Err(CommitError::Moved(head)) => tracing::debug!(log.size = head.size, "the log has moved on"),
                Err(CommitError::Store(error)) => {
                    tracing::error!(%error, "a batch was not committed");
                    for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
                        *answer = Some(Err(error.clone().into()));
                    }
                }
            }
            let open = answers.iter().filter(|answer| answer.is_none()).count();
            idle = if open < left { 0 } else { idle + 1 };
            left = open;
        }
        let stuck = || Err(Refusal::Unavailable("the head moves faster than batches are built".to_owned()));
        answers.into_iter().map(|answer| answer.unwrap_or_else(stuck)).collect()
    }

    /// One batch on the present head: answers what is known or refused, commits the others as far as they don't touch
    /// each other. What is left without an answer belongs to the next attempt.
    fn attempt(
        &self,
        candidates: &[Candidate],
        answers: &mut [Option<Result<Logged, Refusal>>],
    ) -> Result<(), CommitError> {
        let head = self.store.head()?.unwrap_or_else(Head::empty);
        let registered_at = now().max(head.registered_at);
        let mut chosen: Vec<(usize, Established)> = Vec::new();
        let mut touched: HashSet<StatementId> = HashSet::new();
        // One issuer's statements come in crowds, and ask the same of its keys.
        let known = Once::new(&*self.store);
        for (place, candidate) in
            candidates.iter().enumerate().filter(|(place, _)| answers[*place].is_none()).collect::<Vec<_>>()
        {
            if let Some(stored) = self.known(candidate)? {
                answers[place] = Some(Ok(Logged { stored, new: false }));
                continue;
            }
            // Two that name the same statement, one payload twice, a key's end and what it signs: the second is judged after
            // the first is in.
            let established = establish(&known, &candidate.statement, &candidate.envelope)?;
            let names = candidate.statement.names();
            let rests_on = established.under.iter().map(|signing| &signing.binding);
            if touched.contains(&candidate.id) || names.iter().chain(rests_on).any(|name| touched.contains(name)) {
                continue;
            }
            if let Err(refusal) = standing::check(&*self.store, &known, candidate, registered_at) {
                answers[place] = Some(Err(refusal));
                continue;
            }
            touched.insert(candidate.id);
            touched.extend(names);
            let binds = matches!(candidate.statement.body, Body::KeyBinding { .. });
            chosen.push((place, established));
            if binds {
                // It may open a tenure, in which older keys no longer speak.
                break;
            }
        }
        if chosen.is_empty() {
            return Ok(());
        }
        let (mut entries, mut sealed) = (Vec::with_capacity(chosen.len()), Vec::new());
        let mut committed = Vec::with_capacity(chosen.len());
        for ((place, established), index) in chosen.iter().zip(head.size..) {
            let candidate = &candidates[*place];
            let entry = self.entry(candidate, established.clone(), index, registered_at)?;
            committed.push(Stored { registered: entry.registered.clone(), commitment: entry.leaf.commitment });
            if candidate.sealed {
                sealed.push(self.seal(entry)?);
            } else {
                entries.push(entry);
            }
        }
        let batch = self.build(&head, entries, sealed).map_err(|refusal| StoreError::Damaged(refusal.to_string()))?;
        let now = self.store.commit(&head, &batch)?;
        self.tell(now.size);
        metrics::counter!("cleartitle_log_leaves_total").increment(chosen.len() as u64);
        metrics::gauge!("cleartitle_log_size").set(now.size as f64);
        for ((place, _), stored) in chosen.into_iter().zip(committed) {
            answers[place] = Some(Ok(Logged { stored, new: true }));
        }
        Ok(())
    }

    /// A statement that is there already, as whoever sends it may learn: of a sealed one, only who has its payload.
    fn known(&self, candidate: &Candidate) -> Result<Option<Stored>, StoreError> {
        match self.store.statement(&candidate.id)? {
            None if candidate.sealed => self.store.sealed_statement(&candidate.id),
            found => Ok(found),
        }
    }

    /// The same entry as one that is held for its parties.
    fn seal(&self, entry: Entry) -> Result<SealedEntry, StoreError> {
        let Entry { leaf, published, registered, .. } = entry;
        let mut parties = parties_of(&registered);
        for named in registered.statement.names() {
            if let Some(named) = self.store.sealed_statement(&named)? {
                parties.extend(parties_of(&named.registered));
            }
        }
        let index = registered.index;
        Ok(SealedEntry { leaf, index, held: Some(Held { published, registered, parties }) })
    }

    /// Adds a sealed leaf of which the registry holds nothing, unless it is there; its place, and whether it is new.
    fn commit_commitment(&self, commitment: Commitment) -> Result<(u64, bool), Refusal> {
        for _ in 0..ATTEMPTS {
            if let Some(index) = self.store.sealed_leaf(&commitment)? {
                return Ok((index, false));
            }
            let head = self.store.head()?.unwrap_or_else(Head::empty);
            let registered_at = now().max(head.registered_at);
            let leaf = Leaf { kind: LeafKind::Sealed, commitment, registered_at, amends: None };
            let entry = SealedEntry { leaf, index: head.size, held: None };
            let batch = self.build(&head, Vec::new(), vec![entry])?;
            match self.store.commit(&head, &batch) {
                Ok(now) => {
                    self.tell(now.size);
                    return Ok((head.size, true));
                }
                Err(CommitError::Moved(head)) => tracing::debug!(log.size = head.size, "the log has moved on"),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(Refusal::Unavailable("the head moves faster than batches are built".to_owned()))
    }

    fn entry(
        &self,
        candidate: &Candidate,
        established: Established,
        index: u64,
        registered_at: Timestamp,
    ) -> Result<Entry, StoreError> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| StoreError::Backend(error.to_string()))?;
        let published = Published { salt: Salt(salt), envelope: candidate.envelope.clone() };
        let amends = self.amended(&candidate.statement)?;
        let kind = if candidate.sealed { LeafKind::Sealed } else { LeafKind::Public };
        let leaf = Leaf { kind, commitment: published.commitment(), registered_at, amends };
        let Established { signed_by, under, speaks_for, tenure_from } = established;
        let registered = Registered {
            id: candidate.id,
            index,
            registered_at,
            signed_by,
            under,
            speaks_for,
            tenure_from,
            statement: candidate.statement.clone(),
        };
        Ok(Entry { leaf, published, registered, list: candidate.list.clone() })
    }

    /// The commitment of the first statement that this one names, in clear on its leaf.
    fn amended(&self, statement: &Statement) -> Result<Option<Commitment>, StoreError> {
        match statement.names().first() {
            Some(named) => {
                let public = self.store.statement(named)?;
                let stored = if public.is_some() { public } else { self.store.sealed_statement(named)? };
                Ok(stored.map(|stored| stored.commitment))
            }
            None => Ok(None),
        }
    }

    /// The batch that adds these entries to the log at `head`: its tiles, and a signed checkpoint over all of it.
    fn build(&self, head: &Head, entries: Vec<Entry>, sealed: Vec<SealedEntry>) -> Result<Batch, Refusal> {
        let public = entries.iter().map(|entry| (entry.registered.index, &entry.leaf));
        let mut leaves: Vec<(u64, &Leaf)> = public.chain(sealed.iter().map(|it| (it.index, &it.leaf))).collect();
        leaves.sort_by_key(|(index, _)| *index);
        let hashes: Vec<_> = leaves.iter().map(|(_, leaf)| leaf_hash(&leaf.to_bytes())).collect();
        let failed = |error: &dyn std::fmt::Display| Refusal::Unavailable(error.to_string());
        let (tiles, root) =
            tiles_after(head.size, &hashes, tile_reader(&*self.store)).map_err(|error| failed(&error))?;
        let size = head.size + hashes.len() as u64;
        let origin = self.signer.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
        let note = checkpoint.sign(&[&self.signer]).map_err(|error| failed(&error))?.to_text();
        Ok(Batch { entries, sealed, tiles, checkpoint: SignedHead { size, root, note } })
    }
}

/// Reads tiles at whatever width is asked: a narrower tile is the beginning of the one that is kept.
pub fn tile_reader(store: &dyn Store) -> impl Fn(TileId) -> Option<Vec<u8>> {
    move |id| {
        let bytes = store.tile(id.level, id.index).ok().flatten()?;
        bytes.get(..usize::from(id.width) * 32).map(<[u8]>::to_vec)
    }
}

/// The receipt of a leaf under the first checkpoint that covers it: the same bytes whenever it is asked for.
///
/// # Errors
/// [`StoreError::Damaged`] when no checkpoint covers it or a tile is missing, and failures.
pub fn receipt(store: &dyn Store, index: u64) -> Result<Receipt, StoreError> {
    let covering = store.checkpoint_from(index + 1)?;
    let covering = covering.ok_or_else(|| StoreError::Damaged(format!("no checkpoint covers leaf {index}")))?;
    receipt_under(store, index, covering)
}

/// The receipt of a leaf under a checkpoint that covers it.
///
/// # Errors
/// [`StoreError::Damaged`] when a tile is missing, and failures.
pub fn receipt_under(store: &dyn Store, index: u64, covering: SignedHead) -> Result<Receipt, StoreError> {
    let proof =
        inclusion(index, covering.size, tile_reader(store)).map_err(|error| StoreError::Damaged(error.to_string()))?;
    Ok(Receipt { index, proof, checkpoint_note: covering.note, extra: None })
}

/// The running log: a pool that any task may add to, and the thread that empties it.
pub struct Log {
    sender: Option<SyncSender<Work>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Log {
    /// Starts the sequencing thread.
    ///
    /// # Errors
    /// Whatever starting a thread gives.
    pub fn start(sequencer: Sequencer) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(POOL);
        let thread =
            std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || sequence(&sequencer, &receiver))?;
        Ok(Self { sender: Some(sender), thread: Some(thread) })
    }

    fn send(&self, work: Work) -> Result<(), Refusal> {
        let stopped = || Refusal::Unavailable("the sequencer has stopped".to_owned());
        match self.sender.as_ref().ok_or_else(stopped)?.try_send(work) {
            Ok(()) => {
                metrics::gauge!("cleartitle_sequencer_waiting").increment(1.0);
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(Refusal::Busy),
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }

    /// Adds a candidate and waits until it is durable in the log.
    ///
    /// # Errors
    /// What standing says of it, [`Refusal::Busy`] and [`Refusal::Unavailable`].
    pub async fn add(&self, candidate: Candidate) -> Result<Logged, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Candidate(Box::new(candidate), Origin::here(), answer))?;
        answered.await.unwrap_or_else(|_| Err(Refusal::Unavailable("the sequencer has stopped".to_owned())))
    }

    /// Adds a sealed leaf of which the registry holds nothing, and waits until it is durable: its place, and whether it is new.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Refusal::Unavailable`].
    pub async fn add_commitment(&self, commitment: Commitment) -> Result<(u64, bool), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Commitment(commitment, answer))?;
        answered.await.unwrap_or_else(|_| Err(Refusal::Unavailable("the sequencer has stopped".to_owned())))
    }

    /// Whether the sequencer takes work and can write to the store, within two seconds.
    ///
    /// # Errors
    /// [`Stuck`].
    pub async fn probe(&self) -> Result<(), Stuck> {
        let (answer, answered) = oneshot::channel();
        self.send(Work::Probe(answer)).map_err(|_| Stuck::Sequencer)?;
        match tokio::time::timeout(Duration::from_secs(2), answered).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Stuck::Store),
            Ok(Err(_)) | Err(_) => Err(Stuck::Sequencer),
        }
    }
}

impl Drop for Log {
    // What waits is committed before the process ends.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The sequencing thread: gathers for one tick, commits, answers, until the pool is closed and empty.
fn sequence(sequencer: &Sequencer, receiver: &Receiver<Work>) {
    while let Ok(first) = receiver.recv() {
        let deadline = Instant::now() + TICK;
        let (mut candidates, mut origins, mut waiting, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let mut next = Some(first);
        loop {
            if next.is_some() {
                metrics::gauge!("cleartitle_sequencer_waiting").decrement(1.0);
            }
            match next.take() {
                Some(Work::Candidate(candidate, origin, answer)) => {
                    bytes += candidate.list.as_ref().map_or(0, Vec::len);
                    candidates.push(*candidate);
                    origins.push(origin);
                    waiting.push(answer);
                }
                Some(Work::Commitment(commitment, answer)) => {
                    let _ = answer.send(sequencer.commit_commitment(commitment));
                }
                Some(Work::Probe(answer)) => {
                    let _ = answer.send(sequencer.writes());
                }
                None => break,
            }
            if candidates.len() >= MAX_BATCH || bytes >= MAX_BATCH_BYTES {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now()).min(QUIET);
            match receiver.recv_timeout(left) {
                Ok(work) => next = Some(work),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if candidates.is_empty() {
            continue;
        }
        let (begun, committing) = (Instant::now(), Committing::of(&origins));
        let answers = sequencer.commit(&candidates);
        let count = |new| answers.iter().flatten().filter(|logged| logged.new == new).count();
        committing.ended(count(true), count(false), answers.iter().filter(|answer| answer.is_err()).count());
        metrics::histogram!("cleartitle_commit_seconds").record(begun.elapsed().as_secs_f64());
        for (answer, waits) in answers.into_iter().zip(waiting) {
            // Whoever hung up has their statement registered all the same; asking again gives the receipt.
            let _ = waits.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sequencer_that_has_stopped_is_told() {
        let (sender, receiver) = sync_channel(1);
        let stopped = Log { sender: Some(sender), thread: None };
        // It takes work, and does none of it.
        assert_eq!(stopped.probe().await, Err(Stuck::Sequencer));
        drop(receiver);
        assert_eq!(stopped.probe().await, Err(Stuck::Sequencer));
    }
}
