//! Robots directives: joining lines never loses a denial of AI uses that was for everybody.
#![no_main]

use cleartitle_schema::signals::{Parsed, x_robots};
use cleartitle_schema::vocab::agents::AgentTable;
use cleartitle_schema::vocab::{Preference, Use};
use libfuzzer_sys::fuzz_target;

fn denies(said: &Parsed) -> bool {
    said.signals.iter().any(|signal| {
        signal.agent.is_none() && signal.preference == Preference::Disallowed && signal.uses.contains(&Use::TrainAi)
    })
}

fuzz_target!(|text: &str| {
    let agents = AgentTable::builtin();
    let lines: Vec<&str> = text.lines().collect();
    let apart = x_robots::parse_header(&lines, agents);
    let joined = x_robots::parse_header(&[&lines.join(", ")], agents);
    assert!(!denies(&apart) || denies(&joined));
    let _ = x_robots::parse_meta("robots", text, agents);
    let _ = x_robots::parse_meta(text, text, agents);
});
