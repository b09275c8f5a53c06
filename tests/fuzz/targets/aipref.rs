//! Content-Usage: no panic, and what the Dictionary literally prohibits is a prohibition among the signals.
#![no_main]

use cleartitle_schema::signals::aipref::{Preferences, parse_header};
use cleartitle_schema::vocab::labels::{aipref, find};
use cleartitle_schema::vocab::Preference;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let signals = parse_header(&[text]).signals;
    let literal = Preferences::read(text.as_bytes()).unwrap_or_default();
    // More labels than are read are unclear to the last.
    if text.len() > 500 {
        return;
    }
    for label in ["train-ai", "ai-use", "search"] {
        let uses = find(aipref::TABLE, label).expect("a label of the draft").covers;
        if literal.of(label) == Some(Preference::Disallowed) {
            let prohibits = |use_| signals.iter().any(|it| it.preference == Preference::Disallowed && it.uses.contains(use_));
            assert!(uses.iter().all(prohibits), "{text}");
        } else if literal.of(label).is_none() {
            let permits = signals.iter().any(|it| {
                it.preference == Preference::Allowed && !it.malformed && it.uses.iter().any(|one| uses.contains(one))
            });
            assert!(!permits, "{text}");
        }
    }
});
