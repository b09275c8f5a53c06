//! Pages: the reading never panics, and whatever it finds the pre-check lets through.
#![no_main]

use cleartitle_schema::signals::html;
use cleartitle_schema::vocab::agents::AgentTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let said = html::parse(bytes, AgentTable::builtin());
    assert!(html::may_speak(bytes) || said.is_silent());
});
