//! Transfer coding and content coding taken off an HTTP body, bounded against decompression bombs (RFC 9112 section 7,
//! RFC 9110 section 8.4, June 2022; RFC 7932; RFC 8878).
use std::io::{self, BufRead, Read};

use super::codec::zstd::WINDOW_LOG_MAX;
use super::http::HttpHead;
use super::warc::PayloadState;

/// Most codings laid over one another that are taken off.
const LAYERS: usize = 5;

/// A body with its codings taken off.
#[derive(Debug)]
pub(super) struct Decoded {
    /// `None` where the body as stored is the payload.
    pub bytes: Option<Vec<u8>>,
    pub state: PayloadState,
    pub notes: Vec<String>,
}

/// Takes off what the head names: first the transfer codings, then the content codings, the last applied first.
///
/// Names with a crawler's prefix (`X-Crawler-Content-Encoding`) are other names, and not applied: the crawl has
/// taken those off already.
pub(super) fn decode(head: &HttpHead, body: &[u8], limit: usize) -> Decoded {
    let mut decoded = Decoded { bytes: None, state: PayloadState::Ok, notes: Vec::new() };
    let transfer = head.members("Transfer-Encoding").into_iter().rev();
    let content = head.members("Content-Encoding").into_iter().rev();
    let layers: Vec<String> =
        transfer.chain(content).filter(|name| !matches!(name.as_str(), "identity" | "none")).collect();
    if layers.len() > LAYERS {
        decoded.state = PayloadState::UnsupportedCoding(layers.join(", "));
        return decoded;
    }
    for name in layers {
        let current = decoded.bytes.as_deref().unwrap_or(body);
        if current.is_empty() {
            break;
        }
        let result = match name.as_str() {
            "chunked" => unchunk(current, limit),
            "gzip" | "x-gzip" => gunzip(current, limit),
            "deflate" => inflate(current, limit),
            "zstd" => unzstd(current, limit),
            "br" => bounded(brotli_decompressor::Decompressor::new(current, 64 * 1024), limit).map(Layer::whole),
            _ => Err(PayloadState::UnsupportedCoding(name)),
        };
        match result {
            Ok(layer) => {
                decoded.notes.extend(layer.note);
                decoded.bytes = layer.bytes.or(decoded.bytes);
            }
            Err(state) => {
                decoded.state = state;
                return decoded;
            }
        }
    }
    decoded
}

/// One coding taken off; no bytes where the body turned out not to have it.
pub(super) struct Layer {
    pub bytes: Option<Vec<u8>>,
    note: Option<String>,
}

impl Layer {
    fn whole(bytes: Vec<u8>) -> Self {
        Self { bytes: Some(bytes), note: None }
    }

    fn absent(note: &str) -> Self {
        Self { bytes: None, note: Some(note.into()) }
    }
}

/// Joins a chunked body. One that does not begin with a chunk's size was stored without its chunks, as many crawlers do.
pub(super) fn unchunk(body: &[u8], limit: usize) -> Result<Layer, PayloadState> {
    let cut = |why: &str| PayloadState::Truncated { why: why.into() };
    let damaged = |why: &str| PayloadState::Damaged { why: why.into() };
    let mut bytes = Vec::new();
    let mut at = 0;
    loop {
        let Some((size, next)) = chunk_size(&body[at..]) else {
            if at == 0 {
                return Ok(Layer::absent("said to be chunked, and is not: taken as it is"));
            }
            let whole_line = body[at..].contains(&b'\n');
            return Err(if whole_line {
                damaged("a chunk has no size")
            } else {
                cut("the chunked body lacks its last chunk")
            });
        };
        at += next;
        if size == 0 {
            let rest = after_trailer(&body[at..]);
            let note = (rest > 0).then(|| format!("{rest} bytes after the last chunk"));
            return Ok(Layer { bytes: Some(bytes), note });
        }
        let size = usize::try_from(size).ok().filter(|&size| size <= body.len() - at);
        let Some(size) = size else { return Err(cut("the chunked body ends inside a chunk")) };
        if bytes.len() + size > limit {
            return Err(damaged("the payload is over the limit"));
        }
        bytes.extend_from_slice(&body[at..at + size]);
        at += size;
        at += match body[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            [] | [b'\r'] => return Err(cut("the chunked body lacks its last chunk")),
            _ => return Err(damaged("a chunk is longer than its size")),
        };
    }
}

/// A chunk's size line: the size, and the line's length.
fn chunk_size(bytes: &[u8]) -> Option<(u64, usize)> {
    let end = bytes.iter().take(4096).position(|&byte| byte == b'\n')?;
    let line = std::str::from_utf8(bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end])).ok()?;
    let digits = line.split(';').next().unwrap_or_default().trim();
    let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal {
        return None;
    }
    Some((u64::from_str_radix(digits, 16).ok()?, end + 1))
}

/// Bytes left after a chunked body's trailer fields and their blank line.
fn after_trailer(mut rest: &[u8]) -> usize {
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let blank = matches!(rest[..end], [] | [b'\r']);
        rest = &rest[end + 1..];
        if blank {
            break;
        }
    }
    rest.len()
}

fn gunzip(body: &[u8], limit: usize) -> Result<Layer, PayloadState> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(Layer::absent("said to be gzip, and is not: taken as it is"));
    }
    let mut rest = body;
    let mut bytes = Vec::new();
    while rest.starts_with(&[0x1f, 0x8b, 0x08]) || bytes.is_empty() {
        let before = rest.len();
        bytes.extend(bounded(flate2::bufread::GzDecoder::new(&mut rest), limit - bytes.len())?);
        if rest.is_empty() || rest.len() == before {
            break;
        }
    }
    let note = (!rest.is_empty()).then(|| format!("{} bytes after the gzip content", rest.len()));
    Ok(Layer { bytes: Some(bytes), note })
}

/// `deflate` means zlib (RFC 1950), and many servers sent the bare stream (RFC 1951).
fn inflate(body: &[u8], limit: usize) -> Result<Layer, PayloadState> {
    let zlib = bounded(flate2::bufread::ZlibDecoder::new(body), limit);
    let looks_like_zlib =
        body.len() >= 2 && body[0] & 0x0f == 8 && (u16::from(body[0]) << 8 | u16::from(body[1])) % 31 == 0;
    match zlib {
        Err(_) if !looks_like_zlib => bounded(flate2::bufread::DeflateDecoder::new(body), limit).map(Layer::whole),
        other => other.map(Layer::whole),
    }
}

fn unzstd(body: &[u8], limit: usize) -> Result<Layer, PayloadState> {
    if !body.starts_with(&super::codec::zstd::MAGIC) {
        return Ok(Layer::absent("said to be zstd, and is not: taken as it is"));
    }
    let decoder = zstd::stream::read::Decoder::with_buffer(body).and_then(|mut decoder| {
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(decoder)
    });
    let decoder = decoder.map_err(|error| PayloadState::Damaged { why: error.to_string() })?;
    bounded(decoder, limit).map(Layer::whole)
}

/// Reads to the end, at most `limit` bytes.
fn bounded(decoder: impl Read, limit: usize) -> Result<Vec<u8>, PayloadState> {
    let mut bytes = Vec::new();
    let mut decoder = io::BufReader::new(decoder.take(limit as u64 + 1));
    loop {
        match decoder.fill_buf() {
            Ok([]) => return Ok(bytes),
            Ok(chunk) if bytes.len() + chunk.len() > limit => {
                return Err(PayloadState::Damaged { why: "the payload is over the limit".into() });
            }
            Ok(chunk) => {
                let count = chunk.len();
                bytes.extend_from_slice(chunk);
                decoder.consume(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(PayloadState::Truncated { why: "the coded content is cut short".into() });
            }
            Err(error) => return Err(PayloadState::Damaged { why: error.to_string() }),
        }
    }
}
