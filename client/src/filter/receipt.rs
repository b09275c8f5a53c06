//! Signing for a finished run: digests of every input and output, then the receipt that names them.

use super::decisions::table_of;
use super::error::FilterError;
use super::files::Paths;
use super::inputs::Named;
use super::job::{Job, Watch};
use super::state::{self, Input};
use crate::report::Report;
use crate::run_receipt::{INPUTS, OUTPUTS, RECEIPT, Run, digest, line};
use ed25519_dalek::SigningKey;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

impl<D: AsRef<[u8]> + Sync> Job<'_, D> {
    /// Reads every file once more, in order. The digests are of the bytes that were decided on: an input that does not lie
    /// there as it did is an error.
    pub(super) fn sign(
        &self,
        key: &SigningKey,
        inputs: &[Named],
        looked: &[Input],
        report: &Report,
        watch: &mut dyn Watch,
    ) -> Result<(), FilterError> {
        let mut read = String::new();
        for (named, input) in inputs.iter().zip(looked) {
            watch.sum(&named.name);
            let stored = self.store.open(&named.location).and_then(digest);
            let failed = |source| FilterError::Read { name: named.location.to_string(), source };
            read.push_str(&line(&named.name, &stored.map_err(failed)?));
            if self.look(named)? != *input {
                return Err(FilterError::Changed(named.location.to_string()));
            }
        }
        let mut written = String::new();
        for path in self.written(inputs) {
            let name = path.strip_prefix(&self.out).unwrap_or(&path).to_string_lossy().into_owned();
            watch.sum(&name);
            let found = File::open(&path).and_then(digest);
            let found = found.map_err(|source| FilterError::Read { name: path.display().to_string(), source })?;
            written.push_str(&line(&name, &found));
        }
        let run = Run::of(&self.identity, report, self.shard);
        let envelope = run.sign(written.as_bytes(), read.as_bytes(), key).map_err(FilterError::Unsigned)?;
        self.put(INPUTS, read.as_bytes())?;
        self.put(OUTPUTS, written.as_bytes())?;
        self.put(RECEIPT, &envelope.to_bytes())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), FilterError> {
        state::place(&self.out.join(name), |file: &mut File| -> io::Result<()> { file.write_all(bytes) })
    }

    /// Every output of the run that is there, in the order of the inputs; of an index everything, since what was fetched
    /// goes by names of its own.
    fn written(&self, inputs: &[Named]) -> Vec<PathBuf> {
        let whole = ["manifest.jsonl", "damage.jsonl", "report.json"].map(|name| self.out.join(name));
        let mut found = Vec::new();
        if self.identity.index.is_some() {
            ["kept", "review", "candidates", "not-checked", "excluded"]
                .iter()
                .for_each(|folder| below(&self.out.join(folder), &mut found));
        } else {
            found.extend(inputs.iter().flat_map(|input| {
                let paths = if self.hands_on() { Paths::of_candidates } else { Paths::of };
                let Paths { kept, review, decisions, not_checked, .. } =
                    paths(&self.out, &input.name).coded(&self.out, &input.name, self.identity.output_coding);
                let (table, not_checked_table) = (table_of(&decisions), table_of(&not_checked));
                let handed_on = [not_checked, not_checked_table].into_iter().filter(|_| self.hands_on());
                [kept, review, decisions, table].into_iter().chain(handed_on)
            }));
        }
        found.into_iter().chain(whole).filter(|path| Path::is_file(path)).collect()
    }
}

/// Every file below a folder, sorted.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { below(&path, found) } else { found.push(path) }
    }
}
