//! Supersession, withdrawal and `as_of`: terms end, and the past stays answerable.

use harness::{Registry, cleartitle};
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

/// The whole history is answered alike by size and by time, over the API, by `ask` of a registry and by `ask` of a snapshot.
#[test]
fn the_past_is_answered_alike_whoever_is_asked() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let pause = || std::thread::sleep(std::time::Duration::from_millis(1100));
    let mut states = vec![("unknown", registry.read("/v1/changes").is(200).json())];
    pause();
    let reserved = registry.register(&press, &press.reservation("press.example"));
    states.push(("reserved", registry.read("/v1/changes").is(200).json()));
    pause();
    let mut naming = press.grant("press.example");
    naming["supersedes"] = json!([reserved["statement"]]);
    naming["effective"] = json!({ "from": "2025-01-01T00:00:00Z" });
    let granted = registry.register(&press, &naming);
    states.push(("cleared", registry.read("/v1/changes").is(200).json()));
    pause();
    registry.register(&press, &press.statement(json!({ "kind": "withdrawal", "statement": granted["statement"] })));
    states.push(("reserved", registry.read("/v1/changes").is(200).json()));
    let path = |name: &str| registry.scratch().join(name).display().to_string();
    let (snapshot, url, key) = (path("terms.snapshot"), registry.url(""), registry.log_key());
    let _ = cleartitle(&["pull", "--registry", &url, "--log-key", &key, "--out", &snapshot]).exits(0);
    let page = "https://press.example/a";
    for (wanted, state) in &states {
        let changes = state["changes"].as_array().expect("changes");
        let (size, time) = (changes.len().to_string(), changes.last().expect("a change")["registered_at"].clone());
        let time = time.as_str().expect("a time");
        for as_of in [size.as_str(), time] {
            let question = format!("/v1/decisions?use=train-ai&url={page}&as_of={as_of}");
            assert_eq!(registry.read(&question).is(200).json()["decision"]["verdict"], **wanted, "as of {as_of}");
        }
        for source in [["--registry", &url], ["--snapshot", &snapshot]] {
            let asked = [&["ask"], &source[..], &["--as-of", time, "--use", "train-ai", "--format", "json", page]];
            let ran = cleartitle(&asked.concat());
            let told: Value = serde_json::from_str(ran.stdout.lines().next().unwrap_or_default()).expect("JSON");
            assert!(ran.stdout.contains(&format!("\"verdict\":\"{wanted}\"")), "{} as of {time}: {told}", source[0]);
        }
    }
}
