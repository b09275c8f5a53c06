//! What others wrote, run against the registry and the filter: Python's own hashing, OpenSSL, an OpenAPI fuzzer, WARC readers.

use harness::{Registry, UNLIMITED, independent};
use serde_json::Value;

fn filled() -> Registry {
    let registry = Registry::start_with(&UNLIMITED);
    let press = registry.publisher("press.example");
    let lab = registry.publisher("biglab.example");
    registry.register(&press, &press.reservation("press.example"));
    let agreement = press.statement(serde_json::json!({
        "kind": "agreement", "basis": "owner", "scope": harness::publisher::host_scope("press.example"),
        "terms": harness::publisher::terms("allowed", "train-ai"), "licensees": [{ "domain": "biglab.example" }],
    }));
    let both = press.sign(&agreement).countersign(&lab.key).expect("two signatures");
    let _ = registry.try_register(&both).expect("an answer").is(201);
    registry.audit();
    registry
}

#[test]
fn python_and_openssl_agree_on_the_log() {
    let Some(python) = independent::python("the log, by Python and OpenSSL") else { return };
    let registry = filled();
    // More than one bundle and tile, so that a full and a partial one are read.
    let press = harness::Publisher::new("press.example", harness::server::ORIGIN);
    for number in 0..300 {
        let mut payload = press.reservation("press.example");
        payload["note"] = serde_json::json!(number.to_string());
        let envelope = press.sign(&payload);
        if number % 50 == 49 {
            let _ = registry.try_register(&envelope).expect("an answer").is(201);
        } else {
            std::thread::scope(|scope| {
                let _ = scope.spawn(|| registry.try_register(&envelope).map(|answer| answer.is(201)));
            });
        }
    }
    registry.audit();
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("a key");
    let mut command = harness::binaries::command(&python);
    command.arg(independent::script("audit_log.py")).args([registry.url(""), harness::server::ORIGIN.to_owned()]);
    let output = command.env("LOG_KEY", key.trim()).output().expect("Python");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["note"], "verified");
    // The operator's own key, two bindings, one reservation, an agreement with two signatures, and the three hundred.
    assert_eq!((told["size"].as_u64(), told["signatures"].as_u64()), (Some(305), Some(306)));
}

#[test]
fn the_api_is_what_its_description_says() {
    let Some(python) = independent::python("the API, by schemathesis") else { return };
    let registry = filled();
    let long = harness::long("fuzz");
    let description = harness::root().join("openapi.yaml").display().to_string();
    let (examples, seed) = if long { ("200", "7") } else { ("15", "1") };
    let (url, config) = (registry.url(""), independent::script("schemathesis.toml"));
    let mut command = harness::binaries::command(&python);
    command.args(["-m", "schemathesis.cli", "--config-file", &config, "run", &description, "--url", &url]);
    command.args([
        "--max-examples",
        examples,
        "--seed",
        seed,
        "--workers",
        "1",
        "--request-timeout",
        "30",
        "--no-color",
    ]);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", harness::root().join("tests/independent"));
    command.env("SCHEMATHESIS_HOOKS", "fuzz_bodies").current_dir(registry.scratch());
    let ran = independent::ran(command);
    let summary: Vec<&str> = ran.stdout.lines().rev().take(40).collect();
    println!("{}", summary.into_iter().rev().collect::<Vec<_>>().join("\n"));
    let ran = ran.exits(0);
    assert!(ran.stdout.contains("Test cases:"), "{}", ran.stdout);
    registry.audit();
}

#[test]
fn a_feed_reader_reads_the_feed() {
    let Some(python) = independent::python("the Atom feed, by feedparser") else { return };
    let registry = filled();
    let ran = independent::run(&python, &[&independent::script("read_feed.py"), &registry.url("")]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let ids: Vec<&str> = told["ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    let expected: Vec<String> = (0..5)
        .rev()
        .map(|index| format!("tag:registry.example,2026-11:registry.example/log/changes/{index}"))
        .collect();
    assert_eq!(ids, expected);
    assert_eq!((&told["pages"], &told["titles"][0]), (&Value::from(2), &Value::from("agreement by press.example")));
}
