//! Carriers: which file formats hold XMP packets and C2PA manifest stores, and where in the bytes.

use super::{jpeg, scan};
use crate::signals::{Complaint, Lint};
use memchr::memmem;
use std::borrow::Cow;

/// Most packets and most stores that are read of one file.
pub(super) const MOST: usize = 64;

/// How far into a file its beginning may lie: PDF readers skip that much, and an XMP sidecar names itself within it.
const HEAD: usize = 1024;

/// The namespace that the outermost element of XMP has.
pub(super) const XMP_META: &[u8] = b"adobe:ns:meta/";

/// Bytes of one carrier, put together where the file holds them in pieces.
#[derive(Debug)]
pub(super) struct Piece<'b> {
    /// The packet or store.
    pub(super) bytes: Cow<'b, [u8]>,
    /// Whether it surely speaks for the whole file, and not for a picture inside it.
    pub(super) whole_document: bool,
}

/// What was found in a file.
#[derive(Debug, Default)]
pub(super) struct Found<'b> {
    pub(super) packets: Vec<Piece<'b>>,
    pub(super) stores: Vec<Piece<'b>>,
    pub(super) complaints: Vec<Complaint>,
}

impl<'b> Found<'b> {
    /// Takes in a packet or store.
    pub(super) fn add(&mut self, kind: Kind, bytes: impl Into<Cow<'b, [u8]>>) {
        let list = match kind {
            Kind::Packet => &mut self.packets,
            Kind::Store => &mut self.stores,
        };
        if list.len() < MOST {
            list.push(Piece { bytes: bytes.into(), whole_document: true });
        } else {
            // What is not read might restrict what is.
            list.iter_mut().for_each(|piece| piece.whole_document = false);
            self.complain(Lint::TooMuch, "more metadata packets than are read");
        }
    }

    /// Complains once of one thing, however often a hostile file repeats it.
    pub(super) fn complain(&mut self, lint: Lint, detail: &str) {
        let complaint = Complaint::at(0, lint, detail);
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}

/// What a carrier holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An XMP packet.
    Packet,
    /// A C2PA manifest store, a JUMBF superbox.
    Store,
}

/// The formats that are read, by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// JPEG (ISO/IEC 10918-1).
    Jpeg,
    /// PNG (third edition, 24 June 2025).
    Png,
    /// RIFF: WebP (RFC 9649), WAV and AVI.
    Riff,
    /// PDF (ISO 32000-2): streams are not parsed, packets are looked for.
    Pdf,
    /// GIF, TIFF, and ISO base media files (MP4, HEIF, AVIF), which all hold packets in one run of bytes.
    Plain,
    /// A manifest store by itself: a `.c2pa` sidecar.
    Store,
    /// XMP by itself: an `.xmp` sidecar.
    Packet,
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn format(bytes: &[u8]) -> Option<Format> {
    let head = &bytes[..bytes.len().min(HEAD)];
    match head {
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [b'R', b'I', b'F', b'F', ..] => Some(Format::Riff),
        [b'G', b'I', b'F', b'8', ..] | [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
            Some(Format::Plain)
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(Format::Plain),
        [_, _, _, _, b'j', b'u', b'm', b'b', ..] => Some(Format::Store),
        _ if head.starts_with(PNG) => Some(Format::Png),
        _ => {
            let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
            let sidecar =
                text.starts_with(b"<?xpacket") || (text.starts_with(b"<") && memmem::find(text, XMP_META).is_some());
            // A page may quote `%PDF-`; only bytes that are no markup may stand before it.
            let pdf = !text.starts_with(b"<") && memmem::find(head, b"%PDF-").is_some();
            if sidecar { Some(Format::Packet) } else { pdf.then_some(Format::Pdf) }
        }
    }
}

/// Whether [`super::parse`] may have something to say of a file, by its first kibibyte: false means that it is silent.
#[must_use]
pub fn may_speak(bytes: &[u8]) -> bool {
    format(bytes).is_some()
}

/// Finds the carriers of a file, in linear time.
pub(super) fn find(bytes: &[u8]) -> Found<'_> {
    let mut found = Found::default();
    match format(bytes) {
        None => {}
        Some(Format::Jpeg) => jpeg::find(bytes, &mut found),
        Some(Format::Png) => png(&bytes[PNG.len()..], &mut found),
        Some(Format::Riff) => riff(bytes, &mut found),
        Some(Format::Pdf) => scan::pdf(bytes, &mut found),
        Some(Format::Plain) => scan::plain(bytes, &mut found),
        Some(Format::Store) => found.add(Kind::Store, bytes),
        Some(Format::Packet) => found.add(Kind::Packet, bytes),
    }
    found
}

/// Chunks `caBX` (C2PA 2.2) and `iTXt` with the keyword that XMP specification part 3 (January 2020) gives. Checksums are
/// not checked: damage makes nothing looser.
fn png<'b>(mut rest: &'b [u8], found: &mut Found<'b>) {
    const KEYWORD: &[u8] = b"XML:com.adobe.xmp\0";
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let Some((kind, body)) = after.split_first_chunk::<4>() else { break };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let data = &body[..length.min(body.len())];
        match (kind, data.strip_prefix(KEYWORD)) {
            (b"caBX", _) => found.add(Kind::Store, data),
            (b"iTXt", Some([0, _, text @ ..])) => {
                // Language tag and translated keyword, each ended by a zero.
                let text = text.splitn(3, |byte| *byte == 0).nth(2).unwrap_or_default();
                found.add(Kind::Packet, text);
            }
            (b"iTXt", Some([_, ..])) => found.complain(Lint::TooMuch, "compressed XMP in `iTXt` is not read"),
            (b"IEND", _) => break,
            _ => {}
        }
        // Data and checksum.
        rest = body.get(length.saturating_add(4)..).unwrap_or_default();
    }
}

/// Chunks `XMP ` (RFC 9649 section 2.7.1.5) and `C2PA` (C2PA 2.2).
fn riff<'b>(bytes: &'b [u8], found: &mut Found<'b>) {
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((kind, after)) = rest.split_first_chunk::<4>() {
        let Some((length, body)) = after.split_first_chunk::<4>() else { break };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let data = &body[..length.min(body.len())];
        match kind {
            b"XMP " | b"_PMX" => found.add(Kind::Packet, data),
            b"C2PA" => found.add(Kind::Store, data),
            _ => {}
        }
        rest = body.get(length.saturating_add(length & 1)..).unwrap_or_default();
    }
}
