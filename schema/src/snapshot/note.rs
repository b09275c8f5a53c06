//! The text that is signed beside a snapshot's body: which log, which size and root, which bytes.

use super::format::{FORMAT_VERSION, Header, is_origin};
use crate::id::ContentId;
use crate::tlog::Hash;

/// What a snapshot's note says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotNote {
    /// The log's origin, without `/snapshot`.
    pub origin: String,
    /// Leaves of the log.
    pub size: u64,
    /// The log's root at that size.
    pub root: Hash,
    /// BLAKE3 of the whole body.
    pub body: [u8; 32],
}

/// The text is not a snapshot's note in its one form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteTextError {
    /// Not five lines, each ended by a newline.
    #[error("a snapshot's note is five lines: origin, version, size, root, body")]
    Shape,
    /// The first line is not an origin followed by `/snapshot`.
    #[error("the note's first line is not a log's origin followed by `/snapshot`")]
    Origin,
    /// The second line names another format.
    #[error("the note is for `{0}`, this reader expects `cleartitle-snapshot v{FORMAT_VERSION}`")]
    Version(String),
    /// The size is not a plain decimal number.
    #[error("the note's log size is malformed")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("the note's root hash is malformed")]
    Root,
    /// The body is not `blake3:` and 64 lower-case hex digits.
    #[error("the note's body hash is malformed")]
    Body,
}

const SUFFIX: &str = "/snapshot";

/// The note's text for a body with this header and this BLAKE3 hash (32 bytes, of the whole body). Five lines:
/// `<origin>/snapshot`, `cleartitle-snapshot v4`, the size in decimal, the root in base64, `blake3:` and hex. The key that
/// signs it is named `<origin>/snapshot`, so that no signature passes for one under a checkpoint.
#[must_use]
pub fn note_text(header: &Header, body_hash: &[u8; 32]) -> String {
    let Header { origin, size, root, .. } = header;
    let body = ContentId(*body_hash);
    format!("{origin}{SUFFIX}\ncleartitle-snapshot v{FORMAT_VERSION}\n{size}\n{root}\n{body}\n")
}

/// Reads the text that [`note_text`] writes, and no other spelling of it. The signatures are the caller's to verify first.
///
/// # Errors
/// [`NoteTextError`], one variant a line.
pub fn parse_note_text(text: &str) -> Result<SnapshotNote, NoteTextError> {
    let body = text.strip_suffix('\n').ok_or(NoteTextError::Shape)?;
    let lines: Vec<&str> = body.split('\n').take(6).collect();
    let [origin, version, size, root, body] = lines[..] else { return Err(NoteTextError::Shape) };
    let origin = origin.strip_suffix(SUFFIX).filter(|origin| is_origin(origin)).ok_or(NoteTextError::Origin)?;
    if version != format!("cleartitle-snapshot v{FORMAT_VERSION}") {
        return Err(NoteTextError::Version(version.chars().take(80).collect()));
    }
    let number: u64 = size.parse().map_err(|_| NoteTextError::Size)?;
    if number.to_string() != size {
        return Err(NoteTextError::Size);
    }
    let root = Hash::from_base64(root).ok_or(NoteTextError::Root)?;
    let ContentId(body) = body.parse().map_err(|_| NoteTextError::Body)?;
    Ok(SnapshotNote { origin: origin.to_owned(), size: number, root, body })
}

impl SnapshotNote {
    /// Whether this note is about a body with this header and hash.
    #[must_use]
    pub fn is_about(&self, header: &Header, body_hash: &[u8; 32]) -> bool {
        self.origin == header.origin && self.size == header.size && self.root == header.root && self.body == *body_hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Tables;
    use crate::time::Timestamp;

    #[test]
    fn one_spelling_of_a_note() {
        let header = Header {
            origin: "log.registry.example".to_owned(),
            size: 7,
            root: Hash([3; 32]),
            time: Timestamp(0),
            tables: Tables::default(),
        };
        let text = note_text(&header, &[9; 32]);
        let note = parse_note_text(&text).unwrap();
        assert!(note.is_about(&header, &[9; 32]));
        assert!(!note.is_about(&header, &[8; 32]));
        assert!(text.starts_with("log.registry.example/snapshot\ncleartitle-snapshot v4\n7\n"));
        for (from, to) in [
            ("\n7\n", "\n07\n"),
            ("\n7\n", "\n+7\n"),
            ("/snapshot", "/snapshots"),
            (" v4", " v1"),
            ("blake3:", "sha256:"),
            ("0909\n", "090G\n"),
            ("0909\n", "0909"),
            ("0909\n", "0909\n\n"),
            ("0909\n", "0909\r\n"),
            ("log.", "l og."),
        ] {
            assert!(parse_note_text(&text.replacen(from, to, 1)).is_err(), "{from:?} -> {to:?}");
        }
    }
}
