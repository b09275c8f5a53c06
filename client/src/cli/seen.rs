//! The last checkpoint seen, in a file: each look at a registry's log is held against the one before.

use super::files;
use super::talk::{Hint as _, Talk, coded};
use crate::registry::Registry;
use crate::trust::{PinnedLog, check_growth};
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::note::MAX_NOTE;
use std::path::Path;

/// Flags of verbs that ask a registry.
#[derive(Debug, Default, clap::Args)]
pub struct Seen {
    /// Keep the registry's last checkpoint in this file, and stop where the log is not a continuation of the one kept there.
    #[arg(long = "seen", value_name = "FILE", requires = "registry")]
    pub file: Option<std::path::PathBuf>,
}

impl Seen {
    /// Looks at the log once more, if a file is named.
    ///
    /// # Errors
    /// A log that did not only grow, with its code and advice; a checkpoint that can't be had or kept.
    pub fn look(&self, registry: &Registry, log: &PinnedLog, talk: Talk) -> anyhow::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let note = registry.checkpoint()?;
        let shown = log.open(&note);
        let grown = shown.and_then(|shown| match kept(path, log)? {
            Some(seen) => check_growth(&seen, &shown, registry).map(|()| (shown, true)),
            None => Ok((shown, false)),
        });
        let (checkpoint, before) = grown.map_err(|error| {
            let fault = error.fault();
            let hint = format!("keep `{}`; `cleartitle gossip` compares it with what others see", path.display());
            let advised = Err::<(), _>(error).hint(hint).expect_err("an error");
            match fault {
                Some(fault) => coded(advised, fault),
                None => advised,
            }
        })?;
        files::replace(path, &note)?;
        let before = if before { "only grew since it was last seen" } else { "was not seen before" };
        talk.say(format_args!("the log {before}; it has {} leaves", checkpoint.size));
        Ok(())
    }
}

/// The checkpoint that is kept. One that can't be read is no reason to begin anew: it is told.
fn kept(path: &Path, log: &PinnedLog) -> Result<Option<Checkpoint>, crate::trust::TrustError> {
    if !path.exists() {
        return Ok(None);
    }
    let unread = |error: anyhow::Error| crate::trust::TrustError::ReceiptFile(format!("{error:#}"));
    let note = files::read(path, MAX_NOTE as u64).map_err(unread)?;
    log.open_signed(&note).map(Some)
}
