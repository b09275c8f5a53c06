//! Who may speak: ends of keys, tenures and delegations, one test each, against the log in process. After each the log is
//! audited, which makes everything that registration established again from the leaves.

use std::sync::Arc;

use cleartitle_schema::bindings::in_force;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::signed::{Envelope, sign};
use cleartitle_schema::statement::{PAYLOAD_TYPE, Proof};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::app::Registry;
use crate::audit::audit;
use crate::domains::binding::{Operator, lapsed};
use crate::log::{Sequencer, now};
use crate::refusal::Refusal;
use crate::registration::admit;
use crate::store::{Store, Stored};

const ORIGIN: &str = "registry.example/log";

struct Log {
    registry: Registry,
    sequencer: Sequencer,
    _folder: tempfile::TempDir,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

fn host(host: &str) -> Value {
    json!({"include": [{"target": "host", "host": host, "subdomains": true}]})
}

fn reservation(basis: &str, scope: &Value) -> Value {
    json!({"kind": "reservation", "basis": basis, "scope": scope,
        "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]}})
}

fn delegation(agent: &str, scope: &Value, onward: bool) -> Value {
    let mut body = json!({"kind": "delegation", "agent": {"domain": agent}, "scope": scope});
    if onward {
        body["onward"] = true.into();
    }
    body
}

impl Log {
    /// A log in which each domain speaks with the key of this number.
    fn with(issuers: &[(&str, u8)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path(), Some(ORIGIN)).unwrap();
        for (issuer, byte) in issuers {
            registry.bind(&domain(issuer), &key(*byte).verifying_key(), false).unwrap();
        }
        Self { sequencer: registry.sequencer(), registry, _folder: folder }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.registry.store) as Arc<dyn Store>
    }

    fn envelope(&self, issuer: &str, body: &Value, more: Value, keys: &[u8]) -> Envelope {
        let mut statement = json!({"version": 1, "log": ORIGIN, "issuer": {"domain": issuer},
            "issued_at": now().to_string(), "body": body});
        statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let payload = cleartitle_schema::canon::to_canonical(&statement).unwrap();
        let keys: Vec<SigningKey> = keys.iter().map(|byte| key(*byte)).collect();
        sign(PAYLOAD_TYPE, &payload, &keys.iter().collect::<Vec<_>>()).unwrap()
    }

    fn try_with(&self, issuer: &str, body: &Value, more: Value, byte: u8) -> Result<Stored, Refusal> {
        let envelope = self.envelope(issuer, body, more, &[byte]);
        let candidate = admit(&*self.store(), ORIGIN, &envelope.to_bytes(), now())?;
        Ok(self.sequencer.commit(&[candidate]).pop().unwrap()?.stored)
    }

    fn say(&self, issuer: &str, body: &Value, byte: u8) -> Stored {
        self.try_with(issuer, body, json!({}), byte).unwrap()
    }

    fn refused(&self, issuer: &str, body: &Value, more: Value, byte: u8) -> String {
        self.try_with(issuer, body, more, byte).unwrap_err().to_string()
    }

    fn binding_of(&self, issuer: &str) -> StatementId {
        in_force(&*self.store(), &domain(issuer)).unwrap()[0].id
    }

    fn end(&self, binding: StatementId, cause: &str) -> Value {
        json!({"kind": "withdrawal", "statement": binding, "cause": cause})
    }

    fn audited(&self) {
        let report = audit(&*self.registry.store, self.registry.verifier()).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
}

#[test]
fn what_a_key_signed_names_its_binding() {
    let log = Log::with(&[("press.example", 1)]);
    let said = log.say("press.example", &reservation("owner", &host("press.example")), 1).registered;
    assert_eq!(said.under.len(), 1);
    assert_eq!(
        (said.under[0].domain.as_str(), said.under[0].binding),
        ("press.example", log.binding_of("press.example"))
    );
    assert_eq!((said.speaks_for, said.tenure_from), (None, None));
    log.audited();
}

#[test]
fn a_key_that_has_ended_signs_nothing_more() {
    let log = Log::with(&[("press.example", 1), ("press.example", 2), ("other.example", 3)]);
    let body = reservation("owner", &host("press.example"));
    let first = log.binding_of("press.example");
    for (issuer, cause, byte) in [("other.example", "retired", 3), ("press.example", "lapsed", 2)] {
        assert!(log.refused(issuer, &log.end(first, cause), json!({}), byte).contains("only the domain itself"));
    }
    let without_cause = json!({"kind": "withdrawal", "statement": first});
    assert!(log.refused("press.example", &without_cause, json!({}), 2).contains("says whether the key"));
    // The key that is to end may say so itself.
    log.say("press.example", &log.end(first, "compromised"), 1);
    assert!(log.refused("press.example", &body, json!({}), 1).contains("revoked as compromised"));
    assert!(log.refused("press.example", &log.end(first, "retired"), json!({}), 2).contains("ended already"));
    let said = log.say("press.example", &body, 2).registered;
    assert_ne!(said.under[0].binding, first);
    // A compromised key is never bound again, by nobody's word.
    assert!(log.registry.bind(&domain("press.example"), &key(1).verifying_key(), false).is_err());
    assert!(log.registry.bind(&domain("other.example"), &key(1).verifying_key(), false).is_err());
    log.audited();
}

/// The one that ends the key comes first in the batch: what the key signed was admitted before, and is judged again.
#[test]
fn a_key_that_ends_in_the_same_batch_signs_nothing_behind_it() {
    let log = Log::with(&[("press.example", 1), ("press.example", 2)]);
    let first = log.binding_of("press.example");
    let admit = |body: &Value, byte| {
        let envelope = log.envelope("press.example", body, json!({}), &[byte]);
        admit(&*log.store(), ORIGIN, &envelope.to_bytes(), now()).unwrap()
    };
    let end = admit(&log.end(first, "compromised"), 2);
    let late = admit(&reservation("owner", &host("press.example")), 1);
    let mut answers = log.sequencer.commit(&[end, late]);
    assert!(matches!(answers.pop(), Some(Err(Refusal::KeyEnded { .. }))), "the statement behind the end");
    assert!(matches!(answers.pop(), Some(Ok(_))), "the end");
    log.audited();
}

#[test]
fn a_lapse_is_the_operators_to_say_and_the_key_may_return() {
    let log = Log::with(&[("press.example", 1)]);
    let store = log.store();
    let bound = in_force(&*store, &domain("press.example")).unwrap().remove(0);
    let lapse = lapsed(log.registry.operator(), &bound, None, now()).unwrap();
    assert!(log.sequencer.commit(&[lapse])[0].is_ok());
    let body = reservation("owner", &host("press.example"));
    assert!(log.refused("press.example", &body, json!({}), 1).contains("no longer publishes"));
    // Within one second the binding would be the same statement as before.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    log.registry.bind(&domain("press.example"), &key(1).verifying_key(), false).unwrap();
    assert_eq!(log.say("press.example", &body, 1).registered.tenure_from, None);
    log.audited();
}

#[test]
fn a_new_tenure_silences_the_keys_of_the_old_one() {
    let log = Log::with(&[("press.example", 1), ("desk.press.example", 4)]);
    let body = reservation("owner", &host("press.example"));
    assert_eq!(log.say("press.example", &body, 1).registered.tenure_from, None);
    log.registry.bind(&domain("press.example"), &key(2).verifying_key(), true).unwrap();
    assert!(log.refused("press.example", &body, json!({}), 1).contains("changed hands"));
    let desk = reservation("owner", &host("desk.press.example"));
    assert!(log.refused("desk.press.example", &desk, json!({}), 4).contains("changed hands"));
    let said = log.say("press.example", &reservation("owner", &host("news.press.example")), 2).registered;
    assert!(said.tenure_from.is_some_and(|from| from <= said.registered_at));
    log.audited();
}

#[test]
fn a_key_of_a_request_directory_signs_no_statements() {
    let log = Log::with(&[("press.example", 1)]);
    let (operator, lab) = (log.registry.operator(), domain("biglab.example"));
    let Operator { key: by, domain: registry, .. } = operator;
    let text = cleartitle_schema::signed::print_public_key(&key(5).verifying_key());
    let body = json!({"kind": "key-binding", "domain": lab, "key": text.trim_end(), "proof": Proof::KeyDirectory});
    let statement = json!({"version": 1, "log": ORIGIN, "issuer": {"domain": registry}, "issued_at": now().to_string(), "body": body});
    let payload = cleartitle_schema::canon::to_canonical(&statement).unwrap();
    let envelope = sign(PAYLOAD_TYPE, &payload, &[by]).unwrap();
    let statement = cleartitle_schema::statement::Statement::parse(&payload).unwrap();
    let candidate =
        crate::log::Candidate { id: StatementId::of(&payload), envelope, statement, list: None, sealed: false };
    assert!(log.sequencer.commit(&[candidate])[0].is_ok());
    let body = reservation("owner", &host("biglab.example"));
    assert!(log.refused("biglab.example", &body, json!({}), 5).contains("request directory"));
    log.audited();
}

#[test]
fn an_agent_speaks_within_its_delegation_and_no_further() {
    let log = Log::with(&[("press.example", 1), ("agency.example", 2), ("stranger.example", 3)]);
    let given = log.say("press.example", &delegation("agency.example", &host("press.example"), false), 1);
    let given = given.registered.id;
    let by = json!({ "delegation": given });
    let news = reservation("agent", &host("news.press.example"));
    let said = log.try_with("agency.example", &news, by.clone(), 2).unwrap().registered;
    assert_eq!(said.speaks_for, Some(domain("press.example")));
    assert_eq!(said.authority().as_str(), "press.example");
    assert_eq!(said.under.len(), 2, "its own key, and the one that delegated");
    for (what, issuer, scope, more, byte, why) in [
        ("another's host", "agency.example", "other.example", by.clone(), 2, "not within"),
        ("a stranger", "stranger.example", "press.example", by.clone(), 3, "another agent"),
        ("nothing named", "agency.example", "press.example", json!({}), 2, "no `delegation` is named"),
        (
            "no such thing",
            "agency.example",
            "press.example",
            json!({"delegation": StatementId::of(b"x")}),
            2,
            "not in the log",
        ),
        ("no delegation", "agency.example", "press.example", json!({"delegation": said.id}), 2, "does not lead"),
    ] {
        let refused = log.refused(issuer, &reservation("agent", &host(scope)), more, byte);
        assert!(refused.contains(why), "{what}: {refused}");
    }
    // The agent ends what it said itself, not what the house said; the house ends both.
    let own = log.say("press.example", &reservation("owner", &host("press.example")), 1).registered.id;
    let end = |id: StatementId| json!({"kind": "withdrawal", "statement": id});
    assert!(log.refused("agency.example", &end(own), by.clone(), 2).contains("only its issuer"));
    log.try_with("agency.example", &end(said.id), by.clone(), 2).unwrap();
    log.say("press.example", &end(said.id), 1);
    // Without its delegation it is a stranger again.
    log.say("press.example", &end(given), 1);
    assert!(log.refused("agency.example", &news, by, 2).contains("not in force"));
    log.audited();
}

#[test]
fn a_chain_of_three_is_honoured_and_of_four_is_not() {
    let names = ["press.example", "one.example", "two.example", "three.example", "four.example"];
    let issuers: Vec<(&str, u8)> = names.into_iter().zip(1..).collect();
    let log = Log::with(&issuers);
    let scope = host("press.example");
    let mut more = json!({});
    let mut links = Vec::new();
    for (place, window) in names.windows(2).enumerate() {
        let byte = u8::try_from(place).unwrap() + 1;
        let passed_on = log.try_with(window[0], &delegation(window[1], &scope, true), more.clone(), byte);
        if place == 4 - 1 {
            let four = reservation("agent", &scope);
            more = json!({"delegation": passed_on.unwrap().registered.id});
            assert!(log.refused("four.example", &four, more, 5).contains("at most three steps"));
            break;
        }
        let link = passed_on.unwrap().registered;
        more = json!({"delegation": link.id});
        links.push(link.id);
        let said = log.try_with(window[1], &reservation("agent", &scope), more.clone(), byte + 1).unwrap().registered;
        assert_eq!(said.speaks_for, Some(domain("press.example")), "{place}");
    }
    // The first link's end is felt at the last.
    log.say("press.example", &json!({"kind": "withdrawal", "statement": links[0]}), 1);
    let last = json!({"delegation": links[2]});
    assert!(log.refused("three.example", &reservation("agent", &scope), last, 4).contains("not in force"));
    log.audited();
}

#[test]
fn a_delegation_is_passed_on_only_with_leave_and_ends_by_its_date() {
    let log = Log::with(&[("press.example", 1), ("agency.example", 2), ("sub.example", 3)]);
    let scope = host("press.example");
    let given = log.say("press.example", &delegation("agency.example", &scope, false), 1).registered.id;
    let passed = delegation("sub.example", &scope, false);
    let refused = log.refused("agency.example", &passed, json!({"delegation": given}), 2);
    assert!(refused.contains("may not be passed on"), "{refused}");
    let dated = json!({"effective": {"until": now().plus_seconds(-10).to_string(), "from": "2026-01-01T00:00:00Z"}});
    let over = log.try_with("press.example", &delegation("agency.example", &scope, true), dated, 1).unwrap();
    let refused =
        log.refused("agency.example", &reservation("agent", &scope), json!({"delegation": over.registered.id}), 2);
    assert!(refused.contains("not in force"), "{refused}");
    log.audited();
}

/// Whoever buys an agency's domain was not asked to speak.
#[test]
fn a_delegation_does_not_pass_to_who_buys_the_agents_domain() {
    let log = Log::with(&[("press.example", 1), ("agency.example", 2)]);
    let scope = host("press.example");
    let given = log.say("press.example", &delegation("agency.example", &scope, false), 1).registered.id;
    log.registry.bind(&domain("agency.example"), &key(3).verifying_key(), true).unwrap();
    let refused = log.refused("agency.example", &reservation("agent", &scope), json!({"delegation": given}), 3);
    assert!(refused.contains("held the agent's domain before"), "{refused}");
    log.audited();
}
