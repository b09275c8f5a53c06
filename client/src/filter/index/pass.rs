//! A whole index through: lines by many threads, row groups in turn; then the records that its candidates name, in batches.

use super::fetch::Fetch;
use super::output::{Decided, Done, Sink};
use super::root::Root;
use super::rows::{Rows, Rules};
use super::wanted::{Place, Wanted};
use crate::crawl::index::{self, Before, Capture, Chunk, Line, Lines, Next, Opened, compressed};
use crate::crawl::parquet::{Columnar, TableError};
use crate::crawl::store::{Location, Store};
use crate::crawl::{Accounting, Codec, OpenError, Options};
use crate::filter::document::{Asking, DamageRow, Judge};
use crate::filter::finality::Finality;
use crate::filter::pipeline::{self, Bounds, Ready};
use crate::filter::plan::Plan;
use crate::filter::table_output::Stop;
use crate::filter::{FilterError, Watch};
use cleartitle_schema::id::{ContentName, WarcSha1Alias};
use std::path::Path;

/// Records whose places are held before they are fetched: some 200 bytes each.
const WANTED_AT_ONCE: usize = 1_000_000;
/// Most rows of a row group whose records are fetched: their places are held until it is known to be whole. A few bytes can
/// claim millions of rows.
const GROUP_ROWS: u64 = 4 * 1024 * 1024;

/// One run's way with indexes.
pub struct IndexPass<'a, D> {
    rules: Rules<'a, D>,
    store: &'a Store,
    root: Option<&'a Root>,
    options: &'a Options,
    bounds: Bounds,
}

/// Looks whether a location holds an index.
///
/// # Errors
/// When it can't be read, or is none.
pub fn check(store: &Store, location: &Location) -> Result<Opened, OpenError> {
    let name = location.to_string();
    let stored = store.open(location).map_err(|source| OpenError::Read { name: name.clone(), source })?;
    index::open(stored, &name)
}

/// Whether any statement lists documents by SHA-1, so that rows' digests have to be looked up.
fn lists_sha1<D: AsRef<[u8]>>(plan: &Plan<'_, D>) -> Result<bool, FilterError> {
    let (kind, _) = ContentName::WarcSha1(WarcSha1Alias([0; 20])).to_parts();
    Ok(plan.snapshot().lists_kind(kind)?)
}

impl<'a, D: AsRef<[u8]> + Sync> IndexPass<'a, D> {
    /// For one run.
    ///
    /// # Errors
    /// Damage in the snapshot.
    pub fn new(
        plan: &'a Plan<'a, D>,
        asking: &'a Asking,
        finality: &'a Finality,
        (store, root): (&'a Store, Option<&'a Root>),
        (options, bounds): (&'a Options, Bounds),
    ) -> Result<Self, FilterError> {
        let rules = Rules { plan, asking, finality, lists_sha1: lists_sha1(plan)? };
        Ok(Self { rules, store, root, options, bounds })
    }

    /// Runs one index through.
    ///
    /// # Errors
    /// What keeps the run from going on.
    pub fn run(
        &self,
        (location, name): (&Location, &str),
        out: &Path,
        watch: &mut dyn Watch,
    ) -> Result<Done, FilterError> {
        let opened = check(self.store, location)?;
        // What the first row's file is called says how all are compressed: one crawl is written in one way.
        let fetched = match self.root {
            Some(_) => Some(first_codec(check(self.store, location)?)),
            None => None,
        };
        let mut sink = Sink::create(out, name, &opened, fetched)?;
        let mut run = Run { pass: self, name, sink: &mut sink, watch, wanted: Wanted::default(), rows: 0, offset: 0 };
        let stored = match opened {
            Opened::Lines(lines) => run.lines(*lines)?,
            Opened::Columns(columns) => run.columns(&columns)?,
        };
        run.fetch()?;
        sink.end(&stored)
    }
}

/// How the file is compressed that the first sound row names.
fn first_codec(opened: Opened) -> Codec {
    let of = |file: &str| match file.to_ascii_lowercase().rsplit('.').next() {
        Some("gz") => Codec::Gzip,
        Some("zst") => Codec::Zstd,
        _ => Codec::Plain,
    };
    let found = match opened {
        Opened::Lines(mut lines) => std::iter::from_fn(|| lines.next_lines().ok().flatten()).find_map(|next| {
            let Next::Chunk(chunk) = next else { return None };
            let mut lines = chunk.bytes.split_inclusive(|&byte| byte == b'\n');
            lines.find_map(|line| match index::parse(line, &mut Before::default()) {
                Ok(Line::Capture(capture)) => Some(of(&capture.file)),
                _ => None,
            })
        }),
        Opened::Columns(columns) => (0..columns.table().groups()).find_map(|group| {
            let mut captures = columns.captures(group).ok()?;
            let rows = captures.next_rows().ok()?;
            (0..rows.count()).find_map(|at| captures.capture(at).ok().map(|capture| of(&capture.file)))
        }),
    };
    found.unwrap_or(Codec::Gzip)
}

/// One index on its way.
struct Run<'r, 'a, D> {
    pass: &'r IndexPass<'a, D>,
    name: &'r str,
    sink: &'r mut Sink,
    watch: &'r mut dyn Watch,
    wanted: Wanted,
    rows: u64,
    offset: u64,
}

impl<D: AsRef<[u8]> + Sync> Run<'_, '_, D> {
    /// Takes what some rows came to.
    fn take(&mut self, mut decided: Decided, rows: u64, offset: u64) -> Result<(), FilterError> {
        decided.damage.iter().for_each(|row| self.watch.damage(row));
        self.sink.take(&mut decided)?;
        self.wanted.append(&decided.wanted);
        self.rows += rows;
        self.offset = offset;
        self.watch.advance(offset, self.rows);
        if self.wanted.len() >= WANTED_AT_ONCE { self.fetch() } else { Ok(()) }
    }

    /// Fetches what is wanted so far.
    fn fetch(&mut self) -> Result<(), FilterError> {
        let (Some(root), Sink::Records(outputs)) = (self.pass.root, &mut *self.sink) else { return Ok(()) };
        let IndexPass { rules, store, options, bounds, .. } = self.pass;
        let judge = Judge { plan: rules.plan, asking: rules.asking, finality: None };
        let fetch = Fetch { judge, index: self.name, root, store, options, bounds: *bounds };
        let (rows, offset) = (self.rows, self.offset);
        fetch.run(std::mem::take(&mut self.wanted), outputs, &mut |row| match row {
            Some(row) => self.watch.damage(row),
            None => self.watch.advance(offset, rows),
        })
    }

    fn lines(&mut self, mut lines: Lines) -> Result<Accounting, FilterError> {
        let (pass, name) = (self.pass, self.name);
        let (codec, fetches) = (lines.codec(), pass.root.is_some());
        let location = name.to_owned();
        let next = || {
            let next = lines.next_lines().map_err(|source| FilterError::Read { name: location.clone(), source })?;
            let weight = |next: &Next| match next {
                Next::Chunk(chunk) => chunk.bytes.len(),
                Next::Damage(_) => 0,
            };
            Ok(next.map(|what| Ready { weight: weight(&what), offset: lines.offset(), what }))
        };
        let each = |next: Next| match next {
            Next::Damage(damage) => {
                let row = DamageRow::found(name, damage);
                let mut decided = Decided::default();
                decided.tally.damage(&row, false);
                decided.damage.push(row);
                Ok((decided, 0))
            }
            Next::Chunk(chunk) => decide(&pass.rules, &chunk, name, codec, fetches),
        };
        pipeline::ordered(pass.bounds, next, each, |(decided, rows), offset| self.take(decided, rows, offset))?;
        Ok(lines.accounting())
    }

    fn columns(&mut self, columns: &Columnar) -> Result<Accounting, FilterError> {
        let mut stored = Accounting::default();
        for group in 0..columns.table().groups() {
            let range = columns.table().range_of(group);
            let marks = self.sink.marks()?;
            match self.group(columns, group) {
                Ok((decided, rows)) => {
                    stored.records += range.end - range.start;
                    self.take(decided, rows, range.end)?;
                }
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Damaged(error)) => {
                    self.sink.back_to(&marks)?;
                    stored.damage += range.end - range.start;
                    let row = DamageRow {
                        file: self.name.to_owned(),
                        offset: range.start,
                        end: range.end,
                        row_group: Some(group as u64),
                        what: "damaged-row-group".to_owned(),
                        detail: error.to_string(),
                        ..DamageRow::default()
                    };
                    self.watch.damage(&row);
                    self.sink.damaged(&row, false)?;
                }
            }
        }
        stored.padding = columns.table().length().saturating_sub(stored.records + stored.damage);
        Ok(stored)
    }

    /// Decides on a row group. Its lines are written as it goes; what was counted and wanted is given when it is whole.
    fn group(&mut self, columns: &Columnar, group: usize) -> Result<(Decided, u64), Stop> {
        let claimed = columns.table().rows_of(group);
        if self.pass.root.is_some() && claimed > GROUP_ROWS {
            let detail = format!("it claims {claimed} rows, the limit for fetching is {GROUP_ROWS}");
            return Err(Stop::Damaged(TableError::Group { group, column: None, detail }));
        }
        let mut captures = columns.captures(group).map_err(Stop::of)?;
        let mut whole = Decided::default();
        let mut rows = Rows::new(&self.pass.rules);
        let mut kept = Vec::new();
        loop {
            let batch = captures.next_rows().map_err(Stop::of)?;
            if batch.is_empty() {
                break;
            }
            let mut decided = Decided::default();
            for (at, row) in batch.enumerate() {
                let place = Place::Row(group as u64, row);
                let candidate = match captures.capture(at) {
                    Err(detail) => {
                        let damaged = DamageRow {
                            file: self.name.to_owned(),
                            row_group: Some(group as u64),
                            row: Some(row),
                            what: "malformed-row".to_owned(),
                            detail,
                            ..DamageRow::default()
                        };
                        whole.tally.damage(&damaged, true);
                        decided.damage.push(damaged);
                        false
                    }
                    Ok(capture) => decided.row(&mut rows, &capture, place, self.pass.root.is_some())?,
                };
                kept.push(candidate);
            }
            whole.wanted.append(&decided.wanted);
            decided.damage.iter().for_each(|row| self.watch.damage(row));
            self.sink.take(&mut decided)?;
        }
        rows.ended();
        whole.tally.merge(std::mem::take(&mut rows.tally));
        self.sink.put(columns.table(), group, &kept)?;
        Ok((whole, kept.len() as u64))
    }
}

impl Decided {
    /// Decides on one row; says whether it is a candidate.
    fn row<D: AsRef<[u8]>>(
        &mut self,
        rows: &mut Rows<'_, D>,
        capture: &Capture<'_>,
        place: Place,
        fetches: bool,
    ) -> Result<bool, FilterError> {
        if capture.revisit {
            rows.tally.records.other += 1;
            return Ok(false);
        }
        let fate = rows.rule(capture)?;
        if fetches && !fate.excluded {
            self.wanted.add(capture, place);
            return Ok(true);
        }
        let lines = if fate.excluded { &mut self.excluded } else { &mut self.not_checked };
        if lines.is_empty() {
            lines.reserve(rows.room);
        }
        fate.write(capture, place, &mut rows.day, lines);
        Ok(!fate.excluded)
    }
}

/// Decides on some lines.
fn decide<D: AsRef<[u8]>>(
    rules: &Rules<'_, D>,
    chunk: &Chunk,
    name: &str,
    codec: Codec,
    fetches: bool,
) -> Result<(Decided, u64), FilterError> {
    let mut decided = Decided::default();
    let mut rows = Rows::new(rules);
    // A row's decision is somewhat longer than the row.
    rows.room = chunk.bytes.len() + chunk.bytes.len() / 4;
    let mut before = Before::default();
    let mut passed = 0;
    let mut kept = Vec::new();
    let mut rest = chunk.bytes.as_slice();
    let lines = std::iter::from_fn(|| {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, more) = rest.split_at(end);
        rest = more;
        (!line.is_empty()).then_some(line)
    });
    for (number, line) in (chunk.first..).zip(lines) {
        let stays = match index::parse(line, &mut before) {
            Ok(Line::Blank) => continue,
            Ok(Line::Head) => true,
            Ok(Line::Capture(capture)) => decided.row(&mut rows, &capture, Place::Line(number), fetches)?,
            Err(detail) => {
                let row = DamageRow {
                    file: name.to_owned(),
                    offset: chunk.stored.start,
                    end: chunk.stored.end,
                    line: Some(number),
                    what: "malformed-row".to_owned(),
                    detail,
                    ..DamageRow::default()
                };
                decided.tally.damage(&row, true);
                decided.damage.push(row);
                false
            }
        };
        passed += 1;
        if stays && !fetches {
            if kept.is_empty() {
                kept.reserve(chunk.bytes.len());
            }
            kept.extend_from_slice(line);
        }
    }
    rows.ended();
    decided.tally.merge(rows.tally);
    decided.candidates =
        compressed(codec, kept).map_err(|source| FilterError::Read { name: name.to_owned(), source })?;
    Ok((decided, passed))
}
