//! JUMBF (ISO/IEC 19566-5:2023): boxes, and superboxes with their description, as far as C2PA uses them.

use std::borrow::Cow;

/// One box. Its content is cut where the bytes end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'b> {
    /// The four letters of its type.
    pub(super) kind: [u8; 4],
    /// What stands in it.
    pub(super) content: &'b [u8],
    /// Whether all of it is there.
    pub(super) whole: bool,
}

/// Boxes one after the other.
#[derive(Debug, Clone)]
pub(super) struct Parts<'b> {
    rest: &'b [u8],
    torn: bool,
}

impl<'b> Parts<'b> {
    /// The boxes of these bytes.
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, torn: false }
    }

    /// Whether bytes were met that are no box.
    pub(super) fn torn(&self) -> bool {
        self.torn
    }

    fn take(&mut self) -> Option<Part<'b>> {
        let (length, after) = self.rest.split_first_chunk::<4>()?;
        let (kind, body) = after.split_first_chunk::<4>()?;
        let (header, length) = match u32::from_be_bytes(*length) {
            0 => (8, self.rest.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(*body.first_chunk()?)).unwrap_or(usize::MAX)),
            length => (8, usize::try_from(length).unwrap_or(usize::MAX)),
        };
        if length < header {
            return None;
        }
        let (whole, end) = (length <= self.rest.len(), length.min(self.rest.len()));
        let content = &self.rest[header..end];
        self.rest = &self.rest[end..];
        Some(Part { kind: *kind, content, whole })
    }
}

impl<'b> Iterator for Parts<'b> {
    type Item = Part<'b>;

    fn next(&mut self) -> Option<Part<'b>> {
        let part = self.take();
        if part.is_none() {
            // Zeros are padding.
            self.torn |= self.rest.iter().any(|byte| *byte != 0);
            self.rest = &[];
        }
        self.torn |= part.is_some_and(|part| !part.whole);
        part
    }
}

/// A box that describes what it holds.
#[derive(Debug, Clone)]
pub(super) struct Superbox<'b> {
    /// First four bytes of the UUID that says what it is: `c2pa`, `c2ma`, `c2as`, `cbor` ...
    pub(super) purpose: [u8; 4],
    /// Its name, empty if it has none.
    pub(super) label: Cow<'b, str>,
    /// The boxes in it after the description.
    pub(super) parts: Parts<'b>,
    /// Whether all of it is there.
    pub(super) whole: bool,
}

impl<'b> Superbox<'b> {
    /// Reads a box of type `jumb`; nothing for others, and for those without a description.
    pub(super) fn read(part: Part<'b>) -> Option<Self> {
        if part.kind != *b"jumb" {
            return None;
        }
        let mut parts = Parts::of(part.content);
        let description = parts.next().filter(|first| first.kind == *b"jumd")?;
        let (uuid, after) = description.content.split_first_chunk::<16>()?;
        let (toggles, after) = after.split_first()?;
        let label = if toggles & 0b10 == 0 { &[] } else { after.split(|byte| *byte == 0).next().unwrap_or_default() };
        let purpose = [uuid[0], uuid[1], uuid[2], uuid[3]];
        Some(Self { purpose, label: String::from_utf8_lossy(label), parts, whole: part.whole })
    }

    /// The superboxes in it.
    pub(super) fn children(&self) -> impl Iterator<Item = Superbox<'b>> + use<'b> {
        self.parts.clone().filter_map(Superbox::read)
    }

    /// The content of the first box of a type.
    pub(super) fn content(&self, kind: [u8; 4]) -> Option<&'b [u8]> {
        self.parts.clone().find(|part| part.kind == kind).map(|part| part.content)
    }
}
