//! A file looked at and opened: what its bytes say counts, then what its name says, and what neither knows is refused.
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use super::codec::zstd::{
    DICTIONARY_LIMIT, DICTIONARY_MAGIC, Frame, MAGIC as ZSTD_MAGIC, WINDOW_LOG_MAX, skippable_length, unpack_dictionary,
};
use super::damage::OpenError;
use super::fields::FieldChoice;
use super::frame::Reader;
use super::jsonl::Sample;
use super::parquet::Table;
use super::source::Source;
use super::store::Stored;
use super::{Codec, Container, Dictionary, Layout, Options};

/// Formats that are met where crawls are expected, by their first bytes.
const KNOWN: [(&[u8], &str); 12] = [
    (b"filedesc:", "an ARC file"),
    (b"PK\x03\x04", "a ZIP archive (perhaps WACZ)"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"%PDF-", "a PDF document"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"[", "a JSON array"),
];

/// Opens a crawl file.
///
/// # Errors
/// When it cannot be read, is of a format that is not read, or of none that is known.
pub fn open(path: &Path, options: Options) -> Result<Reader<File>, OpenError> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => open_source(file, &name, options),
        Err(source) => Err(OpenError::Read { name, source }),
    }
}

/// An input, opened by what it is.
pub enum Opened {
    /// Records or lines.
    Records(Box<Reader<Stored>>),
    /// Row groups.
    Table(Box<Table>),
}

/// Opens an input of any kind; lines and rows have their parts where `choice` says, or where the file itself shows them.
///
/// # Errors
/// As [`open`], and when the text or the URL of its documents is nowhere to be found.
pub fn open_input(stored: Stored, name: &str, options: Options, choice: &FieldChoice) -> Result<Opened, OpenError> {
    let failed = |source| OpenError::Read { name: name.to_owned(), source };
    let mut first = Vec::new();
    stored.again(0..4).take(4).read_to_end(&mut first).map_err(failed)?;
    let named = name.to_ascii_lowercase().ends_with(".parquet");
    // A file that is called Parquet and doesn't begin like it is told as a damaged one.
    if Table::is_one(&first) || (named && sniff(&first).is_none()) {
        return Ok(Opened::Table(Box::new(Table::open(stored, name, choice)?)));
    }
    let again = || stored.again(0..stored.length());
    let mut options = options;
    let mut reader = open_source(again(), name, options.clone())?;
    if reader.container() == Container::Jsonl {
        let limit = options.limits.line;
        let mut sample = glance(again(), &reader, limit).map_err(failed)?;
        if sample.is_empty() {
            // Whatever its beginning is, lines may follow.
            sample = Sample::take(&mut reader).map_err(failed)?;
        }
        if !sample.is_empty() {
            options.fields = choice.resolve(name, |path| sample.has(path), || sample.names())?;
        }
        reader = open_source(again(), name, options)?;
    }
    Ok(Opened::Records(Box::new(reader)))
}

/// The first lines of JSONL, without waiting for the end of what compresses them.
fn glance(stored: Stored, reader: &Reader<Stored>, limit: usize) -> io::Result<Sample> {
    let stored = io::BufReader::new(stored);
    match reader.codec() {
        Codec::Plain => Sample::glance(stored, limit),
        Codec::Gzip => Sample::glance(flate2::bufread::MultiGzDecoder::new(stored), limit),
        Codec::Zstd => match reader.dictionary() {
            // Of a file with a dictionary the frames are small.
            Some(_) => Sample::glance(io::empty(), limit),
            None => {
                let mut content = zstd::stream::read::Decoder::with_buffer(stored)?;
                content.window_log_max(WINDOW_LOG_MAX)?;
                Sample::glance(content, limit)
            }
        },
    }
}

/// Opens a crawl from anything that can be read and sought in; `name` helps where the bytes do not tell.
///
/// # Errors
/// As [`open`].
pub fn open_source<R: Read + Seek>(inner: R, name: &str, options: Options) -> Result<Reader<R>, OpenError> {
    let failed = |source| OpenError::Read { name: name.to_owned(), source };
    let mut source = Source::new(inner).map_err(failed)?;
    let stored = source.peek(1024).map_err(failed)?.to_vec();
    let codec = codec_of(&stored, name);
    let dictionary = if codec == Codec::Zstd { dictionary(&mut source, name)? } else { None };
    let content = match codec {
        Codec::Plain => stored,
        Codec::Gzip => {
            let stored = source.peek(64 * 1024).map_err(failed)?;
            first_bytes(flate2::read::MultiGzDecoder::new(stored))
        }
        Codec::Zstd => {
            while let Some(length) = skippable_length(source.peek(8).map_err(failed)?) {
                let next = source.offset() + length;
                source.seek(next.min(source.length())).map_err(failed)?;
            }
            let stored = source.peek(192 * 1024).map_err(failed)?;
            let mut output = vec![0; 1024];
            let frame = Frame::new(dictionary.as_ref().map(|dictionary| dictionary.unpacked.as_slice()));
            let step = frame.ok().and_then(|mut frame| frame.run(stored, &mut output).ok());
            output.truncate(step.map_or(0, |step| step.produced));
            output
        }
    };
    source.seek(0).map_err(failed)?;
    let container = container_of(&content, name)?;
    Reader::new(source, Layout { container, codec, dictionary }, options).map_err(failed)
}

/// By the magic; a file named `.gz` whose beginning is destroyed is still read as gzip, and its damage reported.
pub(super) fn codec_of(stored: &[u8], name: &str) -> Codec {
    let zstd = matches!(stored, [kind, 0x2a, 0x4d, 0x18, ..] if kind & 0xf0 == 0x50) || stored.starts_with(&ZSTD_MAGIC);
    if stored.starts_with(&[0x1f, 0x8b]) {
        return Codec::Gzip;
    }
    if zstd {
        return Codec::Zstd;
    }
    let name = name.to_ascii_lowercase();
    let plain = stored.is_empty() || sniff(stored).is_some() || known(stored).is_some();
    match name.rsplit('.').next() {
        Some("gz") if !plain => Codec::Gzip,
        Some("zst") if !plain => Codec::Zstd,
        _ => Codec::Plain,
    }
}

/// What the content's first bytes say.
fn sniff(content: &[u8]) -> Option<Container> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii_start();
    if content.starts_with(b"WARC/") {
        Some(Container::Warc)
    } else {
        content.starts_with(b"{").then_some(Container::Jsonl)
    }
}

fn known(content: &[u8]) -> Option<&'static str> {
    KNOWN.iter().find(|(magic, _)| content.starts_with(magic)).map(|(_, format)| *format)
}

fn container_of(content: &[u8], name: &str) -> Result<Container, OpenError> {
    if let Some(container) = sniff(content) {
        return Ok(container);
    }
    let unsupported = |format| OpenError::Unsupported { name: name.to_owned(), format };
    if let Some(format) = known(content) {
        return Err(unsupported(format));
    }
    let lower = name.to_ascii_lowercase();
    let stem = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    match stem.rsplit_once('.').map(|(_, extension)| extension) {
        Some("warc" | "wet" | "wat") => Ok(Container::Warc),
        Some("jsonl" | "ndjson" | "json") => Ok(Container::Jsonl),
        Some("arc") => Err(unsupported("an ARC file")),
        _ => {
            let first_bytes =
                content.iter().take(16).flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from);
            Err(OpenError::Unrecognised { name: name.to_owned(), first_bytes: first_bytes.collect() })
        }
    }
}

fn first_bytes(mut content: impl Read) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let mut filled = 0;
    while let Ok(count @ 1..) = content.read(&mut bytes[filled..]) {
        filled += count;
    }
    bytes.truncate(filled);
    bytes
}

/// The dictionary frame, which stands first or not at all.
pub(super) fn dictionary<R: Read + Seek>(
    source: &mut Source<R>,
    name: &str,
) -> Result<Option<Arc<Dictionary>>, OpenError> {
    let failed = |error| OpenError::Read { name: name.to_owned(), source: error };
    let bad = |detail: String| OpenError::Dictionary { name: name.to_owned(), detail };
    let head = source.peek(8).map_err(failed)?;
    let Some(length) = skippable_length(head).filter(|_| head.starts_with(&DICTIONARY_MAGIC)) else { return Ok(None) };
    if length > DICTIONARY_LIMIT as u64 {
        return Err(bad(format!("its frame has {length} bytes, the limit is {DICTIONARY_LIMIT}")));
    }
    if length > source.length() {
        return Err(bad("the file ends inside its frame".into()));
    }
    let frame = source.read_range(0..length).map_err(failed)?;
    let unpacked = unpack_dictionary(&frame[8..]).map_err(bad)?;
    Frame::new(Some(&unpacked)).map_err(|error| bad(error.to_string()))?;
    Ok(Some(Arc::new(Dictionary { frame, unpacked })))
}
