//! robots.txt: no panic, and whatever may not be fetched literally is a prohibition among the signals.
#![no_main]

use cleartitle_schema::signals::robots::Robots;
use cleartitle_schema::signals::{MAX_SIGNALS, Signal};
use cleartitle_schema::surt::normalise_path;
use cleartitle_schema::vocab::Preference;
use cleartitle_schema::vocab::agents::AgentTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let robots = Robots::parse(bytes);
    let parsed = robots.signals(AgentTable::builtin());
    assert!(parsed.signals.len() <= MAX_SIGNALS + 100);
    for token in ["GPTBot", "a"] {
        let selected = robots.select(token);
        for path in ["/", "/a", "/a/b?c=%2F"] {
            let _ = selected.content_usage(path);
            if !selected.may_fetch(path) {
                let path = &normalise_path(path);
                let rules: Vec<&Signal> = parsed.signals.iter().filter(|it| it.standard == "robots").collect();
                assert!(disallows(&rules, token, path) || disallows(&rules, "*", path), "{token} {path}");
            }
        }
    }
});

/// The longest path of an agent decides, of equals the stricter.
fn disallows(rules: &[&Signal], token: &str, path: &str) -> bool {
    let covering = rules.iter().filter(|signal| {
        signal.agent.as_ref().is_none_or(|agent| agent.token.eq_ignore_ascii_case(token))
            && signal.pattern().is_none_or(|pattern| pattern.matches(path))
    });
    let longest = covering.max_by_key(|signal| (signal.path.as_ref().map_or(0, String::len), signal.preference));
    longest.is_some_and(|signal| signal.preference == Preference::Disallowed)
}
