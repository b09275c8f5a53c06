//! Small files that carry XMP packets and manifest stores, built byte by byte, and what was read of them as lines.

use cleartitle_schema::signals::{Parsed, Signal};
use serde_json::Value;

/// A JUMBF box (ISO/IEC 19566-5).
pub fn boxed(kind: &str, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).expect("a small box");
    [&length.to_be_bytes()[..], kind.as_bytes(), content].concat()
}

/// A superbox with a label.
pub fn superbox(purpose: &str, label: &str, inside: &[u8]) -> Vec<u8> {
    let uuid = [purpose.as_bytes(), b"\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"].concat();
    let description = boxed("jumd", &[&uuid, &[3][..], label.as_bytes(), &[0]].concat());
    boxed("jumb", &[description, inside.to_vec()].concat())
}

/// CBOR (RFC 8949) of a JSON value.
pub fn cbor(value: &Value) -> Vec<u8> {
    let head = |major: u8, length: usize| match length {
        0..=23 => vec![major << 5 | u8::try_from(length).expect("small")],
        _ => [&[major << 5 | 25][..], &u16::try_from(length).expect("short").to_be_bytes()].concat(),
    };
    match value {
        Value::Null => vec![0xf6],
        Value::Bool(truth) => vec![if *truth { 0xf5 } else { 0xf4 }],
        Value::Number(number) => head(0, usize::try_from(number.as_u64().expect("a count")).expect("small")),
        Value::String(text) => [head(3, text.len()), text.clone().into_bytes()].concat(),
        Value::Array(list) => [head(4, list.len()), list.iter().flat_map(cbor).collect()].concat(),
        Value::Object(members) => {
            let entry = |(key, value): (&String, &Value)| [cbor(&Value::String(key.clone())), cbor(value)].concat();
            [head(5, members.len()), members.iter().flat_map(entry).collect()].concat()
        }
    }
}

/// What a file holds.
pub enum Load {
    Packet(Vec<u8>),
    Store(Vec<u8>),
}

/// A file of a format with this in it.
///
/// # Panics
/// If the format is not one that is built here.
pub fn file(format: &str, load: &Load) -> Vec<u8> {
    let (Load::Packet(bytes) | Load::Store(bytes)) = load;
    match (format, load) {
        ("sidecar", _) => bytes.clone(),
        ("jpeg", Load::Packet(_)) => jpeg(&[segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", &bytes[..]].concat())]),
        ("jpeg-extended", Load::Packet(_)) => jpeg(&extended(bytes)),
        ("jpeg", Load::Store(_)) => jpeg(&jumbf_segments(bytes, bytes.len())),
        ("jpeg-split", Load::Store(_)) => {
            let mut segments = jumbf_segments(bytes, 40);
            segments.reverse();
            jpeg(&segments)
        }
        ("png", Load::Packet(_)) => png("iTXt", &[b"XML:com.adobe.xmp\0\0\0en\0\0", &bytes[..]].concat()),
        ("png", Load::Store(_)) => png("caBX", bytes),
        ("webp", Load::Packet(_)) => webp("XMP ", bytes),
        ("webp", Load::Store(_)) => webp("C2PA", bytes),
        ("pdf", Load::Packet(_)) => pdf("/Type /Metadata /Subtype /XML", bytes),
        ("pdf", Load::Store(_)) => pdf("/AFRelationship /C2PA_Manifest", bytes),
        ("pdf-picture", _) => pdf("/Subtype /Image", bytes),
        ("tiff", _) => [b"II*\0\x08\0\0\0", &bytes[..], b"\0\0"].concat(),
        ("avif", _) => [b"\0\0\0\x10ftypavif\0\0\0\0", &bytes[..]].concat(),
        ("epub", _) => [b"PK\x03\x04\x14\0\0\0mimetypeapplication/epub+zip", &bytes[..]].concat(),
        _ => panic!("`{format}` is not built"),
    }
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("a small segment");
    [&[0xff, marker][..], &length.to_be_bytes(), data].concat()
}

fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    [&b"\xff\xd8\xff\xe0\0\x07JFIF\0"[..], &segments.concat(), b"\xff\xda\0\x02\x12\x34\xff\xd9"].concat()
}

/// A short packet, and the given one in two pieces, the second first.
fn extended(packet: &[u8]) -> Vec<Vec<u8>> {
    let half = packet.len() / 2;
    let piece = |from: usize, until: usize| {
        let length = u32::try_from(packet.len()).expect("small").to_be_bytes();
        let place = u32::try_from(from).expect("small").to_be_bytes();
        let name = b"http://ns.adobe.com/xmp/extension/\0";
        segment(0xe1, &[&name[..], &[b'A'; 32], &length, &place, &packet[from..until]].concat())
    };
    vec![piece(half, packet.len()), piece(0, half)]
}

/// The pieces of a store, each with the box's own header before it.
fn jumbf_segments(store: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, content) = store.split_at(8);
    let piece = |(place, piece): (usize, &[u8])| {
        let place = u32::try_from(place + 1).expect("few").to_be_bytes();
        segment(0xeb, &[b"JP\0\x01", &place[..], header, piece].concat())
    };
    content.chunks(size).enumerate().map(piece).collect()
}

fn png(kind: &str, data: &[u8]) -> Vec<u8> {
    let chunk = |kind: &str, data: &[u8]| {
        let length = u32::try_from(data.len()).expect("small").to_be_bytes();
        [&length[..], kind.as_bytes(), data, &[0; 4]].concat()
    };
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk("IHDR", &[0; 13]), &chunk(kind, data), &chunk("IEND", b"")].concat()
}

fn webp(kind: &str, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("small").to_le_bytes();
    let odd = &[0][..data.len() & 1];
    [&b"RIFF\0\0\0\0WEBPVP8X\x01\0\0\0\0\0"[..], kind.as_bytes(), &length, data, odd].concat()
}

fn pdf(dictionary: &str, stream: &[u8]) -> Vec<u8> {
    let head = format!("%PDF-1.7\n1 0 obj\n<< {dictionary} /Length {} >>\nstream\n", stream.len());
    [head.as_bytes(), stream, b"\nendstream\nendobj\n%%EOF\n"].concat()
}

/// An XMP packet around the children and attributes of one description.
pub fn packet(attributes: &str, children: &str) -> Vec<u8> {
    const SPACES: [(&str, &str); 11] = [
        ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
        ("plus", "http://ns.useplus.org/ldf/xmp/1.0/"),
        ("iptc", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"),
        ("tdm", "http://www.w3.org/ns/tdmrep/"),
        ("tdmh", "http://www.w3.org/ns/tdmrep#"),
        ("cc", "http://creativecommons.org/ns#"),
        ("rights", "http://ns.adobe.com/xap/1.0/rights/"),
        ("mm", "http://ns.adobe.com/xap/1.0/mm/"),
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("dcterms", "http://purl.org/dc/terms/"),
        ("photoshop", "http://ns.adobe.com/photoshop/1.0/"),
    ];
    let spaces: String = SPACES.iter().map(|(prefix, space)| format!(" xmlns:{prefix}='{space}'")).collect();
    format!(
        "<?xpacket begin='\u{feff}' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF{spaces}><rdf:Description rdf:about='' {attributes}>{children}</rdf:Description></rdf:RDF></x:xmpmeta>\
         <?xpacket end='w'?>"
    )
    .into_bytes()
}

fn signal(signal: &Signal) -> String {
    let uses: Vec<&str> = signal.uses.iter().map(|one| one.word()).collect();
    let unsure = if signal.malformed { " malformed" } else { "" };
    let policy = signal.policy.as_ref().map(|policy| format!(" see {policy}")).unwrap_or_default();
    format!(
        "{} {} | {} | {}{unsure} {}{policy}",
        signal.standard,
        signal.version,
        signal.label,
        signal.preference,
        uses.join(",")
    )
}

/// What was read, one line each, in order.
pub fn lines(said: &Parsed) -> Vec<String> {
    let signals = said.signals.iter().map(signal);
    let marks = said.marks.iter().map(|mark| format!("mark {} {}", mark.license, mark.applies_to));
    let credits = said.credits.iter().map(|credit| format!("credit {}", credit.name));
    let announced = said.announced.iter().map(|named| format!("announced {} {}", named.standard, named.url));
    signals.chain(marks).chain(credits).chain(announced).collect()
}

/// Compares what was read with a case's `says` and `complaints`, both in any order.
pub fn compare(said: &Parsed, case: &super::cases::Case) -> Result<(), String> {
    fn sorted<T: Into<String>>(list: impl IntoIterator<Item = T>) -> Vec<String> {
        let mut list: Vec<String> = list.into_iter().map(Into::into).collect();
        list.sort();
        list
    }
    let mut lints = sorted(said.complaints.iter().map(|complaint| complaint.lint.word()));
    lints.dedup();
    let (says, complaints) = (sorted(lines(said)), sorted(case.texts("complaints")));
    let wanted = sorted(case.texts("says"));
    if says == wanted && lints == complaints {
        return Ok(());
    }
    Err(format!(
        "says\n  {}\n  not\n  {}\n  complains {lints:?}, not {complaints:?}",
        says.join("\n  "),
        wanted.join("\n  ")
    ))
}
