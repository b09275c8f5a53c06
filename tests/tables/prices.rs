//! Every shape of price as a statement's terms, with counted use and the exact bill.

use std::collections::BTreeMap;

use cleartitle::counts_file;
use cleartitle::terms_file::{self, Context};
use cleartitle_schema::decide::{DutyState, Owed, Question, Verdict, decide};
use cleartitle_schema::evidence::{Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::manifest::{Counted, Due, Tally};
use cleartitle_schema::pricing::Metering;
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::terms::Action;
use cleartitle_schema::time::Window;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    shape: String,
    documents: u64,
    period: Option<Window>,
    counts: Option<String>,
    release: Option<String>,
    duties: Vec<String>,
    lines: Vec<String>,
    totals: Vec<String>,
    payees: Option<Vec<String>>,
}

fn read(text: &str) -> Statement {
    let context = Context {
        log: "registry.example/log".to_owned(),
        issuer: "press.example".parse().expect("a domain"),
        issued_at: "2026-10-01T00:00:00Z".parse().expect("a time"),
    };
    terms_file::parse("terms.toml", text, &context).unwrap_or_else(|error| panic!("{text}\n{error:?}"))
}

/// The duties of a grant that asks for these, by way of the statement's own bytes.
fn duties(vector: &Vector) -> Vec<Owed> {
    let duties = vector.duties.iter().map(|duty| format!("{{ {duty} }}")).collect::<Vec<_>>().join(",\n");
    let text = format!(
        "kind = \"grant\"\nbasis = \"owner\"\n[scope]\ninclude = [\"press.example\"]\n[[terms.rules]]\nuses = [\"train-ai\"]\n\
         duties = [{duties}]\n"
    );
    let statement = read(&text);
    let payload = statement.to_payload().expect("a payload");
    let again = Statement::parse(&payload).expect("what was written is read");
    assert_eq!(again, statement, "{}", vector.shape);
    let terms = statement.terms().expect("terms");
    let owed = |duty: &cleartitle_schema::terms::Duty| {
        let to = match &duty.action {
            Action::Pay { payee: Some(payee), .. } => payee.domain.to_string(),
            _ => "press.example".to_owned(),
        };
        Owed { state: DutyState::Outstanding, statement: Some(StatementId::of(&payload)), to, duty: duty.clone() }
    };
    terms.rules().flat_map(|rule| &rule.duties).map(owed).collect()
}

fn told(due: &Due) -> String {
    match due {
        Due::Exact { amount } => format!("pay {amount}"),
        Due::Undisclosed { at_least: Some(least), at_most: Some(most) } => format!("undisclosed {least} to {most}"),
        Due::Undisclosed { .. } => "undisclosed".to_owned(),
        Due::Uncounted { missing, .. } => format!("{missing} not counted"),
        Due::InKind { what } => format!("in kind {what}"),
        Due::NoMoney {} => "no payment".to_owned(),
    }
}

/// A settlement is a release, which neither asks for anything nor clears anything.
fn settles(release: &str) {
    let text = format!(
        "kind = \"release\"\nreleased = [\"lab.example\"]\nconduct = {{ until = 2026-01-01T00:00:00Z }}\n\
         paid = {{ {release} }}\n[scope]\ninclude = [\"press.example\"]\n"
    );
    let statement = read(&text);
    let payload = statement.to_payload().expect("a payload");
    assert!(matches!(Statement::parse(&payload).expect("read").body, Body::Release { paid: Some(_), .. }));
    let older = String::from_utf8(payload).expect("text").replace("\"paid\"", "\"unheard-of\"");
    assert!(
        Statement::parse(older.as_bytes()).is_err(),
        "a member that a reader does not know is refused, not passed over"
    );
    let question: Question = serde_json::from_value(serde_json::json!({
        "acquisition": {"urls": [{"role": "fetched", "url": "https://press.example/a"}]},
        "asker": {"domain": "lab.example"}, "use": "train-ai", "used_at": "2026-11-01T00:00:00Z"}))
    .expect("a question");
    let ledger = ledger(statement);
    let decision = decide(&question, &gather(&ledger, &question.acquisition), &Default::default());
    assert!(decision.verdict < Verdict::Conditional && decision.duties.is_empty(), "{decision:?}");
}

/// A ledger of one statement.
fn ledger(statement: Statement) -> Ledger {
    let id = StatementId::of(&statement.to_payload().expect("a payload"));
    let signed_by = vec![statement.issuer.domain.clone()];
    let registered_at = statement.issued_at;
    let registered = Registered {
        id,
        index: 1,
        registered_at,
        signed_by,
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    };
    [registered].into_iter().collect()
}

#[test]
fn every_shape_of_price_has_its_exact_bill() {
    let folder = harness::root().join("tests/vectors/prices");
    let mut seen = 0;
    let mut meters: BTreeMap<&'static str, u32> = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("vectors") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a vector");
        let vector: Vector = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let counts = vector.counts.as_ref().map(|counts| format!("counts = [{{ {counts} }}]")).unwrap_or_default();
        let counts = if counts.is_empty() { BTreeMap::new() } else { counts_file::parse(&counts).expect("counts") };
        let metering = Metering { counts, period: vector.period, ..Metering::default() };
        let mut tally = Tally::default();
        for owed in duties(&vector) {
            if let Action::Pay { price, .. } = &owed.duty.action {
                *meters.entry(price.meter.word()).or_default() += 1;
            }
            tally.merge(Tally::from(vec![Counted { owed, documents: vector.documents }]));
        }
        let bill = tally.bill_by(&metering);
        let mut lines: Vec<String> = bill.lines().map(|line| told(&line.due)).collect();
        lines.sort();
        let mut wanted = vector.lines.clone();
        wanted.sort();
        assert_eq!(lines, wanted, "{}: {}", path.display(), vector.shape);
        let totals: Vec<String> =
            bill.totals().values().filter_map(|sums| sums.open).map(|sum| sum.to_string()).collect();
        assert_eq!(totals, vector.totals, "{}: {}", path.display(), vector.shape);
        if let Some(payees) = &vector.payees {
            let found: Vec<&String> = bill.payees.iter().map(|payee| &payee.to).collect();
            assert_eq!(found, payees.iter().collect::<Vec<_>>(), "{}", path.display());
        }
        if let Some(release) = &vector.release {
            settles(release);
        }
        seen += 1;
    }
    assert!(seen >= 18, "{seen} vectors");
    let words = ["document", "fetch", "flat", "hour", "image", "in-kind", "revenue-share", "thousand-tokens", "title"];
    assert_eq!(meters.keys().copied().collect::<Vec<_>>(), words, "a vector for each meter");
}
