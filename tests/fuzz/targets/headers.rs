//! Header fields of a response, one a line, and its body after an empty line.
#![no_main]

use cleartitle_schema::signals::{headers, record};
use cleartitle_schema::vocab::agents::AgentTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let fields: Vec<(String, String)> =
        head.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.into(), value.into())).collect();
    let agents = AgentTable::builtin();
    let alone = headers::parse(200, &fields, agents);
    let whole = record::read(200, &fields, body.as_bytes(), agents);
    assert!(alone.signals.iter().all(|signal| whole.signals.contains(signal) || signal.uses.len() > 1));
    let _ = record::read(402, &fields, body.as_bytes(), agents);
});
