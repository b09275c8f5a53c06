//! The decision table: every row of `tests/vectors/decide/*.toml` through registration's own parser, the ledger and `decide`.

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::decide::{Asker, Decision, Question, Reason, decide};
use cleartitle_schema::evidence::{Lookup, Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::Reading;
use cleartitle_schema::statement::Statement;
use cleartitle_schema::terms::Terms;
use cleartitle_schema::vocab::Use;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

struct Row {
    file: String,
    story: String,
    ledger: Ledger,
    question: Question,
    reading: Reading,
    verdict: String,
    reasons: Vec<String>,
    rule: u64,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/decide")
}

/// Days become midnights and `@name` the id of a statement defined earlier, wherever they stand.
fn resolve(value: &mut Value, ids: &BTreeMap<String, StatementId>) {
    match value {
        Value::String(text) => {
            let day = text.len() == 10
                && text.bytes().enumerate().all(|(at, byte)| match at {
                    4 | 7 => byte == b'-',
                    _ => byte.is_ascii_digit(),
                });
            if day {
                text.push_str("T00:00:00Z");
            } else if let Some(name) = text.strip_prefix('@') {
                *text = ids.get(name).unwrap_or_else(|| panic!("no statement `{name}` above")).to_string();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| resolve(item, ids)),
        Value::Object(members) => members.values_mut().for_each(|item| resolve(item, ids)),
        _ => {}
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.map(|list| serde_json::from_value(list.clone()).expect("a list of words")).unwrap_or_default()
}

fn uses(words: &[String]) -> Vec<Use> {
    let mut all: Vec<Use> = words.iter().flat_map(|word| Use::expand(word).expect("a use")).collect();
    all.sort();
    all.dedup();
    all
}

/// The short form of a statement, spelled out: `hosts`, `allow`, `disallow`, `when`, `duties`, `licenses`, `flags`.
fn spell_out(short: &Map<String, Value>) -> Value {
    let mut body = short.get("body").and_then(Value::as_object).cloned().unwrap_or_default();
    body.insert("kind".to_owned(), short["kind"].clone());
    let kind = short["kind"].as_str().expect("a kind");
    if ["reservation", "grant", "offer", "agreement", "dispute"].contains(&kind) {
        body.insert("basis".to_owned(), short.get("basis").cloned().unwrap_or(json!("owner")));
    }
    let mut include: Vec<Value> = short.get("include").and_then(Value::as_array).cloned().unwrap_or_default();
    include.extend(
        strings(short.get("hosts")).into_iter().map(|host| json!({"target": "host", "host": host, "subdomains": true})),
    );
    if !include.is_empty() {
        let mut scope = json!({"include": include});
        if let Some(exclude) = short.get("exclude") {
            scope["exclude"] = exclude.clone();
        }
        body.insert("scope".to_owned(), scope);
    }
    let mut rules = Vec::new();
    for (member, preference) in [("allow", "allowed"), ("disallow", "disallowed")] {
        if let Some(words) = short.get(member) {
            let mut rule = json!({"preference": preference, "uses": uses(&strings(Some(words)))});
            if let Some(when) = short.get("when") {
                rule["constraints"] = when.clone();
            }
            if let (Some(duties), "allowed") = (short.get("duties"), preference) {
                rule["duties"] = duties.clone();
            }
            rules.push(rule);
        }
    }
    let mut terms = short.get("flags").cloned().unwrap_or(json!({}));
    if !rules.is_empty() {
        terms["clauses"] = json!([{ "rules": rules }]);
    }
    if let Some(clauses) = short.get("clauses") {
        terms["clauses"] = clauses.clone();
    }
    if let Some(licenses) = short.get("licenses") {
        terms["licenses"] = licenses.clone();
    }
    if ["reservation", "grant", "offer", "agreement"].contains(&kind) {
        let terms: Terms = serde_json::from_value(terms).expect("terms");
        body.insert("terms".to_owned(), serde_json::to_value(terms.sorted()).expect("terms"));
    }
    let mut statement = json!({
        "version": 1, "log": "registry.example/table", "issuer": {"domain": short["issuer"]},
        "issued_at": short["registered"], "body": body,
    });
    for member in ["effective", "supersedes", "countersigned_by"] {
        if let Some(value) = short.get(member) {
            statement[member] = value.clone();
        }
    }
    statement
}

fn register(index: usize, short: &Map<String, Value>) -> Registered {
    let statement: Statement = serde_json::from_value(spell_out(short)).expect("a statement");
    let statement = statement.sorted();
    let payload = statement.to_payload().expect("a statement that makes sense");
    // What the table says must be what a registry accepts.
    let statement = Statement::parse(&payload).expect("one canonical form");
    let mut signed_by = strings(short.get("signed_by"));
    signed_by.push(short["issuer"].as_str().expect("an issuer").to_owned());
    signed_by.sort();
    Registered {
        id: StatementId::of(&payload),
        index: index as u64,
        registered_at: statement.issued_at,
        signed_by: signed_by.into_iter().map(|domain| domain.parse().expect("a domain")).collect(),
        under: short.get("under").map(|it| serde_json::from_value(it.clone()).expect("bindings")).unwrap_or_default(),
        speaks_for: short.get("speaks_for").map(|it| serde_json::from_value(it.clone()).expect("a domain")),
        tenure_from: short.get("tenure_from").map(|at| serde_json::from_value(at.clone()).expect("a time")),
        statement,
    }
}

/// What `proven = true` stands for: the registry's own statement that it saw all the listed bytes served.
fn proof_of(claim: &Registered) -> Registered {
    let content: Vec<String> = claim.statement.claimed().map(ToString::to_string).collect();
    let mut body = json!({"claim": claim.id, "content": content, "url": "https://served.example/"});
    if let Some(from) = claim.tenure_from {
        body["tenure_from"] = json!(from);
    }
    let short =
        json!({"kind": "claim-proof", "issuer": "registry.example", "registered": claim.registered_at, "body": body});
    register(0, short.as_object().expect("an object"))
}

fn question(case: &Map<String, Value>) -> Question {
    let mut copy = case.get("copy").cloned().unwrap_or(json!({}));
    for (short, member) in [
        ("captured", "captured_at"),
        ("acquired", "acquired_at"),
        ("published", "published_at"),
        ("channel", "channel"),
        ("access", "access"),
    ] {
        if let Some(value) = case.get(short) {
            copy[member] = value.clone();
        }
    }
    let mut acquisition: Acquisition = serde_json::from_value(copy).expect("an acquisition");
    if let Some(url) = case.get("url").and_then(Value::as_str) {
        acquisition.urls.extend(Acquisition::fetched(url).urls);
    }
    let text = |member: &str| case.get(member).and_then(Value::as_str).map(str::to_owned);
    Question {
        acquisition,
        asker: Asker {
            domain: text("asker").filter(|it| it != "nobody").map(|domain| domain.parse().expect("a domain")),
            class: text("class").filter(|it| !it.is_empty()).map(|class| class.parse().expect("a class")),
        },
        category: text("use").unwrap_or("train-ai".to_owned()).parse().expect("a use"),
        used_at: text("used").expect("`used`").parse().expect("a time"),
        territory: text("territory"),
        model: text("model"),
        artefact: text("artefact").map(|artefact| artefact.parse().expect("an artefact")),
    }
}

fn rows_of(path: &Path) -> Vec<Row> {
    let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).expect("a table");
    let table: toml::Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut table = serde_json::to_value(table).expect("JSON");
    let mut order: Vec<(String, Map<String, Value>)> = Vec::new();
    if let Some(list) = table.get("statement").and_then(Value::as_array) {
        order.extend(list.iter().map(|it| {
            let it = it.as_object().expect("a statement").clone();
            (it["name"].as_str().expect("a name").to_owned(), it)
        }));
    }
    let mut ids = BTreeMap::new();
    let mut known: BTreeMap<String, Vec<Registered>> = BTreeMap::new();
    for (index, (name, short)) in order.into_iter().enumerate() {
        let mut short = Value::Object(short);
        resolve(&mut short, &ids);
        let short = short.as_object().expect("an object");
        let registered = register(index, short);
        ids.insert(name.clone(), registered.id);
        let proof =
            short.get("proven").is_some().then(|| Registered { index: registered.index, ..proof_of(&registered) });
        known.insert(name, std::iter::once(registered).chain(proof).collect());
    }
    resolve(&mut table, &ids);
    let default = table.get("default").and_then(Value::as_object).cloned().unwrap_or_default();
    let cases = table["case"].as_array().expect("cases").clone();
    cases
        .into_iter()
        .map(|case| {
            let mut all = default.clone();
            all.extend(case.as_object().expect("a case").clone());
            let mut chosen: Vec<Registered> = strings(all.get("statements"))
                .iter()
                .flat_map(|name| known.get(name).unwrap_or_else(|| panic!("{file}: no statement `{name}`")).clone())
                .collect();
            chosen.sort_by_key(|registered| (registered.registered_at, registered.index));
            for (index, registered) in chosen.iter_mut().enumerate() {
                registered.index = index as u64;
            }
            Row {
                file: file.clone(),
                story: all["story"].as_str().expect("a story").to_owned(),
                ledger: chosen.into_iter().collect(),
                question: question(&all),
                reading: all
                    .get("reading")
                    .map(|it| serde_json::from_value(it.clone()).expect("a reading"))
                    .unwrap_or_default(),
                verdict: all["verdict"].as_str().expect("a verdict").to_owned(),
                reasons: strings(all.get("reasons")),
                rule: all["rule"].as_u64().expect("a rule"),
            }
        })
        .collect()
}

fn rows() -> Vec<Row> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder of tables")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| rows_of(path)).collect()
}

fn decided(row: &Row, lookup: &dyn Lookup) -> Decision {
    decide(&row.question, &gather(lookup, &row.question.acquisition), &row.reading)
}

fn codes(decision: &Decision) -> Vec<String> {
    let mut codes: Vec<String> = decision.reasons.iter().map(|finding| finding.code.to_string()).collect();
    codes.dedup();
    codes
}

#[test]
fn every_row_is_decided_as_it_says() {
    let mut wrong = String::new();
    let rows = rows();
    for row in &rows {
        let decision = decided(row, &row.ledger);
        let codes = codes(&decision);
        let leading = row.reasons.first().expect("a row names its deciding reason");
        let leads =
            decision.deciding().is_some_and(|code| code.word() == leading && u64::from(code.rule()) == row.rule);
        let all = row.reasons.iter().all(|code| codes.contains(code));
        if decision.verdict.word() != row.verdict || !leads || !all {
            let rule = decision.deciding().map_or(0, Reason::rule);
            writeln!(
                wrong,
                "{}: {}\n  says {} {:?} rule {}\n  got  {} {:?} rule {rule}",
                row.file, row.story, row.verdict, row.reasons, row.rule, decision.verdict, codes
            )
            .expect("text");
        }
    }
    assert!(wrong.is_empty(), "rows decided otherwise than they say:\n{wrong}");
    assert!(rows.len() >= 100, "the table has only {} rows", rows.len());
}

#[test]
fn every_reason_is_shown_by_a_row() {
    let shown: BTreeSet<String> = rows().iter().flat_map(|row| row.reasons.clone()).collect();
    let missing: Vec<&str> = Reason::ALL.iter().map(|code| code.word()).filter(|word| !shown.contains(*word)).collect();
    assert!(missing.is_empty(), "no row shows {missing:?}");
}

#[test]
fn stories_tell_rows_apart() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert(row.story.clone()), "two rows tell `{}`", row.story);
    }
}

/// The same table as a page for people; `UPDATE=1 cargo test` rewrites it.
#[test]
fn the_readable_page_is_up_to_date() {
    let mut page = String::from(
        "# How Cleartitle decides\n\nMade from the tables beside this page; every row is a test. The rule numbers are those of \
         the decision procedure in the README.\n",
    );
    let mut file = String::new();
    for row in rows() {
        if row.file != file {
            file.clone_from(&row.file);
            write!(page, "\n## {file}\n\n| story | verdict | reasons | rule |\n|---|---|---|---:|\n").expect("text");
        }
        let reasons = row.reasons.join(", ");
        writeln!(page, "| {} | **{}** | {reasons} | {} |", row.story, row.verdict, row.rule).expect("text");
    }
    let path = folder().join("README.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("the page");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "tests/vectors/decide/README.md is stale; run `UPDATE=1 cargo test --test tables`");
}
