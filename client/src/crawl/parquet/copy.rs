//! One column's records, of which some are kept, from a reader into a writer: values, nulls and nesting unchanged.
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;

use super::chunk::Nested;
use super::table::guarded;

/// Bytes of values that are written at once, and with them the size that a page of large values gets.
const BYTES_AT_ONCE: usize = 1024 * 1024;
/// Levels that are written at once.
const LEVELS_AT_ONCE: usize = 1_024;

/// Which side of a copy failed: the file that is read is damaged, or the one that is written can't be.
#[derive(Debug)]
pub(super) enum CopyError {
    Read(ParquetError),
    Write(ParquetError),
}

/// How values of one kind are held while they wait to be written. What borrows its page is copied out of it, or a page
/// would stay for as long as one of its values waits.
struct Holding<T> {
    at_once: usize,
    weight: fn(&T) -> usize,
    own: fn(T) -> T,
}

fn fixed<T>() -> Holding<T> {
    Holding { at_once: LEVELS_AT_ONCE, weight: |_| size_of::<T>(), own: |value| value }
}

/// Copies the records for which `kept` is true; `nested` hears of each that is whole, in a column that has such.
pub(super) fn copy(
    reader: ColumnReader,
    writer: &mut ColumnWriter<'_>,
    kept: &[bool],
    nested: Option<&Nested>,
) -> Result<(), CopyError> {
    use ColumnReader as R;
    use ColumnWriter as W;
    let bytes =
        Holding { at_once: 1, weight: ByteArray::len, own: |value: ByteArray| ByteArray::from(value.data().to_vec()) };
    let fixed_bytes = Holding {
        at_once: 1,
        weight: |value: &FixedLenByteArray| value.len(),
        own: |value: FixedLenByteArray| FixedLenByteArray::from(value.data().to_vec()),
    };
    match (reader, writer) {
        (R::BoolColumnReader(from), W::BoolColumnWriter(to)) => records(from, to, kept, nested, &fixed()),
        (R::Int32ColumnReader(from), W::Int32ColumnWriter(to)) => records(from, to, kept, nested, &fixed()),
        (R::Int64ColumnReader(from), W::Int64ColumnWriter(to)) => records(from, to, kept, nested, &fixed()),
        (R::Int96ColumnReader(from), W::Int96ColumnWriter(to)) => records(from, to, kept, nested, &fixed()),
        (R::FloatColumnReader(from), W::FloatColumnWriter(to)) => records(from, to, kept, nested, &fixed()),
        (R::DoubleColumnReader(from), W::DoubleColumnWriter(to)) => records(from, to, kept, nested, &fixed()),
        (R::ByteArrayColumnReader(from), W::ByteArrayColumnWriter(to)) => records(from, to, kept, nested, &bytes),
        (R::FixedLenByteArrayColumnReader(from), W::FixedLenByteArrayColumnWriter(to)) => {
            records(from, to, kept, nested, &fixed_bytes)
        }
        _ => Err(CopyError::Read(ParquetError::General("the column is of another type than its copy".into()))),
    }
}

fn records<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    to: &mut ColumnWriterImpl<'_, T>,
    kept: &[bool],
    claims: Option<&Nested>,
    holding: &Holding<T::T>,
) -> Result<(), CopyError> {
    let (def_most, rep_most) = (to.get_descriptor().max_def_level(), to.get_descriptor().max_rep_level());
    let (nullable, nested) = (def_most > 0, claims.is_some());
    // Of nested columns one record is read at a time, and passed over at a time, so that its pages are all that is held.
    let at_once = if nested { 1 } else { holding.at_once };
    let mut waiting = Waiting { defs: Vec::new(), reps: Vec::new(), values: Vec::new(), bytes: 0 };
    let mut fresh = Vec::new();
    for run in kept.chunk_by(|one, next| one == next) {
        if !run[0] {
            for part in run.chunks(if nested { 1 } else { run.len() }) {
                let skipped = guarded(|| from.skip_records(part.len())).map_err(CopyError::Read)?;
                whole(skipped, part.len())?;
                claims.inspect(|claims| claims.record_ended());
            }
            continue;
        }
        let mut left = run.len();
        while left > 0 {
            let wanted = left.min(at_once);
            let (defs, reps) = (&mut waiting.defs, &mut waiting.reps);
            let (defs, reps) = (nullable.then_some(defs), nested.then_some(reps));
            let read = guarded(|| from.read_records(wanted, defs, reps, &mut fresh));
            let (read, _, levels) = read.map_err(CopyError::Read)?;
            waiting.check(levels, def_most, rep_most).map_err(CopyError::Read)?;
            whole(read, wanted)?;
            left -= read;
            claims.inspect(|claims| claims.record_ended());
            // One record's values are written at once, while its pages are held anyway; others wait without theirs.
            if nested && fresh.len() >= LEVELS_AT_ONCE {
                waiting.values.append(&mut fresh);
                waiting.write(to, nullable, nested).map_err(CopyError::Write)?;
                (fresh, waiting.values) = (Vec::new(), Vec::new());
                continue;
            }
            for value in fresh.drain(..) {
                waiting.bytes += (holding.weight)(&value);
                waiting.values.push((holding.own)(value));
            }
            if waiting.is_enough() {
                waiting.write(to, nullable, nested).map_err(CopyError::Write)?;
            }
        }
    }
    waiting.write(to, nullable, nested).map_err(CopyError::Write)
}

fn whole(got: usize, wanted: usize) -> Result<(), CopyError> {
    if got == wanted {
        return Ok(());
    }
    Err(CopyError::Read(ParquetError::EOF("the column has fewer rows than its row group claims".into())))
}

/// Values and levels read and not yet written.
struct Waiting<V> {
    defs: Vec<i16>,
    reps: Vec<i16>,
    values: Vec<V>,
    bytes: usize,
}

impl<V> Waiting<V> {
    fn is_enough(&self) -> bool {
        self.bytes >= BYTES_AT_ONCE || self.defs.len().max(self.values.len()) >= LEVELS_AT_ONCE
    }

    /// Holds the levels read last against the deepest that the schema has: the writer counts by them.
    fn check(&self, levels: usize, def_most: i16, rep_most: i16) -> Result<(), ParquetError> {
        let last = |all: &[i16], most: i16| {
            all[all.len().saturating_sub(levels)..].iter().all(|level| (0..=most).contains(level))
        };
        if last(&self.defs, def_most) && last(&self.reps, rep_most) {
            return Ok(());
        }
        Err(ParquetError::General("a level is deeper than the schema".into()))
    }

    fn write<T: DataType<T = V>>(
        &mut self,
        to: &mut ColumnWriterImpl<'_, T>,
        nullable: bool,
        nested: bool,
    ) -> Result<(), ParquetError> {
        if self.defs.is_empty() && self.values.is_empty() {
            return Ok(());
        }
        let defs = nullable.then_some(self.defs.as_slice());
        let reps = nested.then_some(self.reps.as_slice());
        guarded(|| to.write_batch(&self.values, defs, reps))?;
        self.defs.clear();
        self.reps.clear();
        self.values.clear();
        self.bytes = 0;
        Ok(())
    }
}
