//! Content-Signal: no panic, and no use is both permitted and prohibited.
#![no_main]

use cleartitle_schema::signals::content_signal::parse_header;
use cleartitle_schema::vocab::Preference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let signals = parse_header(&[text]).signals;
    let permitted = signals.iter().filter(|it| it.preference == Preference::Allowed && !it.malformed);
    for one in permitted.flat_map(|it| &it.uses) {
        assert!(!signals.iter().any(|it| it.preference == Preference::Disallowed && it.uses.contains(one)), "{text}");
    }
});
