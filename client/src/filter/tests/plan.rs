//! A ruling from the memo is the ruling of a direct decision, reasons and all, whatever the statements and the copies.

use super::drawn::{Dice, HOSTS, TEXTS, content, copy, sha1, statements};
use super::made::{Made, USED_AT, policy, registered, snapshot};
use crate::filter::{HostRuling, Missing, Plan};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::id::{ContentId, ContentName};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::HostNamed;
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, Channel};
use proptest::prelude::*;
use serde_json::json;

pub fn asking(dice: &mut Dice) -> Policy {
    let mut policy = policy();
    if dice.chance(2) {
        policy.reading.trusted_observers = vec![dice.one(&HOSTS).parse().unwrap()];
    }
    if dice.chance(3) {
        let site = json!({"host": "other.example", "list": "a list", "from": dice.moment()});
        policy.reading.infringing_sites = vec![serde_json::from_value(site).unwrap()];
    }
    if dice.chance(4) {
        policy.asker.domain = None;
    }
    policy
}

/// Rules on many copies by one plan; returns how many were answered, and how many verdicts differed in kind.
fn agrees(seed: u64) -> Result<usize, TestCaseError> {
    let mut dice = Dice(seed);
    let statements = statements(&mut dice);
    let spoken = statements.len();
    let snapshot: Made = snapshot(statements);
    let policy = asking(&mut dice);
    let plan = Plan::new(&snapshot, &policy, USED_AT);
    for _ in 0..40 {
        let copy = copy(&mut dice);
        let missing = Missing { url: copy.urls.is_empty(), captured_at: copy.captured_at.is_none() };
        let (memo, direct) = (plan.rule(&copy, missing).unwrap(), plan.rule_directly(&copy, missing).unwrap());
        prop_assert_eq!(&memo.decision, &direct.decision, "seed {} copy {:?}", seed, copy);
        prop_assert_eq!(&memo.outcome, &direct.outcome);
    }
    Ok(spoken)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_memo_answers_as_a_direct_decision(seed in any::<u64>()) {
        agrees(seed)?;
    }
}

#[test]
fn the_generator_makes_statements_of_every_kind_and_every_verdict() {
    let (mut kinds, mut verdicts) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let statements = statements(&mut dice);
        kinds.extend(statements.iter().map(|registered| registered.statement.kind().word()));
        let snapshot = snapshot(statements);
        let policy = policy();
        let plan = Plan::new(&snapshot, &policy, USED_AT);
        for _ in 0..40 {
            let ruling = plan.rule(&copy(&mut dice), Missing::default()).unwrap();
            verdicts.insert(ruling.decision.verdict);
        }
    }
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    assert_eq!(verdicts.len(), 5, "{verdicts:?}");
}

/// Holds copies of one host against the first of them; returns how many were said to be alike on a host that rules name.
fn alike(seed: u64) -> usize {
    const PATHS: [&str; 6] = ["/", "/a", "/A/b/", "/a/x.html", "/bxc?q=1", "/elsewhere"];
    let mut dice = Dice(seed);
    let mut statements = statements(&mut dice);
    // Few are left, lest a path be named on every host.
    statements.retain(|_| dice.chance(3));
    let snapshot: Made = snapshot(statements);
    let policy = asking(&mut dice);
    let plan = Plan::new(&snapshot, &policy, USED_AT);
    let mut shared = 0;
    for _ in 0..30 {
        let acquired_at = dice.chance(4).then(|| dice.moment());
        let site = format!("https://{}{}", dice.one(&HOSTS), if dice.chance(6) { ":8443" } else { "" });
        let mut one = || {
            let mut copy = Acquisition::fetched(&format!("{site}{}", dice.one(&PATHS)));
            (copy.captured_at, copy.acquired_at) = ((!dice.chance(9)).then(|| dice.moment()), acquired_at);
            (copy.channel, copy.access) = (Some(Channel::Crawl), Some(Access::Open));
            let names = [sha1(dice.one(&TEXTS)), content(dice.one(&TEXTS)).parse().unwrap()];
            copy.content.extend(dice.chance(2).then(|| dice.one(&names)));
            copy
        };
        let first = one();
        let key = UrlKey::parse(&first.urls[0].url).unwrap();
        let HostRuling { ruling, host, alike } = plan.rule_host(&first).unwrap();
        let direct = plan.rule_directly(&first, Missing::default()).unwrap();
        assert_eq!(
            (&ruling.decision, &ruling.outcome, host),
            (&direct.decision, &direct.outcome, Some(key.host.clone()))
        );
        let Some(alike) = alike else { continue };
        for _ in 0..8 {
            let other = one();
            let listed = other.content.iter().any(|name| !snapshot.by_content(name).unwrap().is_empty());
            if listed || !alike.holds(other.captured_at, other.acquired_at) {
                continue;
            }
            let direct = plan.rule_directly(&other, Missing::default()).unwrap();
            assert_eq!(direct.decision, ruling.decision, "seed {seed}: {first:?} and {other:?}");
            assert_eq!(direct.outcome, ruling.outcome);
            shared += usize::from(snapshot.names_host(&key).unwrap() == HostNamed::Whole);
        }
    }
    shared
}

#[test]
fn copies_that_are_alike_on_their_host_are_ruled_alike() {
    let shared: usize = (0..300).map(alike).sum();
    assert!(shared > 300, "{shared}");
}

/// Two documents of one claim, of which the registry saw one served: one lookup finds the same statements for both, and the
/// rulings differ all the same.
#[test]
fn a_proof_of_one_document_rules_on_no_other() {
    let ids: Vec<ContentName> = ["a", "b"].map(|text| ContentName::Blake3(ContentId::of(text.as_bytes()))).to_vec();
    let mut sorted = ids.clone();
    sorted.sort();
    let body = json!({"kind": "reservation", "basis": "owner", "scope": {"include": [{"target": "content", "ids": sorted}]},
        "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]}});
    let at = Timestamp(1_600_000_000);
    let claim = registered(0, at, json!({"issuer": {"domain": "press.example"}, "body": body})).unwrap();
    let proof = json!({"kind": "claim-proof", "claim": claim.id, "content": [ids[0]], "url": "https://press.example/"});
    let proof = registered(1, at, json!({"issuer": {"domain": "registry.example"}, "body": proof})).unwrap();
    let snapshot: Made = snapshot([claim, proof]);
    let policy = policy();
    let plan = Plan::new(&snapshot, &policy, USED_AT);
    let ruled = |name: &ContentName| {
        let mut copy = Acquisition::fetched("https://mirror.example/copy");
        copy.content = vec![*name];
        copy.captured_at = Some(USED_AT);
        plan.rule(&copy, Missing::default()).unwrap().decision.verdict
    };
    assert_eq!((ruled(&ids[0]), ruled(&ids[1])), (Verdict::Reserved, Verdict::Unknown));
}
