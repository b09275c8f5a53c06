//! Addresses that are not there, methods that are not theirs, and pages of codes: problems all the way down.

use cleartitle_schema::decide::Reason;
use cleartitle_server::routes::problem::Code;
use harness::Registry;

#[test]
fn errors_are_problems_everywhere() {
    let registry = Registry::start();
    registry.read("/").is_problem(404, "not-found");
    registry.read("/v1/nothing").is_problem(404, "not-found");
    registry.post("/checkpoint", "text/plain", "x").is_problem(405, "method-not-allowed");
    registry.read("/v1/statements?limit=0").is_problem(400, "malformed-request");
    registry.read("/v1/statements?limit=1&limit=2").is_problem(400, "malformed-request");
    registry.read("/v1/statements?novel=1").is_problem(400, "malformed-request");
    registry.read("/v1/statements/statement:00").is_problem(404, "not-found");
    registry.read(&format!("/v1/statements/statement:{}", "0".repeat(64))).is_problem(404, "not-found");
    registry.read("/tile/0/x001/000").is_problem(404, "not-found");
    registry.read("/tile/9/000").is_problem(404, "not-found");
    registry.read("/tile/9/x").is_problem(404, "not-found");
    registry.read("/v1/decisions?use=train-ai").is_problem(422, "unprocessable-request");
    registry.read("/v1/decisions?use=train-ai&url=https://a.example/&as_of=99").is_problem(404, "beyond-log");
    registry.read("/v1/snapshots/99").is_problem(404, "not-found");
    registry.read("/v1/snapshots/-1").is_problem(404, "not-found");
}

#[test]
fn every_code_has_its_page_over_http() {
    let registry = Registry::start();
    let codes = Code::ALL.iter().map(|code| code.word().to_owned());
    for word in codes.chain(Reason::ALL.iter().map(ToString::to_string)) {
        let page = registry.read(&format!("/reasons/{word}")).is(200).text();
        assert!(page.contains(&word) && page.len() > 20, "{word}: {page}");
    }
    registry.read("/reasons/no-such-code").is_problem(404, "not-found");
}

#[test]
fn probes_and_metrics_answer() {
    let registry = Registry::start();
    assert_eq!(registry.read("/healthz").is(200).json()["status"], "ok");
    assert_eq!(registry.read("/readyz").is(200).json()["status"], "ok");
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    let metrics = registry.read("/metrics").is(200).text();
    assert!(metrics.contains("cleartitle_log_leaves_total"), "{metrics}");
}
