//! Files that people write: policies and terms.
#![no_main]

use cleartitle::policy_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = policy_file::parse("fuzz.toml", text);
});
