//! The operator's `backup` and `restore`.

use std::path::PathBuf;

use super::place::Place;
use crate::backup::{RestoreError, back_up, restore};

/// Back the registry up into one new file, beside a running server.
///
/// The file holds the database as of one moment, the keys and a manifest with a BLAKE3 for each. With --database it is the same kind of file,
/// read from PostgreSQL in one transaction, and either kind restores into either. With the private keys in it
/// it is as secret as they are: whoever reads it can sign as this log. It is made 0600; keep it so, or keep the keys apart
/// with --without-keys. Snapshots, certificates and the observer's notes are not in it: they are made again.
///
/// Beside each backup keep the newest checkpoint somewhere else (`curl REGISTRY/checkpoint`), for `restore --published`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs as much room beside FILE as the database takes, until it is done.\n\n\
Examples:\n  \
cleartitle-server backup --data registry/ --out registry.tar\n  \
cleartitle-server backup --data one --database postgres://reg@db.example/reg --out registry.tar --without-keys")]
pub struct Backup {
    #[command(flatten)]
    place: Place,
    /// The archive to write; it must not be there.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Leave the private keys out; a registry that is restored from it does not serve until they are put back.
    #[arg(long)]
    without_keys: bool,
}

/// Restore a backup into an empty folder, and audit it; exit code 1 when the archive or the log in it is not sound.
///
/// A backup that is older than what the log has published is dangerous: the log would sign other leaves under numbers that
/// others hold receipts for, which everybody who compares sees as a fork. Restoring it is right only if nothing newer was
/// ever served. Give every checkpoint that was seen (a client's, a witness's, a mirror's) with --published: a log that is
/// shorter, or another, is not begun.
///
/// With --database the statements go into that database, which must be empty, and the keys into the folder, which must be empty too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:\n  \
cleartitle-server restore --data restored --published checkpoint.note registry.tar\n  \
cleartitle-server restore --data one --database postgres://reg@db.example/empty --published checkpoint.note registry.tar")]
pub struct Restore {
    #[command(flatten)]
    place: Place,
    /// A signed checkpoint that somebody saw; the restored log must hold it. Several times for several.
    #[arg(long, value_name = "CHECKPOINT_FILE")]
    published: Vec<PathBuf>,
    /// The archive.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Backup {
    /// Runs it; the exit code.
    ///
    /// # Errors
    /// What stopped it.
    pub fn run(self) -> anyhow::Result<u8> {
        let backed = back_up(&self.place.folder()?, self.place.frozen()?, &self.out, !self.without_keys)?;
        if backed.elsewhere {
            eprintln!(
                "hint: evidence lies among the objects and not in this file: keep the bucket too, and name it with --objects when you audit and serve what you restore"
            );
        }
        let keys = if self.without_keys {
            "without the private keys; sealed deals are in it: show it to nobody else"
        } else {
            "with the private keys: keep it secret"
        };
        println!(
            "backup: {} leaves of `{}` in `{}`, {} bytes, {keys}",
            backed.size,
            backed.origin,
            self.out.display(),
            backed.length
        );
        Ok(0)
    }
}

impl Restore {
    /// Runs it; the exit code.
    ///
    /// # Errors
    /// What stopped it, where that was no finding.
    pub fn run(self) -> anyhow::Result<u8> {
        let restored = match restore(&self.file, &self.place.data, self.place.address()?.as_ref(), &self.published) {
            Ok(restored) => restored,
            Err(error) => {
                if let RestoreError::Damaged(report) = &error {
                    report.findings.iter().for_each(|finding| println!("{finding}"));
                }
                eprintln!("error: {error}");
                if let Some(hint) = error.hint() {
                    eprintln!("\nhint: {hint}");
                }
                return Ok(if error.is_finding() { 1 } else { 2 });
            }
        };
        if self.published.is_empty() {
            eprintln!(
                "warning: nothing that the log published was compared with; if it served anything after this backup, \
                 serving it again forks the log\n\nhint: restore --published CHECKPOINT_FILE"
            );
        }
        println!("log key: {}", restored.log_key);
        println!("{}", restored.report.line());
        let keys =
            if restored.private_keys { "" } else { ", without its private keys: put them into DIR/keys to serve" };
        println!("restore: {} leaves in `{}`{keys}", restored.size, self.place.data.display());
        Ok(0)
    }
}
