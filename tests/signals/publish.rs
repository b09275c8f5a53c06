//! What is published, read back by the real parsers: no file permits more than the statement, every difference is listed.

use cleartitle::lint::conclusion::says;
use cleartitle::lint::{Channel, Found};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::decide::{Asker, Question, Verdict, decide};
use cleartitle_schema::evidence::{Registered, gather};
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::Reading;
use cleartitle_schema::publish::{Loss, Notice, Places, What, all, merge};
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Timestamp = Timestamp(1_790_000_000);
const TRAINING: &[&str] = &["GPTBot", "CCBot"];
const ADDRESSES: [&str; 5] = ["/", "/archive/x.html", "/archive/open/y.html", "/private/z", "/about"];

fn site() -> Domain {
    "press.example".parse().expect("a host")
}

fn path(path: &str) -> Value {
    json!({ "target": "url", "host": "press.example", "path": path })
}

/// Every combination of kind, uses, conditions and scope, small enough to be read through.
fn statements() -> Vec<Statement> {
    let host = json!({ "target": "host", "host": "press.example" });
    let scopes = [
        json!({ "include": [host] }),
        json!({ "include": [host], "exclude": [path("/archive/open/"), path("/private/")] }),
        json!({ "include": [path("/archive/")] }),
        json!({ "include": [path("/archive/*.html$")], "exclude": [path("/archive/open/")] }),
    ];
    let uses: [&[&str]; 7] = [
        &["train-ai", "train-nongen", "ai-index", "tdm-other"],
        &["train-ai"],
        &["train-ai", "train-nongen"],
        &["ai-use", "ai-user-fetch", "ai-index"],
        &["search"],
        &["crawl"],
        &["train-ai", "ai-use", "search", "train-nongen", "ai-index", "ai-user-fetch", "tdm-other"],
    ];
    let pay = |meter: &str| {
        json!([{ "phase": "before", "action": { "duty": "pay", "price": { "meter": { "per": meter },
            "rate": { "known": "stated", "price": { "amount": "0.01", "currency": "EUR" } } } } }])
    };
    let conditions = [
        json!({}),
        json!({ "duties": pay("fetch") }),
        json!({ "duties": pay("document") }),
        json!({ "duties": [{ "phase": "during", "action": { "duty": "attribute" } }] }),
        json!({ "constraints": { "asker_classes": ["commercial"] } }),
        json!({ "constraints": { "channels": ["crawl"] } }),
        json!({ "constraints": { "licensees": [{ "domain": "biglab.example" }] } }),
    ];
    let mut all = Vec::new();
    for (scope, uses) in scopes.iter().flat_map(|scope| uses.iter().map(move |uses| (scope, uses))) {
        for (kind, condition) in
            ["reservation", "grant", "offer"].iter().flat_map(|kind| conditions.iter().map(move |it| (kind, it)))
        {
            let mut rule = condition.clone();
            rule["uses"] = json!(uses);
            rule["preference"] = json!(if *kind == "reservation" { "disallowed" } else { "allowed" });
            let statement = json!({
                "version": 1, "log": "registry.example/log", "issuer": { "domain": "press.example" },
                "issued_at": "2026-01-01T00:00:00Z",
                "body": { "kind": kind, "basis": "owner", "scope": scope, "terms": { "clauses": [{ "rules": [rule] }] } },
            });
            let statement = serde_json::from_value::<Statement>(statement).expect("a statement").sorted();
            if statement.to_payload().is_ok() {
                all.push(statement);
            }
        }
    }
    all
}

/// What the statement itself comes to, by address and use.
fn stated(statement: &Statement) -> BTreeMap<(&'static str, Use), Verdict> {
    let registered = Registered {
        id: StatementId::of(&statement.to_payload().expect("a statement")),
        index: 0,
        registered_at: Timestamp(1_768_000_000),
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement: statement.clone(),
    };
    let ledger: Ledger = std::iter::once(registered).collect();
    let mut all = BTreeMap::new();
    for address in ADDRESSES {
        let acquisition = Acquisition::fetched(&format!("https://press.example{address}"));
        let evidence = gather(&ledger, &acquisition);
        for category in Use::ALL {
            let question = Question {
                acquisition: acquisition.clone(),
                asker: Asker::default(),
                category: *category,
                used_at: NOW,
                territory: None,
                model: None,
                artefact: None,
            };
            all.insert((address, *category), decide(&question, &evidence, &Reading::default()).verdict);
        }
    }
    all
}

/// What a channel alone comes to at an address, by use; a use on which it is silent is not there.
fn read(channel: &Channel, address: &str) -> BTreeMap<Use, Verdict> {
    let said = says(&site(), channel, &[address.to_owned()], NOW);
    said.into_iter().map(|said| (said.category, said.verdict)).collect()
}

/// What is wrong with one reading.
fn wrong(read: Option<Verdict>, stated: Verdict, losses: &[Loss]) -> Option<&'static str> {
    let silent = [What::Use, What::Path, What::Split, What::Constraint, What::Exclusion, What::Basis, What::Licensees];
    match (read, stated) {
        (Some(Verdict::Cleared), stated) if stated != Verdict::Cleared => Some("permits more"),
        (Some(Verdict::Conditional), Verdict::Reserved | Verdict::Disputed) => Some("offers what is reserved"),
        (Some(Verdict::Reserved | Verdict::Unknown), stated) if stated != Verdict::Reserved && losses.is_empty() => {
            Some("denies without a loss")
        }
        (None | Some(Verdict::Unknown), Verdict::Reserved)
            if !losses.iter().any(|loss| silent.contains(&loss.what)) =>
        {
            Some("does not say what is reserved")
        }
        _ => None,
    }
}

#[test]
fn published_files_read_back_as_the_statement_or_stricter_with_a_listed_loss() {
    let mut findings = Vec::new();
    let mut spoken = 0_usize;
    // Many statements become one text.
    let mut known: BTreeMap<(&str, String), Channel> = BTreeMap::new();
    let mut readings: BTreeMap<(&str, String, &str), BTreeMap<Use, Verdict>> = BTreeMap::new();
    for statement in statements() {
        let Ok((notice, losses)) = Notice::of(&statement, &site(), Places::on(&site())) else { continue };
        let stated = stated(&statement);
        // Only files of the site: pages and headers speak for one document, of which the places below are none.
        for written in all(&notice, TRAINING).iter().filter(|it| !it.text.is_empty()) {
            if matches!(written.file, "headers.txt" | "head.html" | "tdm-policy.json") {
                continue;
            }
            let key = (written.file, written.text.clone());
            let channel = known.entry(key.clone()).or_insert_with(|| {
                let bytes = written.text.clone().into_bytes();
                Channel::read(&Found { name: written.file.to_owned(), address: None, bytes }).expect("a channel")
            });
            for (line, lint) in channel.parsed.complaints.iter().map(|it| (it.line, it.lint)) {
                // A policy or a license that stands elsewhere is not wrong.
                if lint.word() != "terms-elsewhere" {
                    findings.push(format!("{} line {line}: {lint}\n{}", written.file, written.text));
                }
            }
            let losses: Vec<Loss> = losses.iter().chain(&written.losses).cloned().collect();
            for address in ADDRESSES {
                let key = (key.0, key.1.clone(), address);
                let read = &*readings.entry(key).or_insert_with(|| read(channel, address));
                spoken += read.len();
                for category in Use::ALL {
                    let verdict = stated[&(address, *category)];
                    if let Some(wrong) = wrong(read.get(category).copied(), verdict, &losses) {
                        let body = serde_json::to_string(&statement.body).expect("JSON");
                        let (file, text) = (written.file, &written.text);
                        findings.push(format!("{file} {wrong}: {category} at {address}\n{body}\n{text}"));
                    }
                }
            }
        }
    }
    let shown = findings.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(findings.is_empty(), "{} findings\n{shown}", findings.len());
    assert!(spoken > 1000, "the parsers read {spoken} preferences of what was published");
}

/// The site's own lines must mean what they meant, to agents that our block names and to those that it does not.
#[test]
fn a_block_never_permits_what_the_sites_own_file_restricted() {
    let own = "License: https://press.example/own.xml\n\nUser-agent: *\nDisallow: /private/\nContent-Usage: / search=n\n\n\
               User-agent: Googlebot\nDisallow: /drafts/\n";
    let reading = |bytes: &[u8]| {
        Channel::read(&Found { name: "robots.txt".to_owned(), address: None, bytes: bytes.to_vec() })
            .expect("a channel")
    };
    let before = reading(own.as_bytes());
    let before: Vec<BTreeMap<Use, Verdict>> = ADDRESSES.iter().map(|address| read(&before, address)).collect();
    let mut done = BTreeSet::new();
    for statement in statements() {
        let Ok((notice, _)) = Notice::of(&statement, &site(), Places::on(&site())) else { continue };
        let merged = merge(own.as_bytes(), &notice, TRAINING).expect("no markers").0;
        if !done.insert(merged.clone()) {
            continue;
        }
        let after = reading(&merged);
        for (address, before) in ADDRESSES.iter().zip(&before) {
            let after = read(&after, address);
            for (category, stated) in before.iter().filter(|(_, stated)| **stated == Verdict::Reserved) {
                let body = serde_json::to_string(&statement.body).expect("JSON");
                assert_eq!(after.get(category), Some(stated), "{category} at {address}: {body}");
            }
        }
    }
    assert!(done.len() > 20, "only {} files came of it", done.len());
}
