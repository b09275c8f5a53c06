//! Watching: the dashboard and the alerts ask for what a real server shows, and what it shows does not grow by what it is asked.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Registry, Witness, independent};

/// The metrics' names in a text: words that begin with `cleartitle_`.
fn names(text: &str) -> BTreeSet<String> {
    let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !letters(letter));
    words.filter(|word| word.starts_with("cleartitle_")).map(str::to_owned).collect()
}

/// What a server shows under its own names: the first word of each line that is no comment.
fn shown(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| names(line).into_iter().take(1)).collect()
}

/// Every text under a member of this name, at whatever depth.
fn texts(value: &serde_json::Value, member: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            found.extend(members.get(member).and_then(|it| it.as_str()).map(str::to_owned));
            members.values().for_each(|value| texts(value, member, found));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| texts(value, member, found)),
        _ => {}
    }
}

#[test]
fn every_query_of_the_dashboard_and_the_alerts_names_what_is_shown() {
    let registry = Registry::in_folder("warn");
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    let witness = Witness::start("witness.example", &[registry.log_key()]);
    let files = ["sites.txt", "observer.key"].map(|name| registry.scratch().join(name).display().to_string());
    files.iter().for_each(|path| std::fs::write(path, "press.example\n").expect("a file"));
    let [sites, key] = &files;
    let flags = [
        "--witness",
        &witness.flag(),
        "--observe-sites",
        sites,
        "--observe-key",
        key,
        "--observe-issuer",
        "observer.example",
        "--observe-every",
        "1s",
        "--observe-command",
        "/bin/true",
        "--recheck-every",
        "1s",
        "--objects",
        &registry.scratch().join("objects").display().to_string(),
    ];
    registry.restart_with(&flags.map(str::to_owned));
    registry.register(&press, &press.reservation("other.press.example"));
    // The witness is away for a while, so that its failures are counted too.
    witness.kill();
    registry.register(&press, &press.reservation("third.press.example"));
    let root = harness::root().join("server/packaging");
    let dashboard = std::fs::read_to_string(root.join("grafana/cleartitle.json")).expect("a dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    let mut queries = Vec::new();
    texts(&dashboard, "expr", &mut queries);
    texts(&dashboard, "query", &mut queries);
    let rules = std::fs::read_to_string(root.join("prometheus/cleartitle.rules.yml")).expect("rules");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(queries.len() > 20 && alerts.len() > 10, "{} {}", queries.len(), alerts.len());
    let asked = names(&(queries.join("\n") + "\n" + &alerts.join("\n")));
    assert_eq!(registry.read("/none").status, 404);
    let begun = Instant::now();
    loop {
        let shown = shown(&registry.read("/metrics").is(200).text());
        let missing: Vec<&String> = asked.difference(&shown).collect();
        if missing.is_empty() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "nobody shows {missing:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    // What is shown tells the truth where it can be held against something.
    let text = registry.read("/metrics").is(200).text();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}\n{text}"));
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    let database = std::fs::metadata(registry.data().join("registry.sqlite")).expect("a database").len() as f64;
    assert_eq!(value("cleartitle_store_bytes{file=\"database\"}"), database);
    assert!(value("cleartitle_log_size ") >= 4.0 && value("cleartitle_disk_free_bytes") > 0.0);
    assert_eq!(value("cleartitle_ready"), 1.0);
    assert!(text.contains("method=\"POST\",route=\"/v1/statements\",status=\"201\""), "{text}");
    assert!(text.contains("# HELP cleartitle_log_size "), "{text}");
}

#[test]
fn nobody_who_asks_makes_a_new_label() {
    let registry = Registry::start();
    let labels = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let ask = |number: usize| {
        let path = registry.url(&format!("/v1/statements/x{number}"));
        let method = reqwest::Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
        let _ = harness::http::send(harness::http::client().get(&path)).expect("an answer");
        let _ =
            harness::http::send(harness::http::client().get(registry.url(&format!("/none/{number}")))).expect("one");
        let _ = harness::http::send(harness::http::client().request(method, &path)).expect("an answer");
    };
    ask(0);
    let _ = registry.read("/metrics");
    let before = labels(&registry.read("/metrics").is(200).text());
    (1..50).for_each(ask);
    let text = registry.read("/metrics").is(200).text();
    assert!(labels(&text) <= before + 20, "{before}, then {}: {text}", labels(&text));
    assert!(text.contains("route=\"/v1/statements/{id}\"") && !text.contains("x17") && !text.contains("M17"), "{text}");
}

#[test]
fn prometheus_own_tool_takes_the_alerts() {
    let named = std::env::var_os("CLEARTITLE_PROMTOOL").map_or_else(|| PathBuf::from("promtool"), PathBuf::from);
    let mut command = Command::new(&named);
    command.args(["check", "rules"]).arg(harness::root().join("server/packaging/prometheus/cleartitle.rules.yml"));
    match command.output() {
        Ok(output) => {
            let ran = harness::binaries::ran("promtool check rules".to_owned(), output).exits(0);
            assert!(ran.stdout.contains("rules found"), "{}", ran.stdout);
        }
        Err(_) => independent::not_run(
            "alerts by promtool",
            "no `promtool`",
            "apt-get install prometheus, or set CLEARTITLE_PROMTOOL",
        ),
    }
}

#[test]
fn every_alert_has_a_row_for_the_operator() {
    let root = harness::root().join("server");
    let rules = std::fs::read_to_string(root.join("packaging/prometheus/cleartitle.rules.yml")).expect("rules");
    let page = std::fs::read_to_string(root.join("OPERATING.md")).expect("the operator's page");
    let alerts: BTreeSet<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let rows: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `Cleartitle")?.split('`').next()).collect();
    let named: BTreeSet<&str> = alerts.iter().filter_map(|alert| alert.strip_prefix("Cleartitle")).collect();
    assert_eq!(named, rows);
}
