//! The feed: every leaf once, in order, by a cursor that holds whatever happens to the server between two questions.

use std::time::{Duration, Instant};

use harness::http::{Answer, client, send};
use harness::publisher::{host_scope, terms};
use harness::{Registry, UNLIMITED};
use serde_json::{Value, json};

/// Everything behind a cursor, page by page of this length.
fn follow(registry: &Registry, query: &str, limit: u64) -> (Vec<Value>, u64) {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let from = after.map_or_else(String::new, |after: u64| format!("&after={after}"));
        let page = registry.read(&format!("/v1/changes?limit={limit}{query}{from}")).is(200).json();
        found.extend(page["changes"].as_array().expect("changes").clone());
        after = page["next"].as_u64();
        if page["more"] == false {
            return (found, after.expect("a cursor"));
        }
    }
}

fn indexes(changes: &[Value]) -> Vec<u64> {
    changes.iter().map(|change| change["index"].as_u64().expect("an index")).collect()
}

#[test]
fn each_leaf_is_told_once_with_what_it_names_and_touches() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let reserved = registry.register(&press, &press.reservation("news.press.example"));
    let withdrawal = press.statement(json!({ "kind": "withdrawal", "statement": reserved["statement"] }));
    registry.register(&press, &withdrawal);
    let listed = press.statement(json!({ "kind": "grant", "basis": "owner", "terms": terms("allowed", "train-ai"),
        "scope": { "include": [{ "target": "collection", "name": "press archive" }] } }));
    registry.register(&press, &listed);
    let (all, next) = follow(&registry, "", 2);
    assert_eq!((indexes(&all), next), (vec![0, 1, 2, 3, 4], 4));
    assert_eq!((&all[1]["kind"], &all[1]["hosts"][0]["host"]), (&json!("key-binding"), &json!("press.example")));
    assert_eq!(all[2]["statement"], reserved["statement"]);
    assert_eq!(
        (&all[2]["issuer"], &all[2]["hosts"][0]["host"]),
        (&json!("press.example"), &json!("news.press.example"))
    );
    // A withdrawal touches what it ends.
    assert_eq!(all[3]["names"], json!([{ "statement": reserved["statement"], "relation": "withdraws" }]));
    assert_eq!(all[3]["hosts"], all[2]["hosts"]);
    assert_eq!((&all[4]["anywhere"], all[4].get("hosts")), (&json!(true), None));
    assert_eq!(indexes(&follow(&registry, "&kind=reservation", 1).0), [2]);
    // A filter passes over what it does not want, and its cursor with it.
    assert_eq!(follow(&registry, "&issuer=press.example", 1), (all[2..].to_vec(), 4));
    // The same question years later, whatever became of the process.
    assert_eq!(registry.stop(), 0);
    registry.begin();
    registry.register(&press, &press.reservation("press.example"));
    let page = registry.read("/v1/changes?after=4").is(200).json();
    assert_eq!((indexes(page["changes"].as_array().expect("changes")), &page["next"]), (vec![5], &json!(5)));
    let end = registry.read("/v1/changes?after=5").is(200).json();
    assert_eq!(end, json!({ "log": "registry.example/log", "changes": [], "next": 5, "more": false }));
    // A cursor beyond the log stays where it is: nothing is told twice when the log gets there.
    assert_eq!(registry.read("/v1/changes?after=900").is(200).json()["next"], 900);
    for wrong in ["limit=0", "limit=501", "wait=31", "after=-1", "kind=nonsense", "more=1", "after=1&after=2"] {
        registry.read(&format!("/v1/changes?{wrong}")).is_problem(400, "malformed-request");
    }
    registry.audit();
}

fn wait_for(registry: &Registry, query: &str) -> (Answer, Duration) {
    let begun = Instant::now();
    (registry.read(&format!("/v1/changes?{query}")), begun.elapsed())
}

#[test]
fn who_waits_is_woken_by_what_comes_whoever_wrote_it() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait_for(&registry, "after=1&wait=30"));
        let choosy = scope.spawn(|| wait_for(&registry, "after=1&wait=30&kind=grant"));
        std::thread::sleep(Duration::from_millis(300));
        registry.register(&press, &press.reservation("press.example"));
        let (answer, took) = waiting.join().expect("an answer");
        assert_eq!(indexes(answer.is(200).json()["changes"].as_array().expect("changes")), [2]);
        assert!(took < Duration::from_secs(10), "{took:?}");
        registry.register(&press, &press.grant("press.example"));
        let (answer, _) = choosy.join().expect("an answer");
        assert_eq!(indexes(answer.is(200).json()["changes"].as_array().expect("changes")), [3]);
        // The operator's own command beside the server.
        let waiting = scope.spawn(|| wait_for(&registry, "after=3&wait=30"));
        std::thread::sleep(Duration::from_millis(300));
        let _ = registry.publisher("herald.example");
        let (answer, took) = waiting.join().expect("an answer");
        assert_eq!(answer.is(200).json()["changes"][0]["kind"], "key-binding");
        assert!(took < Duration::from_secs(15), "{took:?}");
    });
    let (answer, took) = wait_for(&registry, "after=4&wait=1");
    assert_eq!((answer.is(200).json()["changes"].clone(), took >= Duration::from_secs(1)), (json!([]), true));
}

#[test]
fn those_who_wait_are_bounded_and_hold_no_end_up() {
    let flags: Vec<&str> = UNLIMITED.to_vec();
    let registry = Registry::start_with(&flags);
    std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..8).map(|_| scope.spawn(|| wait_for(&registry, "after=0&wait=30"))).collect();
        std::thread::sleep(Duration::from_secs(1));
        let (ninth, _) = wait_for(&registry, "after=0&wait=30");
        ninth.is_problem(503, "overloaded");
        // Nobody else is kept from asking.
        let _ = registry.read("/v1/changes?after=0").is(200);
        let begun = Instant::now();
        assert_eq!(registry.stop(), 0);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        for answer in waiting {
            let _ = answer.join().expect("an answer").0.is(200);
        }
    });
}

#[test]
fn what_is_known_already_is_not_sent_again() {
    let registry = Registry::with_press_and_open();
    for path in ["/v1/changes?after=1", "/v1/changes.atom"] {
        let response = client().get(registry.url(path)).send().expect("an answer");
        let tag = response.headers()["etag"].to_str().expect("a tag").to_owned();
        let again = |tag: &str| send(client().get(registry.url(path)).header("if-none-match", tag)).expect("an answer");
        assert_eq!((again(&tag).status, again(&tag).body.len()), (304, 0));
        assert_eq!((again("\"other\"").status, again(&format!("\"other\", W/{tag}")).status), (200, 304));
        let herald = registry.publisher(if path.contains("atom") { "herald.example" } else { "times.example" });
        registry.register(&herald, &herald.reservation(&herald.domain));
        assert_eq!(again(&tag).status, 200);
    }
}

#[test]
fn the_feed_leads_from_page_to_page_both_ways() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    for host in ["a.press.example", "b.press.example", "c.press.example"] {
        let mut payload = press.statement(json!({ "kind": "reservation", "basis": "owner", "scope": host_scope(host),
            "terms": terms("disallowed", "train-ai") }));
        payload["note"] = json!("not for <feeds> & readers");
        registry.register(&press, &payload);
    }
    let page = |path: &str| registry.read(path).is(200).text();
    let links = |xml: &str, relation: &str| -> Option<String> {
        let begin = xml.split(&format!("<link rel=\"{relation}\" href=\"")).nth(1)?;
        Some(begin.split('"').next()?.replace("&amp;", "&"))
    };
    let ids = |xml: &str| -> Vec<String> {
        let entries =
            xml.split("<entry>").skip(1).filter_map(|entry| entry.split("<id>").nth(1)?.split("</id>").next());
        entries.map(|id| id.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    };
    let newest = page("/v1/changes.atom?limit=2");
    assert_eq!(ids(&newest), ["4", "3"]);
    assert!(links(&newest, "previous").is_none());
    let older = page(&links(&newest, "next").expect("older entries"));
    assert_eq!(ids(&older), ["2", "1"]);
    let oldest = page(&links(&older, "next").expect("older entries"));
    assert_eq!((ids(&oldest), links(&oldest, "next")), (vec!["0".to_owned()], None));
    let back = page(&links(&oldest, "previous").expect("newer entries"));
    assert_eq!(ids(&back), ["2", "1"]);
    assert_eq!(ids(&page(&links(&back, "previous").expect("newer entries"))), ["4", "3"]);
    assert_eq!(ids(&page("/v1/changes.atom?kind=reservation&limit=1")), ["4"]);
    assert!(!newest.contains("not for"), "a note is the statement's, not the feed's");
}
