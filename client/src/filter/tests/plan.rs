//! A ruling from the memo is the ruling of a direct decision, reasons and all, whatever the statements and the copies.

use super::made::{Made, USED_AT, policy, registered, snapshot};
use crate::filter::{HostRuling, Missing, Plan};
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, UrlRole};
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentId, ContentName, StatementId, WarcSha1Alias};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::HostNamed;
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, Channel};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Small numbers from a seed: a case is named by its seed alone.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.roll(one_in) == 0
    }

    /// One of few moments around registrations and captures, so that they meet.
    pub fn moment(&mut self) -> Timestamp {
        Timestamp(1_700_000_000 + i64::try_from(self.roll(24)).unwrap() * 4_000_000)
    }
}

pub const HOSTS: [&str; 5] =
    ["press.example", "www.press.example", "news.press.example", "other.example", "archive.example"];
const PATHS: [&str; 6] = ["/", "/a", "/a/", "/*.html$", "/A/b", "/b*c"];
pub const URLS: [&str; 12] = [
    "https://press.example/a",
    "https://press.example/A/b",
    "https://www.press.example/a/",
    "http://news.press.example/a/x.html",
    "https://press.example/x.html?q",
    "https://press.example/bxc",
    "https://other.example/a",
    "https://other.example:8443/a",
    "https://archive.example/web/https://press.example/a",
    "https://elsewhere.example/a",
    "ftp://press.example/a",
    "https://press.example/",
];
pub const TEXTS: [&str; 3] = ["one", "two", "three"];
const USES: [&str; 3] = ["train-ai", "ai-use", "crawl"];

fn content(text: &str) -> String {
    ContentId::of(text.as_bytes()).to_string()
}

fn sha1(text: &str) -> ContentName {
    ContentName::WarcSha1(WarcSha1Alias([text.len() as u8; 20]))
}

fn target(dice: &mut Dice) -> Value {
    match dice.roll(5) {
        0 => json!({"target": "host", "host": dice.one(&HOSTS)}),
        1 => json!({"target": "host", "host": dice.one(&HOSTS), "subdomains": true}),
        2 => json!({"target": "content", "ids": [content(dice.one(&TEXTS))]}),
        3 if dice.chance(2) => json!({"target": "content", "ids": [sha1(dice.one(&TEXTS)).to_string()]}),
        _ => json!({"target": "url", "host": dice.one(&HOSTS), "path": dice.one(&PATHS)}),
    }
}

fn scope(dice: &mut Dice) -> Value {
    let include: Vec<Value> = (0..=dice.roll(2)).map(|_| target(dice)).collect();
    let exclude: Vec<Value> = (0..dice.roll(3) / 2).map(|_| target(dice)).collect();
    if exclude.is_empty() { json!({"include": include}) } else { json!({"include": include, "exclude": exclude}) }
}

fn rule(dice: &mut Dice, preference: &str) -> Value {
    let mut rule = json!({"preference": preference, "uses": [dice.one(&USES)]});
    if dice.chance(3) {
        rule["constraints"] = match dice.roll(4) {
            0 => json!({"channels": [dice.one(&["crawl", "api"])]}),
            1 => json!({"published": {"from": dice.moment()}}),
            2 => json!({"used": {"until": dice.moment()}}),
            _ => json!({"territories": [dice.one(&["DE", "US"])]}),
        };
    }
    if preference == "allowed" && dice.chance(3) {
        rule["duties"] = json!([{"phase": "before", "action": {"duty": "attribute"}}]);
    }
    rule
}

fn terms(dice: &mut Dice, preference: &str) -> Value {
    let mut terms = json!({"clauses": [{"rules": [rule(dice, preference)]}]});
    for flag in ["any_copy", "irrevocable", "third_party_material"] {
        if preference == "allowed" && dice.chance(4) {
            terms[flag] = json!(true);
        }
    }
    terms
}

fn sighting(dice: &mut Dice) -> Value {
    let standard = dice.one(&["robots", "aipref"]);
    let outcome = dice.one(&["read", "failed", "absent"]);
    let mut signal = json!({
        "standard": standard, "version": "1", "label": "x", "authority": dice.one(&["site-file", "platform-default"]),
        "preference": dice.one(&["allowed", "disallowed"]), "uses": [dice.one(&USES)],
    });
    if dice.chance(2) {
        signal["path"] = json!(dice.one(&PATHS));
    }
    if dice.chance(4) {
        signal["malformed"] = json!(true);
    }
    json!({
        "observed_at": dice.moment(), "parser": "test 1", "signals": [signal],
        "sources": [{"standard": standard, "url": "https://press.example/robots.txt", "outcome": outcome}],
    })
}

fn named_one(dice: &mut Dice, earlier: &[Registered]) -> StatementId {
    let ids: Vec<StatementId> = earlier.iter().map(|registered| registered.id).collect();
    dice.one(&ids)
}

/// A proof, a challenge or an answer, of whatever statement.
fn about_a_claim(dice: &mut Dice, earlier: &[Registered]) -> Value {
    let text = dice.one(&TEXTS);
    let mut content = vec![json!(ContentId::of(text.as_bytes()))];
    if dice.chance(2) {
        content.push(json!(sha1(text)));
    }
    let claim = dice.one(&earlier.iter().map(|it| (it.id, it.tenure_from)).collect::<Vec<_>>());
    match dice.roll(4) {
        0 => json!({"kind": "challenge", "claim": claim.0, "content": content, "why": "why"}),
        1 => json!({"kind": "answer", "challenge": claim.0, "why": "why"}),
        _ => {
            let mut body =
                json!({"kind": "claim-proof", "claim": claim.0, "content": content, "url": "https://press.example/"});
            if let Some(from) = claim.1 {
                body["tenure_from"] = json!(from);
            }
            body
        }
    }
}

fn body(dice: &mut Dice, earlier: &[Registered]) -> Value {
    let basis = dice.one(&["owner", "owner", "host", "agent", "exclusive-licensee"]);
    let named = if earlier.is_empty() { Value::Null } else { json!(named_one(dice, earlier)) };
    match dice.roll(11) {
        0 | 1 => {
            json!({"kind": "reservation", "basis": basis, "scope": scope(dice), "terms": terms(dice, "disallowed")})
        }
        2 | 3 => json!({"kind": "grant", "basis": basis, "scope": scope(dice), "terms": terms(dice, "allowed")}),
        4 => json!({"kind": "offer", "basis": basis, "scope": scope(dice), "terms": terms(dice, "allowed")}),
        5 => json!({
            "kind": "agreement", "basis": basis, "scope": scope(dice), "terms": terms(dice, "allowed"),
            "licensees": [{"domain": "lab.example"}],
        }),
        6 => json!({
            "kind": "dispute", "basis": basis, "scope": scope(dice),
            "case": {"court": "court", "reference": "1"},
        }),
        7 => json!({"kind": "observation", "scope": scope(dice), "sighting": sighting(dice)}),
        8 => json!({"kind": "withdrawal", "statement": named}),
        9 if !earlier.is_empty() => about_a_claim(dice, earlier),
        _ if dice.chance(2) => json!({"kind": "acceptance", "offer": named, "scope": scope(dice)}),
        _ => json!({"kind": "acceptance", "offer": named}),
    }
}

pub fn statements(dice: &mut Dice) -> Vec<Registered> {
    let mut all: Vec<Registered> = Vec::new();
    let mut at = Timestamp(1_700_000_000);
    for index in 0..3 + dice.roll(12) {
        at = at.plus_seconds(i64::try_from(dice.roll(3)).unwrap() * 4_000_000);
        let body = body(dice, &all);
        let asker = body["kind"] == "acceptance";
        let issuer = if asker { "lab.example" } else { dice.one(&HOSTS) };
        let mut value = json!({"issuer": {"domain": issuer}, "body": body});
        if dice.chance(3) {
            value["effective"] = json!({"from": dice.moment()});
        }
        if dice.chance(4) {
            value["effective"] = json!({"until": dice.moment()});
        }
        if dice.chance(3) && !all.is_empty() {
            value["supersedes"] = json!([named_one(&mut *dice, &all)]);
        }
        let Some(mut next) = registered(index, at, value) else { continue };
        next.tenure_from = dice.chance(5).then(|| dice.moment());
        if !all.iter().any(|known| known.id == next.id) {
            all.push(next);
        }
    }
    all
}

fn copy(dice: &mut Dice) -> Acquisition {
    let text = dice.one(&TEXTS);
    let mut copy = Acquisition::fetched(dice.one(&URLS));
    copy.content = vec![ContentName::Blake3(ContentId::of(text.as_bytes()))];
    if dice.chance(2) {
        copy.content.push(sha1(text));
    }
    copy.captured_at = (!dice.chance(6)).then(|| dice.moment());
    copy.acquired_at = dice.chance(4).then(|| dice.moment());
    copy.channel = Some(Channel::Crawl);
    copy.access = Some(if dice.chance(8) { Access::Infringing } else { Access::Open });
    if dice.chance(12) {
        copy.urls.push(CopyUrl { role: UrlRole::Canonical, url: dice.one(&URLS).to_string() });
    }
    if dice.chance(12) {
        copy.urls.clear();
    }
    copy
}

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
    assert_eq!(kinds.len(), 11, "{kinds:?}");
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
