//! Hostile bytes in small: parsers that have no such test beside them never panic, and read back what they wrote.
//!
//! `tests/fuzz/` runs the same for as long as one likes.

use cleartitle::policy_file;
use cleartitle::receipt::ReceiptFile;
use cleartitle::trust::PinnedLog;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::DecisionRequest;
use cleartitle_schema::canon;
use cleartitle_schema::decide::{Asker, Question, Verdict, decide};
use cleartitle_schema::evidence::{Registered, gather};
use cleartitle_schema::id::{ContentName, StatementId, WarcSha1Alias};
use cleartitle_schema::issuer::{Authority, Domain};
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::license;
use cleartitle_schema::money::Amount;
use cleartitle_schema::policy::Reading;
use cleartitle_schema::snapshot::parse_note_text;
use cleartitle_schema::statement::Statement;
use cleartitle_schema::surt::{PathPattern, UrlKey, normalise_path, normalise_pattern};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Statements of every kind that is told apart, as their JSON.
fn statements() -> Vec<Value> {
    let scope = json!({ "include": [{ "target": "host", "host": "press.example", "subdomains": true }],
        "exclude": [{ "target": "url", "host": "press.example", "path": "/a*b$" }] });
    let rule =
        |preference: &str| json!({ "clauses": [{ "rules": [{ "preference": preference, "uses": ["train-ai"] }] }] });
    let id = format!("statement:{}", "5".repeat(64));
    let party = json!({ "domain": "biglab.example" });
    let bodies = [
        json!({ "kind": "reservation", "basis": "owner", "scope": scope, "terms": rule("disallowed") }),
        json!({ "kind": "grant", "basis": "owner", "scope": scope, "terms": rule("allowed") }),
        json!({ "kind": "offer", "basis": "owner", "scope": scope, "terms": rule("allowed"), "accept_until": "2027-01-01T00:00:00Z" }),
        json!({ "kind": "agreement", "basis": "owner", "scope": scope, "terms": rule("allowed"), "licensees": [party] }),
        json!({ "kind": "withdrawal", "statement": id }),
        json!({ "kind": "discharge", "statement": id, "duty": "pay", "licensee": party }),
        json!({ "kind": "erasure", "commitment": format!("commitment:{}", "5".repeat(64)), "statement": id, "reason": "a law" }),
        json!({ "kind": "dispute", "basis": "owner", "scope": scope, "case": { "court": "c", "reference": "1" }, "against": [party] }),
    ];
    let around = |body: &Value| {
        json!({ "version": 1, "log": "registry.example/log", "issuer": { "domain": "press.example" },
        "issued_at": "2026-01-01T00:00:00Z", "body": body })
    };
    bodies.iter().map(around).collect()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "[a-z.*:/0-9-]{0,20}".prop_map(Value::from),
        Just(json!("*")),
        Just(json!("9999-12-31T23:59:59Z")),
        Just(json!("0001-01-01T00:00:00Z")),
    ]
}

/// Every place in a JSON value, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, inner)| places(inner, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(name, inner)| places(inner, &format!("{at}/{name}"), found))
        }
        _ => {}
    }
}

fn put(value: &mut Value, place: prop::sample::Index, other: Value) {
    let mut all = Vec::new();
    places(value, "", &mut all);
    if let Some(target) = value.pointer_mut(&all[place.index(all.len())]) {
        *target = other;
    }
}

#[test]
fn the_statements_are_read_as_they_stand() {
    for statement in statements() {
        let payload = canon::to_canonical(&statement).expect("canonical");
        let read = Statement::parse(&payload).unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert_eq!(read.to_payload().expect("a payload"), payload);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_statements_never_panic_nor_read_otherwise_than_written(
        which: prop::sample::Index, changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..4)
    ) {
        let all = statements();
        let mut statement = all[which.index(all.len())].clone();
        for (place, other) in changes {
            put(&mut statement, place, other);
        }
        if let Ok(payload) = canon::to_canonical(&statement)
            && let Ok(read) = Statement::parse(&payload)
        {
            prop_assert_eq!(read.to_payload().expect("what was read can be written"), payload);
        }
    }

    #[test]
    fn statement_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), place: prop::sample::Index, byte: u8) {
        let _ = Statement::parse(&bytes);
        let mut changed = canon::to_canonical(&statements()[0]).expect("canonical");
        let place = place.index(changed.len());
        changed[place] = byte;
        if let Ok(read) = Statement::parse(&changed) {
            prop_assert_eq!(read.to_payload().expect("what was read can be written"), changed);
        }
    }

    #[test]
    fn urls_and_patterns_never_panic(text in "\\PC{0,60}", url in "https?://[a-zé.%:0-9@\\[\\]-]{0,30}[/?#%a-zé*$.]{0,30}", pattern in "[*$/?a%é23F]{0,40}") {
        for text in [&text, &url] {
            if let Ok(key) = UrlKey::parse(text) {
                let _ = (key.surt(), key.folded(), key.authority(), key.site());
                prop_assert!(PathPattern::new("/").matches(&key.path), "{}", key.path);
                // A restriction covers whatever a permission of the same pattern does.
                for pattern in [pattern.as_str(), text.as_str()] {
                    let permits = PathPattern::new(pattern).matches(&key.path);
                    prop_assert!(!permits || PathPattern::restricting(pattern).matches(&key.path), "{}", pattern);
                }
            }
            let rule = normalise_pattern(text);
            prop_assert_eq!(normalise_pattern(&rule), rule);
            let once = normalise_path(text);
            prop_assert_eq!(normalise_path(&once), once);
            if let Ok(domain) = text.parse::<Domain>() {
                prop_assert_eq!(domain.as_str(), text.as_str());
                let _ = domain.authority();
            }
            let _ = (Authority::of_host(text), Authority::is_public_suffix(text));
        }
    }

    #[test]
    fn words_numbers_and_times_never_panic(text in "\\PC{0,40}", time in "[0-9]{1,5}-[0-9]{2}-[0-9]{2}T[0-9:.]{5,12}[Z+-]?", money in "[-+0-9.eE]{0,40} ?[A-Z]{0,4}", expression in "((MIT|CC-BY-4.0|GPL-2.0\\+?|LicenseRef-x|\\(|\\)| OR | AND | WITH ){0,12})") {
        for text in [&text, &time, &money, &expression] {
            if let Ok(moment) = text.parse::<Timestamp>() {
                prop_assert_eq!(moment.to_string(), text.as_str());
            }
            let _ = Timestamp::from_warc_date(text);
            let _ = serde_json::from_value::<Amount>(json!({ "amount": text, "currency": "EUR" }));
            let _ = (license::check_expression(text), license::choose(text, &["MIT".to_owned()]), license::read(text));
            let _ = (WarcSha1Alias::from_warc(text), text.parse::<ContentName>(), parse_note_text(text));
            let _ = (PinnedLog::parse(text), ReceiptFile::parse(text.as_bytes()), policy_file::parse("x.toml", text));
        }
    }

    #[test]
    fn questions_never_panic_and_silence_never_clears(place: prop::sample::Index, other in value(), url in "\\PC{0,40}") {
        let mut request = json!({ "acquisition": { "urls": [{ "role": "fetched", "url": url }], "captured_at": "2026-01-01T00:00:00Z" },
            "asker": { "domain": "biglab.example", "class": "commercial" }, "use": "train-ai" });
        put(&mut request, place, other);
        if let Ok(request) = serde_json::from_value::<DecisionRequest>(request) {
            let question = Question {
                acquisition: request.acquisition.unwrap_or_else(Acquisition::default),
                asker: request.asker,
                category: request.category,
                used_at: Timestamp(1_800_000_000),
                territory: request.territory,
                model: request.model,
                artefact: request.artefact,
            };
            let decision = decide(&question, &gather(&Ledger::default(), &question.acquisition), &Reading::default());
            prop_assert!(decision.verdict <= Verdict::Unknown && !decision.reasons.is_empty());
        }
    }

    #[test]
    fn odd_statements_never_panic_in_a_decision(
        which: prop::sample::Index, place: prop::sample::Index, other in value(), url in "https://(press|nobody)\\.example/[a-z*%]{0,10}"
    ) {
        let all = statements();
        let mut statement = all[which.index(all.len())].clone();
        put(&mut statement, place, other);
        if let Ok(statement) = serde_json::from_value::<Statement>(statement) {
            let registered = Registered {
                id: StatementId::of(b"x"), index: 0, registered_at: statement.issued_at, tenure_from: None,
                under: Vec::new(), speaks_for: None,
                signed_by: vec![statement.issuer.domain.clone()], statement,
            };
            let ledger: Ledger = std::iter::once(registered).collect();
            let copy = json!({ "urls": [{ "role": "fetched", "url": url }], "captured_at": "2026-06-01T00:00:00Z" });
            let question = Question {
                acquisition: serde_json::from_value(copy).expect("a copy"), asker: Asker::default(), category: Use::TrainAi,
                used_at: Timestamp(1_800_000_000), territory: None, model: None, artefact: None,
            };
            let decision = decide(&question, &gather(&ledger, &question.acquisition), &Reading::default());
            prop_assert!(!decision.reasons.is_empty());
        }
    }
}
