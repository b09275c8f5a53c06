//! Usage reports: a payload, and a report's file with its proof.
#![no_main]

use cleartitle::usage::UsageFile;
use cleartitle_schema::usage::UsageReport;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = UsageReport::parse(bytes);
    let _ = UsageFile::parse(bytes);
});
