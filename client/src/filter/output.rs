//! One input's outputs: kept, reviewed and handed-on records, and what is told of every document.

use super::FilterError;
use super::coding::OutputCoding;
use super::companions::{Name, Names, Queue, Released};
use super::document::{DamageRow, Document};
use super::files::{Lines, Paths, create, seal, seal_if};
use super::pipeline::{RecordOrNames, Settled, Sketch};
use super::told::{decided, handed_on, listed};
use crate::crawl::{Codec, Container, Dictionary, JsonlWriter, Reader, Record, WarcWriter};
use crate::report::Tally;
use cleartitle_schema::manifest::Place;
use cleartitle_schema::policy::Disposition;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// The level of compression of lines; the usual one where none is named.
    pub level: Option<i32>,
    pub dictionary: Option<Arc<Dictionary>>,
}

impl Records {
    fn create(path: &Path, file: String, shape: Shape) -> Result<Self, FilterError> {
        let inner = create(path)?;
        let Shape { container, codec, level, dictionary } = shape;
        let mut offset = 0;
        let writer = match container {
            Container::Jsonl => {
                let writer = JsonlWriter::new(inner, codec, level);
                Writer::Jsonl(writer.map_err(|source| FilterError::write(path, source))?)
            }
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
    /// Opens the partial files for an input; `paths` are [`Paths::coded`].
    ///
    /// # Errors
    /// When one can't be made.
    pub fn create<R>(paths: &Paths, name: &str, reader: &Reader<R>, coding: OutputCoding) -> Result<Self, FilterError>
    where
        R: std::io::Read + std::io::Seek,
    {
        let (container, dictionary) = (reader.container(), reader.dictionary());
        let (codec, level) = coding.codec(reader.codec());
        Self::shaped(paths, name, &coding.name_of(name), &Shape { container, codec, level, dictionary })
    }

    /// The same where some records are handed on as candidates; `paths` are [`Paths::of_candidates`].
    ///
    /// # Errors
    /// When a file can't be made.
    pub fn of_candidates<R>(paths: &Paths, name: &str, reader: &Reader<R>) -> Result<Self, FilterError>
    where
        R: std::io::Read + std::io::Seek,
    {
        Ok(Self {
            not_checked: Some(Lines::create(&paths.not_checked)?),
            ..Self::create(paths, name, reader, OutputCoding::Same)?
        })
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
        handed_on(not_checked, document, sketch.record_id.as_deref(), &place_of(&sketch))?;
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
