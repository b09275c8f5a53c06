//! Pipeline: one reader, many workers, results in file order; bounded by bytes and records, stopped by the first error.

use super::FilterError;
use super::document::{DamageRow, Document, Judge, Judged};
use crate::crawl::{Options, RawItem, Reader, Record, Role};
use cleartitle_schema::policy::Disposition;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::sync::{Condvar, Mutex, PoisonError};

/// What may be in flight between reader and writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many threads parse and decide; at least one.
    pub workers: usize,
    /// Most records.
    pub records: usize,
    /// Most plain bytes, but for one record alone.
    pub bytes: usize,
}

impl Bounds {
    /// The usual bounds for so many workers.
    #[must_use]
    pub fn of(workers: usize) -> Self {
        let workers = workers.max(1);
        Self { workers, records: workers.saturating_mul(64), bytes: 128 * 1024 * 1024 }
    }

    /// The bounds of each of so many that share these.
    #[must_use]
    pub fn shared_by(self, many: usize) -> Self {
        let of = |all: usize| (all / many.max(1)).max(1);
        Self { workers: of(self.workers), records: of(self.records), bytes: of(self.bytes) }
    }
}

/// What a worker made of one item of the input.
#[derive(Debug)]
pub enum Settled {
    /// A document; the record only where it is written.
    Document(Box<Document>, RecordOrNames),
    /// A document that is handed on: all of it has to be looked at before it may be kept.
    Candidate(Box<Document>, Box<Record>),
    /// A companion of some document.
    Companion(Box<Record>),
    /// A head, which every output gets.
    Head(Box<Record>),
    /// Neither: no document, never written.
    Other(Sketch),
    /// Damage: a stretch, or a document whose payload is not whole.
    Damaged(DamageRow, bool),
}

/// A record where it is still needed, else what identifies it.
#[derive(Debug)]
pub enum RecordOrNames {
    /// The record.
    Record(Box<Record>),
    /// What a decision row says of it.
    Sketch(Sketch),
}

/// What is left of a record that is not written.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// Its id, as written.
    pub record_id: Option<String>,
    /// The ids that it names.
    pub links: Vec<String>,
    /// Where it lies.
    pub offset: u64,
    /// How many stored bytes.
    pub length: u64,
    /// Its line.
    pub line: Option<u64>,
}

impl Sketch {
    /// Of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self {
            record_id: record.record_id.clone(),
            links: record.concurrent_to.iter().chain(&record.refers_to).cloned().collect(),
            offset: record.raw.offset,
            length: record.raw.length,
            line: record.line,
        }
    }
}

impl RecordOrNames {
    /// The sketch of either.
    #[must_use]
    pub fn sketch(&self) -> Sketch {
        match self {
            Self::Record(record) => Sketch::of(record),
            Self::Sketch(sketch) => sketch.clone(),
        }
    }
}

/// An item on its way: its rank in the file, the bytes it weighs, the reader's place after it.
struct Ranked<T> {
    rank: u64,
    weight: usize,
    offset: u64,
    what: T,
}

/// Bytes and records in flight; the reader waits here when the writer is behind.
struct Budget {
    bounds: Bounds,
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Default)]
struct Used {
    records: usize,
    bytes: usize,
    closed: bool,
}

impl Budget {
    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for an item; false when the run is over.
    fn take(&self, weight: usize) -> bool {
        let full = |used: &Used| {
            used.records > 0
                && (used.records >= self.bounds.records || used.bytes.saturating_add(weight) > self.bounds.bytes)
        };
        let mut used = self.used();
        while !used.closed && full(&used) {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        used.records += 1;
        used.bytes = used.bytes.saturating_add(weight);
        !used.closed
    }

    fn give(&self, weight: usize) {
        let mut used = self.used();
        used.records = used.records.saturating_sub(1);
        used.bytes = used.bytes.saturating_sub(weight);
        drop(used);
        self.freed.notify_one();
    }

    fn close(&self) {
        self.used().closed = true;
        self.freed.notify_all();
    }
}

/// Closes the budget when a thread ends early, so that no other waits for it for ever.
struct CloseAtEnd<'a>(&'a Budget);

impl Drop for CloseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct CloseAtPanic<'a>(&'a Budget);

impl Drop for CloseAtPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

/// Runs one input through: `write` gets every item in file order, with the reader's place after it.
///
/// # Errors
/// Reading fails, the snapshot is damaged, or `write` fails; the first of these in file order.
pub fn run<R, D>(
    reader: &mut Reader<R>,
    judge: &Judge<'_, D>,
    name: &str,
    bounds: Bounds,
    write: impl FnMut(Settled, u64) -> Result<(), FilterError>,
) -> Result<(), FilterError>
where
    R: Read + Seek + Send,
    D: AsRef<[u8]> + Sync,
{
    let options = reader.options().clone();
    let next = || {
        let next = reader.next_raw().map_err(|source| FilterError::Read { name: name.to_owned(), source })?;
        let weight = |item: &RawItem| match item {
            RawItem::Record(record) => record.plain_length(),
            RawItem::Damage(_) => 0,
        };
        Ok(next.map(|what| Ready { weight: weight(&what), offset: reader.offset(), what }))
    };
    ordered(bounds, next, |item| settle(item, judge, name, &options), write)
}

/// What was read, what it weighs, and the reader's place after it.
pub(super) struct Ready<T> {
    pub what: T,
    pub weight: usize,
    pub offset: u64,
}

/// One thread takes what comes next, many look at each, and `write` gets the results in the order in which they came.
///
/// # Errors
/// The first that any of the three meets, in that order.
pub(super) fn ordered<T: Send, U: Send>(
    bounds: Bounds,
    mut next: impl FnMut() -> Result<Option<Ready<T>>, FilterError> + Send,
    each: impl Fn(T) -> Result<U, FilterError> + Sync,
    mut write: impl FnMut(U, u64) -> Result<(), FilterError>,
) -> Result<(), FilterError> {
    // One worker is this thread: nothing is in flight but one item, and nothing is handed over.
    if bounds.workers <= 1 {
        while let Some(Ready { what, offset, .. }) = next()? {
            write(each(what)?, offset)?;
        }
        return Ok(());
    }
    let budget = Budget { bounds, used: Mutex::default(), freed: Condvar::new() };
    let (raw_in, raw_out) = bounded::<Ranked<T>>(bounds.records);
    let (settled_in, settled_out) = bounded::<Ranked<Result<U, FilterError>>>(bounds.records);
    std::thread::scope(|scope| {
        let _close = CloseAtEnd(&budget);
        for _ in 0..bounds.workers.max(1) {
            let (items, settled, each, budget) = (raw_out.clone(), settled_in.clone(), &each, &budget);
            scope.spawn(move || {
                let _close = CloseAtPanic(budget);
                work(&items, &settled, each);
            });
        }
        // The workers hold the only other ends: when they are gone, so is the writer's source.
        drop((raw_out, settled_in));
        let budget = &budget;
        let reading = scope.spawn(move || {
            let _close = CloseAtPanic(budget);
            read(next, budget, &raw_in)
        });
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for item in settled_out {
            waiting.insert(item.rank, item);
            while let Some(Ranked { weight, offset, what, .. }) = waiting.remove(&next) {
                next += 1;
                write(what?, offset)?;
                budget.give(weight);
            }
        }
        let read = reading.join().unwrap_or(Err(FilterError::Stopped))?;
        // Nothing may be lost on the way without a word.
        if read == next { Ok(()) } else { Err(FilterError::Stopped) }
    })
}

/// Reads to the end; returns how many items there were.
fn read<T>(
    mut next: impl FnMut() -> Result<Option<Ready<T>>, FilterError>,
    budget: &Budget,
    items: &Sender<Ranked<T>>,
) -> Result<u64, FilterError> {
    let mut rank = 0;
    loop {
        let Some(Ready { what, weight, offset }) = next()? else { return Ok(rank) };
        if !budget.take(weight) || items.send(Ranked { rank, weight, offset, what }).is_err() {
            return Err(FilterError::Stopped);
        }
        rank += 1;
    }
}

fn work<T, U>(items: &Receiver<Ranked<T>>, settled: &Sender<Ranked<U>>, each: impl Fn(T) -> U) {
    for Ranked { rank, weight, offset, what } in items {
        if settled.send(Ranked { rank, weight, offset, what: each(what) }).is_err() {
            return;
        }
    }
}

fn settle<D: AsRef<[u8]>>(
    item: RawItem,
    judge: &Judge<'_, D>,
    name: &str,
    options: &Options,
) -> Result<Settled, FilterError> {
    let record = match item {
        RawItem::Damage(damage) => return Ok(Settled::Damaged(DamageRow::found(name, damage), false)),
        RawItem::Record(raw) => match raw.parse(options) {
            Err(damage) => return Ok(Settled::Damaged(DamageRow::found(name, damage), false)),
            Ok(record) => Box::new(record),
        },
    };
    settle_record(record, judge, name)
}

/// What a parsed record comes to.
pub(super) fn settle_record<D: AsRef<[u8]>>(
    mut record: Box<Record>,
    judge: &Judge<'_, D>,
    name: &str,
) -> Result<Settled, FilterError> {
    Ok(match record.role() {
        Role::Companion => Settled::Companion(record),
        Role::Head => Settled::Head(record),
        Role::Other => Settled::Other(Sketch::of(&record)),
        Role::Document => match judge.judge(name, &record)? {
            Judged::Damaged(row) => Settled::Damaged(row, true),
            Judged::Candidate(document) => {
                record.release_payload();
                Settled::Candidate(document, record)
            }
            Judged::Ruled(document) if document.action == Disposition::Drop => {
                let sketch = Sketch::of(&record);
                Settled::Document(document, RecordOrNames::Sketch(sketch))
            }
            Judged::Ruled(document) => {
                // Only stored bytes are written, so that a decoded payload lives no longer than its worker's look at it.
                record.release_payload();
                Settled::Document(document, RecordOrNames::Record(record))
            }
        },
    })
}
