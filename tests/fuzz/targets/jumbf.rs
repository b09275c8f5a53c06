//! Manifest stores, their boxes and their CBOR: no panic, and half a store permits nothing that the whole did not.
#![no_main]

use cleartitle_schema::signals::Parsed;
use cleartitle_schema::signals::embedded::parse_manifests;
use cleartitle_schema::vocab::Preference;
use libfuzzer_sys::fuzz_target;

fn permits(said: &Parsed) -> bool {
    said.signals.iter().any(|signal| signal.preference == Preference::Allowed && !signal.malformed)
}

fuzz_target!(|bytes: &[u8]| {
    let said = parse_manifests(bytes);
    // A box whose length is 0 runs to the end, wherever that is, so that this one can't be told from a whole store.
    let to_the_end = bytes.windows(5).any(|window| window[..4] == [0; 4] && window[4].is_ascii_alphabetic());
    if !permits(&said) && !to_the_end {
        let half = parse_manifests(&bytes[..bytes.len() / 2]);
        assert!(!permits(&half) || bytes.len() < 16, "{half:?} of {said:?}");
    }
});
