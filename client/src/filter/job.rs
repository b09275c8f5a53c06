//! Job: every input in turn, finished ones skipped on resume, then the manifest, the damage and the report of them all.

use super::document::{Asking, DamageRow};
use super::output::{Outputs, Paths};
use super::pipeline::{self, Bounds};
use super::plan::Plan;
use super::state::{self, Done, Identity, Input};
use crate::crawl::{self, OpenError, Options, WriteError};
use crate::report::{InputLine, Report, Tally};
use cleartitle_schema::snapshot;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Why a run can't go on. Whatever was not finished stays `.partial`.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Two inputs would write the same outputs.
    #[error("`{}` and `{}` have the same name", first.display(), second.display())]
    SameName {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A path that names no file.
    #[error("`{}` has no file name in UTF-8", .0.display())]
    NoName(PathBuf),
    /// The output folder holds something.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// An input is no crawl.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An input could not be read to its end.
    #[error("cannot read `{name}`")]
    Read {
        /// The input.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// An output could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A record could not be written.
    #[error("cannot write `{}`", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: WriteError,
    },
    /// The snapshot changed or broke under the run: nothing that was decided by it stands.
    #[error("the snapshot can't be relied on; no decision of this input stands")]
    Snapshot(#[from] snapshot::Damage),
    /// A part of the run ended before its time.
    #[error("the run was stopped")]
    Stopped,
    /// An input was changed while it was read.
    #[error("`{0}` was changed while it was read")]
    Changed(String),
}

impl FilterError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::SameName { .. } => {
                Some("outputs go by the input's file name; run them into two folders, or rename one")
            }
            Self::NotEmpty(_) => Some("name another folder, or give --resume to go on with a run that was stopped"),
            Self::Snapshot(_) => {
                Some("pull the snapshot again, don't write to it while it is used, and run with --resume")
            }
            Self::Read { .. } | Self::Write { .. } | Self::Record { .. } | Self::Changed(_) => {
                Some("finished inputs are safe: --resume goes on with the others")
            }
            _ => None,
        }
    }
}

/// Who looks on: a progress bar, or nobody.
pub trait Watch {
    /// An input begins. `skipped`: it is finished already.
    fn begin(&mut self, _name: &str, _bytes: u64, _skipped: bool) {}
    /// So many stored bytes of it have been passed, with so many documents since it began.
    fn advance(&mut self, _offset: u64, _documents: u64) {}
    /// Damage was met.
    fn damage(&mut self, _row: &DamageRow) {}
}

impl Watch for () {}

/// One run over a list of inputs.
pub struct Job<'a, D> {
    /// The rulings.
    pub plan: &'a Plan<'a, D>,
    /// What is asked of every record.
    pub asking: Asking,
    /// What the run is, for resuming and for the report.
    pub identity: Identity,
    /// The inputs, in the order of the manifest.
    pub inputs: Vec<PathBuf>,
    /// Where the outputs go.
    pub out: PathBuf,
    /// How inputs are read.
    pub options: Options,
    /// What may be in flight.
    pub bounds: Bounds,
    /// Go on with a run that was stopped.
    pub resume: bool,
}

impl<D: AsRef<[u8]> + Sync> Job<'_, D> {
    /// Runs the job to its end.
    ///
    /// # Errors
    /// [`FilterError`]; what was finished until then stands, for `resume`.
    pub fn run(&self, watch: &mut dyn Watch) -> Result<Report, FilterError> {
        let names = self.names()?;
        self.prepare()?;
        // What is no crawl is refused at once, not after hours.
        for path in &self.inputs {
            crawl::open(path, self.options.clone())?;
        }
        let mut total = Tally::default();
        let mut lines = Vec::new();
        for (path, name) in self.inputs.iter().zip(&names) {
            let done = self.input(path, name, watch)?;
            lines.push(InputLine::of(&done.input, &done.tally));
            total.merge(done.tally);
        }
        self.assemble(&names, "manifest.jsonl", |paths| &paths.manifest)?;
        self.assemble(&names, "damage.jsonl", |paths| &paths.damage)?;
        let report = Report::new(&self.identity, self.plan.snapshot().header(), self.plan.policy(), lines, total);
        state::store(&self.out.join("report.json"), &report)?;
        Ok(report)
    }

    /// The inputs' file names, each once.
    fn names(&self) -> Result<Vec<String>, FilterError> {
        let mut seen: BTreeMap<&str, &PathBuf> = BTreeMap::new();
        let mut names = Vec::new();
        for path in &self.inputs {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| FilterError::NoName(path.clone()))?;
            if let Some(first) = seen.insert(name, path) {
                return Err(FilterError::SameName { first: first.clone(), second: path.clone() });
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    fn prepare(&self) -> Result<(), FilterError> {
        let failed = |source| FilterError::write(&self.out, source);
        std::fs::create_dir_all(&self.out).map_err(failed)?;
        let empty = std::fs::read_dir(&self.out).map_err(failed)?.next().is_none();
        if !empty && !self.resume {
            return Err(FilterError::NotEmpty(self.out.clone()));
        }
        for folder in ["kept", "review", "excluded", "state"] {
            let folder = self.out.join(folder);
            std::fs::create_dir_all(&folder).map_err(|source| FilterError::write(&folder, source))?;
        }
        state::store(&self.out.join("state").join("run.json"), &self.identity)
    }

    fn input(&self, path: &Path, name: &str, watch: &mut dyn Watch) -> Result<Done, FilterError> {
        let read = |source| FilterError::Read { name: name.to_owned(), source };
        let paths = Paths::of(&self.out, name);
        let input = Input::look(path, name).map_err(read)?;
        let same = |done: &Done| done.identity == self.identity && done.input == input;
        if let Some(done) = state::load::<Done>(&paths.done).filter(|done| self.resume && same(done)) {
            watch.begin(name, input.bytes, true);
            return Ok(done);
        }
        match std::fs::remove_file(&paths.done) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(FilterError::write(&paths.done, source));
            }
            _ => {}
        }
        watch.begin(name, input.bytes, false);
        let mut reader = crawl::open(path, self.options.clone())?;
        let mut outputs = Outputs::create(&paths, name, &reader)?;
        let mut documents = 0;
        pipeline::run(&mut reader, self.plan, &self.asking, name, self.bounds, |settled, offset| {
            documents += u64::from(matches!(settled, pipeline::Settled::Document(..)));
            if let Some(row) = outputs.take(settled)? {
                watch.damage(&row);
            }
            watch.advance(offset, documents);
            Ok(())
        })?;
        let ended = outputs.end()?;
        // No verdict stands whose evidence was gathered from a damaged snapshot, and no output of a changing input.
        if let Some(damage) = self.plan.snapshot().damage() {
            return Err(damage.into());
        }
        if Input::look(path, name).map_err(read)? != input {
            return Err(FilterError::Changed(name.to_owned()));
        }
        let mut tally = ended.seal()?;
        tally.stored(&reader.accounting());
        let done = Done { identity: self.identity.clone(), input, tally };
        state::store(&paths.done, &done)?;
        Ok(done)
    }

    /// Joins the parts of all inputs, in their order, into one file.
    fn assemble(&self, names: &[String], file: &str, part: fn(&Paths) -> &PathBuf) -> Result<(), FilterError> {
        state::place(&self.out.join(file), |out| {
            for name in names {
                io::copy(&mut std::fs::File::open(part(&Paths::of(&self.out, name)))?, out)?;
            }
            Ok(())
        })
    }
}
