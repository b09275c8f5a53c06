//! Supersession, withdrawal and `as_of`: terms end, and the past stays answerable.

use harness::Registry;
use serde_json::{Value, json};

fn verdict(registry: &Registry, url: &str, as_of: Option<&str>) -> (String, Value) {
    let as_of = as_of.map(|as_of| format!("&as_of={as_of}")).unwrap_or_default();
    let path = format!("/v1/decisions?use=train-ai&url={url}&captured_at=2026-02-01T00:00:00Z{as_of}");
    let answer = registry.read(&path).is(200).json();
    (answer["decision"]["verdict"].as_str().expect("a verdict").to_owned(), answer)
}

fn status(registry: &Registry, registration: &Value) -> Value {
    let id = registration["statement"].as_str().expect("an id");
    registry.read(&format!("/v1/statements/{id}")).is(200).json()["status"].clone()
}

#[test]
fn later_statements_end_earlier_ones_and_the_past_stays() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let url = "https://press.example/news/1";
    assert_eq!(verdict(&registry, url, None).0, "unknown");
    let before = verdict(&registry, url, None).1["log_size"].to_string();

    let reserved = registry.register(&press, &press.reservation("press.example"));
    assert_eq!(verdict(&registry, url, None).0, "reserved");
    let after = verdict(&registry, url, None).1["log_size"].to_string();
    assert_eq!(status(&registry, &reserved), "in-force");

    // A grant that does not name the reservation lifts nothing.
    let unnamed = registry.register(&press, &press.grant("press.example"));
    assert_eq!(verdict(&registry, url, None).0, "reserved");
    let mut naming = press.grant("press.example");
    naming["supersedes"] = json!([reserved["statement"]]);
    let granted = registry.register(&press, &naming);
    assert_eq!(status(&registry, &reserved), "superseded");

    let withdrawal = |id: &Value| press.statement(json!({ "kind": "withdrawal", "statement": id }));
    registry.register(&press, &withdrawal(&unnamed["statement"]));
    registry.register(&press, &withdrawal(&granted["statement"]));
    assert_eq!(status(&registry, &granted), "withdrawn");
    assert_ne!(verdict(&registry, url, None).0, "cleared");

    // The past, by size and by time.
    assert_eq!(verdict(&registry, url, Some(&before)).0, "unknown");
    assert_eq!(verdict(&registry, url, Some(&after)).0, "reserved");
    assert_eq!(verdict(&registry, url, Some("2020-01-01T00:00:00Z")).0, "unknown");
    assert_eq!(verdict(&registry, url, Some("2020-01-01T00:00:00Z")).1["log_size"], 0);

    let id = reserved["statement"].as_str().expect("an id");
    let view = registry.read(&format!("/v1/statements/{id}")).is(200).json();
    assert_eq!(view["named_by"][0]["relation"], "supersedes");
    assert_eq!(view["named_by"][0]["statement"], granted["statement"]);
}

#[test]
fn a_deal_clears_for_its_licensee_alone() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let lab = registry.publisher("biglab.example");
    registry.register(&press, &press.reservation("press.example"));
    let agreement = press.statement(json!({
        "kind": "agreement", "basis": "owner", "scope": harness::publisher::host_scope("press.example"),
        "terms": harness::publisher::terms("allowed", "train-ai"), "licensees": [{ "domain": "biglab.example" }],
        "ending": "either-party",
    }));
    let both = press.sign(&agreement).countersign(&lab.key).expect("two signatures");
    let registered = registry.try_register(&both).expect("an answer").is(201).json();
    registry.audit();
    let ask = |asker: &str| {
        let path = format!(
            "/v1/decisions?use=train-ai&url=https://press.example/a&asker={asker}&captured_at=2026-10-01T00:00:00Z"
        );
        registry.read(&path).is(200).json()["decision"].clone()
    };
    let deal = ask("biglab.example");
    assert_eq!(deal["verdict"], "cleared", "{deal}");
    assert!(deal["reasons"].to_string().contains("agreement-in-force"), "{deal}");
    assert_eq!(ask("smalllab.example")["verdict"], "reserved");
    // Either party may end it, the agreement says; the lab does.
    let end = lab.statement(json!({ "kind": "withdrawal", "statement": registered["statement"] }));
    registry.register(&lab, &end);
    assert_eq!(status(&registry, &registered), "withdrawn");
    assert_ne!(ask("biglab.example")["verdict"], "cleared");
}

#[test]
fn listings_page_through_everything_in_order() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    for number in 0..7 {
        let mut payload = press.reservation("press.example");
        payload["note"] = json!(format!("number {number}"));
        let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
    }
    registry.audit();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let from = after.map(|after: u64| format!("&after={after}")).unwrap_or_default();
        let page = registry.read(&format!("/v1/statements?issuer=press.example&limit=3{from}")).is(200).json();
        seen.extend(page["statements"].as_array().expect("a list").iter().map(|it| it["payload"]["note"].clone()));
        after = page["next"].as_u64();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).map(|number| json!(format!("number {number}"))).collect::<Vec<_>>());
}
