//! Our verdicts beside those of the crates `robotstxt` and `texting_robots` and of PyPI `protego`, on real files.
//!
//! A disagreement has to be explained by a sentence of RFC 9309 (2022-09), found by code: see [`crate::robots_plain`].

use crate::real_robots::{self, Real};
use crate::robots_plain::{Class, STEPS, plainer};
use cleartitle_schema::signals::robots::Robots;
use cleartitle_schema::surt::PathPattern;
use harness::independent;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Stdio;

const AGENTS: [&str; 4] = ["GPTBot", "CCBot", "Googlebot", "FooBot"];

/// Most paths of a file's own rules that are asked.
const OWN_PATHS: usize = 8;

/// What is asked: a file, a crawler, a path.
#[derive(Clone)]
struct Question {
    bytes: Vec<u8>,
    token: &'static str,
    path: String,
}

/// Classes that no plainer file explains.
const ITSELF: Class =
    Class { name: "robots.txt itself", section: "2.2.2", says: "the URI /robots.txt is implicitly allowed" };
const NO_ANSWER: Class = Class { name: "no answer", section: "2.3.1.5", says: "the rules that can be parsed are used" };
const INDEX: Class = Class {
    name: "index.htm",
    section: "2.2.2",
    says: "a match reaches the end of the pattern; an allow of index.html opens no bare folder",
};
const STAR: Class = Class {
    name: "star",
    section: "2.2.3",
    says: "a star is any run of octets; the answer is what the file would say without its rules with a star",
};
const DOLLAR: Class = Class {
    name: "dollar inside",
    section: "2.2.3",
    says: "a dollar is the end at the end of a pattern; the answer is what the file would say without rules that have it inside",
};
const PRECEDENCE: Class = Class {
    name: "precedence",
    section: "2.2.2",
    says: "of the rules that match the one with most octets counts, `*` and `$` among them; of equals the allow",
};

/// Asks every file of `stride` what the other parser says, and holds each disagreement to a class.
fn compare(name: &str, files: &[Real], stride: usize, ask: &mut dyn FnMut(&[Question]) -> Vec<Option<bool>>) {
    let (mut asked, mut same) = (0, 0);
    let mut open: Vec<(String, Question, bool)> = Vec::new();
    for file in files.iter().step_by(stride) {
        let robots = Robots::parse(&file.bytes);
        let paths = paths(&file.bytes);
        let questions: Vec<Question> = AGENTS
            .iter()
            .flat_map(|token| paths.iter().map(|path| (*token, path.clone())))
            .map(|(token, path)| Question { bytes: file.bytes.clone(), token, path })
            .collect();
        let ours: Vec<bool> = AGENTS
            .iter()
            .map(|token| robots.select(token))
            .flat_map(|selected| paths.iter().map(move |path| selected.may_fetch(path)).collect::<Vec<_>>())
            .collect();
        let theirs = ask(&questions);
        for ((question, ours), theirs) in questions.into_iter().zip(ours).zip(theirs) {
            asked += 1;
            if theirs == Some(ours) {
                same += 1;
            } else {
                open.push((file.name.clone(), question, ours));
            }
        }
    }
    let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
    for (step, class) in STEPS.iter().enumerate() {
        let plain: Vec<Question> = open.iter().map(|(_, question, _)| simplified(question, step)).collect();
        for ((file, question, ours), plain) in open.iter().zip(&plain) {
            let again = Robots::parse(&plain.bytes).may_fetch(plain.token, &plain.path);
            let Question { token, path, .. } = question;
            assert_eq!(again, *ours, "{file} {token} {path}: our own answer changes with `{}`", class.name);
        }
        let theirs = ask(&plain);
        let before = open.len();
        let mut theirs = theirs.into_iter();
        open.retain(|(_, _, ours)| theirs.next().flatten() != Some(*ours));
        *classes.entry(*class).or_default() += before - open.len();
    }
    let mut unexplained = Vec::new();
    let plain: Vec<Question> = open.iter().map(|(_, question, _)| simplified(question, STEPS.len() - 1)).collect();
    let theirs = ask(&plain);
    for (((file, question, ours), plain), theirs) in open.iter().zip(&plain).zip(theirs) {
        match rest(plain, *ours, theirs) {
            Some(class) => *classes.entry(class).or_default() += 1,
            None => {
                unexplained.push(format!("{file} {} {}: ours {ours}, {name} {theirs:?}", question.token, question.path))
            }
        }
    }
    println!("{name}: {asked} questions, {same} same answers, {} not, by class:", asked - same);
    for (class, count) in classes.iter().filter(|(_, count)| **count > 0) {
        println!("  {count:6} {} (RFC 9309 section {}: {})", class.name, class.section, class.says);
    }
    assert!(asked > 1000, "too few questions to mean anything");
    unexplained.truncate(40);
    assert!(unexplained.is_empty(), "{name}: unexplained\n{}", unexplained.join("\n"));
}

fn simplified(question: &Question, step: usize) -> Question {
    let (bytes, path) = plainer(&question.bytes, question.token, &question.path, step);
    Question { bytes, path, token: question.token }
}

/// The class of a disagreement on a file of one group in its plainest form.
fn rest(plain: &Question, ours: bool, theirs: Option<bool>) -> Option<Class> {
    if plain.path == "/robots.txt" {
        return Some(ITSELF);
    }
    let theirs = theirs.ok_or(NO_ANSWER);
    let theirs = match theirs {
        Ok(theirs) => theirs,
        Err(class) => return Some(class),
    };
    let text = String::from_utf8_lossy(&plain.bytes);
    let rules = text.lines().filter_map(|line| line.split_once(": "));
    let matching: Vec<(bool, &str)> = rules
        .filter(|(key, value)| *key != "user-agent" && PathPattern::new(value).matches(&plain.path))
        .map(|(key, value)| (key == "allow", value))
        .collect();
    let index = text.lines().any(|line| line.starts_with("allow: ") && line.contains("/index.htm"));
    if theirs && !ours && index && plain.path.ends_with('/') {
        return Some(INDEX);
    }
    let has_star: fn(&str) -> bool = |line| line.contains('*');
    let is_inside: fn(&str) -> bool = |line| line.trim_end_matches('$').contains('$');
    for (class, drops) in [(STAR, has_star), (DOLLAR, is_inside)] {
        let without: String = text.lines().filter(|line| !drops(line)).map(|line| format!("{line}\n")).collect();
        let is_there = matching.iter().any(|(_, pattern)| drops(pattern));
        if is_there && Robots::parse(without.as_bytes()).may_fetch(plain.token, &plain.path) == theirs {
            return Some(class);
        }
    }
    // Both kinds match, so that only their order can make the difference.
    let both = matching.iter().any(|(allow, _)| *allow) && matching.iter().any(|(allow, _)| !*allow);
    both.then_some(PRECEDENCE)
}

/// Paths to ask: those that the file's own rules speak of, with and without something behind, and a few that any site has.
fn paths(bytes: &[u8]) -> Vec<String> {
    let mut paths: BTreeSet<String> = ["/", "/robots.txt", "/index.html?x=1", "/~user/a%2Fb"].map(str::to_owned).into();
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.split(['\r', '\n']).filter_map(|line| line.split('#').next()).collect();
    let values: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(_, value)| value.trim())
        .filter(|value| value.starts_with(['/', '*']) && value.len() < 300)
        .collect();
    let stride = (values.len() / OWN_PATHS).max(1);
    for (place, value) in values.iter().step_by(stride).take(OWN_PATHS).enumerate() {
        let mut path = value.trim_end_matches('$').replace('*', "star");
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        if place % 2 == 1 {
            path.push_str("/more?page=2");
        }
        paths.insert(as_url(&path));
    }
    paths.into_iter().collect()
}

/// A path as it stands in a URL: escapes as written, everything else outside ASCII escaped.
fn as_url(path: &str) -> String {
    let escape = |byte: u8| {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(escape).collect()
}

fn stride(short: usize) -> usize {
    if harness::long("robots") { 1 } else { short }
}

#[test]
fn the_crate_robotstxt_disagrees_only_where_the_rfc_decides() {
    let Some(files) = real_robots::files("robots.txt beside the crate robotstxt") else { return };
    compare("robotstxt 0.3", &files, stride(8), &mut |questions| {
        let answer = |question: &Question| {
            let body = String::from_utf8_lossy(&question.bytes);
            let url = format!("https://a.example{}", question.path);
            // It cuts lines of more than 8 * 2083 bytes, and panics where that cuts a letter in two.
            let long = body.split(['\r', '\n']).any(|line| line.len() > 16_000);
            let ask = || robotstxt::DefaultMatcher::default().one_agent_allowed_by_robots(&body, question.token, &url);
            (!long).then(ask)
        };
        questions.iter().map(answer).collect()
    });
}

#[test]
fn the_crate_texting_robots_disagrees_only_where_the_rfc_decides() {
    let Some(files) = real_robots::files("robots.txt beside the crate texting_robots") else { return };
    compare("texting_robots 0.2", &files, stride(8), &mut |questions| {
        let mut last: Option<(&Question, Option<texting_robots::Robot>)> = None;
        let mut answers = Vec::new();
        for question in questions {
            let known = last.as_ref().is_some_and(|(it, _)| it.token == question.token && it.bytes == question.bytes);
            if !known {
                last = Some((question, texting_robots::Robot::new(question.token, &question.bytes).ok()));
            }
            let robot = last.as_ref().and_then(|(_, robot)| robot.as_ref());
            answers.push(robot.map(|robot| robot.allowed(&format!("https://a.example{}", question.path))));
        }
        answers
    });
}

#[test]
fn protego_disagrees_only_where_the_rfc_decides() {
    let Some(python) = independent::python("robots.txt beside protego") else { return };
    let Some(files) = real_robots::files("robots.txt beside protego") else { return };
    // One call of Python answers for many files, since it takes long to start.
    let mut command = harness::binaries::command(&python);
    command.arg(independent::script("ask_protego.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.env("PYTHONDONTWRITEBYTECODE", "1").spawn().expect("Python starts");
    let mut to = child.stdin.take().expect("its input");
    let mut from = std::io::BufReader::new(child.stdout.take().expect("its output"));
    compare("protego", &files, stride(4), &mut |questions| {
        let mut answers = Vec::new();
        for question in questions {
            let line = serde_json::json!({
                "robots": String::from_utf8_lossy(&question.bytes),
                "agent": question.token,
                "url": format!("https://a.example{}", question.path),
            });
            writeln!(to, "{line}").and_then(|()| to.flush()).expect("Python listens");
            let mut answer = String::new();
            std::io::BufRead::read_line(&mut from, &mut answer).expect("Python answers");
            answers.push(serde_json::from_str(&answer).expect("true, false or null"));
        }
        answers
    });
    drop(to);
    assert!(child.wait().expect("Python ends").success());
}
