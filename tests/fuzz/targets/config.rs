//! Files that people write: policies and counts.
#![no_main]

use cleartitle::{counts_file, policy_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = policy_file::parse("fuzz.toml", text);
    let _ = counts_file::parse(text);
});
