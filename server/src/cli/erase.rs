//! The operator's `erase`.

use cleartitle_schema::id::StatementId;

use super::place::Place;
use crate::erasure;

/// Erase a statement's envelope because the law obliges, and log when and why. No server may be running.
///
/// The leaf stays, so that receipts and the log hold. What permitted stops clearing; what restricts goes on binding by its compiled
/// rule, without names, notes and evidence. Evidence and lists that nothing else names go too, and snapshots that held it are made
/// again without it. The bytes are then in no file of the data folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What this can't reach: backups, PostgreSQL's write-ahead log with its archive and replicas, other servers' folders, what the scheduled observer keeps of the web, copies that others took, pulled snapshots. Keep a list of what you erased outside the data folder: \
after `restore` of a backup from before the erasure, run each of these commands again before you serve. \
`audit` finds a tombstone whose subject is still there.\n\n\
Example:\n  \
cleartitle-server erase --data registry/ --statement statement:5e1f... --reason \"GDPR article 17, request 2026-31\"")]
pub struct Erase {
    #[command(flatten)]
    place: Place,
    /// The statement.
    #[arg(long, value_name = "ID")]
    statement: StatementId,
    /// Why, for everybody to read for ever: the law and a reference of your own, nothing of what is erased.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Erase {
    /// Erases; the exit code.
    ///
    /// # Errors
    /// What stopped it.
    pub fn run(self) -> anyhow::Result<u8> {
        let data = self.place.folder()?;
        let _held = data.lock().map_err(|error| {
            anyhow::anyhow!(
                "{error}, so that nothing was erased\n\nhint: stop it first; it would go on answering from memory"
            )
        })?;
        let registry = self.place.registry(None)?;
        registry.check_objects()?;
        let done = erasure::erase(&registry, &self.statement, &self.reason)?;
        let how = if done.new { "logged now" } else { "logged before" };
        let left = if done.remains { "its compiled rule remains" } else { "nothing remains of it" };
        println!(
            "erased the envelope of leaf {}; {left}; tombstone at leaf {}, {how}; {} snapshots deleted",
            done.index, done.tombstone, done.snapshots
        );
        if let Some(objects) = done.objects {
            println!("{objects} objects deleted");
            eprintln!(
                "hint: purge what a CDN keeps of v1/published, v1/blobs, v1/lists and v1/snapshots, and older versions that the bucket keeps; start the server soon, which publishes the tombstone"
            );
        }
        if self.place.is_shared()? {
            eprintln!(
                "hint: stop every other server of this database too, and delete snapshots in their folders; the write-ahead log, its archive and replicas are yours to expire"
            );
        }
        eprintln!("hint: backups from before still hold it; erase it again after restoring one");
        Ok(0)
    }
}
