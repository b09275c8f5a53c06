//! Files with metadata inside: no panic, no signature believed, bounded, and silent where the first bytes say so.
#![no_main]

use cleartitle_schema::signals::{MAX_SIGNALS, embedded};
use cleartitle_schema::vocab::AuthorityKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let said = embedded::parse(bytes);
    if !embedded::may_speak(bytes) {
        assert_eq!(said, Default::default());
    }
    assert!(said.signals.len() <= MAX_SIGNALS);
    for signal in &said.signals {
        assert_eq!(signal.authority, AuthorityKind::ContentUnsigned);
        assert!(signal.label.chars().count() <= 200);
        assert!(!signal.uses.is_empty());
    }
});
