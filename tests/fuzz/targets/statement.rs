//! Canonical JSON and statements: whatever is accepted must be its own one form.
#![no_main]

use cleartitle_schema::statement::Statement;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(statement.to_payload().expect("what was read makes sense"), bytes);
    }
});
