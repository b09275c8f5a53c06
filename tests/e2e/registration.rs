//! Registration: what is taken, and every refusal over real HTTP with its problem code.

use cleartitle_schema::canon;
use cleartitle_schema::signed::{Envelope, sign};
use harness::publisher::{host_scope, path_scope, terms};
use harness::{Answer, Publisher, Registry};
use serde_json::{Value, json};

fn send(registry: &Registry, publisher: &Publisher, payload: &Value) -> Answer {
    registry.try_register(&publisher.sign(payload)).expect("an answer")
}

#[test]
fn a_statement_is_taken_once_and_answered_alike_for_ever() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let payload = press.reservation("press.example");
    let first = registry.register(&press, &payload);
    let again = send(&registry, &press, &payload).is(200).json();
    assert_eq!(first, again, "the same payload again gives the first receipt");
    registry.audit();

    let id = first["statement"].as_str().expect("an id");
    let view = registry.read(&format!("/v1/statements/{id}")).is(200).json();
    assert_eq!(view["registration"], first);
    assert_eq!(view["payload"], payload);
    assert_eq!(view["status"], "in-force");
    assert_eq!(view["signed_by"], json!(["press.example"]));

    // Stopped, killed and started again, the answer is the same, byte for byte.
    assert_eq!(registry.stop(), 0);
    registry.begin();
    assert_eq!(send(&registry, &press, &payload).is(200).json(), first);
    registry.kill();
    registry.begin();
    assert_eq!(send(&registry, &press, &payload).is(200).json(), first);
    registry.audit();
    harness::audit::check_blobs(&registry);
}

#[test]
fn a_key_is_bound_beside_a_running_server_and_logged_as_the_operators_word() {
    let registry = Registry::start();
    let press = Publisher::new("press.example", harness::server::ORIGIN);
    let payload = press.reservation("press.example");
    send(&registry, &press, &payload).is_problem(403, "unknown-issuer");
    registry.read("/v1/issuers/press.example").is_problem(404, "not-found");
    let bound = registry.bind(&press).exits(0);
    assert!(bound.stdout.starts_with("bound key:"), "{}", bound.stdout);
    // Without a restart, the server knows the key.
    registry.register(&press, &payload);
    let issuer = registry.read("/v1/issuers/press.example").is(200).json();
    assert_eq!(issuer["keys"][0]["proof"], "operator");
    assert_eq!(issuer["authority"], "press.example");
    // Again is fine and binds nothing twice; for another authority it is refused.
    registry.bind(&press).exits(0);
    assert_eq!(registry.read("/v1/issuers/press.example").json(), issuer);
    let thief = Publisher { domain: "other.example".to_owned(), ..press.clone() };
    let refused = registry.bind(&thief).exits(2);
    assert!(refused.stderr.contains("press.example"), "{}", refused.stderr);
    registry.audit();
}

#[test]
fn what_the_limits_name_is_refused_each_with_its_code() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let other = registry.publisher("other.example");
    let taken = press.reservation("press.example");

    // Bad signature: one bit of the payload after signing.
    let mut envelope = serde_json::to_value(press.sign(&taken)).expect("JSON");
    let good = envelope.clone();
    let changed = press.sign(&press.reservation("blog.press.example"));
    envelope["payload"] = serde_json::to_value(changed).expect("JSON")["payload"].clone();
    registry.post_json("/v1/statements", &envelope).is_problem(403, "bad-signature");
    // A signature of another payload type over the same bytes is another message.
    let bytes = canon::to_canonical(&taken).expect("canonical");
    let mistyped = sign("application/vnd.in-toto+json", &bytes, &[&press.key]).expect("an envelope");
    let mut envelope = good.clone();
    envelope["signatures"] = serde_json::to_value(mistyped).expect("JSON")["signatures"].clone();
    registry.post_json("/v1/statements", &envelope).is_problem(403, "bad-signature");
    // Foreign key: another's key over a statement in this issuer's name.
    send(&registry, &other, &taken).is_problem(403, "foreign-key");
    let stranger = Publisher::new("stranger.example", &press.origin);
    send(&registry, &stranger, &taken).is_problem(403, "foreign-key");
    // Replay to another log.
    let elsewhere = Publisher { origin: "elsewhere.example/log".to_owned(), ..press.clone() };
    send(&registry, &press, &elsewhere.reservation("press.example")).is_problem(422, "other-log");
    // Unknown issuer.
    send(&registry, &stranger, &stranger.reservation("stranger.example")).is_problem(403, "unknown-issuer");
    // Future timestamp.
    let mut future = taken.clone();
    future["issued_at"] = json!("2999-01-01T00:00:00Z");
    send(&registry, &press, &future).is_problem(422, "future-time");
    // Unknown fields, at every level: must-understand.
    for pointer in
        ["", "/issuer", "/body", "/body/scope", "/body/scope/include/0", "/body/terms", "/body/terms/clauses/0/rules/0"]
    {
        let mut unknown = taken.clone();
        unknown.pointer_mut(pointer).expect(pointer)["novel"] = json!(true);
        send(&registry, &press, &unknown).is_problem(400, "malformed-statement");
    }
    // Non-canonical JSON: a blank, another order, an escape, a number in another form, a member twice.
    let text = String::from_utf8(bytes).expect("UTF-8");
    for wrong in [
        text.replacen(':', ": ", 1),
        text.replacen("\"version\":1", "\"version\":1.0", 1),
        text.replacen("press", "\\u0070ress", 1),
        text.replacen("{\"body\"", "{\"version\":1,\"body\"", 1),
        format!("{text}\n"),
    ] {
        assert_ne!(wrong, text);
        let answer = registry.try_register(&press.sign_bytes(wrong.as_bytes())).expect("an answer");
        answer.is_problem(400, "not-canonical");
    }
    // A version from the future, and none.
    let mut version = taken.clone();
    version["version"] = json!(2);
    send(&registry, &press, &version).is_problem(400, "malformed-statement");

    // Nothing of all this is in the log.
    let listed = registry.read("/v1/statements?issuer=press.example").is(200).json();
    assert_eq!(listed["statements"], json!([]));
    registry.audit();
    // And what was refused in one form is taken in the right one.
    registry.register(&press, &taken);
}

#[test]
fn authority_and_standing_are_judged() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let other = registry.publisher("other.example");
    let blog = registry.publisher("blog.press.example");

    send(&registry, &press, &press.reservation("other.example")).is_problem(403, "outside-authority");
    send(&registry, &press, &press.grant("co.uk")).is_problem(403, "outside-authority");
    send(&registry, &blog, &blog.grant("blog.press.example")).is_problem(403, "subdomain-may-only-restrict");
    registry.register(&blog, &blog.reservation("blog.press.example"));

    let binding = press.statement(json!({
        "kind": "key-binding", "domain": "other.example", "proof": "operator",
        "key": cleartitle_schema::signed::print_public_key(&press.key.verifying_key()).trim_end(),
    }));
    send(&registry, &press, &binding).is_problem(403, "operator-only");
    let delegation = |by: &Publisher| {
        by.statement(json!({
            "kind": "delegation", "agent": { "domain": "other.example" }, "scope": host_scope(&by.domain),
        }))
    };
    send(&registry, &blog, &delegation(&blog)).is_problem(403, "subdomain-may-only-restrict");
    registry.register(&press, &delegation(&press));
    let empty = press.statement(json!({
        "kind": "grant", "basis": "owner", "scope": host_scope("press.example"), "terms": terms("disallowed", "train-ai"),
    }));
    send(&registry, &press, &empty).is_problem(422, "senseless-statement");

    let first = registry.register(&press, &press.reservation("press.example"));
    let id = first["statement"].as_str().expect("an id");
    let nowhere = format!("statement:{}", "0".repeat(64));
    let withdrawal = |by: &Publisher, id: &str| by.statement(json!({ "kind": "withdrawal", "statement": id }));
    send(&registry, &press, &withdrawal(&press, &nowhere)).is_problem(422, "unknown-statement");
    send(&registry, &other, &withdrawal(&other, id)).is_problem(403, "not-yours");
    let acceptance = other.statement(json!({ "kind": "acceptance", "offer": id }));
    send(&registry, &other, &acceptance).is_problem(422, "wrong-kind");
    let mut theft = other.reservation("other.example");
    theft["supersedes"] = json!([id]);
    send(&registry, &other, &theft).is_problem(403, "not-yours");

    let offer = press.statement(json!({
        "kind": "offer", "basis": "owner", "scope": path_scope("press.example", "/archive/"),
        "terms": terms("allowed", "train-ai"), "accept_until": "2020-01-01T00:00:00Z",
    }));
    let offer = registry.register(&press, &offer);
    let late = other.statement(json!({ "kind": "acceptance", "offer": offer["statement"] }));
    send(&registry, &other, &late).is_problem(409, "offer-not-in-force");
    registry.audit();
}

#[test]
fn an_agreement_needs_both_parties() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let lab = registry.publisher("biglab.example");
    let agreement = press.statement(json!({
        "kind": "agreement", "basis": "owner", "scope": host_scope("press.example"),
        "terms": terms("allowed", "train-ai"), "licensees": [{ "domain": "biglab.example" }],
    }));
    send(&registry, &press, &agreement).is_problem(403, "licensee-unsigned");
    send(&registry, &lab, &agreement).is_problem(403, "issuer-unsigned");
    let both = press.sign(&agreement).countersign(&lab.key).expect("two signatures");
    let registered = registry.try_register(&both).expect("an answer").is(201).json();
    registry.audit();
    let id = registered["statement"].as_str().expect("an id");
    let view = registry.read(&format!("/v1/statements/{id}")).is(200).json();
    assert_eq!(view["signed_by"], json!(["biglab.example", "press.example"]));
    // A third signature by somebody who is no party refuses the whole.
    let other = registry.publisher("other.example");
    let mut changed = agreement.clone();
    changed["note"] = json!("another payload");
    let three = press.sign(&changed).countersign(&lab.key).and_then(|two| two.countersign(&other.key));
    registry.try_register(&three.expect("three signatures")).expect("an answer").is_problem(403, "foreign-key");
}

#[test]
fn envelopes_of_another_shape_are_refused() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let payload = press.reservation("press.example");
    let envelope: Envelope = press.sign(&payload);
    let good = serde_json::to_value(&envelope).expect("JSON");
    let change = |pointer: &str, value: Value| {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).expect(pointer) = value;
        wrong
    };
    let mut extra = good.clone();
    extra["novel"] = json!(1);
    for wrong in [
        json!(null),
        json!([]),
        json!({}),
        extra,
        change("/payloadType", json!("application/vnd.in-toto+json")),
        change("/payload", json!("not base64")),
        change("/signatures", json!([])),
        change("/signatures/0/keyid", json!("key:00")),
        change("/signatures/0/sig", json!("AAAA")),
    ] {
        registry.post_json("/v1/statements", &wrong).is_problem(400, "malformed-envelope");
    }
    registry.post("/v1/statements", "application/json", "{").is_problem(400, "malformed-envelope");
    registry.post("/v1/statements", "application/json", Vec::new()).is_problem(400, "malformed-envelope");
    registry.post("/v1/statements", "text/plain", good.to_string()).is_problem(415, "unsupported-media-type");
    // Other tools write the same envelope with blanks and in another order; it is the same statement.
    let pretty = serde_json::to_vec_pretty(&good).expect("JSON");
    let _ = registry.post("/v1/statements", "application/json", pretty).is(201);
    registry.audit();
}
