//! What is published, read back by eye and by small readers: never more than the statement permits, every loss listed.

use super::*;
use crate::acquisition::Acquisition;
use crate::decide::{Asker, Question, Verdict, decide};
use crate::evidence::{Registered, gather};
use crate::id::StatementId;
use crate::ledger::Ledger;
use crate::policy::Reading;
use crate::statement::Statement;
use crate::surt::PathPattern;
use crate::time::Timestamp;
use crate::vocab::{AskerClass, Use};
use proptest::prelude::*;
use serde_json::{Value, json};

const TRAINING: &[&str] = &["GPTBot", "CCBot"];

fn statement(value: Value) -> Statement {
    serde_json::from_value::<Statement>(value).expect("a statement").sorted()
}

fn stated(kind: &str, scope: Value, rules: Value) -> Value {
    json!({
        "version": 1, "log": "registry.example/log", "issuer": { "domain": "press.example" },
        "issued_at": "2026-01-01T00:00:00Z",
        "body": { "kind": kind, "basis": "owner", "scope": scope, "terms": { "clauses": [{ "rules": rules }] } },
    })
}

fn whole() -> Value {
    json!({ "include": [{ "target": "host", "host": "press.example" }] })
}

fn path(path: &str) -> Value {
    json!({ "target": "url", "host": "press.example", "path": path })
}

fn notice(value: Value) -> (Notice, Vec<Loss>) {
    let site = "press.example".parse().expect("a host");
    Notice::of(&statement(value), &site, Places::on(&site)).expect("a notice")
}

fn mining_reserved() -> Value {
    let uses = ["train-ai", "train-nongen", "ai-index", "tdm-other"];
    stated("reservation", whole(), json!([{ "preference": "disallowed", "uses": uses }]))
}

fn has(losses: &[Loss], what: What) -> bool {
    losses.iter().any(|loss| loss.what == what)
}

#[test]
fn a_reservation_of_mining_says_no_in_every_format() {
    let (notice, losses) = notice(mining_reserved());
    assert_eq!(losses, []);
    let (text, losses) = robots(&notice, TRAINING);
    assert_eq!(
        text,
        "# BEGIN cleartitle terms\n# Written by `cleartitle publish`, which replaces what stands between these two lines.\n\
         User-agent: *\nDisallow:\nContent-Usage: / train-ai=n\nContent-Signal: ai-train=no\n\
         License: https://press.example/license.xml\n\n\
         User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\nContent-Usage: / train-ai=n\nContent-Signal: ai-train=no\n\
         License: https://press.example/license.xml\n# END cleartitle terms\n"
    );
    assert!(has(&losses, What::AlsoReserves) && has(&losses, What::Use), "{losses:?}");
    let (text, _) = rsl(&notice);
    assert!(
        text.contains(
            "<content url=\"/\">\n    <license>\n      <prohibits type=\"usage\">ai-train ai-index</prohibits>"
        )
    );
    assert!(!text.contains("<permits"));
    let (text, losses) = tdmrep(&notice);
    let entries: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(entries, json!([{ "location": "/", "tdm-reservation": 1 }]));
    assert_eq!(losses, []);
    assert_eq!(tdm_policy(&notice).0, "");
    assert_eq!(trust_txt(&notice).0, "datatrainingallowed=no\n");
    let (text, losses) = headers(&notice);
    assert!(text.ends_with(
        "\nContent-Usage: train-ai=n\nContent-Signal: ai-train=no\ntdm-reservation: 1\nX-Robots-Tag: noai\n\
         Link: <https://press.example/license.xml>; rel=\"license\"; type=\"application/rsl+xml\"\n"
    ));
    let noai = losses.iter().find(|loss| loss.standard == "x-robots-tag").expect("what `noai` reserves besides");
    assert_eq!((noai.what, noai.detail.as_str()), (What::AlsoReserves, "ai-use: noai restricts it too"));
    assert!(head(&notice).0.contains("<meta name=\"robots\" content=\"noai\">"));
}

#[test]
fn a_price_becomes_a_denial_and_an_offer() {
    let duty = json!({ "phase": "before", "action": { "duty": "pay", "price": {
        "rate": { "known": "stated", "price": { "amount": "0.01", "currency": "EUR" } }, "meter": { "per": "fetch" } } } });
    let uses = ["train-ai", "train-nongen", "ai-index", "tdm-other"];
    let rules = json!([{ "preference": "allowed", "uses": uses, "duties": [duty] }]);
    let (notice, _) = notice(stated("grant", whole(), rules));
    let (text, _) = rsl(&notice);
    assert!(text.contains("<permits type=\"usage\">ai-train ai-index</permits>"), "{text}");
    assert!(text.contains("<payment type=\"crawl\">\n        <amount currency=\"EUR\">0.01</amount>"), "{text}");
    assert!(robots(&notice, TRAINING).0.contains("Content-Usage: / train-ai=n"));
    assert!(tdmrep(&notice).0.contains("https://press.example/tdm-policy.json"));
    assert!(tdm_policy(&notice).0.contains("compensate"));
    assert!(has(&tdm_policy(&notice).1, What::Price));
}

#[test]
fn a_price_that_would_look_cheaper_is_not_written() {
    let duty = json!({ "phase": "before", "action": { "duty": "pay", "price": {
        "rate": { "known": "stated", "price": { "amount": "0.01", "currency": "EUR" } }, "meter": { "per": "document" } } } });
    let rules = json!([{ "preference": "allowed", "uses": ["search"], "duties": [duty] }]);
    let (text, losses) = rsl(&notice(stated("grant", whole(), rules)).0);
    assert!(text.contains("<payment type=\"purchase\"/>") && !text.contains("0.01"), "{text}");
    assert!(has(&losses, What::Price));
}

#[test]
fn duties_without_a_word_need_an_address_to_ask_at() {
    let report = json!({ "phase": "after", "action": { "duty": "report", "every_days": 90 } });
    let rules = json!([{ "preference": "allowed", "uses": ["search"], "duties": [report] }]);
    let (mut notice, _) = notice(stated("grant", whole(), rules));
    let (text, losses) = rsl(&notice);
    assert!(text.contains("<prohibits type=\"usage\">search</prohibits>"), "{text}");
    assert!(has(&losses, What::Conditions));
    notice.places.terms = Some("https://press.example/licensing?a=1&b=2".to_owned());
    let (text, losses) = rsl(&notice);
    assert!(text.contains("<custom>https://press.example/licensing?a=1&amp;b=2</custom>"), "{text}");
    assert!(has(&losses, What::Duty));
}

#[test]
fn licensees_are_never_named_and_agreements_not_published() {
    let rules = json!([{ "preference": "allowed", "uses": ["train-ai"],
        "constraints": { "licensees": [{ "domain": "biglab.example" }] } }]);
    let (told, losses) = notice(stated("grant", whole(), rules));
    assert!(told.stances.is_empty() && has(&losses, What::Licensees));
    for written in all(&told, TRAINING) {
        assert!(!written.text.contains("biglab"), "{}", written.file);
    }
    let mut agreement = stated("agreement", whole(), json!([{ "preference": "allowed", "uses": ["train-ai"] }]));
    agreement["body"]["licensees"] = json!([{ "domain": "biglab.example" }]);
    let site = "press.example".parse().expect("a host");
    assert!(matches!(
        Notice::of(&statement(agreement), &site, Places::default()),
        Err(Unpublishable::Kind(crate::statement::Kind::Agreement))
    ));
}

#[test]
fn generative_training_alone_can_be_granted_by_aipref_alone() {
    let rules = json!([{ "preference": "allowed", "uses": ["train-ai"] }]);
    let (notice, _) = notice(stated("grant", whole(), rules));
    assert_eq!(content_usage(&notice).0, "train-ai=y");
    let (signal, losses) = content_signal(&notice);
    assert!(signal.is_empty() && has(&losses, What::Split));
    assert!(rsl(&notice).0.is_empty() && has(&rsl(&notice).1, What::Split));
}

#[test]
fn what_is_excluded_is_never_permitted() {
    let scope = json!({ "include": [{ "target": "host", "host": "press.example" }], "exclude": [path("/private/")] });
    let rules = json!([{ "preference": "allowed", "uses": ["search"] }]);
    let (told, _) = notice(stated("grant", scope, rules.clone()));
    let (text, losses) = robots(&told, TRAINING);
    assert!(text.contains("Content-Usage: / search=y\nContent-Usage: /private/ search=n\n"), "{text}");
    assert!(!text.contains("search=yes") && has(&losses, What::Exclusion));
    // A wide hole below a narrow path can't be cut out by length.
    let scope = json!({ "include": [path("/a/b/c/*.html")], "exclude": [path("/a/*/c/")] });
    let (leaky, losses) = notice(stated("grant", scope, rules));
    assert!(leaky.area.leaky && leaky.stances.is_empty() && has(&losses, What::Exclusion));
}

const OWN: &str = "Sitemap: https://press.example/sitemap.xml\nLicense: https://press.example/own.xml\n\n\
                   User-agent: *\nDisallow: /private/\nCrawl-delay: 5\n\nUser-agent: Googlebot\nAllow: /\n\n\
                   User-agent: ccbot\nAllow: /\n";

#[test]
fn a_block_keeps_the_sites_own_lines_and_repeats_what_a_group_would_hide() {
    let (notice, _) = notice(mining_reserved());
    let (merged, losses) = merge(OWN.as_bytes(), &notice, TRAINING).expect("a sound file");
    let text = String::from_utf8(merged.clone()).expect("UTF-8");
    assert!(text.starts_with(OWN));
    // GPTBot had no group: what stood for everybody goes on standing for it, the file's license too.
    assert!(text.contains("User-agent: GPTBot\nDisallow: /private/\nCrawl-delay: 5\nDisallow: /\n"), "{text}");
    assert!(text.contains("License: https://press.example/own.xml\nLicense: https://press.example/license.xml\n"));
    assert!(text.contains("User-agent: ccbot\nDisallow: /\n") && !text.contains("User-agent: CCBot"), "{text}");
    assert!(text.contains("User-agent: Googlebot\nDisallow:\nContent-Usage: / train-ai=n\n"), "{text}");
    // `Allow: /` and `Disallow: /` are of one length, and the Allow wins.
    let own = losses.iter().find(|loss| loss.what == What::OwnLine).expect("the site's own Allow");
    assert!(own.detail.starts_with("line 12, `Allow: /`"), "{}", own.detail);
    assert_eq!(merge(&merged, &notice, TRAINING).expect("a sound file").0, merged);
    let more = [merged.as_slice(), b"User-agent: NewBot\nDisallow: /\n"].concat();
    let again = String::from_utf8(merge(&more, &notice, TRAINING).expect("a sound file").0).expect("UTF-8");
    assert!(again.find("NewBot").expect("kept") < again.find(BEGIN).expect("a block"), "the block stays at the end");
    assert!(again.contains("User-agent: ccbot\nDisallow: /\n"));
}

#[test]
fn a_block_after_an_unfinished_group_does_not_join_it() {
    let (notice, _) = notice(mining_reserved());
    let merged = merge(b"User-agent: BadBot\r\nContent-Usage: train-ai=n", &notice, TRAINING).expect("a sound file").0;
    let text = String::from_utf8(merged).expect("UTF-8");
    assert!(text.starts_with("User-agent: BadBot\r\nContent-Usage: train-ai=n\r\n\r\n# BEGIN"), "{text}");
    let first = text.lines().skip_while(|line| !line.starts_with(BEGIN)).nth(2);
    assert_eq!(first, Some("Disallow:"));
    for broken in [&b"# BEGIN cleartitle terms\nUser-agent: *\n"[..], b"# END cleartitle terms\n"] {
        assert_eq!(merge(broken, &notice, TRAINING), Err(HalfBlock(1)));
    }
}

#[test]
fn an_exclusion_never_opens_what_the_site_closed() {
    let scope = json!({ "include": [{ "target": "host", "host": "press.example" }], "exclude": [path("/open/")] });
    let rules = json!([{ "preference": "disallowed", "uses": ["train-ai"] }]);
    let (notice, _) = notice(stated("reservation", scope, rules));
    assert!(robots(&notice, TRAINING).0.contains("Disallow: /\nAllow: /open/\n"));
    let (merged, losses) = merge(b"User-agent: *\nDisallow: /op\n", &notice, TRAINING).expect("a sound file");
    assert!(!String::from_utf8_lossy(&merged).contains("Allow: /open/") && has(&losses, What::Exclusion));
}

/// What a file says of a use, as a small reader takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Yes,
    Maybe,
    No,
    Nothing,
}

fn longest<'a, T>(rules: impl Iterator<Item = (&'a str, T)>, at: &str) -> Option<T> {
    let covering = rules.filter(|(pattern, _)| PathPattern::new(pattern).matches(at));
    covering.max_by_key(|(pattern, _)| pattern.len()).map(|(_, value)| value)
}

fn aipref_read(text: &str, at: &str, label: &str) -> Read {
    let group = text.split("User-agent: *\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let rules = group.lines().filter_map(|line| line.strip_prefix("Content-Usage: ")?.split_once(' '));
    match longest(rules, at)
        .and_then(|found| found.split(", ").find_map(|it| it.strip_prefix(label)?.strip_prefix('=')))
    {
        Some("y") => Read::Yes,
        Some(_) => Read::No,
        None => Read::Nothing,
    }
}

fn tdmrep_read(text: &str, at: &str) -> Read {
    let entries: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let first = entries.iter().find(|it| PathPattern::new(it["location"].as_str().expect("a path")).matches(at));
    match first.map(|it| (it["tdm-reservation"].as_u64(), it.get("tdm-policy").is_some())) {
        Some((Some(0), _)) => Read::Yes,
        Some((_, true)) => Read::Maybe,
        Some((_, false)) => Read::No,
        None => Read::Nothing,
    }
}

fn rsl_read(text: &str, at: &str, token: &str) -> Read {
    let contents = text.split("<content url=\"").skip(1).filter_map(|part| part.split_once('"'));
    let Some(content) = longest(contents, at) else { return Read::Nothing };
    let named = |license: &str, element: &str| {
        let list = license.split(element).nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        list.split(' ').any(|word| word == token || word == "all")
    };
    let licenses: Vec<&str> = content.split("<license>").skip(1).collect();
    if licenses.iter().any(|license| named(license, "<prohibits type=\"usage\">")) {
        return Read::No;
    }
    let granting: Vec<&&str> = licenses.iter().filter(|license| named(license, "<permits type=\"usage\">")).collect();
    let free = |license: &&&str| {
        license.contains("type=\"free\"") && !license.contains("type=\"user\"") && !license.contains("type=\"geo\"")
    };
    match (granting.is_empty(), granting.iter().any(free)) {
        (true, _) => Read::Nothing,
        (false, true) => Read::Yes,
        (false, false) => Read::Maybe,
    }
}

fn verdict(statement: &Statement, at: &str, category: Use, class: Option<AskerClass>) -> Verdict {
    let payload = statement.to_payload().expect("a statement");
    let registered = Registered {
        id: StatementId::of(&payload),
        index: 0,
        registered_at: Timestamp(1_768_000_000),
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement: statement.clone(),
    };
    let ledger: Ledger = std::iter::once(registered).collect();
    let question = Question {
        acquisition: Acquisition::fetched(&format!("https://press.example{at}")),
        asker: Asker { domain: None, class },
        category,
        used_at: Timestamp(1_790_000_000),
        territory: None,
        model: None,
        artefact: None,
    };
    decide(&question, &gather(&ledger, &question.acquisition), &Reading::default()).verdict
}

fn rule(permits: bool) -> impl Strategy<Value = Value> {
    let uses = prop::sample::subsequence(Use::ALL.to_vec(), 1..=4);
    let constraints = prop::sample::select(vec![
        json!({}),
        json!({}),
        json!({ "asker_classes": ["commercial"] }),
        json!({ "asker_classes": ["research-organisation"] }),
        json!({ "territories": ["DE"] }),
        json!({ "channels": ["crawl"] }),
        json!({ "licensees": [{ "domain": "biglab.example" }] }),
    ]);
    let duties = prop::sample::select(vec![
        json!([]),
        json!([]),
        json!([{ "phase": "during", "action": { "duty": "attribute" } }]),
        json!([{ "phase": "after", "action": { "duty": "pass-on" } }]),
        json!([{ "phase": "before", "action": { "duty": "pay", "price": { "rate": { "known": "undisclosed" },
            "meter": { "per": "document" } } } }]),
    ]);
    (uses, constraints, duties, any::<bool>()).prop_map(move |(uses, constraints, duties, denies)| {
        let denies = !permits || (denies && uses.len() == 1);
        let mut rule = json!({ "preference": if denies { "disallowed" } else { "allowed" }, "uses": uses });
        if constraints != json!({}) {
            rule["constraints"] = constraints;
        }
        if !denies && duties != json!([]) {
            rule["duties"] = duties;
        }
        rule
    })
}

fn any_statement() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["reservation", "grant", "grant", "offer"]);
    let basis = prop::sample::select(vec!["owner", "owner", "owner", "host"]);
    let include = prop::sample::subsequence(
        vec![json!({ "target": "host", "host": "press.example" }), path("/archive/"), path("/archive/*.html$")],
        1..=3,
    );
    let exclude = prop::sample::subsequence(vec![path("/archive/open/"), path("/private/"), path("/a")], 0..=2);
    (kind, basis, include, exclude, any::<bool>()).prop_flat_map(|(kind, basis, include, exclude, dated)| {
        let clause =
            prop::collection::vec(rule(kind != "reservation"), 1..=3).prop_map(|rules| json!({ "rules": rules }));
        prop::collection::vec(clause, 1..=2).prop_map(move |clauses| {
            let mut value = stated(kind, json!({ "include": include, "exclude": exclude }), json!([]));
            value["body"]["basis"] = json!(basis);
            value["body"]["terms"]["clauses"] = json!(clauses);
            if dated {
                value["effective"] = json!({ "from": "2026-01-01T00:00:00Z", "until": "2031-01-01T00:00:00Z" });
            }
            value
        })
    })
}

/// Checks one reading of one file against the verdict on the statement itself.
fn held(standard: &str, read: Read, verdict: Verdict, losses: &[Loss], place: &str) -> Result<(), TestCaseError> {
    let told = |codes: &[What]| {
        losses.iter().any(|loss| (loss.standard == standard || loss.standard == "all") && codes.contains(&loss.what))
    };
    if read == Read::Yes {
        prop_assert_eq!(verdict, Verdict::Cleared, "{} permits more: {}", standard, place);
    }
    if read == Read::Maybe {
        prop_assert!(verdict != Verdict::Reserved, "{} offers what is reserved: {}", standard, place);
    }
    if read == Read::No && verdict != Verdict::Reserved {
        prop_assert!(!losses.is_empty(), "{} denies without a loss: {}", standard, place);
    }
    if read == Read::Nothing && verdict == Verdict::Reserved {
        prop_assert!(
            told(&[What::Use, What::Path, What::Split, What::Constraint, What::Exclusion]),
            "{standard} {place}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn nothing_published_permits_more_than_the_statement(value in any_statement(), class in prop::option::of(
        prop::sample::select(AskerClass::ALL.to_vec())))
    {
        let statement = statement(value);
        prop_assume!(statement.to_payload().is_ok());
        let site = "press.example".parse().expect("a host");
        let mut places = Places::on(&site);
        places.terms = class.map(|_| "https://press.example/licensing".to_owned());
        let Ok((notice, losses)) = Notice::of(&statement, &site, places) else { return Ok(()) };
        let files = all(&notice, TRAINING);
        let file = |name: &str| files.iter().find(|written| written.file == name).expect("a file");
        for at in ["/", "/archive/x.html", "/archive/open/y", "/archive/open/y.html", "/private/z", "/about"] {
            for (atom, aipref, token) in [
                (Use::TrainAi, Some("train-ai"), Some("ai-train")),
                (Use::TrainNongen, None, Some("ai-train")),
                (Use::AiUse, Some("ai-use"), Some("ai-input")),
                (Use::Search, Some("search"), Some("search")),
                (Use::AiIndex, None, Some("ai-index")),
                (Use::TdmOther, None, None),
            ] {
                let verdict = verdict(&statement, at, atom, class);
                let place = format!("{at} {atom} {verdict}");
                let said = |name: &str| losses.iter().chain(&file(name).losses).cloned().collect::<Vec<Loss>>();
                if let Some(label) = aipref {
                    let read = aipref_read(&file("robots.txt").text, at, label);
                    held("aipref", read, verdict, &said("robots.txt"), &place)?;
                }
                if let Some(token) = token {
                    held("rsl", rsl_read(&file("license.xml").text, at, token), verdict, &said("license.xml"), &place)?;
                }
                if atom != Use::AiUse && atom != Use::Search {
                    let read = tdmrep_read(&file(".well-known/tdmrep.json").text, at);
                    held("tdmrep", read, verdict, &said(".well-known/tdmrep.json"), &place)?;
                }
            }
        }
    }

    #[test]
    fn merging_never_panics_and_keeps_every_own_byte(own in prop::collection::vec(any::<u8>(), 0..300), text in "(User-agent: [*ab]|Disallow: /|Allow: /a|#|\r|\n|License: x|: ){0,30}") {
        let (notice, _) = notice(mining_reserved());
        for own in [own.as_slice(), text.as_bytes()] {
            let merged = merge(own, &notice, TRAINING).expect("no markers").0;
            prop_assert!(merged.starts_with(own));
            // A lone carriage return at the end becomes one of two; from then on nothing moves.
            let again = merge(&merged, &notice, TRAINING).expect("markers").0;
            prop_assert_eq!(&merge(&again, &notice, TRAINING).expect("markers").0, &again);
        }
    }
}
