//! RFC 9309: every sentence that binds whoever reads the file, as a case; and properties that hold for any file.

use crate::{cases, vectors};
use cleartitle_schema::signals::robots::Robots;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    robots: String,
    ask: Vec<(String, String, String)>,
    /// Known wrong until this module is changed.
    not_passed: Option<String>,
    #[serde(default)]
    latin1: bool,
    #[serde(default)]
    padding: usize,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = "# padding\n".repeat(self.padding / 10).into_bytes();
        if self.latin1 {
            bytes.extend(self.robots.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a Latin-1 letter")));
        } else {
            bytes.extend(self.robots.bytes());
        }
        bytes
    }

    fn failures(&self) -> Vec<String> {
        let bytes = self.bytes();
        let robots = Robots::parse(&bytes);
        let wrong = |(token, path, expected): &&(String, String, String)| {
            robots.may_fetch(token, path)
                != match expected.as_str() {
                    "yes" => true,
                    "no" => false,
                    other => panic!("{}: `{other}` is neither yes nor no", self.name),
                }
        };
        let shown = |(token, path, expected): &(String, String, String)| {
            let path: String = path.chars().take(60).collect();
            format!("{} ({}): {token} {path}: expected {expected}", self.name, self.source)
        };
        self.ask.iter().filter(wrong).map(shown).collect()
    }
}

#[test]
fn rfc_9309_holds_sentence_by_sentence() {
    let cases: Vec<Case> = cases::shaped("robots/rfc9309.toml");
    let mut failures = Vec::new();
    let (mut awaiting, mut asked) = (0, 0);
    for case in &cases {
        assert!(!case.ask.is_empty(), "{} asks nothing", case.name);
        asked += case.ask.len();
        let failed = case.failures();
        match &case.not_passed {
            None => failures.extend(failed),
            Some(module) if failed.is_empty() => {
                failures.push(format!("{}: passes by now ({module}): take `not_passed` away", case.name));
            }
            Some(_) => awaiting += 1,
        }
    }
    println!("RFC 9309: {asked} questions; {awaiting} cases known wrong, which are not passed:");
    vectors::count("RFC 9309 without those", cases.len() - awaiting, &failures);
}
