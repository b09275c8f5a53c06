//! What an index leaves behind: decisions on rows, and either the candidates' rows in the index's own format, or their records.

use super::wanted::Wanted;
use crate::crawl::index::Opened;
use crate::crawl::parquet::{PutError, Table};
use crate::crawl::{Accounting, Codec, Container};
use crate::filter::FilterError;
use crate::filter::document::DamageRow;
use crate::filter::files::{Lines, Paths, create, seal};
use crate::filter::output::{Ended, Outputs, Shape};
use crate::filter::table_output::{Part, Stop};
use crate::report::Tally;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// What a stretch of an index came to.
#[derive(Debug, Default)]
pub struct Decided {
    /// The candidates' rows, as they are written.
    pub candidates: Vec<u8>,
    /// Their lines.
    pub not_checked: Vec<u8>,
    /// The lines of excluded rows.
    pub excluded: Vec<u8>,
    /// Rows that can't be read.
    pub damage: Vec<DamageRow>,
    /// The records that candidates name, where they are fetched.
    pub wanted: Wanted,
    /// What was counted.
    pub tally: Tally,
}

/// The paths that an index's outputs have beside the usual ones.
pub fn paths(out: &Path, name: &str, fetched: Option<Codec>) -> (Paths, String) {
    let Some(codec) = fetched else { return (Paths::of_candidates(out, name), name.to_owned()) };
    let ending = match codec {
        Codec::Plain => ".warc",
        Codec::Gzip => ".warc.gz",
        Codec::Zstd => ".warc.zst",
    };
    let kept = format!("{name}{ending}");
    (Paths { kept: out.join("kept").join(&kept), review: out.join("review").join(&kept), ..Paths::of(out, name) }, kept)
}

enum Candidates {
    Lines(PathBuf, BufWriter<File>),
    Table(Box<Part>, PathBuf),
}

/// The rows of candidates, where no record is fetched.
pub struct Rows {
    candidates: Candidates,
    not_checked: Lines,
    excluded: Lines,
    manifest: Lines,
    damage: Lines,
    tally: Tally,
}

/// Where decided rows go.
pub enum Sink {
    /// The rows themselves.
    Rows(Box<Rows>),
    /// Their records, once fetched.
    Records(Box<Outputs>),
}

/// Where the lines stood before a row group.
pub struct Marks(Vec<u64>);

impl Sink {
    /// Opens the partial files of an index.
    ///
    /// # Errors
    /// When one can't be made.
    pub fn create(out: &Path, name: &str, opened: &Opened, fetched: Option<Codec>) -> Result<Self, FilterError> {
        let (paths, kept) = paths(out, name, fetched);
        if let Some(codec) = fetched {
            let shape = Shape { container: Container::Warc, codec, level: None, dictionary: None };
            return Ok(Self::Records(Box::new(Outputs::shaped(&paths, name, &kept, &shape)?)));
        }
        let candidates = match opened {
            Opened::Lines(_) => Candidates::Lines(paths.kept.clone(), create(&paths.kept)?),
            Opened::Columns(columns) => {
                let mut scratch = paths.done.clone().into_os_string();
                scratch.push(".candidates.partial");
                let scratch = PathBuf::from(scratch);
                // The state's folder of a nested name is made with the lines below; the scratch file comes first.
                if let Some(folder) = scratch.parent() {
                    std::fs::create_dir_all(folder).map_err(|source| FilterError::write(folder, source))?;
                }
                Candidates::Table(Box::new(Part::create(&paths.kept, columns.table(), &scratch)?), scratch)
            }
        };
        Ok(Self::Rows(Box::new(Rows {
            candidates,
            not_checked: Lines::create(&paths.not_checked)?,
            excluded: Lines::create(&paths.decisions)?,
            manifest: Lines::create(&paths.manifest)?,
            damage: Lines::create(&paths.damage)?,
            tally: Tally::default(),
        })))
    }

    fn parts(&mut self) -> (&mut Lines, &mut Lines, &mut Tally) {
        match self {
            Self::Rows(rows) => (&mut rows.excluded, &mut rows.damage, &mut rows.tally),
            Self::Records(records) => records.lines(),
        }
    }

    /// Takes what the next rows came to. What they want fetched stays in them.
    ///
    /// # Errors
    /// When writing fails.
    pub fn take(&mut self, decided: &mut Decided) -> Result<(), FilterError> {
        let (excluded, damage, _) = self.parts();
        excluded.put_text(&decided.excluded)?;
        decided.damage.iter().try_for_each(|row| damage.put(row))?;
        self.count(std::mem::take(&mut decided.tally));
        if let Self::Rows(rows) = self {
            rows.not_checked.put_text(&decided.not_checked)?;
            if let Candidates::Lines(path, file) = &mut rows.candidates {
                let written = file.write_all(&decided.candidates);
                written.map_err(|source| FilterError::write(path, source))?;
            }
        }
        Ok(())
    }

    /// Adds what was counted.
    pub fn count(&mut self, tally: Tally) {
        self.parts().2.merge(tally);
    }

    /// Takes damage that is no row's.
    ///
    /// # Errors
    /// When writing fails.
    pub fn damaged(&mut self, row: &DamageRow, document: bool) -> Result<(), FilterError> {
        let (_, damage, tally) = self.parts();
        tally.damage(row, document);
        damage.put(row)
    }

    /// Where the lines stand.
    ///
    /// # Errors
    /// When those before can't be written.
    pub fn marks(&mut self) -> Result<Marks, FilterError> {
        let not_checked = match self {
            Self::Rows(rows) => Some(rows.not_checked.mark()?),
            Self::Records(_) => None,
        };
        let (excluded, damage, _) = self.parts();
        Ok(Marks([excluded.mark()?, damage.mark()?].into_iter().chain(not_checked).collect()))
    }

    /// Takes back every line since.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn back_to(&mut self, marks: &Marks) -> Result<(), FilterError> {
        if let (Self::Rows(rows), Some(mark)) = (&mut *self, marks.0.get(2)) {
            rows.not_checked.back_to(*mark)?;
        }
        let (excluded, damage, _) = self.parts();
        excluded.back_to(marks.0[0])?;
        damage.back_to(marks.0[1])
    }

    /// Writes the rows of a row group that are candidates.
    ///
    /// # Errors
    /// The row group is damaged, or the output can't be written.
    pub fn put(&mut self, table: &Table, group: usize, kept: &[bool]) -> Result<(), Stop> {
        let Self::Rows(rows) = self else { return Ok(()) };
        let Candidates::Table(part, scratch) = &mut rows.candidates else { return Ok(()) };
        let prepared = part.writer.prepare(table, group, kept).map_err(|error| match error {
            PutError::Damaged(error) => Stop::of(error),
            PutError::Write(source) => Stop::Failed(FilterError::write(scratch, source)),
        })?;
        part.writer.put(table, prepared).map_err(|source| FilterError::write(&part.path, source).into())
    }

    /// Ends the index: closes every file. Nothing has its name yet.
    ///
    /// # Errors
    /// When writing fails.
    pub fn end(self, stored: &Accounting) -> Result<Done, FilterError> {
        match self {
            Self::Records(records) => {
                let mut ended = records.end()?;
                ended.tally.stored(stored);
                Ok(Done::Records(Box::new(ended)))
            }
            Self::Rows(mut rows) => {
                rows.tally.stored(stored);
                Ok(Done::Rows(rows))
            }
        }
    }
}

/// An index that was read to its end.
pub enum Done {
    /// Rows.
    Rows(Box<Rows>),
    /// Records.
    Records(Box<Ended>),
}

impl Done {
    /// Syncs all files and gives them their names.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn seal(self) -> Result<Tally, FilterError> {
        let rows = match self {
            Self::Records(ended) => return ended.seal(),
            Self::Rows(rows) => *rows,
        };
        match rows.candidates {
            Candidates::Lines(path, file) => seal(&path, file)?,
            Candidates::Table(part, scratch) => {
                let Part { path, writer } = *part;
                let file = writer.finish().map_err(|source| FilterError::write(&path, source))?;
                seal(&path, file)?;
                std::fs::remove_file(&scratch).map_err(|source| FilterError::write(&scratch, source))?;
            }
        }
        [rows.not_checked, rows.excluded, rows.manifest, rows.damage].into_iter().try_for_each(Lines::seal)?;
        Ok(rows.tally)
    }
}
