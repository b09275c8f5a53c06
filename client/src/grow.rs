//! Makes a newer snapshot of the one that lies here: fetches the statements that it lacks, and builds the rest again.
//!
//! A snapshot is a function of its log, so that the header and the tails of three sections are all that an older one
//! lacks. Neither the older body nor what is fetched is believed: what is made of them has the signed hash, or is thrown away.

use crate::registry::{Registry, RegistryError};
use crate::snapshot::{self, SnapshotError, folder_of};
use cleartitle_schema::api::SnapshotView;
use cleartitle_schema::snapshot::{
    BuildError, FormatError, Header, LONGEST_HEADER, Room, Snapshot, SnapshotNote, Tails, TailsError, Tree,
    build_within,
};
use std::fs::File;
use std::io::{self, BufWriter};
use std::ops::Range;
use std::path::Path;
use tempfile::NamedTempFile;

/// Memory that a body's statements are compiled in again; what is more goes to files beside the snapshot.
pub(crate) const SORTED_IN_MEMORY: usize = 256 << 20;

/// The most that is fetched so, since it stands in memory. Who lacks more takes the whole file.
const MOST: u64 = 256 << 20;

/// Why the whole file is needed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrowError {
    #[error(transparent)]
    Older(#[from] FormatError),
    #[error(transparent)]
    Map(#[from] SnapshotError),
    #[error(transparent)]
    Tails(#[from] TailsError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error("{0} bytes are new, and no less than the whole file")]
    Most(u64),
    #[error("a statement, or how they are built, is not as the log signed it: {0}")]
    Build(#[from] BuildError),
    #[error("what was made of it does not have the hash that the log signed")]
    Hash,
    #[error("the file can't be written: {0}")]
    Write(#[from] io::Error),
}

/// A body that was made here and has the signed hash.
pub(crate) struct Grown {
    pub file: NamedTempFile,
    pub header: Header,
    pub tree: Tree,
    pub statements: usize,
    /// Bytes of the newer body that were fetched.
    pub fetched: u64,
}

/// Makes the body that the note signs, beside `out`, of the older body there.
pub(crate) fn grow(
    registry: &Registry,
    view: &SnapshotView,
    note: &SnapshotNote,
    out: &Path,
) -> Result<Grown, GrowError> {
    let older = Snapshot::open(snapshot::map(out)?)?;
    let mut fetched = 0;
    let mut part = |range: Range<u64>| {
        fetched += range.end - range.start;
        registry.part(&view.url, range)
    };
    let head = part(0..view.bytes.min(LONGEST_HEADER as u64))?;
    let tails = Tails::of(&older, &head, view.bytes)?;
    let lacking = [tails.records(), tails.payloads()].map(|range| range.end - range.start).iter().sum();
    if lacking > MOST || lacking > view.bytes / 2 {
        return Err(GrowError::Most(lacking));
    }
    let records = part(tails.records())?;
    let signers = tails.signers(&records)?;
    let lacking = lacking + (signers.end - signers.start);
    if lacking > MOST || lacking > view.bytes / 2 {
        return Err(GrowError::Most(lacking));
    }
    let (payloads, signers) = (part(tails.payloads())?, part(signers)?);

    let folder = folder_of(out);
    let file = beside(out)?;
    let statements = tails.statements(&older, &records, &payloads, &signers);
    let mut room = Room::bounded(SORTED_IN_MEMORY, || Ok(Box::new(tempfile::tempfile_in(folder)?)));
    let written = BufWriter::with_capacity(1 << 20, file.as_file());
    let built = build_within(statements, &tails.head(), &tails.header().tables, &mut room, written)?;
    if !note.is_about(&built.header, &built.body_hash) {
        return Err(GrowError::Hash);
    }
    file.as_file().sync_all()?;
    // What lies in the file now, not what was meant to be written.
    let body = Snapshot::open(snapshot::map(file.path())?)?;
    let tree = Tree::of(body.bytes());
    if tree.root() != note.body {
        return Err(GrowError::Hash);
    }
    let statements = body.len();
    let header = built.header;
    Ok(Grown { file, header, tree, statements, fetched })
}

/// A new file beside a snapshot, in nobody else's hands; those that pulls which were killed left there are removed.
fn beside(out: &Path) -> io::Result<NamedTempFile> {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.grown-");
    for entry in std::fs::read_dir(folder_of(out))?.map_while(Result::ok) {
        let left = entry.file_name().to_string_lossy().starts_with(&prefix);
        // A pull that is under way holds the lock of its file.
        if left && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    // Others may read a snapshot, where the one who pulls it lets them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder_of(out))?;
    file.as_file().lock()?;
    Ok(file)
}
