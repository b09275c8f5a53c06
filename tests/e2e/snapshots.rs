//! Snapshots over HTTP: equal bytes from equal logs, after a restart, after a rebuild, and for every size.

use harness::Registry;
use serde_json::json;

fn body(registry: &Registry, size: &str) -> Vec<u8> {
    registry.read(&format!("/v1/snapshots/{size}")).is(200).body
}

#[test]
fn a_snapshot_is_a_function_of_the_log() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let open = registry.publisher("open.example");
    registry.register(&press, &press.reservation("press.example"));
    let early = registry.read("/v1/snapshots/latest").is(200).json();
    registry.register(&open, &open.grant("open.example"));
    let latest = registry.read("/v1/snapshots/latest").is(200).json();
    assert_ne!(early["size"], latest["size"]);
    let (size, early_size) = (latest["size"].to_string(), early["size"].to_string());
    let bytes = body(&registry, &size);
    assert_eq!(blake3::hash(&bytes).to_hex().to_string(), latest["blake3"].as_str().unwrap_or_default());
    assert_eq!(json!(bytes.len()), latest["bytes"]);
    let note = registry.read(&format!("/v1/snapshots/{size}/note")).is(200).text();
    assert_eq!(json!(note), latest["note"]);
    let early_bytes = body(&registry, &early_size);
    assert_eq!(blake3::hash(&early_bytes).to_hex().to_string(), early["blake3"].as_str().unwrap_or_default());

    // Another server with the same log, which has built no snapshot yet.
    let dump = |registry: &Registry| {
        harness::cleartitle_server(&["dump", "--data", &registry.data().display().to_string()]).exits(0).stdout
    };
    assert_eq!(registry.stop(), 0);
    std::fs::remove_dir_all(registry.data().join("snapshots")).expect("snapshots are made again");
    let before = dump(&registry);
    let other = registry.copy();
    assert_eq!(body(&other, &size), bytes);
    assert_eq!(body(&other, &early_size), early_bytes);
    other.audit();

    // Every derived table thrown away and made again.
    let rebuilt = harness::cleartitle_server(&["rebuild", "--data", &registry.data().display().to_string()]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
    assert_eq!(dump(&registry), before);
    registry.begin();
    assert_eq!(body(&registry, &size), bytes);
    assert_eq!(body(&registry, &early_size), early_bytes);
    assert_eq!(registry.read(&format!("/v1/snapshots/{size}/note")).is(200).text(), note);
    registry.audit();
}

#[test]
fn a_size_without_a_checkpoint_has_no_snapshot() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let first = registry.register(&press, &press.reservation("press.example"));
    let size = first["index"].as_u64().expect("an index") + 1;
    assert!(!body(&registry, &size.to_string()).is_empty());
    registry.read(&format!("/v1/snapshots/{}", size + 1)).is_problem(404, "not-found");
    registry.read("/v1/snapshots/x").is_problem(404, "not-found");
    registry.read("/v1/snapshots/00000000000000000000").is_problem(404, "not-found");
}
