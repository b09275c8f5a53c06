//! DSSE envelopes, leaves, published blobs and what remains of erased ones: what is read is written the same way again.
#![no_main]

use cleartitle_schema::erasure::Remains;
use cleartitle_schema::leaf::{Leaf, Published};
use cleartitle_schema::signed::{Envelope, parse_private_key, parse_public_key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::parse(bytes) {
        let canonical = envelope.to_bytes();
        assert_eq!(Envelope::parse(&canonical).expect("its own form").to_bytes(), canonical);
    }
    if let Ok(leaf) = Leaf::parse(bytes) {
        assert_eq!(leaf.to_bytes(), bytes);
    }
    if let Ok(published) = Published::parse(bytes) {
        assert_eq!(published.to_bytes(), bytes);
    }
    if let Ok(remains) = Remains::parse(bytes) {
        assert_eq!(remains.to_bytes().expect("its own form"), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_public_key(text);
        let _ = parse_private_key(text);
    }
});
