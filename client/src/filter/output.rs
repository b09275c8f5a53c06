//! One input's outputs: kept and reviewed records, decisions, manifest rows and damage, all `.partial` until they are whole.

use super::FilterError;
use super::candidate::{self, CANDIDATE, NOT_CHECKED, Told};
use super::companions::{Name, Names, Queue, Released};
use super::document::{DamageRow, Document};
use super::pipeline::{RecordOrNames, Settled, Sketch};
use super::state;
use crate::crawl::{Codec, Container, Dictionary, JsonlWriter, Reader, Record, WarcWriter};
use crate::report::Tally;
use cleartitle_schema::decide::{Owed, Verdict};
use cleartitle_schema::id::ContentId;
use cleartitle_schema::manifest::{Place, Row};
use cleartitle_schema::policy::Disposition;
use cleartitle_schema::time::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A decision as `excluded/NAME.decisions.jsonl` holds it: one excluded or reviewed document.
#[derive(Serialize)]
struct DecisionRow<'a> {
    /// The file that the place is in, where that is not the input itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row_group: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ContentId>,
    verdict: Verdict,
    action: &'a str,
    because: &'a str,
    reasons: &'a RawValue,
    #[serde(skip_serializing_if = "<[Owed]>::is_empty")]
    duties: &'a [Owed],
    #[serde(skip_serializing_if = "Option::is_none")]
    record_signals: Option<&'a str>,
}

impl<'a> DecisionRow<'a> {
    fn of(document: &'a Document, record: Option<&'a str>, place: &Place) -> Self {
        let ruling = &document.ruling;
        Self {
            file: document.source.as_deref(),
            record,
            offset: place.offset,
            length: place.length,
            line: place.line,
            row_group: place.row_group,
            row: place.row,
            url: document.url.as_deref(),
            captured_at: document.captured_at,
            content: document.content,
            verdict: ruling.decision.verdict,
            action: document.action.word(),
            because: &document.because,
            reasons: &ruling.reasons,
            duties: &ruling.decision.duties,
            record_signals: None,
        }
    }
}

/// Writes down the decision on a document that is not kept.
pub(super) fn decided(
    decisions: &mut Lines,
    document: &Document,
    record: Option<&str>,
    place: &Place,
) -> Result<(), FilterError> {
    decisions.put(&DecisionRow::of(document, record, place))
}

/// Writes down why a kept document may be used. Without its id it is none: nothing is kept that nobody can name.
pub(super) fn listed(
    manifest: &mut Lines,
    document: Document,
    record: Option<String>,
    container: Place,
    source: Place,
) -> Result<(), FilterError> {
    let Some(content) = document.content else { return Err(FilterError::Stopped) };
    let ruling = &document.ruling;
    manifest.put(&Row {
        content,
        url: document.url,
        captured_at: document.captured_at,
        container,
        source: Some(source),
        record,
        aliases: document.aliases,
        canonical: document.evidence.canonical,
        marks: document.evidence.marks,
        credits: document.evidence.credits,
        in_record: document.evidence.says.filter(|says| !says.signals.is_empty()),
        verdict: ruling.decision.verdict,
        reasons: ruling.codes.clone(),
        statements: ruling.statements.clone(),
        duties: ruling.decision.duties.clone(),
    })
}

/// The files of one input, under the output folder.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Kept records.
    pub kept: PathBuf,
    /// Records for review.
    pub review: PathBuf,
    /// Decisions on what was not kept.
    pub decisions: PathBuf,
    /// Decisions on the candidates of an index, which are no better than unknown.
    pub not_checked: PathBuf,
    /// Manifest rows.
    pub manifest: PathBuf,
    /// Damage.
    pub damage: PathBuf,
    /// That it is finished.
    pub done: PathBuf,
}

impl Paths {
    /// For an input's name in a run that hands on candidates.
    #[must_use]
    pub fn of_candidates(out: &Path, name: &str) -> Self {
        Self { kept: out.join("candidates").join(name), ..Self::of(out, name) }
    }

    /// For an input's name.
    #[must_use]
    pub fn of(out: &Path, name: &str) -> Self {
        Self {
            kept: out.join("kept").join(name),
            review: out.join("review").join(name),
            decisions: out.join("excluded").join(format!("{name}.decisions.jsonl")),
            not_checked: out.join("not-checked").join(format!("{name}.decisions.jsonl")),
            manifest: out.join("state").join(format!("{name}.manifest.jsonl")),
            damage: out.join("state").join(format!("{name}.damage.jsonl")),
            done: out.join("state").join(format!("{name}.done")),
        }
    }
}

/// A file of whole lines or members, named for errors.
pub(super) struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
}

pub(super) fn create(path: &Path) -> Result<BufWriter<File>, FilterError> {
    let partial = state::partial(path);
    let folder = partial.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| FilterError::write(folder, source))?;
    let file = File::create(&partial).map_err(|source| FilterError::write(&partial, source))?;
    Ok(BufWriter::with_capacity(256 * 1024, file))
}

pub(super) fn seal(path: &Path, file: BufWriter<File>) -> Result<(), FilterError> {
    let failed = |source| FilterError::write(&state::partial(path), source);
    file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
    state::finish(path)
}

/// Gives a file its name if anything is in it; else nothing of that name is left behind.
pub(super) fn seal_if(path: &Path, file: BufWriter<File>, filled: bool) -> Result<(), FilterError> {
    if filled {
        return seal(path, file);
    }
    drop(file);
    let partial = state::partial(path);
    std::fs::remove_file(&partial).map_err(|source| FilterError::write(&partial, source))?;
    // An earlier run, under another policy, may have left one.
    state::remove_left(path)
}

impl Lines {
    pub fn create(path: &Path) -> Result<Self, FilterError> {
        Ok(Self { path: path.to_owned(), file: create(path)? })
    }

    /// Lines as they are to stand.
    pub fn put_text(&mut self, lines: &[u8]) -> Result<(), FilterError> {
        self.file.write_all(lines).map_err(|source| FilterError::write(&self.path, source))
    }

    pub fn put(&mut self, row: &impl Serialize) -> Result<(), FilterError> {
        let written = serde_json::to_writer(&mut self.file, row)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|source| FilterError::write(&self.path, source))
    }

    /// Where the next line goes, for [`Lines::back_to`].
    pub fn mark(&mut self) -> Result<u64, FilterError> {
        self.file.stream_position().map_err(|source| FilterError::write(&self.path, source))
    }

    /// Takes back every line since a mark.
    pub fn back_to(&mut self, mark: u64) -> Result<(), FilterError> {
        let taken = self.file.flush().and_then(|()| self.file.get_ref().set_len(mark));
        let taken = taken.and_then(|()| self.file.seek(SeekFrom::Start(mark)));
        taken.map(drop).map_err(|source| FilterError::write(&self.path, source))
    }

    pub fn seal(self) -> Result<(), FilterError> {
        seal(&self.path, self.file)
    }
}

enum Writer {
    Warc(WarcWriter<BufWriter<File>>),
    Jsonl(JsonlWriter<BufWriter<File>>),
}

/// Records written to one file, with the place of each.
struct Records {
    path: PathBuf,
    file: String,
    writer: Writer,
    offset: u64,
    lines: u64,
    documents: u64,
}

/// How records are written down: as their input has them.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub container: Container,
    pub codec: Codec,
    pub dictionary: Option<Arc<Dictionary>>,
}

impl Records {
    fn create(path: &Path, file: String, shape: Shape) -> Result<Self, FilterError> {
        let inner = create(path)?;
        let Shape { container, codec, dictionary } = shape;
        let mut offset = 0;
        let writer = match container {
            Container::Jsonl => Writer::Jsonl(JsonlWriter::new(inner, codec)),
            Container::Warc => {
                let head = dictionary.as_ref().filter(|_| codec == Codec::Zstd);
                offset = head.map_or(0, |dictionary| dictionary.frame.len() as u64);
                let writer = WarcWriter::new(inner, codec, dictionary);
                Writer::Warc(writer.map_err(|source| FilterError::write(path, source))?)
            }
        };
        Ok(Self { path: path.to_owned(), file, writer, offset, lines: 0, documents: 0 })
    }

    fn put(&mut self, record: &Record) -> Result<Place, FilterError> {
        let failed = |source| FilterError::Record { path: self.path.clone(), source };
        let mut place = Place { file: self.file.clone(), ..Place::default() };
        match &mut self.writer {
            Writer::Warc(writer) => {
                let length = writer.write(record).map_err(failed)?;
                (place.offset, place.length) = (Some(self.offset), Some(length));
                self.offset += length;
            }
            Writer::Jsonl(writer) => {
                writer.write(record).map_err(failed)?;
                self.lines += 1;
                place.line = Some(self.lines);
            }
        }
        Ok(place)
    }

    fn close(self) -> Result<(PathBuf, BufWriter<File>, u64), FilterError> {
        let inner = match self.writer {
            Writer::Warc(writer) => writer.finish(),
            Writer::Jsonl(writer) => writer.finish(),
        };
        let inner = inner.map_err(|source| FilterError::write(&self.path, source))?;
        Ok((self.path, inner, self.documents))
    }
}

/// A record in the queue, and what is written about it when it comes out.
enum Item {
    Document(Box<Document>, Box<Record>),
    Candidate(Box<Record>),
    Companion(Box<Record>),
    Head(Box<Record>),
}

/// The writer of one input's outputs.
pub struct Outputs {
    name: String,
    kept: Records,
    review: Records,
    decisions: Lines,
    manifest: Lines,
    damage: Lines,
    /// Where candidates are handed on.
    not_checked: Option<Lines>,
    queue: Queue<Item>,
    tally: Tally,
}

fn place_of(sketch: &Sketch) -> Place {
    Place { offset: Some(sketch.offset), length: Some(sketch.length), line: sketch.line, ..Place::default() }
}

fn names(sketch: &Sketch) -> Names {
    Names {
        own: sketch.record_id.as_deref().map(Name::of),
        links: sketch.links.iter().map(|link| Name::of(link)).collect(),
    }
}

impl Outputs {
    /// Opens the partial files for an input.
    ///
    /// # Errors
    /// When one can't be made.
    pub fn create<R>(paths: &Paths, name: &str, reader: &Reader<R>) -> Result<Self, FilterError>
    where
        R: std::io::Read + std::io::Seek,
    {
        let (container, codec, dictionary) = (reader.container(), reader.codec(), reader.dictionary());
        Self::shaped(paths, name, name, &Shape { container, codec, dictionary })
    }

    /// The same where some records are handed on as candidates; `paths` are [`Paths::of_candidates`].
    ///
    /// # Errors
    /// When a file can't be made.
    pub fn of_candidates<R>(paths: &Paths, name: &str, reader: &Reader<R>) -> Result<Self, FilterError>
    where
        R: std::io::Read + std::io::Seek,
    {
        Ok(Self { not_checked: Some(Lines::create(&paths.not_checked)?), ..Self::create(paths, name, reader)? })
    }

    /// The same for records that go by another name than their input, or another shape.
    pub(super) fn shaped(paths: &Paths, name: &str, kept: &str, shape: &Shape) -> Result<Self, FilterError> {
        Ok(Self {
            name: name.to_owned(),
            kept: Records::create(&paths.kept, format!("kept/{kept}"), shape.clone())?,
            review: Records::create(&paths.review, format!("review/{kept}"), shape.clone())?,
            decisions: Lines::create(&paths.decisions)?,
            manifest: Lines::create(&paths.manifest)?,
            damage: Lines::create(&paths.damage)?,
            not_checked: None,
            queue: Queue::default(),
            tally: Tally::default(),
        })
    }

    /// Takes the next item in file order. Returns the damage, if that is what it was.
    ///
    /// # Errors
    /// When writing fails.
    pub fn take(&mut self, settled: Settled) -> Result<Option<DamageRow>, FilterError> {
        let mut damaged = None;
        match settled {
            Settled::Damaged(row, document) => {
                self.tally.damage(&row, document);
                let own = row.record.as_deref().map(Name::of);
                self.queue.note(&Names { own, links: Vec::new() }, Disposition::Drop);
                self.damage.put(&row)?;
                damaged = Some(row);
            }
            Settled::Other(sketch) => {
                self.tally.records.other += 1;
                self.queue.note(&names(&sketch), Disposition::Drop);
            }
            Settled::Head(record) => {
                self.tally.records.heads += 1;
                let bytes = record.plain_bytes().len();
                self.queue.always(Item::Head(record), bytes);
            }
            Settled::Companion(record) => {
                let (names, bytes) = (names(&Sketch::of(&record)), record.plain_bytes().len());
                self.queue.companion(Item::Companion(record), bytes, names);
            }
            Settled::Document(document, record) => self.document(document, record)?,
            Settled::Candidate(document, record) => self.candidate(&document, record)?,
        }
        self.flush()?;
        Ok(damaged)
    }

    fn document(&mut self, document: Box<Document>, record: RecordOrNames) -> Result<(), FilterError> {
        let sketch = record.sketch();
        self.tally.document(&document);
        let action = document.action;
        if action != Disposition::Keep {
            decided(&mut self.decisions, &document, sketch.record_id.as_deref(), &place_of(&sketch))?;
        }
        match record {
            RecordOrNames::Record(record) if action != Disposition::Drop => {
                let bytes = record.plain_bytes().len();
                self.queue.document(Item::Document(document, record), bytes, &names(&sketch), action);
            }
            _ => self.queue.note(&names(&sketch), Disposition::Drop),
        }
        Ok(())
    }

    /// Hands a record on, and says why it is not decided yet.
    fn candidate(&mut self, document: &Document, record: Box<Record>) -> Result<(), FilterError> {
        // Where nobody asked for candidates nothing may pass as one.
        let Some(not_checked) = &mut self.not_checked else { return Err(FilterError::Stopped) };
        let sketch = Sketch::of(&record);
        let Told { verdict, because, reasons } = candidate::told(&document.ruling);
        let row = DecisionRow::of(document, sketch.record_id.as_deref(), &place_of(&sketch));
        let record_signals = document.evidence.says.is_none().then_some(NOT_CHECKED);
        not_checked.put(&DecisionRow {
            verdict,
            action: CANDIDATE,
            because,
            reasons: &reasons,
            duties: &[],
            record_signals,
            ..row
        })?;
        self.tally.candidates += 1;
        let bytes = record.plain_bytes().len();
        self.queue.document(Item::Candidate(record), bytes, &names(&sketch), Disposition::Keep);
        Ok(())
    }

    /// The lines of decisions, manifest and damage, and what was counted.
    pub(super) fn lines(&mut self) -> (&mut Lines, &mut Lines, &mut Tally) {
        (&mut self.decisions, &mut self.damage, &mut self.tally)
    }

    /// Writes what has come out of the queue.
    fn flush(&mut self) -> Result<(), FilterError> {
        while let Some(released) = self.queue.release() {
            match released {
                Released::Orphan(_) => self.tally.records.orphans += 1,
                Released::Fated(Item::Head(record), _) => {
                    self.kept.put(&record)?;
                    self.review.put(&record)?;
                }
                Released::Fated(Item::Companion(record), fate) => {
                    *self.tally.records.companions(fate) += 1;
                    if let Some(records) = self.records(fate) {
                        records.put(&record)?;
                    }
                }
                Released::Fated(Item::Candidate(record), _) => {
                    self.kept.put(&record)?;
                }
                Released::Fated(Item::Document(document, record), fate) => {
                    let Some(records) = self.records(fate) else { continue };
                    let place = records.put(&record)?;
                    records.documents += 1;
                    if fate == Disposition::Keep {
                        self.keep(*document, &record, place)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn records(&mut self, fate: Disposition) -> Option<&mut Records> {
        match fate {
            Disposition::Keep => Some(&mut self.kept),
            Disposition::Review => Some(&mut self.review),
            Disposition::Drop => None,
        }
    }

    fn keep(&mut self, document: Document, record: &Record, container: Place) -> Result<(), FilterError> {
        self.tally.duties.add(&document.ruling.decision.duties);
        let source = Place {
            file: document.source.as_deref().unwrap_or(&self.name).to_owned(),
            offset: Some(record.raw.offset),
            length: Some(record.raw.length),
            line: record.line,
            ..Place::default()
        };
        listed(&mut self.manifest, document, record.record_id.clone(), container, source)
    }

    /// Ends the input: lets the last companions go, and closes and syncs every file. Nothing has its name yet.
    ///
    /// # Errors
    /// When writing fails.
    pub fn end(mut self) -> Result<Ended, FilterError> {
        self.queue.end();
        self.flush()?;
        Ok(Ended {
            kept: self.kept,
            review: self.review,
            lines: [self.decisions, self.manifest, self.damage].into_iter().chain(self.not_checked).collect(),
            tally: self.tally,
        })
    }
}

/// An input that was read to its end.
pub struct Ended {
    kept: Records,
    review: Records,
    lines: Vec<Lines>,
    /// What was counted.
    pub tally: Tally,
}

impl Ended {
    /// Syncs all files and gives them their names. A review file without documents is not left behind.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn seal(self) -> Result<Tally, FilterError> {
        let (path, file, _) = self.kept.close()?;
        seal(&path, file)?;
        let (path, file, documents) = self.review.close()?;
        seal_if(&path, file, documents > 0)?;
        self.lines.into_iter().try_for_each(Lines::seal)?;
        Ok(self.tally)
    }
}
