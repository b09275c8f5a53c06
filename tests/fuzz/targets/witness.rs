//! What witnesses are sent and what they answer: bodies of `add-checkpoint`, signature lines, cosignatures; contradictions.
#![no_main]

use cleartitle::contradiction::Contradiction;
use cleartitle::trust::PinnedLog;
use cleartitle_schema::tlog::cosignature::WitnessVerifier;
use cleartitle_schema::tlog::note::{Note, NoteSignature};
use cleartitle_schema::tlog::witness::AddCheckpoint;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const LOG: &str = "registry.example+144386b5+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

fuzz_target!(|bytes: &[u8]| {
    let witness = WitnessVerifier::parse(KEY).expect("a witness's key");
    if let Ok(body) = AddCheckpoint::parse(bytes) {
        assert_eq!(body.to_text().as_bytes(), bytes);
        if let Ok(note) = Note::parse(body.note.as_bytes()) {
            note.signatures().iter().for_each(|line| _ = witness.verify(note.text(), line));
        }
    }
    if let Ok(lines) = NoteSignature::parse_lines(bytes) {
        let text: String = lines.iter().map(NoteSignature::to_line).collect();
        assert_eq!(text.as_bytes(), bytes);
    }
    if let Ok(file) = Contradiction::parse(bytes) {
        let log = PinnedLog::parse(LOG).expect("a log's key");
        assert!(file.check(&log).is_err(), "nobody has this log's private key");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = WitnessVerifier::parse(text) {
        assert_eq!(key.to_string(), text);
    }
});
