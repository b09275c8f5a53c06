//! The gate as a whole: its fast lane gives what its slow lane gives, finding by finding, whatever the rows and the policy.

use super::baseline::Baseline;
use super::rules::Rules;
use super::run::{Asked, Gate, Ran};
use super::{Judge, Report};
use crate::dataset::Papers;
use crate::lineage::Index;
use crate::question;
use crate::snapshot::{self, Mapped};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::{Head, Snapshot, Tables, build};
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::sync::LazyLock;

const USED_AT: Timestamp = Timestamp(1_795_400_000);

fn registered(index: u64, kind: &str, preference: &str, scope: &serde_json::Value) -> Registered {
    let issuer = scope["host"].as_str().unwrap_or("press.example");
    let statement: Statement = serde_json::from_value(json!({
        "version": 1, "log": "log.registry.example", "issuer": { "domain": issuer },
        "issued_at": "2026-01-01T00:00:00Z",
        "body": { "kind": kind, "basis": "owner", "scope": { "include": [scope] },
            "terms": { "clauses": [{ "rules": [{ "preference": preference, "uses": ["train-ai"] }] }] } },
    }))
    .unwrap();
    let signed_by = vec![statement.issuer.domain.clone()];
    let id = StatementId::of(&statement.to_payload().unwrap());
    let registered_at = Timestamp(1_770_000_000 + i64::try_from(index).unwrap());
    Registered { id, index, registered_at, signed_by, under: vec![], speaks_for: None, tenure_from: None, statement }
}

/// Press grants its host, and reserves a folder and a document later; two hosts grant and reserve all that they have.
fn terms(folder: &Path) -> Mapped {
    let content = json!({ "target": "content", "ids": [format!("blake3:{}", "1".repeat(64))] });
    let ledger: Ledger = [
        registered(0, "grant", "allowed", &json!({ "target": "host", "host": "press.example" })),
        registered(
            1,
            "reservation",
            "disallowed",
            &json!({ "target": "url", "host": "press.example", "path": "/closed/" }),
        ),
        registered(2, "reservation", "disallowed", &content),
        registered(3, "grant", "allowed", &json!({ "target": "host", "host": "open.example" })),
        registered(4, "reservation", "disallowed", &json!({ "target": "host", "host": "shut.example" })),
    ]
    .into_iter()
    .collect();
    let head = Head {
        origin: "log.registry.example".to_owned(),
        size: 5,
        root: Hash([7; 32]),
        time: Timestamp(1_770_000_004),
    };
    let mut body = Vec::new();
    build(ledger.statements(), &head, &Tables::default(), &mut body).unwrap();
    let path = folder.join("terms.snapshot");
    std::fs::write(&path, body).unwrap();
    Snapshot::open(snapshot::map(&path).unwrap()).unwrap().verify().unwrap()
}

fn policy(exceptions: bool) -> Policy {
    let mut policy = json!({ "version": 1, "use": "train-ai", "asker": { "domain": "lab.example" } });
    if exceptions {
        let host = json!({ "target": "host", "host": "other.example" });
        let path = json!({ "target": "url", "host": "press.example", "path": "/closed/a" });
        let bytes = json!({ "target": "content", "ids": [format!("blake3:{}", "2".repeat(64))] });
        let one = |target, expires| json!({ "target": target, "action": "keep", "owner": "o", "because": "b", "expires": expires });
        policy["actions"] = json!({ "exceptions": [one(host, "2027-01-01T00:00:00Z"), one(path, "2026-01-01T00:00:00Z"), one(bytes, "2027-01-01T00:00:00Z")] });
    }
    serde_json::from_value(policy).unwrap()
}

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn line() -> impl Strategy<Value = String> {
    let url = prop::sample::select(vec![
        "https://press.example/a",
        "https://press.example/closed/a",
        "https://press.example/closed/b",
        "https://other.example/a",
        "https://nobody.example/a",
        "https://nobody.example/b",
        "https://open.example/a",
        "https://open.example/b?c=d",
        "https://open.example:8443/b",
        "https://open.example/https://press.example/closed/a",
        "https://shut.example/a",
        "https://shut.example/b",
        "ftp://press.example/a",
        "https://press.example/\\u0061",
    ]);
    let content = prop::sample::select(vec!["0", "1", "2", "x"]);
    // Before and after what is registered, and none.
    let time = prop::sample::select(vec!["2025-06-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-02-30T00:00:00Z"]);
    let row = (url, content, time, 0_u8..11).prop_map(|(url, content, time, shape)| {
        let content = format!("blake3:{}", content.repeat(64));
        match shape {
            0 => format!("{{\"content\":[\"{content}\"],\"url\":\"{url}\"}}"),
            1 => format!("{{\"url\":\"{url}\",\"captured_at\":\"{time}\",\"works\":[]}}"),
            2 => format!("{{\"urls\":[{{\"role\":\"embedding\",\"url\":\"{url}\"}}],\"captured_at\":\"{time}\"}}"),
            3 => "not JSON".to_owned(),
            4 => format!("{{\"url\":\"{url}\"}}"),
            5 => format!("{{\"url\":\"{url}\",\"captured_at\":\"2025-06-01T00:00:00Z\",\"acquired_at\":\"{time}\"}}"),
            6 => format!(
                "{{\"container\":{{\"file\":\"f\"}},\"content\":\"{content}\",\"url\":\"{url}\",\"captured_at\":\"{time}\",\
                 \"verdict\":\"cleared\",\"reasons\":[]}}"
            ),
            _ => format!("{{\"url\":\"{url}\",\"content\":\"{content}\",\"captured_at\":\"{time}\"}}"),
        }
    });
    prop_oneof![9 => row, 1 => Just(String::new())]
}

/// Every line by the reader and the judge that know no shortcut.
fn slowly(gate: &Gate<'_>, name: &str, text: &str) -> Ran {
    let mut ran = gate.begin(None);
    ran.report.papers.push((name.to_owned(), super::report::Sum::default()));
    for (number, line) in (1..).zip(text.lines()) {
        let mut batch = super::run::Batch::default();
        let place = crate::dataset::Place::line(&std::sync::Arc::from(name), number);
        match question::manifest_line(line.as_bytes()) {
            Ok(copy) => {
                let entry = crate::dataset::Entry { place, copy, ..crate::dataset::Entry::default() };
                gate.judge(entry, &mut batch).unwrap();
            }
            Err(what) => gate.damaged(place, &what, &mut batch),
        }
        ran.take(batch, Some(0)).unwrap();
    }
    gate.end(&mut ran);
    ran
}

fn same(fast: &Report, slow: &Report) {
    assert_eq!(fast.told, slow.told);
    assert_eq!((&fast.sum, &fast.codes, &fast.debt), (&slow.sum, &slow.codes, &slow.debt));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_fast_lane_gives_what_the_slow_lane_gives(
        lines in prop::collection::vec(line(), 1..60), exceptions in any::<bool>(), known in any::<bool>(),
    ) {
        static TERMS: LazyLock<()> = LazyLock::new(|| drop(terms(FOLDER.path())));
        LazyLock::force(&TERMS);
        let snapshot = Snapshot::open(snapshot::map(&FOLDER.path().join("terms.snapshot")).unwrap()).unwrap();
        let judge = Judge { snapshot: snapshot.verify().unwrap(), policy: policy(exceptions), used_at: USED_AT };
        let (plain, rules, index) = (policy(false), Rules::default(), Index::default());
        let (path, text) = (FOLDER.path().join("m.jsonl"), lines.join("\n") + "\n");
        std::fs::write(&path, &text).unwrap();
        let name = path.display().to_string();
        let first = Gate::new(&judge, &plain, &rules, &index, "p").asked(Asked { rows: true, baseline: true });
        let (mut fast_rows, paper) = (Vec::new(), [path.clone()]);
        let papers = Papers { workers: 2, ..Papers::usual(&paper) };
        let fast = first.run(papers, None, None, &mut fast_rows).unwrap();
        let again = Gate::new(&judge, &plain, &rules, &index, "p").asked(Asked { rows: true, baseline: true });
        let slow = slowly(&again, &name, &text);
        same(&fast.report, &slow.report);
        prop_assert_eq!(fast.collected.to_text().unwrap(), slow.collected.to_text().unwrap());
        prop_assert_eq!(fast_rows.split(|byte| *byte == b'\n').count(), lines.len() + 1);
        if known {
            let baseline = || Some(Baseline::read(fast.collected.to_text().unwrap().as_bytes()).unwrap());
            let gate = || Gate::new(&judge, &plain, &rules, &index, "p").with_baseline(baseline());
            let fast = gate().run(papers, None, None, &mut std::io::sink()).unwrap();
            same(&fast.report, &slowly(&gate(), &name, &text).report);
            let damaged = fast.report.codes.get("entry-unreadable").map_or(0, |counted| counted.errors);
            prop_assert_eq!((fast.report.errors(), fast.report.debt.unwrap().paid), (damaged, 0));
        }
    }
}
