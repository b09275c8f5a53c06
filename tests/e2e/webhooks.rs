//! Webhooks: subscriptions by signature, deliveries in order, at least once and signed, over real https; and who may not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cleartitle_schema::domain_proof::key_directory;
use cleartitle_schema::http_signature::{
    Claims, Message, Rules, SIGNATURE_AGENT, check_content_digest, content_digest, sign, signature_agent, thumbprint,
    verify,
};
use cleartitle_schema::signed::key_id;
use cleartitle_schema::time::Timestamp;
use ed25519_dalek::VerifyingKey;
use harness::http::{Answer, client, send};
use harness::server::ORIGIN;
use harness::{Publisher, Registry};
use serde_json::{Value, json};

use crate::internet::{Internet, Page, Posted};

const TAG: &str = "cleartitle-webhook";

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_secs()).expect("a time"))
}

fn registry(internet: &Internet, more: &[&str]) -> Registry {
    let flags = internet.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Registry::start_with(&flags)
}

/// What a signed request says, before anybody changes it.
struct Signed {
    method: &'static str,
    path: String,
    body: Vec<u8>,
    agent: String,
    claims: Claims,
    covered: Vec<&'static str>,
}

impl Signed {
    fn new(asker: &Publisher, method: &'static str, path: &str, body: &Value) -> Self {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let mut covered = vec!["@method", "@authority", "@path", SIGNATURE_AGENT];
        covered.extend((!body.is_empty()).then_some("content-digest"));
        static NONCE: AtomicU64 = AtomicU64::new(0);
        let claims = Claims {
            key_id: key_id(&asker.key.verifying_key()).to_string(),
            created: now(),
            expires: now().plus_seconds(120),
            nonce: format!("n{}", NONCE.fetch_add(1, Ordering::Relaxed)),
            tag: TAG.to_owned(),
        };
        let agent = signature_agent(&asker.domain.parse().expect("a domain"));
        Self { method, path: path.to_owned(), body, agent, claims, covered }
    }

    fn send(&self, registry: &Registry, asker: &Publisher) -> Answer {
        let mut fields = vec![(SIGNATURE_AGENT.to_owned(), self.agent.clone())];
        if !self.body.is_empty() {
            fields.push(("content-digest".to_owned(), content_digest(&self.body)));
        }
        let authority = registry.socket();
        let message = Message {
            method: self.method,
            scheme: "http",
            authority: &authority,
            path: &self.path,
            query: None,
            fields: &fields,
        };
        let signature = sign(&message, &self.covered, &self.claims, &asker.key).expect("a signature");
        fields.push(("signature-input".to_owned(), signature.input));
        fields.push(("signature".to_owned(), signature.signature));
        let url = registry.url(&self.path);
        let mut request = match self.method {
            "POST" => client().post(url).header("content-type", "application/json"),
            "DELETE" => client().delete(url),
            _ => client().get(url),
        };
        for (name, value) in fields {
            request = request.header(name, value);
        }
        send(request.body(self.body.clone())).expect("an answer")
    }
}

fn subscribe(registry: &Registry, asker: &Publisher, more: &Value) -> Answer {
    let mut wanted = json!({ "log": ORIGIN, "url": format!("https://{}/hook", asker.domain) });
    wanted.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    Signed::new(asker, "POST", "/v1/webhooks", &wanted).send(registry, asker)
}

fn own(registry: &Registry, asker: &Publisher) -> Value {
    Signed::new(asker, "GET", "/v1/webhooks", &Value::Null).send(registry, asker).is(200).json()["webhooks"].clone()
}

/// Waits until this is so, half a minute at most.
#[track_caller]
fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The indexes of a delivery, once its signature, digest and purpose have been checked with the key that the registry shows.
fn opened(registry: &Registry, posted: &Posted) -> Vec<u64> {
    let shown = registry.read("/.well-known/http-message-signatures-directory").is(200);
    assert_eq!(shown.media_type, "application/http-message-signatures-directory+json");
    let keys: Vec<VerifyingKey> = key_directory::read(&shown.body, now()).keys;
    let message = Message {
        method: "POST",
        scheme: "https",
        authority: &posted.authority,
        path: &posted.path,
        query: None,
        fields: &posted.fields,
    };
    let covered = ["@method", "@authority", "@path", "content-digest", SIGNATURE_AGENT];
    let rules = Rules { covered: &covered, tag: "cleartitle-changes", now: now(), longest: 300 };
    let known = |id: &str| keys.iter().find(|key| thumbprint(key) == id).copied();
    let claims = verify(&message, rules, known).expect("the operator's signature");
    assert_eq!(claims.nonce.len(), 32);
    let digest = posted.fields.iter().find(|(name, _)| name == "content-digest").expect("a digest");
    check_content_digest(&digest.1, &posted.body).expect("the body that was signed");
    let body: Value = serde_json::from_slice(&posted.body).expect("JSON");
    assert_eq!(body["log"], ORIGIN);
    body["changes"].as_array().expect("changes").iter().filter_map(|change| change["index"].as_u64()).collect()
}

#[test]
fn changes_are_delivered_signed_and_in_order_across_failures_and_restarts() {
    let internet = Internet::start(&["lab.example"]);
    let registry = registry(&internet, &["--proof-private"]);
    let (press, lab) = (registry.publisher("press.example"), registry.publisher("lab.example"));
    registry.register(&press, &press.reservation("press.example"));
    // Nobody is at home yet: nothing is lost.
    let made = subscribe(&registry, &lab, &json!({ "after": 1 })).is(201).json();
    assert_eq!((&made["state"], &made["after"]), (&json!("active"), &json!(1)));
    until("a failure", || own(&registry, &lab)[0]["state"] == "failing");
    assert!(own(&registry, &lab)[0]["failure"].as_str().is_some_and(|why| why.contains("404")));
    assert_eq!(registry.stop(), 0);
    registry.begin();
    internet.page("lab.example", "/hook", Some(Page::File("text/plain", b"thanks".to_vec())));
    for host in ["a.press.example", "b.press.example"] {
        registry.register(&press, &press.reservation(host));
    }
    let taken = || -> Vec<Posted> { internet.posted().into_iter().filter(|posted| posted.taken).collect() };
    until("the deliveries", || own(&registry, &lab)[0]["after"] == 5);
    let told: Vec<u64> = taken().iter().flat_map(|posted| opened(&registry, posted)).collect();
    assert_eq!(told, [2, 3, 4, 5]);
    // Every failed attempt told the same beginning: at least once, and no gap.
    for failed in internet.posted().iter().filter(|posted| !posted.taken) {
        assert_eq!(opened(&registry, failed).first(), Some(&2));
    }
    assert_eq!(own(&registry, &lab)[0]["state"], "active");
    let id = made["id"].as_str().expect("an id");
    let path = format!("/v1/webhooks/{id}");
    Signed::new(&press, "DELETE", &path, &Value::Null).send(&registry, &press).is_problem(404, "not-found");
    assert_eq!(Signed::new(&lab, "DELETE", &path, &Value::Null).send(&registry, &lab).status, 204);
    assert_eq!(own(&registry, &lab), json!([]));
    registry.audit();
}

#[test]
fn a_filter_delivers_what_it_wants_and_passes_over_the_rest() {
    let internet = Internet::start(&["hooks.lab.example"]);
    internet.page("hooks.lab.example", "/hook", Some(Page::File("text/plain", Vec::new())));
    let registry = registry(&internet, &["--proof-private"]);
    let (press, lab) = (registry.publisher("press.example"), registry.publisher("lab.example"));
    let wanted = json!({ "url": "https://hooks.lab.example/hook", "filter": { "kind": "grant" } });
    let _ = subscribe(&registry, &lab, &wanted).is(201);
    registry.register(&press, &press.reservation("press.example"));
    registry.register(&press, &press.grant("press.example"));
    until("the cursor behind both", || own(&registry, &lab)[0]["after"] == 4);
    let told: Vec<u64> = internet.posted().iter().flat_map(|posted| opened(&registry, posted)).collect();
    assert_eq!(told, [4]);
}

#[test]
fn who_never_takes_a_delivery_is_given_up_and_told_so() {
    let internet = Internet::start(&["lab.example"]);
    let registry = registry(&internet, &["--proof-private", "--webhook-patience", "2s"]);
    let lab = registry.publisher("lab.example");
    internet.page("lab.example", "/hook", Some(Page::To("https://lab.example/elsewhere".to_owned())));
    let _ = subscribe(&registry, &lab, &json!({ "after": 0 })).is(201);
    until("the end", || own(&registry, &lab)[0]["state"] == "given-up");
    let view = own(&registry, &lab)[0].clone();
    // A redirect is no receipt, and nobody was sent there.
    assert!(view["failure"].as_str().is_some_and(|why| why.contains("302")), "{view}");
    assert!(internet.posted().iter().all(|posted| posted.path == "/hook"));
    assert_eq!(view["after"], 0, "where another subscription goes on");
}

#[test]
fn a_delivery_never_goes_inside() {
    let internet = Internet::start(&["lab.example"]);
    let registry = registry(&internet, &[]);
    let lab = registry.publisher("lab.example");
    for inside in [[127, 0, 0, 1], [10, 0, 0, 1], [169, 254, 169, 254]] {
        internet.address("lab.example", inside.into());
        let made = subscribe(&registry, &lab, &json!({ "after": 0 })).is(201).json();
        let of = |registry: &Registry| {
            own(registry, &lab).as_array().expect("webhooks").iter().find(|it| it["id"] == made["id"]).cloned()
        };
        until("the refusal", || of(&registry).is_some_and(|it| it["state"] == "failing"));
        let view = of(&registry).expect("the subscription");
        assert!(view["failure"].as_str().is_some_and(|why| why.contains("no public address")), "{view}");
    }
    assert!(internet.posted().is_empty());
    for elsewhere in [
        "http://lab.example/hook",
        "https://127.0.0.1/hook",
        "https://press.example/hook",
        "https://lab.example:22/hook",
        "https://user:pass@lab.example/hook",
        "https://lab.example.press.example/hook",
        "file:///etc/passwd",
    ] {
        subscribe(&registry, &lab, &json!({ "url": elsewhere })).is_problem(403, "webhook-elsewhere");
    }
}

#[test]
fn a_subscription_is_asked_for_by_a_bound_key_once_and_for_this_log() {
    let internet = Internet::start(&["lab.example", "crawl.example"]);
    let registry = registry(&internet, &["--proof-private"]);
    let (lab, press) = (registry.publisher("lab.example"), registry.publisher("press.example"));
    let wanted = json!({ "log": ORIGIN, "url": "https://lab.example/hook" });
    let fresh = |body: &Value| Signed::new(&lab, "POST", "/v1/webhooks", body);
    let first = fresh(&wanted);
    let _ = first.send(&registry, &lab).is(201);
    first.send(&registry, &lab).is_problem(403, "replayed-request");
    // The nonce outlives the process.
    assert_eq!(registry.stop(), 0);
    registry.begin();
    let again = Signed { claims: first.claims.clone(), ..fresh(&wanted) };
    again.send(&registry, &lab).is_problem(403, "replayed-request");
    // Another's key in one's own name, one's own key in another's, and a key that nobody bound.
    fresh(&wanted).send(&registry, &press).is_problem(403, "bad-signature");
    let as_press = Signed { agent: signature_agent(&"press.example".parse().expect("a domain")), ..fresh(&wanted) };
    as_press.send(&registry, &lab).is_problem(403, "unknown-signer");
    let stranger = Publisher::new("crawl.example", ORIGIN);
    Signed::new(&stranger, "POST", "/v1/webhooks", &wanted)
        .send(&registry, &stranger)
        .is_problem(403, "unknown-signer");
    let with = |change: fn(&mut Signed)| {
        let mut signed = fresh(&wanted);
        change(&mut signed);
        signed.send(&registry, &lab)
    };
    with(|it| it.claims.tag = "web-bot-auth".to_owned()).is_problem(403, "unsigned-request");
    with(|it| it.claims.expires = now().plus_seconds(3600)).is_problem(403, "unsigned-request");
    with(|it| it.claims.created = now().plus_seconds(-900)).is_problem(403, "unsigned-request");
    with(|it| it.covered.retain(|name| *name != "content-digest")).is_problem(403, "unsigned-request");
    with(|it| it.covered.retain(|name| *name != "@authority")).is_problem(403, "unsigned-request");
    registry.post_json("/v1/webhooks", &wanted).is_problem(403, "unsigned-request");
    fresh(&json!({ "log": "other.example/log", "url": "https://lab.example/hook" }))
        .send(&registry, &lab)
        .is_problem(422, "other-log");
    fresh(&json!({ "log": ORIGIN, "url": "https://lab.example/hook", "more": 1 }))
        .send(&registry, &lab)
        .is_problem(422, "unprocessable-request");
    for _ in 1..16 {
        let _ = fresh(&wanted).send(&registry, &lab).is(201);
    }
    fresh(&wanted).send(&registry, &lab).is_problem(409, "too-many-webhooks");
    // The domain's key by its thumbprint, as crawlers name theirs.
    let mut by_thumbprint = Signed::new(&lab, "GET", "/v1/webhooks", &Value::Null);
    by_thumbprint.claims.key_id = thumbprint(&lab.key.verifying_key());
    assert_eq!(by_thumbprint.send(&registry, &lab).is(200).json()["webhooks"].as_array().map(Vec::len), Some(16));
    // A crawler's key, bound from its directory, may ask although it may state nothing.
    let crawler = Publisher::new("crawl.example", ORIGIN);
    let directory = key_directory::directory(&[crawler.key.verifying_key()]);
    internet.page("crawl.example", key_directory::PATH, Some(Page::File(key_directory::MEDIA_TYPE, directory.into())));
    let key = crawler.write_keys(registry.scratch()).display().to_string();
    let (url, log_key) = (registry.url(""), registry.log_key());
    let _ = harness::cleartitle(&[
        "domain",
        "verify",
        "--registry",
        &url,
        "--log-key",
        &log_key,
        "--key",
        &key,
        "--proof",
        "key-directory",
        "crawl.example",
    ])
    .exits(0);
    assert_eq!(own(&registry, &crawler), json!([]));
    registry.audit();
}
