//! One table's outputs: kept and reviewed row groups, decisions, manifest rows and damage, all `.partial` until they are whole,
//! and whatever a damaged row group has left in them taken back.

use super::FilterError;
use super::document::{DamageRow, Document};
use super::files::{Lines, Paths, create, seal, seal_if};
use super::told::{decided, listed};
use crate::crawl::Accounting;
use crate::crawl::parquet::{PutError, Table, TableError, TableWriter};
use crate::report::Tally;
use cleartitle_schema::manifest::Place;
use cleartitle_schema::policy::Disposition;
use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a row group came to no end.
pub enum Stop {
    /// It is damaged.
    Damaged(TableError),
    /// The run is.
    Failed(FilterError),
}

impl Stop {
    /// Bytes that could not be had end the run; bytes that are wrong end their row group.
    pub fn of(error: TableError) -> Self {
        match error {
            TableError::Read { name, source } => Self::Failed(FilterError::Read { name, source }),
            other => Self::Damaged(other),
        }
    }
}

impl<E: Into<FilterError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// One output table.
pub(super) struct Part {
    pub path: PathBuf,
    pub writer: TableWriter<BufWriter<File>>,
}

impl Part {
    pub fn create(path: &Path, table: &Table, scratch: &Path) -> Result<Self, FilterError> {
        let file = create(path)?;
        let mut open = File::options();
        open.read(true).write(true).create(true).truncate(true);
        let scratch = open.open(scratch).map_err(|source| FilterError::write(scratch, source))?;
        let writer = TableWriter::new(table, file, scratch).map_err(|source| FilterError::write(path, source))?;
        Ok(Self { path: path.to_owned(), writer })
    }
}

/// The writer of one table's outputs.
pub struct TableOutputs {
    name: String,
    kept: Part,
    review: Part,
    scratches: [PathBuf; 2],
    decisions: Lines,
    manifest: Lines,
    damage: Lines,
    /// Of the row groups that stand.
    tally: Tally,
    stored: Accounting,
    /// Of the one being read.
    group: usize,
    of_group: Tally,
    kept_rows: u64,
}

/// Where the lines of the outputs stood before a row group.
pub struct Marks([u64; 3]);

impl TableOutputs {
    /// Opens the partial files for a table.
    ///
    /// # Errors
    /// When one can't be made.
    pub fn create(paths: &Paths, name: &str, table: &Table) -> Result<Self, FilterError> {
        let scratches = ["kept", "review"].map(|part| {
            let mut path = paths.done.as_os_str().to_owned();
            path.push(format!(".{part}.partial"));
            PathBuf::from(path)
        });
        let (decisions, manifest) = (Lines::create(&paths.decisions)?, Lines::create(&paths.manifest)?);
        Ok(Self {
            name: name.to_owned(),
            kept: Part::create(&paths.kept, table, &scratches[0])?,
            review: Part::create(&paths.review, table, &scratches[1])?,
            scratches,
            decisions,
            manifest,
            damage: Lines::create(&paths.damage)?,
            tally: Tally::default(),
            stored: Accounting::default(),
            group: 0,
            of_group: Tally::default(),
            kept_rows: 0,
        })
    }

    /// Begins a row group.
    ///
    /// # Errors
    /// When the lines before it can't be written.
    pub fn begin(&mut self, group: usize) -> Result<Marks, FilterError> {
        (self.group, self.of_group, self.kept_rows) = (group, Tally::default(), 0);
        Ok(Marks([self.decisions.mark()?, self.manifest.mark()?, self.damage.mark()?]))
    }

    fn place(&self, file: String, row: u64) -> Place {
        Place { file, row_group: Some(self.group as u64), row: Some(row), ..Place::default() }
    }

    /// Takes the next row's document.
    ///
    /// # Errors
    /// When writing fails.
    pub fn document(&mut self, document: Document, record: Option<String>, row: u64) -> Result<(), FilterError> {
        self.of_group.document(&document);
        let source = self.place(self.name.clone(), row);
        if document.action != Disposition::Keep {
            return decided(&mut self.decisions, &document, record.as_deref(), &source);
        }
        self.of_group.duties.add(&document.ruling.decision.duties);
        let container = Place {
            file: format!("kept/{}", self.name),
            row_group: Some(self.kept.writer.groups()),
            row: Some(self.kept_rows),
            ..Place::default()
        };
        self.kept_rows += 1;
        listed(&mut self.manifest, document, record, container, source)
    }

    /// Takes a row that is no document.
    ///
    /// # Errors
    /// When writing fails.
    pub fn damaged_row(
        &mut self,
        record: Option<String>,
        row: u64,
        what: &str,
        detail: String,
    ) -> Result<DamageRow, FilterError> {
        let damaged = DamageRow {
            file: self.name.clone(),
            record,
            row_group: Some(self.group as u64),
            row: Some(row),
            what: what.to_owned(),
            detail,
            ..DamageRow::default()
        };
        self.of_group.damage(&damaged, true);
        self.damage.put(&damaged)?;
        Ok(damaged)
    }

    /// Writes the rows of the row group that are kept and those for review; both are read whole before either is written.
    ///
    /// # Errors
    /// The row group is damaged, the scratch file or an output can't be written.
    pub fn put(&mut self, table: &Table, group: usize, kept: &[bool], review: &[bool]) -> Result<(), Stop> {
        let scratch = &self.scratches;
        let stopped = |scratch: &Path, error| match error {
            PutError::Damaged(error) => Stop::of(error),
            PutError::Write(source) => Stop::Failed(FilterError::write(scratch, source)),
        };
        let kept = self.kept.writer.prepare(table, group, kept).map_err(|error| stopped(&scratch[0], error))?;
        let review = self.review.writer.prepare(table, group, review).map_err(|error| stopped(&scratch[1], error))?;
        for (part, prepared) in [(&mut self.kept, kept), (&mut self.review, review)] {
            part.writer.put(table, prepared).map_err(|source| FilterError::write(&part.path, source))?;
        }
        Ok(())
    }

    /// Ends a sound row group.
    pub fn commit(&mut self, range: &Range<u64>) {
        self.tally.merge(std::mem::take(&mut self.of_group));
        self.stored.records = self.stored.records.saturating_add(range.end - range.start);
    }

    /// Ends a damaged row group: nothing that was written of it stays.
    ///
    /// # Errors
    /// When writing fails.
    pub fn take_back(
        &mut self,
        marks: Marks,
        group: usize,
        range: &Range<u64>,
        error: &TableError,
    ) -> Result<DamageRow, FilterError> {
        let Marks([decisions, manifest, damage]) = marks;
        self.decisions.back_to(decisions)?;
        self.manifest.back_to(manifest)?;
        self.damage.back_to(damage)?;
        let row = DamageRow {
            file: self.name.clone(),
            offset: range.start,
            end: range.end,
            row_group: Some(group as u64),
            what: "damaged-row-group".to_owned(),
            detail: match error {
                TableError::Group { column: Some(column), detail, .. } => format!("column `{column}`: {detail}"),
                TableError::Group { detail, .. } => detail.clone(),
                other => other.to_string(),
            },
            ..DamageRow::default()
        };
        self.of_group = Tally::default();
        self.tally.damage(&row, false);
        self.stored.damage = self.stored.damage.saturating_add(range.end - range.start);
        self.damage.put(&row)?;
        Ok(row)
    }

    /// Ends the table: closes and syncs every file. Nothing has its name yet.
    ///
    /// # Errors
    /// When writing fails.
    pub fn end(mut self, table: &Table) -> Result<EndedTable, FilterError> {
        let finish = |part: Part| {
            let groups = part.writer.groups();
            let file = part.writer.finish().map_err(|source| FilterError::write(&part.path, source))?;
            Ok::<_, FilterError>((part.path, file, groups))
        };
        let (kept, review) = (finish(self.kept)?, finish(self.review)?);
        for scratch in &self.scratches {
            std::fs::remove_file(scratch).map_err(|source| FilterError::write(scratch, source))?;
        }
        let counted = self.stored.records.saturating_add(self.stored.damage);
        self.stored.padding = table.length().saturating_sub(counted);
        self.tally.stored(&self.stored);
        Ok(EndedTable { kept, review, lines: [self.decisions, self.manifest, self.damage], tally: self.tally })
    }
}

/// A table that was read to its end.
pub struct EndedTable {
    kept: (PathBuf, BufWriter<File>, u64),
    review: (PathBuf, BufWriter<File>, u64),
    lines: [Lines; 3],
    tally: Tally,
}

impl EndedTable {
    /// Syncs all files and gives them their names.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn seal(self) -> Result<Tally, FilterError> {
        let (path, file, _) = self.kept;
        seal(&path, file)?;
        let (path, file, groups) = self.review;
        seal_if(&path, file, groups > 0)?;
        self.lines.into_iter().try_for_each(Lines::seal)?;
        Ok(self.tally)
    }
}
