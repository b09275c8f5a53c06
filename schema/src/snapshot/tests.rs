//! The snapshot against the ledger, which answers by scanning: same answers, same bytes, no panic on hostile ones.

use super::*;
use crate::acquisition::Acquisition;
use crate::evidence::{Lookup, Registered};
use crate::id::StatementId;
use crate::ledger::Ledger;
use crate::scope::{Scope, Target};
use crate::statement::{Body, Statement, VERSION};
use crate::terms::{Clause, Constraints, Rule, Terms};
use crate::time::{Timestamp, Window};
use crate::tlog::Hash;
use crate::vocab::{Basis, Preference, Use};

const LOG: &str = "log.registry.example";

fn terms(preference: Preference) -> Terms {
    let rule = Rule { preference, uses: vec![Use::TrainAi], constraints: Constraints::default(), duties: Vec::new() };
    Terms { clauses: vec![Clause { rules: vec![rule] }], ..Terms::default() }
}

fn statement(issuer: &str, body: Body) -> Statement {
    Statement {
        version: VERSION,
        log: LOG.to_owned(),
        issuer: crate::issuer::Party::new(issuer.parse().unwrap()),
        issued_at: Timestamp(1_790_000_000),
        effective: Window::default(),
        supersedes: Vec::new(),
        body,
        evidence: Vec::new(),
        modelled_on: None,
        note: None,
    }
}

fn reservation(scope: Scope) -> Body {
    Body::Reservation { basis: Basis::Owner, scope, terms: terms(Preference::Disallowed) }
}

fn registered(index: u64, statement: Statement) -> Registered {
    Registered {
        id: StatementId::of(&statement.to_payload().unwrap()),
        index,
        registered_at: Timestamp(1_795_000_000 + i64::try_from(index).unwrap()),
        signed_by: vec![statement.issuer.domain.clone()],
        tenure_from: (index % 3 == 1).then_some(Timestamp(1_500_000_000)),
        proven: index % 2 == 1,
        statement,
    }
}

fn head(size: u64) -> Head {
    let time = Timestamp(1_795_000_000 + i64::try_from(size).unwrap());
    Head { origin: LOG.to_owned(), size, root: Hash([7; 32]), time }
}

fn body(ledger: &Ledger, size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let built = build(ledger.statements(), &head(size), &Tables::default(), &mut out).unwrap();
    assert_eq!(built.length, out.len() as u64);
    assert_eq!(built.body_hash, *blake3::hash(&out).as_bytes());
    out
}

#[test]
fn a_small_ledger_is_found_again() {
    let host = Target::Host { host: "press.example".parse().unwrap(), subdomains: true };
    let scope = Scope { include: vec![host], exclude: Vec::new() };
    let ledger: Ledger = [registered(4, statement("press.example", reservation(scope)))].into_iter().collect();
    let bytes = body(&ledger, 9);
    let snapshot = Snapshot::open(bytes.as_slice()).unwrap().verify().unwrap();
    assert_eq!(snapshot.header().size, 9);
    let (keys, _) = Acquisition::fetched("https://www.news.press.example/a").keys();
    assert_eq!(snapshot.covering(&keys), ledger.covering(&keys));
    assert_eq!(snapshot.covering(&keys).len(), 1);
    let (elsewhere, _) = Acquisition::fetched("https://other.example/a").keys();
    assert!(snapshot.sets_for(&elsewhere).unwrap().is_empty());
}
