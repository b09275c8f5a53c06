//! Records fetched by their ranges, each held against the row that named it and then decided by all that it says itself.

use super::root::Root;
use super::wanted::{Place, Want, Wanted};
use crate::crawl::store::{Store, Stored};
use crate::crawl::{Codec, Container, DeclaredDigest, DigestCheck, Options, RawItem, Record, Role, open_source};
use crate::filter::FilterError;
use crate::filter::document::{DamageRow, Judge};
use crate::filter::output::Outputs;
use crate::filter::pipeline::{self, Bounds, Ready, Settled};
use cleartitle_schema::surt::UrlKey;
use std::io::{self, Cursor, Read as _};
use std::ops::Range;
use std::sync::Arc;

/// Everything that fetching goes by.
pub struct Fetch<'a, D> {
    /// Who judges the records.
    pub judge: Judge<'a, D>,
    /// The index's name.
    pub index: &'a str,
    /// Where the files lie.
    pub root: &'a Root,
    /// The stores that they lie in.
    pub store: &'a Store,
    /// How records are read.
    pub options: &'a Options,
    /// What may be in flight.
    pub bounds: Bounds,
}

/// A file that was looked for, and why it can't be had.
#[derive(Clone)]
enum Source {
    Open(Arc<Stored>),
    Refused(&'static str, String),
}

/// Records that are read together.
struct Part {
    source: Source,
    wants: Range<usize>,
}

impl<D: AsRef<[u8]> + Sync> Fetch<'_, D> {
    /// Fetches all that is wanted; `told` hears of each damage, and of every record that was none.
    ///
    /// # Errors
    /// What keeps the run from going on; a record that is not what its row says doesn't.
    pub fn run(
        &self,
        mut wanted: Wanted,
        outputs: &mut Outputs,
        told: &mut dyn FnMut(Option<&DamageRow>),
    ) -> Result<(), FilterError> {
        let parts = wanted.parts();
        let wanted = &wanted;
        let mut parts = parts.into_iter();
        let mut known: Option<(usize, Source)> = None;
        let next = || {
            let Some(wants) = parts.next() else { return Ok(None) };
            let first = &wanted.of(wants.clone())[0];
            let source = match known.take().filter(|(file, _)| *file == first.file) {
                Some((_, source)) => source,
                None => self.open(&wanted.files[first.file])?,
            };
            known = Some((first.file, source.clone()));
            let end = wanted.of(wants.clone()).iter().map(|want| want.offset.saturating_add(want.length)).max();
            let weight = usize::try_from(end.unwrap_or_default().saturating_sub(first.offset)).unwrap_or(usize::MAX);
            Ok(Some(Ready { what: Part { source, wants }, weight: weight.min(1 << 30), offset: 0 }))
        };
        pipeline::ordered(
            self.bounds,
            next,
            |part| self.part(&part, wanted),
            |settled: Vec<Settled>, _| {
                for settled in settled {
                    let damaged = outputs.take(settled)?;
                    told(damaged.as_ref());
                }
                Ok(())
            },
        )
    }

    fn open(&self, file: &str) -> Result<Source, FilterError> {
        let location = match self.root.locate(file) {
            Ok(location) => location,
            Err((what, detail)) => return Ok(Source::Refused(what, detail)),
        };
        match self.store.open(&location) {
            Ok(stored) => Ok(Source::Open(Arc::new(stored))),
            // What the index names and nobody has is the index's fault; what can't be reached just now is not.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Source::Refused("missing-file", format!("`{location}` is not there")))
            }
            Err(source) => Err(FilterError::Read { name: location.to_string(), source }),
        }
    }

    /// Reads a part's range and looks at each record in it.
    fn part(&self, part: &Part, wanted: &Wanted) -> Result<Vec<Settled>, FilterError> {
        let wants = wanted.of(part.wants.clone());
        let stored = match &part.source {
            Source::Open(stored) => stored,
            Source::Refused(what, detail) => {
                return Ok(wants.iter().map(|want| self.refused(want, wanted, what, detail.clone())).collect());
            }
        };
        let fits = |want: &Want| want.offset.checked_add(want.length).filter(|end| *end <= stored.length());
        let end = wants.iter().filter_map(fits).max().unwrap_or_default();
        let start = wants[0].offset.min(end);
        let mut bytes = Vec::new();
        let most = self.options.limits.record;
        if end - start <= most {
            let read = stored.again(start..end).take(end - start).read_to_end(&mut bytes);
            let name = || wanted.files[wants[0].file].to_string();
            read.map_err(|source| FilterError::Read { name: name(), source })?;
        }
        let mut settled = Vec::with_capacity(wants.len());
        let mut before: Option<&Want> = None;
        for want in wants {
            let twice = before.is_some_and(|before| (before.offset, before.length) == (want.offset, want.length));
            before = Some(want);
            settled.push(if twice {
                let detail = "another row names the same record, which is kept once".to_owned();
                self.refused(want, wanted, "duplicate-row", detail)
            } else if fits(want).is_none() {
                let detail = format!("its record would end beyond the file, which has {} bytes", stored.length());
                self.refused(want, wanted, "beyond-the-file", detail)
            } else if want.length > most {
                self.refused(
                    want,
                    wanted,
                    "too-large",
                    format!("its record has {} bytes, the limit is {most}", want.length),
                )
            } else {
                let from = usize::try_from(want.offset - start).unwrap_or(usize::MAX);
                let length = usize::try_from(want.length).unwrap_or(usize::MAX);
                let record = from.checked_add(length).and_then(|end| bytes.get(from..end)).unwrap_or_default();
                self.record(want, wanted, record)?
            });
        }
        Ok(settled)
    }

    fn record(&self, want: &Want, wanted: &Wanted, bytes: &[u8]) -> Result<Settled, FilterError> {
        let file = &wanted.files[want.file];
        let record = match self.read(file, bytes) {
            Ok(record) => record,
            Err((what, detail)) => return Ok(self.refused(want, wanted, what, detail)),
        };
        let mut record = Box::new(record);
        record.raw.offset = want.offset;
        if record.role() != Role::Document {
            return pipeline::settle_record(record, &self.judge, file).map(|settled| match settled {
                // A request or a head alone is nobody's companion here.
                Settled::Companion(record) | Settled::Head(record) => Settled::Other(pipeline::Sketch::of(&record)),
                other => other,
            });
        }
        if let Err(detail) = agrees(&mut record, want, wanted.url(want)) {
            return Ok(self.refused(want, wanted, "index-mismatch", detail));
        }
        Ok(match pipeline::settle_record(record, &self.judge, file)? {
            Settled::Document(mut document, record) => {
                document.source = Some(Arc::clone(file));
                Settled::Document(document, record)
            }
            other => other,
        })
    }

    /// The one record that these bytes are. Indexes of files that are not compressed differ in whether the line ends after a
    /// record are its own; its declared length fits one of the two.
    fn read(&self, file: &str, bytes: &[u8]) -> Result<Record, (&'static str, String)> {
        if bytes.starts_with(b"WARC/")
            && let Ok(record) = self.read_whole(file, &[bytes, b"\r\n\r\n"].concat())
        {
            return Ok(record);
        }
        self.read_whole(file, bytes)
    }

    fn read_whole(&self, file: &str, bytes: &[u8]) -> Result<Record, (&'static str, String)> {
        let mismatch = |detail: &str| ("index-mismatch", detail.to_owned());
        let opened = open_source(Cursor::new(bytes), file, self.options.clone());
        let mut reader = opened.map_err(|error| ("index-mismatch", format!("no record begins there: {error}")))?;
        if reader.container() != Container::Warc {
            return Err(mismatch("no WARC record begins there"));
        }
        let failed = |error: io::Error| ("index-mismatch", error.to_string());
        let raw = match reader.next_raw().map_err(failed)? {
            Some(RawItem::Record(raw)) => raw,
            Some(RawItem::Damage(damage)) => return Err((damage.what.code(), damage.detail)),
            None => return Err(mismatch("no record begins there")),
        };
        let whole = raw.raw().offset == 0 && (raw.raw().length == bytes.len() as u64 || reader.codec() == Codec::Plain);
        if !whole || reader.next_raw().map_err(failed)?.is_some() {
            return Err(mismatch("the record does not fill the range that the row tells"));
        }
        raw.parse(self.options).map_err(|damage| (damage.what.code(), damage.detail))
    }

    /// A row whose record is not kept, with the place of both.
    fn refused(&self, want: &Want, wanted: &Wanted, what: &str, detail: String) -> Settled {
        let row = match want.place {
            Place::Line(line) => format!("line {line}"),
            Place::Row(group, row) => format!("row group {group}, row {row}"),
        };
        let row = DamageRow {
            file: wanted.files[want.file].to_string(),
            offset: want.offset,
            end: want.offset.saturating_add(want.length),
            url: Some(wanted.url(want).to_owned()),
            what: what.to_owned(),
            detail: format!("{detail}; named by {row} of {}", self.index),
            ..DamageRow::default()
        };
        Settled::Damaged(row, true)
    }
}

/// Holds a record against its row.
fn agrees(record: &mut Record, want: &Want, url: &str) -> Result<(), String> {
    let said = record.target_uri.as_deref().unwrap_or_default();
    let same = said == url || matches!((UrlKey::parse(said), UrlKey::parse(url)), (Ok(one), Ok(other)) if one == other);
    if !same {
        let said: String = said.chars().take(200).collect();
        return Err(format!("the record's URL is `{said}`"));
    }
    let Some(sha1) = want.sha1 else { return Ok(()) };
    let declared = record.payload_digest.as_ref().and_then(|digest| digest.sha1);
    if let Some(declared) = declared {
        return if declared == sha1 { Ok(()) } else { Err("the record declares another digest".to_owned()) };
    }
    // The record tells none: the row's has to be that of its bytes.
    let told = record.payload_digest.take();
    record.payload_digest =
        Some(DeclaredDigest { algorithm: "sha1".to_owned(), value: String::new(), sha1: Some(sha1) });
    let check = record.check_digest();
    record.payload_digest = told;
    match check {
        DigestCheck::Agrees | DigestCheck::AgreesUnchunked => Ok(()),
        DigestCheck::Differs | DigestCheck::NotChecked => Err("the row's digest is that of other bytes".to_owned()),
    }
}
