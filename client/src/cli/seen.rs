//! The last checkpoint seen, in a file: each look at a registry's log is held against the one before.

use super::talk::{Hint as _, Talk, coded};
use crate::files;
use crate::registry::Registry;
use crate::trust::{PinnedLog, check_growth};
use cleartitle_schema::tlog::note::MAX_NOTE;
use std::path::PathBuf;

/// Flags of verbs that ask a registry.
#[derive(Debug, Default, clap::Args)]
pub struct Seen {
    /// Keep the registry's last checkpoint in this file, and stop where the log is not a continuation of the one kept there.
    #[arg(long = "seen", value_name = "FILE", requires = "registry")]
    pub file: Option<PathBuf>,
}

impl Seen {
    /// Looks at the log once more, if a file is named.
    ///
    /// # Errors
    /// A log that did not only grow, with its code and advice; a checkpoint that can't be had or kept.
    pub fn look(&self, registry: &Registry, log: &PinnedLog, talk: Talk) -> anyhow::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let note = registry.checkpoint()?;
        // One that is there and can't be read is no reason to begin anew.
        let kept = path.exists().then(|| files::read(path, MAX_NOTE as u64)).transpose()?;
        let grown = log.open(&note).and_then(|shown| match &kept {
            Some(kept) => check_growth(&log.open_signed(kept)?, &shown, registry).map(|()| (shown, true)),
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
