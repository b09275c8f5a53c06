//! Manifest stores, their boxes and their CBOR: no panic, and whatever is said has uses.
#![no_main]

use cleartitle_schema::signals::embedded::parse_manifests;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let said = parse_manifests(bytes);
    assert!(said.signals.iter().all(|signal| signal.standard == "cawg" && !signal.uses.is_empty()));
});
