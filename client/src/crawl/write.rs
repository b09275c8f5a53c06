//! Kept records, written byte for byte: the member that held a record alone as it is, others in a member of their own.
use std::io::{self, Write};
use std::sync::Arc;

use flate2::{Compression, GzBuilder};

use super::warc::{Record, RecordType};
use super::{Codec, Dictionary};

/// Plain bytes of JSONL lines that share one member.
const BATCH: usize = 1024 * 1024;

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A line given to a WARC writer, or a WARC record to a JSONL writer.
    #[error("a `{record_type}` cannot be written to this container")]
    Container {
        /// The record's type.
        record_type: String,
    },
    /// The output could not be written.
    #[error("cannot write the record")]
    Write(#[from] io::Error),
}

/// Writes WARC records. The same records give the same bytes, always.
#[derive(Debug)]
pub struct WarcWriter<W> {
    inner: W,
    codec: Codec,
    dictionary: Option<Arc<Dictionary>>,
}

impl<W: Write> WarcWriter<W> {
    /// Begins an output; a dictionary goes to its head as it was stored.
    ///
    /// # Errors
    /// When the dictionary cannot be written.
    pub fn new(mut inner: W, codec: Codec, dictionary: Option<Arc<Dictionary>>) -> io::Result<Self> {
        let dictionary = dictionary.filter(|_| codec == Codec::Zstd);
        if let Some(dictionary) = &dictionary {
            inner.write_all(&dictionary.frame)?;
        }
        Ok(Self { inner, codec, dictionary })
    }

    /// Writes one record; returns how many bytes it took.
    ///
    /// # Errors
    /// When it is no WARC record, or the output fails.
    pub fn write(&mut self, record: &Record) -> Result<u64, WriteError> {
        if record.record_type == RecordType::Line {
            return Err(WriteError::Container { record_type: "line".into() });
        }
        if let Some(stored) = record.stored.as_deref().filter(|_| self.takes_member(record)) {
            self.inner.write_all(stored)?;
            return Ok(stored.len() as u64);
        }
        // A reader finds the next record only after the two line ends, so a record that lacked them gets them.
        let (bytes, after) = record.plain.split_at(record.block.end);
        let after: &[u8] = if matches!(after, b"\r\n\r\n" | b"\n\n") { after } else { b"\r\n\r\n" };
        let framed = compress(self.codec, &[bytes, after])?;
        self.inner.write_all(&framed)?;
        Ok(framed.len() as u64)
    }

    fn takes_member(&self, record: &Record) -> bool {
        let readable = record.dictionary.is_none() || record.dictionary == self.dictionary;
        record.codec == self.codec && readable
    }

    /// Ends the output and gives the writer back.
    ///
    /// # Errors
    /// When the output cannot be flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.inner.flush()?;
        Ok(self.inner)
    }
}

/// Writes JSONL lines as they were stored. Compressed outputs hold about 1 MiB of lines in each member.
#[derive(Debug)]
pub struct JsonlWriter<W> {
    inner: W,
    coding: Coding,
    batch: Vec<u8>,
    needs_line_end: bool,
}

impl<W: Write> JsonlWriter<W> {
    /// Begins an output. Lines under zstd are compressed at the level named, or at 3.
    ///
    /// # Errors
    /// When there is no such level.
    pub fn new(inner: W, codec: Codec, level: Option<i32>) -> io::Result<Self> {
        let coding = match codec {
            Codec::Plain => Coding::Plain,
            Codec::Gzip => Coding::Gzip,
            Codec::Zstd => Coding::Zstd(Frames::new(level.unwrap_or(ZSTD_LEVEL))?),
        };
        Ok(Self { inner, coding, batch: Vec::new(), needs_line_end: false })
    }

    /// Writes one line; its own line end, or the lack of one at the end of its file, stays.
    ///
    /// # Errors
    /// When it is no line, or the output fails.
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        if record.record_type != RecordType::Line {
            return Err(WriteError::Container { record_type: record.record_type.as_str().to_owned() });
        }
        if std::mem::replace(&mut self.needs_line_end, !record.plain.ends_with(b"\n")) {
            self.batch.push(b'\n');
        }
        // A byte order mark is only one at the head of a file.
        let bytes = record.plain.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&record.plain);
        self.batch.extend_from_slice(bytes);
        if self.batch.len() >= BATCH { Ok(self.put()?) } else { Ok(()) }
    }

    fn put(&mut self) -> io::Result<()> {
        if !self.batch.is_empty() {
            match &mut self.coding {
                Coding::Plain => self.inner.write_all(&self.batch)?,
                Coding::Gzip => self.inner.write_all(&compress(Codec::Gzip, &[&self.batch])?)?,
                Coding::Zstd(frames) => self.inner.write_all(frames.frame(&self.batch)?)?,
            }
            self.batch.clear();
        }
        Ok(())
    }

    /// Writes what is left, ends the output and gives the writer back.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.put()?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

/// How batches of lines are coded.
#[derive(Debug)]
enum Coding {
    Plain,
    Gzip,
    Zstd(Frames),
}

/// A level that takes little longer than reading does.
const ZSTD_LEVEL: i32 = 3;

/// Frames one after the other, by one context and into one buffer.
struct Frames {
    compressor: zstd::bulk::Compressor<'static>,
    framed: Vec<u8>,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Frames").finish_non_exhaustive()
    }
}

impl Frames {
    fn new(level: i32) -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.include_checksum(true)?;
        compressor.include_contentsize(true)?;
        Ok(Self { compressor, framed: Vec::new() })
    }

    fn frame(&mut self, plain: &[u8]) -> io::Result<&[u8]> {
        self.framed.clear();
        self.framed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
        self.compressor.compress_to_buffer(plain, &mut self.framed)?;
        Ok(&self.framed)
    }
}

/// One member or frame of its own, with a checksum and without a time stamp.
pub(super) fn compress(codec: Codec, parts: &[&[u8]]) -> io::Result<Vec<u8>> {
    match codec {
        Codec::Plain => Ok(parts.concat()),
        Codec::Gzip => {
            let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::default());
            parts.iter().try_for_each(|part| encoder.write_all(part))?;
            encoder.finish()
        }
        Codec::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            encoder.set_pledged_src_size(Some(parts.iter().map(|part| part.len() as u64).sum()))?;
            parts.iter().try_for_each(|part| encoder.write_all(part))?;
            encoder.finish()
        }
    }
}
