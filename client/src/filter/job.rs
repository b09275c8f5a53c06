//! Job: every input, as many at once as there are threads, finished ones skipped on resume, then the manifest, the damage and the report of them all.

use super::decisions;
use super::document::{Asking, DamageRow, Judge};
use super::error::FilterError;
use super::files::Paths;
use super::finality::Finality;
use super::index::{self, IndexPass};
use super::inputs::{self, Named};
use super::lanes::{self, Sealing};
use super::output::{self, Outputs};
use super::pipeline::{self, Bounds, Settled};
use super::plan::Plan;
use super::shard::Shard;
use super::state::{self, Done, Identity, Input};
use super::table::{Rows, content_decides};
use super::table_output::{EndedTable, TableOutputs};
use crate::crawl::parquet::Table;
use crate::crawl::store::{Location, Store};
use crate::crawl::{self, Container, FieldChoice, OpenError, Opened, Options, Reader};
use crate::report::{InputLine, Report, Tally};
use crate::run_receipt::{INPUTS, OUTPUTS, RECEIPT};
use ed25519_dalek::SigningKey;
use std::io;
use std::path::PathBuf;

/// An input that was read to its end: its files are closed, and not yet synced or named.
enum Ended {
    Records(Box<output::Ended>),
    Table(Box<EndedTable>),
    Index(index::Done),
}

impl Ended {
    fn seal(self) -> Result<Tally, FilterError> {
        match self {
            Self::Records(ended) => ended.seal(),
            Self::Table(ended) => ended.seal(),
            Self::Index(done) => done.seal(),
        }
    }
}

/// Who looks on: a progress bar, or nobody.
pub trait Watch: Send {
    /// What is said next is about the input at this place of the run: inputs are read side by side.
    fn turn(&mut self, _place: usize) {}
    /// An input begins. `skipped`: it is finished already.
    fn begin(&mut self, _name: &str, _bytes: u64, _skipped: bool) {}
    /// So many stored bytes of it have been passed, with so many documents since it began.
    fn advance(&mut self, _offset: u64, _documents: u64) {}
    /// Damage was met.
    fn damage(&mut self, _row: &DamageRow) {}
    /// A file is read for its digest, after everything was decided.
    fn sum(&mut self, _name: &str) {}
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
    pub inputs: Vec<Location>,
    /// Which part of them is this run's.
    pub shard: Option<Shard>,
    /// The stores that they lie in.
    pub store: &'a Store,
    /// Where lines and rows keep their parts.
    pub fields: FieldChoice,
    /// Where the outputs go.
    pub out: PathBuf,
    /// How inputs are read.
    pub options: Options,
    /// What may be in flight.
    pub bounds: Bounds,
    /// Go on with a run that was stopped.
    pub resume: bool,
    /// Signs for the finished run.
    pub sign_key: Option<SigningKey>,
}

impl<D: AsRef<[u8]> + Sync> Job<'_, D> {
    /// Runs the job to its end.
    ///
    /// # Errors
    /// [`FilterError`]; what was finished until then stands, for `resume`.
    pub fn run(&self, watch: &mut dyn Watch) -> Result<Report, FilterError> {
        let inputs = self.named()?;
        if self.sign_key.is_some() && inputs.iter().any(|input| input.location == Location::Stdin) {
            return Err(FilterError::Fleeting);
        }
        self.prepare()?;
        // What is no crawl is refused at once, not after hours; objects are looked at when their turn comes.
        for input in inputs.iter().filter(|input| matches!(input.location, Location::File(_))) {
            match self.identity.index {
                Some(_) => drop(index::check(self.store, &input.location)?),
                None => drop(self.open(input)?),
            }
        }
        let finality = if self.hands_on() || self.identity.index.is_some() {
            Some(Finality::of(self.plan.snapshot(), self.plan.policy())?)
        } else {
            None
        };
        lanes::run(&inputs, self.bounds, watch, |input, bounds, watch| {
            self.input(input, finality.as_ref(), bounds, watch)
        })?;
        let mut total = Tally::default();
        let (mut lines, mut looked) = (Vec::new(), Vec::new());
        for input in &inputs {
            // What each lane counted waits on disk, so that thousands of inputs take no more memory than one.
            let done = state::load::<Done>(&Paths::of(&self.out, &input.name).done).ok_or(FilterError::Stopped)?;
            lines.push(InputLine::of(&done.input, &done.tally));
            total.merge(done.tally);
            looked.push(done.input);
        }
        self.assemble(&inputs, "manifest.jsonl", |paths| &paths.manifest)?;
        self.assemble(&inputs, "damage.jsonl", |paths| &paths.damage)?;
        let report = Report::new(&self.identity, self.plan.snapshot().header(), self.plan.policy(), lines, total);
        state::store(&self.out.join("report.json"), &report)?;
        if let Some(key) = &self.sign_key {
            self.sign(key, &inputs, &looked, &report, watch)?;
        }
        Ok(report)
    }

    /// The inputs of this part under the names that the whole list gives them: parts never write the same name.
    pub(super) fn named(&self) -> Result<Vec<Named>, FilterError> {
        let all = inputs::named(&self.inputs)?;
        self.identity.output_coding.apart(&all)?;
        let mine = |place: usize| self.shard.is_none_or(|shard| shard.takes(place));
        Ok(all.into_iter().enumerate().filter(|(place, _)| mine(*place)).map(|(_, named)| named).collect())
    }

    fn prepare(&self) -> Result<(), FilterError> {
        let failed = |source| FilterError::write(&self.out, source);
        std::fs::create_dir_all(&self.out).map_err(failed)?;
        let empty = std::fs::read_dir(&self.out).map_err(failed)?.next().is_none();
        if !empty && !self.resume {
            return Err(FilterError::NotEmpty(self.out.clone()));
        }
        // Outputs of another coding have other names, and nobody would take them away.
        let before = state::load::<Identity>(&self.out.join("state").join("run.json"));
        if before.is_some_and(|before| before.output_coding != self.identity.output_coding) {
            return Err(FilterError::OtherCoding(self.out.clone()));
        }
        // What an earlier run signed for is about to change.
        for name in [RECEIPT, OUTPUTS, INPUTS] {
            state::remove_left(&self.out.join(name))?;
        }
        for folder in ["kept", "review", "excluded", "state"] {
            let folder = self.out.join(folder);
            std::fs::create_dir_all(&folder).map_err(|source| FilterError::write(&folder, source))?;
        }
        state::store(&self.out.join("state").join("run.json"), &self.identity)
    }

    /// Whether records are handed on rather than kept, since less than all is looked at.
    pub(super) fn hands_on(&self) -> bool {
        !self.asking.checks.all()
    }

    pub(super) fn open(&self, input: &Named) -> Result<Opened, FilterError> {
        let name = input.location.to_string();
        let stored = self.store.open(&input.location);
        let stored = stored.map_err(|source| OpenError::Read { name: name.clone(), source })?;
        let options = Options { heads_only: !self.asking.checks.payload(), ..self.options.clone() };
        match crawl::open_input(stored, &name, options, &self.fields)? {
            Opened::Table(_) if self.hands_on() => Err(FilterError::WholeTable(name)),
            Opened::Table(_) if !self.identity.output_coding.is_same() => Err(FilterError::NotLines(name)),
            Opened::Records(reader)
                if reader.container() != Container::Jsonl && !self.identity.output_coding.is_same() =>
            {
                Err(FilterError::NotLines(name))
            }
            opened => Ok(opened),
        }
    }

    fn input<'s>(
        &'s self,
        input: &Named,
        finality: Option<&Finality>,
        bounds: Bounds,
        watch: &mut dyn Watch,
    ) -> Result<Option<Sealing<'s>>, FilterError> {
        let spooled = match input.location {
            Location::Stdin => Some(inputs::spool(&self.out.join("state"), input)?),
            _ => None,
        };
        let sealing = self.input_at(spooled.as_ref().unwrap_or(input), finality, bounds, watch)?;
        let Some(Named { location: Location::File(path), .. }) = spooled else { return Ok(sealing) };
        Ok(Some(Box::new(move || {
            sealing.map_or(Ok(()), |seal| seal())?;
            std::fs::remove_file(&path).map_err(|source| FilterError::write(&path, source))
        })))
    }

    /// Reads an input to its end. What is left is to wait for the disk, and to say that it is finished.
    fn input_at<'s>(
        &'s self,
        named: &Named,
        finality: Option<&Finality>,
        bounds: Bounds,
        watch: &mut dyn Watch,
    ) -> Result<Option<Sealing<'s>>, FilterError> {
        let name = named.name.as_str();
        let paths = Paths::of(&self.out, name);
        let input = self.look(named)?;
        if self.resume && self.done(&paths, &input).is_some() {
            watch.begin(name, input.bytes, true);
            return Ok(None);
        }
        state::remove_left(&paths.done)?;
        watch.begin(name, input.bytes, false);
        let ended = match finality.filter(|_| self.identity.index.is_some()) {
            Some(finality) => self.index(named, finality, bounds, watch)?,
            None => match self.open(named)? {
                Opened::Records(mut reader) => self.records(named, finality, (&mut reader, bounds), watch)?,
                Opened::Table(table) => self.table(named, &paths, &table, watch)?,
            },
        };
        self.stands(named, &input)?;
        Ok(Some(Box::new(move || {
            let tally = ended.seal()?;
            decisions::settle(&paths.decisions, self.identity.decisions)?;
            if paths.not_checked.exists() {
                decisions::settle(&paths.not_checked, self.identity.decisions)?;
            }
            state::store(&paths.done, &Done { identity: self.identity.clone(), input, tally })
        })))
    }

    /// What an earlier run of the same identity finished.
    pub(super) fn done(&self, paths: &Paths, input: &Input) -> Option<Done> {
        state::load::<Done>(&paths.done).filter(|done| done.identity == self.identity && done.input == *input)
    }

    pub(super) fn look(&self, named: &Named) -> Result<Input, FilterError> {
        let looked = self.store.look(&named.location);
        let looked = looked.map_err(|source| FilterError::Read { name: named.location.to_string(), source })?;
        Ok(Input::of(&named.name, looked, named.digest.clone()))
    }

    fn records(
        &self,
        named: &Named,
        finality: Option<&Finality>,
        (reader, bounds): (&mut Reader<crawl::store::Stored>, Bounds),
        watch: &mut dyn Watch,
    ) -> Result<Ended, FilterError> {
        let name = named.name.as_str();
        let mut outputs = if self.hands_on() {
            Outputs::of_candidates(&Paths::of_candidates(&self.out, name), name, reader)?
        } else {
            let coding = self.identity.output_coding;
            Outputs::create(&Paths::of(&self.out, name).coded(&self.out, name, coding), name, reader, coding)?
        };
        let judge = Judge { plan: self.plan, asking: &self.asking, finality };
        let mut documents = 0;
        pipeline::run(reader, &judge, name, bounds, |settled, offset| {
            documents += u64::from(matches!(settled, Settled::Document(..) | Settled::Candidate(..)));
            if let Some(row) = outputs.take(settled)? {
                watch.damage(&row);
            }
            watch.advance(offset, documents);
            Ok(())
        })?;
        let mut ended = outputs.end()?;
        ended.tally.stored(&reader.accounting());
        Ok(Ended::Records(Box::new(ended)))
    }

    fn table(&self, named: &Named, paths: &Paths, table: &Table, watch: &mut dyn Watch) -> Result<Ended, FilterError> {
        let mut outputs = TableOutputs::create(paths, &named.name, table)?;
        let content_decides = content_decides(self.plan.snapshot(), self.plan.policy())?;
        let rows = Rows { plan: self.plan, asking: &self.asking, table, content_decides };
        rows.run(&mut outputs, |offset, documents, damaged| {
            if let Some(row) = damaged {
                watch.damage(row);
            }
            watch.advance(offset, documents);
        })?;
        Ok(Ended::Table(Box::new(outputs.end(table)?)))
    }

    fn index(
        &self,
        named: &Named,
        finality: &Finality,
        bounds: Bounds,
        watch: &mut dyn Watch,
    ) -> Result<Ended, FilterError> {
        let root = self.identity.index.as_ref().and_then(|run| run.fetch.as_ref());
        let (from, how) = ((self.store, root), (&self.options, bounds));
        let pass = IndexPass::new(self.plan, &self.asking, finality, from, how)?;
        Ok(Ended::Index(pass.run((&named.location, &named.name), &self.out, watch)?))
    }

    /// No verdict stands whose evidence was gathered from a damaged snapshot, and no output of a changing input.
    fn stands(&self, named: &Named, input: &Input) -> Result<(), FilterError> {
        if let Some(damage) = self.plan.snapshot().damage() {
            return Err(damage.into());
        }
        if self.look(named)? != *input {
            return Err(FilterError::Changed(named.location.to_string()));
        }
        Ok(())
    }

    /// Joins the parts of all inputs, in their order, into one file.
    fn assemble(&self, inputs: &[Named], file: &str, part: fn(&Paths) -> &PathBuf) -> Result<(), FilterError> {
        state::place(&self.out.join(file), |out| {
            for input in inputs {
                io::copy(&mut std::fs::File::open(part(&Paths::of(&self.out, &input.name)))?, out)?;
            }
            Ok(())
        })
    }
}
