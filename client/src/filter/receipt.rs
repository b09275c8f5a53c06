//! Signing for a finished run: digests of every input and output, then the receipt that names them.

use super::inputs::Named;
use super::job::{FilterError, Job, Watch};
use super::output::Paths;
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

    /// Every output of the run that is there, in the order of the inputs.
    fn written(&self, inputs: &[Named]) -> Vec<PathBuf> {
        let whole = ["manifest.jsonl", "damage.jsonl", "report.json"].map(|name| self.out.join(name));
        let of_inputs = inputs.iter().flat_map(|input| {
            let Paths { kept, review, decisions, .. } = Paths::of(&self.out, &input.name);
            [kept, review, decisions]
        });
        of_inputs.chain(whole).filter(|path| Path::is_file(path)).collect()
    }
}
