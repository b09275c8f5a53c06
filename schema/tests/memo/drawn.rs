//! Drawn: statements of every kind, copies and times from a seed, made so that they meet. The memo's own test draws them, and the
//! filter's, which brings this file by its path.

use cleartitle_schema::acquisition::{Acquisition, CopyUrl, UrlRole};
use cleartitle_schema::evidence::{Registered, Signing};
use cleartitle_schema::id::{ContentId, ContentName, StatementId, WarcSha1Alias};
use cleartitle_schema::statement::{Statement, VERSION};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, Channel};
use serde_json::{Value, json};

pub const LOG: &str = "log.registry.example";

/// A statement from JSON, registered at a moment; `None` if it makes no sense.
pub fn registered(index: u64, at: Timestamp, value: Value) -> Option<Registered> {
    let mut value = value;
    for (member, usual) in [("version", json!(VERSION)), ("log", json!(LOG)), ("issued_at", json!(at))] {
        value.as_object_mut()?.entry(member).or_insert(usual);
    }
    let statement: Statement = serde_json::from_value(value).ok()?;
    let statement = statement.sorted();
    let id = StatementId::of(&statement.to_payload().ok()?);
    Some(Registered {
        id,
        index,
        registered_at: at,
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    })
}

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

pub fn content(text: &str) -> String {
    ContentId::of(text.as_bytes()).to_string()
}

pub fn sha1(text: &str) -> ContentName {
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
    let mut include: Vec<Value> = (0..=dice.roll(2)).map(|_| target(dice)).collect();
    if dice.chance(6) {
        // So many that they are not looked at one by one.
        include.extend((0..30).map(|n| json!({"target": "url", "host": format!("h{n}.example"), "path": "/"})));
    }
    let exclude: Vec<Value> = (0..dice.roll(3) / 2).map(|_| target(dice)).collect();
    if exclude.is_empty() { json!({"include": include}) } else { json!({"include": include, "exclude": exclude}) }
}

fn rule(dice: &mut Dice, preference: &str) -> Value {
    let mut rule = json!({"preference": preference, "uses": [dice.one(&USES)]});
    if dice.chance(3) {
        rule["constraints"] = match dice.roll(4) {
            0 => json!({"channels": [dice.one(&["crawl", "api"])]}),
            1 => json!({"published": {"from": dice.moment()}}),
            2 if dice.chance(2) => json!({"used": {"from": dice.moment()}}),
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
    if dice.chance(6) {
        signal["constraints"] = json!({"used": {"until": dice.moment()}});
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

fn discharge(dice: &mut Dice, named: &Value) -> Value {
    let mut body =
        json!({"kind": "discharge", "statement": named, "duty": "attribute", "licensee": {"domain": "lab.example"}});
    if dice.chance(2) {
        body["period"] = json!({"from": dice.moment()});
    }
    body
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
        8 if dice.chance(3) => json!({"kind": "withdrawal", "statement": named, "cause": "compromised"}),
        8 => json!({"kind": "withdrawal", "statement": named}),
        9 if dice.chance(3) => discharge(dice, &named),
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
        if dice.chance(4) {
            next.signed_by.push(dice.one(&HOSTS).parse().unwrap());
            next.signed_by.sort();
            next.signed_by.dedup();
        }
        if dice.chance(4) && !all.is_empty() {
            // Under a key whose binding somebody may have revoked.
            let domain = next.statement.issuer.domain.clone();
            next.under.push(Signing { domain, binding: named_one(&mut *dice, &all) });
        }
        if !all.iter().any(|known| known.id == next.id) {
            all.push(next);
        }
    }
    all
}

pub fn copy(dice: &mut Dice) -> Acquisition {
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
