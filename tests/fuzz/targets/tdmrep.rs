//! TDMRep files, values, metadata of packages, and policies.
#![no_main]

use cleartitle_schema::signals::{MAX_SIGNALS, tdmrep};
use cleartitle_schema::vocab::AuthorityKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = tdmrep::parse_file(bytes);
    assert!(file.signals.len() <= MAX_SIGNALS);
    let policy = tdmrep::parse_policy(bytes, "https://press.example/policy.json");
    let _ = tdmrep::with_policy(file, "https://press.example/policy.json", &policy);
    let _ = (tdmrep::parse_opf(bytes), tdmrep::parse_xmp(bytes));
    let text = String::from_utf8_lossy(bytes);
    let _ = tdmrep::parse_values(&[&text], &[&text], AuthorityKind::Response);
});
