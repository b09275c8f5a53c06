//! The two text files of sites that are no standard's: `ai.txt` and `trust.txt`.
#![no_main]

use cleartitle_schema::signals::{ai_txt, trust_txt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ai_txt::parse(bytes);
    let _ = trust_txt::parse(bytes);
});
