//! Every code has a page, and the committed API description is the one that the server generates.

use std::collections::BTreeSet;

use cleartitle_schema::decide::Reason;
use cleartitle_schema::fault::Fault;
use cleartitle_schema::gate_code::GateCode;
use cleartitle_schema::paper_code::PaperCode;

use crate::tree::{assert_none, files, text};

/// A page says what the code means, when it appears and what to do.
const SHORTEST_PAGE: usize = 5;

#[test]
fn every_reason_has_a_page() {
    let mut findings = Vec::new();
    for reason in Reason::ALL {
        let word = reason.to_string();
        let path = format!("schema/reasons/{word}.md");
        let page = text(&path);
        if !page.starts_with(&format!("# {word}\n")) {
            findings.push(format!("{path}: does not begin with `# {word}`"));
        }
        if page.lines().count() < SHORTEST_PAGE {
            findings.push(format!("{path}: {} lines", page.lines().count()));
        }
    }
    assert_none("reasons without a page", &findings);
}

#[test]
fn every_page_has_a_reason() {
    let words: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    let orphans: Vec<String> = files("schema/reasons")
        .into_iter()
        .filter(|path| {
            !path
                .strip_prefix("schema/reasons/")
                .and_then(|name| name.strip_suffix(".md"))
                .is_some_and(|word| words.contains(word))
        })
        .collect();
    assert_none("pages of no reason", &orphans);
}

#[test]
fn every_paper_code_has_a_page_and_every_page_a_code() {
    let words: BTreeSet<String> = PaperCode::ALL.iter().map(|code| format!("schema/papers/{code}.md")).collect();
    let pages: BTreeSet<String> = files("schema/papers").into_iter().collect();
    let mut findings: Vec<String> = words
        .symmetric_difference(&pages)
        .map(|path| format!("{path}: code without page, or page without code"))
        .collect();
    for code in PaperCode::ALL {
        let path = format!("schema/papers/{code}.md");
        if pages.contains(&path)
            && (!text(&path).starts_with(&format!("# {code}\n")) || text(&path).lines().count() < SHORTEST_PAGE)
        {
            findings.push(format!("{path}: does not begin with `# {code}`, or says too little"));
        }
    }
    assert_none("paper codes", &findings);
}

#[test]
fn every_gate_code_has_a_page_and_every_page_a_code() {
    let mut findings = Vec::new();
    let words: BTreeSet<String> = GateCode::ALL.iter().map(|code| format!("schema/gate/{code}.md")).collect();
    for code in GateCode::ALL {
        let page = code.page();
        let whole = ["**Level.**", "**What you can do.**", "**Example.**"].iter().all(|part| page.contains(part));
        if !page.starts_with(&format!("# {code}\n")) || !whole {
            findings.push(format!("schema/gate/{code}.md: no whole page"));
        }
        if Reason::ALL.iter().any(|reason| reason.word() == code.word()) {
            findings.push(format!("{code}: is taken by a reason"));
        }
    }
    findings.extend(files("schema/gate").into_iter().filter(|path| !words.contains(path)));
    assert_none("gate codes and their pages", &findings);
}

#[test]
fn every_problem_code_has_a_page() {
    use cleartitle_server::routes::problem::Code;

    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for code in Code::ALL {
        let (word, page) = (code.word(), code.page());
        if page.len() < 20 || code.title().is_empty() {
            findings.push(format!("{word}: `{page}` says too little"));
        }
        let status = code.status();
        if !(status.is_client_error() || status.is_server_error()) {
            findings.push(format!("{word}: {status} is no error"));
        }
        if !seen.insert(word) || Reason::ALL.iter().any(|reason| reason.word() == word && *code != Code::NotFound) {
            findings.push(format!("{word}: is taken by another code"));
        }
    }
    assert_none("problem codes", &findings);
}

#[test]
fn every_fault_has_a_row_and_is_built_in_a_test() {
    let (rows, attacks) = (text("schema/faults.md"), text("tests/e2e/attacks.rs"));
    let mut findings = Vec::new();
    for fault in Fault::ALL {
        let row = rows.lines().find(|line| line.starts_with(&format!("| `{fault}` | ")));
        if row.is_none_or(|row| row.split(" | ").filter(|cell| cell.len() > 10).count() < 4) {
            findings.push(format!("schema/faults.md: no whole row of `{fault}`"));
        }
        if !attacks.contains(&format!("Fault::{fault:?}")) && !attacks.contains(&format!("\"{fault}\"")) {
            findings.push(format!("tests/e2e/attacks.rs: `{fault}` is not built"));
        }
    }
    let codes = rows.lines().filter(|line| line.starts_with("| `")).count();
    if codes != Fault::ALL.len() {
        findings.push(format!("schema/faults.md: {codes} rows, there are {} codes", Fault::ALL.len()));
    }
    assert_none("faults", &findings);
}

/// `UPDATE=1 cargo test -p cleartitle-tests --test tidy` writes it anew.
#[test]
fn the_committed_api_description_is_the_generated_one() {
    let generated = cleartitle_server::router::openapi_yaml().expect("a description");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(crate::tree::root().join("openapi.yaml"), &generated).expect("openapi.yaml can be written");
    }
    assert!(text("openapi.yaml") == generated, "openapi.yaml is out of date: UPDATE=1 cargo test --test tidy");
}
