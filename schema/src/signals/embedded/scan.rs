//! Looking for packets and stores in formats that hold each in one run of bytes, without parsing the format.
//!
//! A hostile file may hold any number of beginnings without ends; each search starts where the last one stopped, and one
//! that finds no end is the last of its kind, so that the work stays linear.

use super::carriers::{Found, Kind, MOST, XMP_META};
use memchr::memmem;
use std::ops::Range;

/// Begins and ends a packet in other files (XMP specification part 1, ISO 16684-1:2019, section 7.3).
const BEGIN: &[u8] = b"<?xpacket begin";
const END: &[u8] = b"<?xpacket end";

/// The end of XMP that no such instruction wraps.
const META_END: &[u8] = b"xmpmeta>";

/// The description box of a manifest store: type, then the UUID that stands for `c2pa`.
const STORE: &[u8] = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71";

/// How far before its namespace the outermost element may begin.
const OPENING: usize = 1024;

/// GIF, TIFF and ISO base media files: what is found is the file's own, unless it is several.
pub(super) fn plain<'b>(bytes: &'b [u8], found: &mut Found<'b>) {
    for range in packets(bytes) {
        found.add(Kind::Packet, &bytes[range]);
    }
    for range in stores(bytes) {
        found.add(Kind::Store, &bytes[range]);
    }
    several(found);
}

/// PDF: pictures on its pages bring metadata of their own, and an update appends new metadata behind the old.
pub(super) fn pdf<'b>(bytes: &'b [u8], found: &mut Found<'b>) {
    plain(bytes, found);
    // The document's own packet names the format or has properties of PDF. A picture's does neither.
    let own = |packet: &[u8]| {
        memmem::find(packet, b"application/pdf").is_some()
            || memmem::find(packet, b"http://ns.adobe.com/pdf/").is_some()
    };
    for packet in &mut found.packets {
        packet.whole_document = packet.whole_document && own(&packet.bytes);
    }
    // Relationship of the attached file that is the document's own manifest store (C2PA 2.2).
    let attached = !found.stores.is_empty() && memmem::find(bytes, b"C2PA_Manifest").is_some();
    for store in &mut found.stores {
        store.whole_document = store.whole_document && attached;
    }
}

/// Of several that nothing tells apart, any may be about a part of the file.
fn several(found: &mut Found<'_>) {
    for list in [&mut found.packets, &mut found.stores] {
        if list.len() > 1 {
            list.iter_mut().for_each(|piece| piece.whole_document = false);
        }
    }
}

fn packets(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while let Some(start) = next(bytes, from, BEGIN) {
        from = next(bytes, start, END).unwrap_or(bytes.len());
        ranges.push(start..from);
        if ranges.len() > MOST {
            return ranges;
        }
    }
    let wrapped = ranges.clone();
    from = 0;
    while let Some(at) = next(bytes, from, XMP_META) {
        if let Some(range) = wrapped.iter().find(|range| range.contains(&at)) {
            from = range.end;
            continue;
        }
        let opening = at.saturating_sub(OPENING).max(from);
        from = next(bytes, at, META_END).map_or(bytes.len(), |end| end + META_END.len());
        if let Some(start) = memchr::memrchr(b'<', &bytes[opening..at]) {
            ranges.push(opening + start..from);
        }
        if ranges.len() > MOST {
            break;
        }
    }
    ranges
}

fn stores(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(at) = next(bytes, from, STORE) {
        // Before it stand the description box's length and the superbox's length and type.
        let start = at.checked_sub(12).filter(|start| bytes[start + 4..].starts_with(b"jumb"));
        let Some(start) = start else {
            from = at + STORE.len();
            continue;
        };
        let length = bytes[start..].first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // 0 is `to the end`, 1 announces a long form that no store needs: both may run to the end of the bytes.
        let end = if length < 2 { bytes.len() } else { start.saturating_add(length).min(bytes.len()) };
        from = end.max(at + STORE.len());
        ranges.push(start..from);
        if ranges.len() > MOST {
            break;
        }
    }
    ranges
}

fn next(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    memmem::find(bytes.get(from..)?, needle).map(|at| from + at)
}
