//! The example crawl's expectations: every terms file as a registry would accept it, every document as `expected.json` says.

use cleartitle::crawl::{self, Item, Options};
use cleartitle::filter::{RecordEvidence, record_evidence};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::decide::decide;
use cleartitle_schema::evidence::{Registered, gather};
use cleartitle_schema::id::{ContentId, ContentName, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::{Policy, act};
use cleartitle_schema::scope::Scope;
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::terms::Terms;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::agents::AgentTable;
use cleartitle_schema::vocab::{Channel, Use};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// When the pages were captured, the terms registered, and the two labs ask.
const CAPTURED: &str = "2026-11-23T23:10:30Z";
const REGISTERED: &str = "2026-11-24T09:00:00Z";
const USED: &str = "2026-11-24T10:00:00Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    url: String,
    status: Option<u16>,
    bigmodel: Outcome,
    smalllab: Outcome,
    why: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    verdict: String,
    reason: String,
    action: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn expected() -> Vec<Expected> {
    serde_json::from_str(&read("expected.json")).expect("the expectations")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// What the command line does to a terms file: sets of uses spelled out, lists in order, the members that it fills in.
fn statement(name: &str, text: &str) -> Statement {
    let table: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut value = serde_json::to_value(table).expect("JSON");
    value["version"] = json!(1);
    value["log"] = json!("registry.example/demo");
    value["issuer"] = json!({ "domain": header(text, "Issuer") });
    value["issued_at"] = json!(REGISTERED);
    for rule in value.pointer_mut("/body/terms/clauses").and_then(Value::as_array_mut).into_iter().flatten() {
        for rule in rule["rules"].as_array_mut().expect("rules") {
            let words: Vec<String> = serde_json::from_value(rule["uses"].clone()).expect("uses");
            let uses: Vec<Use> = words.iter().flat_map(|word| Use::expand(word).expect("a use")).collect();
            rule["uses"] = json!(uses);
        }
    }
    if let Some(terms) = value.pointer_mut("/body/terms") {
        let read: Terms = serde_json::from_value(terms.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        *terms = serde_json::to_value(read.sorted()).expect("JSON");
    }
    if let Some(scope) = value.pointer_mut("/body/scope") {
        let mut read: Scope = serde_json::from_value(scope.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        read.include.sort();
        read.exclude.sort();
        *scope = serde_json::to_value(read).expect("JSON");
    }
    let mut statement: Statement = serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"));
    if let Body::Observation { sighting, .. } = &mut statement.body {
        sighting.signals.sort();
    }
    statement
}

/// The domain behind `Issuer:` or `Co-signer:` in a file's first comment.
fn header(text: &str, member: &str) -> Option<String> {
    let line = text.lines().next().expect("a first line");
    let rest = line.split_once(&format!("{member}: "))?.1;
    rest.split_whitespace().next().map(str::to_owned)
}

fn ledger() -> Ledger {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join("terms"))
        .expect("the terms")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let registered = files.iter().enumerate().map(|(index, path)| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).expect("a terms file");
        let statement = statement(&name, &text);
        let payload = statement.to_payload().unwrap_or_else(|error| panic!("{name}: {error}"));
        let statement = Statement::parse(&payload).unwrap_or_else(|error| panic!("{name}: {error}"));
        let signers = [header(&text, "Issuer"), header(&text, "Co-signer")].into_iter().flatten();
        let mut signed_by: Vec<Domain> = signers.map(|domain| domain.parse().expect("a domain")).collect();
        signed_by.sort();
        if let Body::Agreement { licensees, .. } = &statement.body {
            assert!(licensees.iter().all(|it| signed_by.contains(&it.domain)), "{name} names its co-signers");
        }
        let at = time(REGISTERED);
        let id = StatementId::of(&payload);
        Registered {
            id,
            index: index as u64,
            registered_at: at,
            signed_by,
            under: Vec::new(),
            speaks_for: None,
            tenure_from: None,
            statement,
        }
    });
    registered.collect()
}

/// What the records of the crawl say of themselves, by address.
fn evidence() -> BTreeMap<String, RecordEvidence> {
    let mut found = BTreeMap::new();
    let mut reader = crawl::open(&folder().join("crawl.warc.gz"), Options::default()).expect("the crawl");
    while let Some(item) = reader.next_item().expect("the crawl is read") {
        let Item::Record(record) = item else { continue };
        if let (Some(url), true) = (record.target_uri.clone(), record.is_document()) {
            found.insert(url, record_evidence(&record, AgentTable::builtin()));
        }
    }
    found
}

/// What the filter knows of a captured record: its address, its bytes, when, and that a crawl got it.
fn copy(row: &Expected) -> Acquisition {
    let mut copy = Acquisition::fetched(&row.url);
    copy.channel = Some(Channel::Crawl);
    copy.captured_at = Some(time(CAPTURED));
    copy.acquired_at = Some(time(USED));
    let host_and_path = row.url.trim_start_matches("http://");
    if let Ok(bytes) = std::fs::read(folder().join("pages").join(host_and_path)) {
        copy.content = vec![ContentName::Blake3(ContentId::of(&bytes))];
    }
    copy
}

#[test]
fn every_document_is_decided_and_treated_as_expected() {
    let ledger = ledger();
    let evidence = evidence();
    let mut wrong = String::new();
    for lab in ["bigmodel", "smalllab"] {
        let policy: Policy = toml::from_str(&read(&format!("policies/{lab}.toml"))).expect("a policy");
        for row in expected() {
            let mut copy = copy(&row);
            if let Some(found) = evidence.get(&row.url) {
                found.bring(&mut copy);
            }
            let question = policy.question(copy, time(USED));
            let decision = decide(&question, &gather(&ledger, &question.acquisition), &policy.reading);
            let got = Outcome {
                verdict: decision.verdict.to_string(),
                reason: decision.deciding().map(|code| code.to_string()).unwrap_or_default(),
                action: act(&policy.actions, &question, &decision).action.to_string(),
            };
            let says = if lab == "bigmodel" { &row.bigmodel } else { &row.smalllab };
            if got != *says {
                writeln!(wrong, "{lab} {}\n  says {says:?}\n  got  {got:?}", row.url).expect("text");
            }
        }
    }
    assert!(wrong.is_empty(), "decided otherwise than expected:\n{wrong}");
}

#[test]
fn the_example_shows_every_verdict_and_every_action() {
    let rows = expected();
    let outcomes = || rows.iter().flat_map(|row| [&row.bigmodel, &row.smalllab]);
    for verdict in ["cleared", "conditional", "reserved", "disputed", "unknown"] {
        assert!(outcomes().any(|it| it.verdict == verdict), "no document is {verdict}");
    }
    for pair in [("keep", "keep"), ("keep", "drop"), ("review", "review"), ("drop", "drop")] {
        let shown = rows.iter().any(|row| (row.bigmodel.action.as_str(), row.smalllab.action.as_str()) == pair);
        assert!(shown, "no document has {pair:?}");
    }
}

#[test]
fn examples_name_no_real_host_and_say_where_they_were_reported() {
    for registered in ledger().statements() {
        let statement = &registered.statement;
        for domain in &registered.signed_by {
            assert!(domain.as_str().ends_with(".example"), "{domain} signs an example");
        }
        let licensed = statement.terms().is_some_and(|terms| !terms.licenses.is_empty());
        assert!(licensed || statement.modelled_on.is_some(), "{} is modelled on nothing", statement.issuer.domain);
        if let Some(report) = &statement.modelled_on {
            assert!(report.what.contains("as reported") || report.what.contains("as seen"), "{}", report.what);
            assert_eq!(report.as_of.len(), 10, "{} is a date", report.as_of);
        }
    }
}

/// The same as a page for people; `UPDATE=1 cargo test` rewrites it.
#[test]
fn the_readable_page_is_up_to_date() {
    let rows = expected();
    let mut page = String::from(
        "# What the example should show\n\nMade from `expected.json`, every row of which is a test. Asked for `train-ai`, with all \
         files of `terms/` registered after the capture and the lab's own copy made after that.\n\n",
    );
    page.push_str("| lab | verdicts | actions |\n|---|---|---|\n");
    for (lab, pick) in [("bigmodel", 0), ("smalllab", 1)] {
        let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut actions: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &rows {
            let it = [&row.bigmodel, &row.smalllab][pick];
            *verdicts.entry(&it.verdict).or_default() += 1;
            *actions.entry(&it.action).or_default() += 1;
        }
        let list = |counts: &BTreeMap<&str, usize>| {
            counts.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(page, "| {lab} | {} | {} |", list(&verdicts), list(&actions)).expect("text");
    }
    let resources = rows.iter().filter(|row| row.status.is_none()).count();
    writeln!(
        page,
        "\n{} documents: {} responses and {resources} resources of Wget's own. In a cell: the verdict, the reason that leads, what \
         the lab's policy does.\n\n| address | bigmodel | smalllab | why |\n|---|---|---|---|",
        rows.len(),
        rows.len() - resources
    )
    .expect("text");
    for row in &rows {
        let cell = |it: &Outcome| format!("**{}**, {}, {}", it.verdict, it.reason, it.action);
        let address = row.url.trim_start_matches("http://");
        writeln!(page, "| {address} | {} | {} | {} |", cell(&row.bigmodel), cell(&row.smalllab), row.why)
            .expect("text");
    }
    let path = folder().join("expected.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("the page");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "expected.md is stale; run `UPDATE=1 cargo test --test tables`");
}
