//! Arrows run one way: `server -> schema <- client`, nobody imports `tests`, and inside `schema` no file reaches upstairs.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{assert_none, code, files};

/// The floors of `schema`, the ground first. A file may import from its own floor and from those below.
const FLOORS: &[&[&str]] = &[
    // Ground: bytes, names and times.
    &[
        "address",
        "canon",
        "fault",
        "gate_code",
        "id",
        "issuer",
        "money",
        "paper_code",
        "surt",
        "thrift",
        "time",
        "tlog",
        "vocab",
    ],
    // What is signed, and the log's leaves.
    &["http_signature", "leaf", "opening", "served", "signed", "ubiquitous"],
    // What can be said.
    &[
        "acquisition",
        "license",
        "license_words",
        "lineage",
        "pricing",
        "provenance",
        "scope",
        "signals",
        "terms",
        "terms_laws",
    ],
    // Who says it.
    &["statement", "statement_check"],
    // Everything brought to one question.
    &["bindings", "domain_proof", "erasure", "evidence", "ledger"],
    // The one verdict, and the asker's file that reads evidence for it.
    &["decide", "policy"],
    // What was decided already.
    &["memo"],
    // What travels.
    &["api", "bill", "changes", "manifest", "publish", "snapshot", "usage"],
];

/// Modules of one floor that import each other, each with the reason why they are two files of one thing.
const CIRCLES: &[(&str, &str, &str)] = &[
    ("acquisition", "lineage", "an acquisition lists its parents, and a parent is an acquisition"),
    ("decide", "policy", "`decide` takes a policy's reading, and a policy's actions name verdicts and reasons"),
    ("statement", "statement_check", "parsing checks the sense, and the check reads the statement"),
];

/// What each wing's sources may not name, the crates' names as code spells them.
const WALLS: &[(&str, &[&str])] = &[
    ("schema/src", &["cleartitle::", "cleartitle_server", "harness::", "cleartitle_tests"]),
    ("server/src", &["cleartitle::", "harness::", "cleartitle_tests"]),
    ("client/src", &["cleartitle_server", "harness::", "cleartitle_tests"]),
];

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// The top module of `schema` that a file belongs to.
fn module_of(path: &str) -> String {
    let inside = path.trim_start_matches("schema/src/");
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// The modules that a file imports by `crate::`, one level of braces followed.
fn imports(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for piece in source.split("crate::").skip(1) {
        let names = match piece.strip_prefix('{') {
            Some(group) => top_level_names(group),
            None => vec![leading_name(piece)],
        };
        found.extend(names.into_iter().filter(|name| !name.is_empty()));
    }
    found
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}

/// The names that stand directly inside a brace group: `a::{b, c}, d::e` gives `a` and `d`.
fn top_level_names(group: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let mut names = vec![String::new()];
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            _ if depth == 0 => names.last_mut().expect("never empty").push(letter),
            _ => {}
        }
    }
    names.iter().map(|name| leading_name(name.trim())).collect()
}

/// Which modules of `schema` each of its modules imports, with a file that does.
fn schema_arrows() -> BTreeMap<(String, String), String> {
    let mut arrows = BTreeMap::new();
    for path in files("schema/src").into_iter().filter(|path| is_rust(path)) {
        let from = module_of(&path);
        if from == "lib" || path.ends_with("/tests.rs") {
            continue;
        }
        for to in imports(&code(&path)).into_iter().filter(|to| *to != from) {
            arrows.entry((from.clone(), to)).or_insert_with(|| path.clone());
        }
    }
    arrows
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn no_wing_names_another_side() {
    let mut findings = Vec::new();
    for (folder, banned) in WALLS {
        for path in files(folder).into_iter().filter(|path| is_rust(path)) {
            let source = code(&path);
            findings.extend(banned.iter().filter(|name| names(&source, name)).map(|name| format!("{path}: {name}")));
        }
    }
    assert_none("arrows run `server -> schema <- client`", &findings);
}

/// Whether a path begins with this name: `my_cleartitle::` does not name `cleartitle::`.
fn names(source: &str, name: &str) -> bool {
    source.match_indices(name).any(|(place, _)| {
        !source[..place]
            .chars()
            .next_back()
            .is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':')
    })
}

#[test]
fn every_module_of_schema_stands_on_a_floor() {
    let mut modules: BTreeSet<String> =
        files("schema/src").iter().filter(|path| is_rust(path)).map(|path| module_of(path)).collect();
    modules.remove("lib");
    let missing: Vec<String> = modules.into_iter().filter(|module| floor(module).is_none()).collect();
    assert_none("modules without a floor (add them to `FLOORS`)", &missing);
}

#[test]
fn no_file_of_schema_reaches_upstairs() {
    let upwards: Vec<String> = schema_arrows()
        .iter()
        .filter(|((from, to), _)| matches!((floor(from), floor(to)), (Some(from), Some(to)) if to > from))
        .map(|((from, to), path)| format!("{path}: `{from}` imports `{to}` from a floor above"))
        .collect();
    assert_none("arrows that go up", &upwards);
}

#[test]
fn circles_inside_a_floor_are_named_and_counted() {
    let arrows = schema_arrows();
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = open.pop() {
            for (_, next) in arrows.keys().filter(|(source, _)| *source == module) {
                if next == to {
                    return true;
                }
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        false
    };
    let direct: BTreeSet<(&str, &str)> = arrows
        .keys()
        .filter(|(from, to)| from < to && reaches(from, to) && reaches(to, from))
        .map(|(from, to)| (from.as_str(), to.as_str()))
        .collect();
    let known: BTreeSet<(&str, &str)> = CIRCLES.iter().map(|(one, other, _)| (*one, *other)).collect();
    assert_eq!(direct, known, "circles between modules of `schema` (left: found, right: named in `CIRCLES`)");
}

#[test]
fn the_reading_of_imports_works() {
    let source = "use crate::{a, b::{c, d}, e::f};\nuse crate::g::{h};\nlet x = crate::i::j();";
    let found: Vec<String> = imports(source).into_iter().collect();
    assert_eq!(found, ["a", "b", "e", "g", "i"]);
    assert!(names("use cleartitle::x", "cleartitle::") && !names("use my_cleartitle::x", "cleartitle::"));
}
