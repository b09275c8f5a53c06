//! What domains publish about keys, and requests to bind one: the first byte picks the place.
#![no_main]

use cleartitle_schema::domain_proof::{KeyRequest, MAX_KEYS, dns_txt, key_directory, well_known};
use cleartitle_schema::signed::Envelope;
use cleartitle_schema::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((place, bytes)) = bytes.split_first() else { return };
    let log = "registry.example/log";
    let published = match place % 4 {
        0 => dns_txt::read(bytes.split(|byte| *byte == b'\n'), log),
        1 => well_known::read(bytes, log),
        2 => key_directory::read(bytes, Timestamp(1_795_000_000)),
        _ => {
            if let Ok(envelope) = Envelope::parse(bytes) {
                let opened = KeyRequest::open(&envelope, |_| None);
                assert!(opened.is_err() || opened.is_ok_and(|it| it.beside.is_empty()));
            }
            return;
        }
    };
    assert!(published.keys.len() <= MAX_KEYS && published.complaints.len() <= MAX_KEYS);
    // Whatever is read was printed so, or could have been.
    for key in &published.keys {
        assert!(!key.is_weak());
        assert_eq!(dns_txt::read([dns_txt::record(key, None).as_bytes()], log).keys, [*key]);
    }
});
