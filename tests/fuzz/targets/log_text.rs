//! Notes, checkpoints, receipts, tile paths, entry bundles, snapshot notes: strict texts of the log.
#![no_main]

use cleartitle_schema::snapshot::parse_note_text;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::note::{Note, NoteVerifier};
use cleartitle_schema::tlog::proof::Receipt;
use cleartitle_schema::tlog::tile::{EntriesId, EntryBundle, TileId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_text().as_bytes(), bytes);
    }
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert_eq!(receipt.to_text().as_bytes(), bytes);
    }
    for width in [1, 7, 256] {
        let _ = EntryBundle::decode(bytes, width);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(checkpoint) = Checkpoint::parse_text(text) {
        assert_eq!(checkpoint.to_text(), text);
    }
    if let Ok(id) = TileId::parse_path(text) {
        assert_eq!(id.path(), text);
    }
    if let Ok(id) = EntriesId::parse_path(text) {
        assert_eq!(id.path(), text);
    }
    let _ = NoteVerifier::parse(text);
    let _ = parse_note_text(text);
});
