//! JPEG segments: XMP in APP1, also in its extended form, and JUMBF in APP11, both put together from their pieces.

use super::carriers::{Found, Kind};
use crate::signals::Lint;
use std::collections::BTreeMap;

/// Begins the segment of a packet (XMP specification part 3, January 2020, section 1.1.3).
const STANDARD: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// Begins the segments of a packet that is too long for one.
const EXTENDED: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

/// Pieces of what was cut, each with its place; a name each for what belongs together.
type Pieces<'b, Name> = BTreeMap<Name, Vec<(u32, &'b [u8])>>;

/// The segments before the first scan; what stands behind it no writer of metadata means to be found.
pub(super) fn find<'b>(bytes: &'b [u8], found: &mut Found<'b>) {
    let mut extended: Pieces<'b, &[u8]> = Pieces::new();
    let mut boxes: Pieces<'b, (&[u8], &[u8])> = Pieces::new();
    let mut rest = &bytes[2..];
    while let Some((marker, after)) = segment_marker(rest) {
        if marker == 0x01 || (0xd0..=0xd8).contains(&marker) {
            rest = after;
            continue;
        }
        let Some((length, _)) = after.split_first_chunk::<2>() else { break };
        let length = usize::from(u16::from_be_bytes(*length));
        // Start of scan, end of image, or damage.
        if marker == 0xda || marker == 0xd9 || length < 2 {
            break;
        }
        let data = &after[2..length.min(after.len()).max(2)];
        match marker {
            0xe1 => xmp(data, &mut extended, found),
            0xeb => jumbf(data, &mut boxes),
            _ => {}
        }
        rest = after.get(length..).unwrap_or_default();
    }
    for pieces in extended.into_values() {
        found.add(Kind::Packet, together(pieces));
    }
    for ((_, header), pieces) in boxes {
        let mut whole = header.to_vec();
        whole.extend(together(pieces));
        found.add(Kind::Store, whole);
    }
}

/// The next marker, after any fill bytes.
fn segment_marker(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (0xff, mut after) = rest.split_first().map(|(first, after)| (*first, after))? else { return None };
    while let [0xff, more @ ..] = after {
        after = more;
    }
    after.split_first().map(|(marker, after)| (*marker, after))
}

fn xmp<'b>(data: &'b [u8], extended: &mut Pieces<'b, &'b [u8]>, found: &mut Found<'b>) {
    if let Some(packet) = data.strip_prefix(STANDARD) {
        found.add(Kind::Packet, packet);
    } else if let Some(piece) = data.strip_prefix(EXTENDED) {
        // A digest of 32 letters that names the whole, its length, this piece's place.
        match piece.split_at_checked(40) {
            Some((head, text)) => {
                let place = head[36..].try_into().map_or(u32::MAX, u32::from_be_bytes);
                extended.entry(&head[..32]).or_default().push((place, text));
            }
            None => found.complain(Lint::Malformed, "a piece of extended XMP is too short"),
        }
    }
}

/// A segment of ISO/IEC 19566-5 annex D: `JP`, the box's number, the piece's place, then the box's own header, repeated.
fn jumbf<'b>(data: &'b [u8], boxes: &mut Pieces<'b, (&'b [u8], &'b [u8])>) {
    let (Some(b"JP"), Some(place), Some([length @ .., b'j', b'u', b'm', b'b'])) =
        (data.get(..2), data.get(4..8), data.get(8..16))
    else {
        return;
    };
    let header = if length == [0, 0, 0, 1] { 16 } else { 8 };
    let (Some(header), Some(content)) = (data.get(8..8 + header), data.get(8 + header..)) else { return };
    let place = place.try_into().map_or(u32::MAX, u32::from_be_bytes);
    boxes.entry((&data[2..4], header)).or_default().push((place, content));
}

/// The pieces in order. A gap or a repeated piece shows when the whole is parsed.
fn together(mut pieces: Vec<(u32, &[u8])>) -> Vec<u8> {
    pieces.sort_by_key(|(place, _)| *place);
    pieces.into_iter().flat_map(|(_, piece)| piece).copied().collect()
}
