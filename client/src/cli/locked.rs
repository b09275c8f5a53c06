//! The lock as the verbs find it: beside the policy, or named; and the newest state of the log that it is compared with.

use super::talk::{Hint as _, Talk, advised, shown};
use crate::clock;
use crate::files;
use crate::gate::lock::{self, Lock};
use crate::pull::{self, Bounds, PullError, Pulled};
use crate::registry::Registry;
use crate::snapshot::{self, folder_of};
use crate::toml_file::MAX_FILE;
use crate::trust::check_growth;
use anyhow::Context as _;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::hash::Hash;
use std::path::{Path, PathBuf};

/// The most bytes of a snapshot that are taken.
const MAX_BYTES: u64 = 64 << 30;

/// What lies beside a snapshot and helps the next pull.
const BESIDE: [&str; 4] = ["note", "tree", "checkpoint", "log-key"];

/// Whether anything stands in a lock's place, readable or not.
#[must_use]
pub fn stands(path: &Path) -> bool {
    std::fs::symlink_metadata(path).map_or_else(|error| error.kind() != std::io::ErrorKind::NotFound, |_| true)
}

/// Where the lock is: the named place, or beside the policy.
pub(super) fn place(named: Option<&Path>, policy: &Path) -> PathBuf {
    named.map_or_else(|| policy.with_file_name(lock::NAME), Path::to_owned)
}

/// Reads a lock.
pub(super) fn read(path: &Path) -> anyhow::Result<Lock> {
    let text = files::read_text(path, MAX_FILE as u64)?;
    Ok(Lock::parse(&path.display().to_string(), &text)?)
}

/// Where the locked snapshot lies.
pub(super) fn snapshot_of(lock: &Lock, path: &Path) -> PathBuf {
    folder_of(path).join(&lock.file)
}

/// Refuses a registry whose log does not contain the locked state.
fn contains(lock: &Lock, newest: &Checkpoint, registry: &Registry) -> anyhow::Result<()> {
    let root = Hash::from_base64(&lock.root).context("the lock's root can't be read")?;
    let locked = Checkpoint { origin: lock.origin.clone(), size: lock.size, root, extensions: Vec::new() };
    check_growth(&locked, newest, registry)
        .context("the registry's log does not contain the state that the lock names")
        .hint("do not use this registry before its operator has explained this, or see who changed the lock")
}

/// A registry to pull from, and the key that its log must have.
pub(super) struct From<'a> {
    pub registry: &'a str,
    pub allow_http: bool,
    pub log_key: Option<&'a str>,
    pub policy: &'a Policy,
}

/// Pulls the newest snapshot to `out`, whose log must contain the locked state.
pub(super) fn pull(from: &From<'_>, out: &Path, lock: Option<&Lock>, talk: Talk) -> anyhow::Result<Pulled> {
    let registry = super::log_at(from.registry, from.allow_http)?;
    let witnesses = super::witnesses::Witnesses::default().pinned(Some(from.policy))?;
    let log = snapshot::log_for(out, from.log_key, Some(from.policy)).hint(super::LOG_KEY_HINT)?;
    let log = log.with_witnesses(witnesses);
    let bounds = Bounds { bytes: MAX_BYTES, days: from.policy.max_snapshot_age_days, now: clock::now() };
    let mut bar = None;
    let agree = |note: &[u8]| {
        let newest = log.open_signed(note)?;
        let checked = lock.map_or(Ok(()), |lock| contains(lock, &newest, &registry));
        checked.map_err(|error| PullError::Peers { fault: None, why: format!("{error:#}") })
    };
    let pulled = pull::pull(&registry, &log, out, bounds, agree, |have, all| {
        bar.get_or_insert_with(|| talk.progress(all, "snapshot")).set_position(have);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    pulled.hint("`cleartitle pull` says more; the lock and what it names are as they were")
}

/// A folder into which the newest snapshot is pulled without touching the one that lies here; it is gone when dropped.
pub(super) struct Aside {
    folder: tempfile::TempDir,
}

impl Aside {
    /// The folder, beside a snapshot, with what helps the pull.
    pub(super) fn of(snapshot: &Path) -> anyhow::Result<Self> {
        let beside = folder_of(snapshot);
        let folder =
            tempfile::tempdir_in(beside).with_context(|| format!("cannot write into `{}`", beside.display()))?;
        let aside = Self { folder };
        let names = std::iter::once(None).chain(BESIDE.map(Some));
        for ending in names {
            let from = ending.map_or_else(|| snapshot.to_owned(), |ending| snapshot::beside(snapshot, ending));
            let to = ending.map_or_else(|| aside.path(), |ending| snapshot::beside(&aside.path(), ending));
            // A pull puts new files in place and writes into none, so that a link is as good as a copy.
            if from.exists() && std::fs::hard_link(&from, &to).is_err() {
                std::fs::copy(&from, &to).with_context(|| format!("cannot copy `{}`", from.display()))?;
            }
        }
        Ok(aside)
    }

    /// Where the snapshot is pulled to.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("newest.snapshot")
    }
}

/// What to say where the snapshot is another than the locked one.
pub(super) fn other_state(error: crate::gate::lock::OtherState, lock: &Path, snapshot: &Path) -> anyhow::Error {
    let told = format!(
        "`{}` is not the snapshot that `{}` names: {}",
        snapshot.display(),
        lock.display(),
        shown(&error.to_string())
    );
    advised(
        told,
        "bring the very snapshot that was locked, or move the lock: `cleartitle update`, which shows what changed",
    )
}
