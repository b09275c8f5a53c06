//! Domain control: keys bound by what a domain publishes, over real DNS and https, and what ends them.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use cleartitle_schema::domain_proof::{KeyRequest, dns_txt, key_directory, request, well_known};
use cleartitle_schema::signed::{key_id, print_public_key, sign};
use cleartitle_schema::statement::Proof;
use cleartitle_schema::time::Timestamp;
use harness::publisher::{host_scope, terms};
use harness::server::ORIGIN;
use harness::{Answer, Publisher, Ran, Registry, cleartitle};
use serde_json::{Value, json};

use crate::internet::{Internet, Page};

/// A registry on this internet, which may look at this machine, with further flags.
fn registry(internet: &Internet, more: &[&str]) -> Registry {
    let flags = internet.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Registry::start_with(&flags)
}

/// A key of this number for a domain; `Publisher::new` gives each domain one.
fn holder(domain: &str, number: u8) -> Publisher {
    let mut publisher = Publisher::new(domain, ORIGIN);
    let secret = blake3::derive_key("cleartitle tests key", format!("{domain} {number}").as_bytes());
    publisher.key = ed25519_dalek::SigningKey::from_bytes(&secret);
    publisher
}

/// Publishes these keys in a place, and nothing else there.
fn publish(internet: &Internet, domain: &str, proof: Proof, keys: &[&Publisher]) {
    let keys: Vec<_> = keys.iter().map(|it| it.key.verifying_key()).collect();
    let file = |media_type, text: String| (!keys.is_empty()).then(|| Page::File(media_type, text.into_bytes()));
    match proof {
        Proof::DnsTxt => {
            let records: Vec<String> = keys.iter().map(|key| dns_txt::record(key, None)).collect();
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            internet.txt(&format!("_cleartitle.{domain}"), &records);
        }
        Proof::WellKnown => {
            internet.page(domain, well_known::PATH, file("application/json", well_known::file(&keys, Some(ORIGIN))));
        }
        _ => {
            internet.page(
                domain,
                key_directory::PATH,
                file(key_directory::MEDIA_TYPE, key_directory::directory(&keys)),
            );
        }
    }
}

/// Asks over the command line for a key to be bound.
fn verify(registry: &Registry, publisher: &Publisher, proof: &str, voucher: Option<&Publisher>) -> Ran {
    let folder = tempfile::tempdir_in(registry.scratch()).expect("a folder").keep();
    let key = publisher.write_keys(&folder).display().to_string();
    let (url, log_key) = (registry.url(""), std::fs::read_to_string(registry.data().join("log.pub")).expect("a key"));
    let mut arguments = vec!["domain", "verify", "--registry", &url, "--log-key", log_key.trim(), "--key", &key];
    arguments.extend(["--proof", proof, "--format", "json", &publisher.domain]);
    let other = tempfile::tempdir_in(registry.scratch()).expect("a folder").keep();
    let voucher = voucher.map(|voucher| voucher.write_keys(&other).display().to_string());
    if let Some(path) = &voucher {
        arguments.extend(["--vouched-by", path]);
    }
    cleartitle(&arguments)
}

/// Asks over HTTP, with whatever request and signers.
fn ask(
    registry: &Registry,
    publisher: &Publisher,
    change: impl FnOnce(&mut KeyRequest),
    signers: &[&Publisher],
) -> Answer {
    let mut wanted = KeyRequest {
        version: request::VERSION,
        log: ORIGIN.to_owned(),
        domain: publisher.domain.parse().expect("a domain"),
        key: print_public_key(&publisher.key.verifying_key()).trim_end().to_owned(),
        proof: Proof::DnsTxt,
        issued_at: now(),
    };
    change(&mut wanted);
    let keys: Vec<_> = signers.iter().map(|it| &it.key).collect();
    let envelope = sign(request::PAYLOAD_TYPE, &wanted.to_payload().expect("a payload"), &keys).expect("an envelope");
    registry.post("/v1/keys", "application/json", envelope.to_bytes())
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_secs()).expect("a time"))
}

fn try_reserve(registry: &Registry, publisher: &Publisher, note: &str) -> Answer {
    let mut payload = publisher.reservation(&publisher.domain);
    payload["note"] = note.into();
    registry.try_register(&publisher.sign(&payload)).expect("an answer")
}

fn issuer(registry: &Registry, domain: &str) -> Value {
    registry.read(&format!("/v1/issuers/{domain}")).is(200).json()
}

#[test]
fn a_key_is_bound_by_each_of_the_three_places_with_its_evidence() {
    let internet = Internet::start(&["press.example", "herald.example", "lab.example"]);
    let registry = registry(&internet, &["--proof-private"]);
    for (domain, word, proof) in [
        ("press.example", "dns-txt", Proof::DnsTxt),
        ("herald.example", "well-known", Proof::WellKnown),
        ("lab.example", "key-directory", Proof::KeyDirectory),
    ] {
        let publisher = Publisher::new(domain, ORIGIN);
        publish(&internet, domain, proof, &[&holder(domain, 7), &publisher]);
        let bound: Value =
            serde_json::from_str(&verify(&registry, &publisher, word, None).exits(0).stdout).expect("JSON");
        assert_eq!((&bound["new"], &bound["new_tenure_from"]), (&json!(true), &json!(null)), "{bound}");
        let again: Value =
            serde_json::from_str(&verify(&registry, &publisher, word, None).exits(0).stdout).expect("JSON");
        assert_eq!((&again["new"], &again["binding"]), (&json!(false), &bound["binding"]));
        // What was seen, and who asked, are there for everybody.
        let view =
            registry.read(&format!("/v1/statements/{}", bound["binding"].as_str().expect("an id"))).is(200).json();
        assert_eq!(view["payload"]["body"]["proof"], word);
        let exhibits = view["payload"]["evidence"].as_array().expect("evidence").clone();
        assert_eq!(exhibits.len(), 2);
        let mut seen = String::new();
        for exhibit in &exhibits {
            let blob = registry.read(&format!("/v1/blobs/{}", exhibit["blob"].as_str().expect("a blob"))).is(200);
            seen.push_str(&blob.text());
        }
        let key = print_public_key(&publisher.key.verifying_key());
        let shown = match proof {
            Proof::KeyDirectory => "\"crv\": \"Ed25519\"".to_owned(),
            _ => key.trim_end().trim_start_matches("cleartitle-key+").to_owned(),
        };
        assert!(seen.contains(&shown) && seen.contains(request::PAYLOAD_TYPE), "{seen}");
        let said = try_reserve(&registry, &publisher, "said");
        if proof == Proof::KeyDirectory {
            said.is_problem(403, "key-ended");
        } else {
            let _ = said.is(201);
        }
        assert_eq!(issuer(&registry, domain)["keys"][0]["proof"], word);
    }
    registry.audit();
}

#[test]
fn what_a_domain_does_not_publish_is_not_bound() {
    let hosts = ["press.example", "www.press.example", "other.example"];
    let internet = Internet::start(&hosts);
    let registry = registry(&internet, &["--proof-private"]);
    let press = Publisher::new("press.example", ORIGIN);
    let bind = |change: fn(&mut KeyRequest)| ask(&registry, &press, change, &[&press]);
    let from_file: fn(&mut KeyRequest) = |wanted| wanted.proof = Proof::WellKnown;
    bind(|_| {}).is_problem(422, "not-published");
    bind(from_file).is_problem(422, "not-published");
    publish(&internet, "press.example", Proof::DnsTxt, &[&holder("press.example", 2)]);
    bind(|_| {}).is_problem(422, "not-published");
    internet
        .txt("_cleartitle.press.example", &[&dns_txt::record(&press.key.verifying_key(), Some("other.example/log"))]);
    bind(|_| {}).is_problem(422, "not-published");
    for (page, status, code) in [
        (Page::File("application/json", b"{\"version\":1,\"keys\":[],\"more\":1}".to_vec()), 422, "not-published"),
        (Page::Endless, 502, "domain-unreachable"),
        (Page::To(internet.url("other.example", well_known::PATH)), 502, "domain-unreachable"),
        (Page::To(internet.url("press.example", well_known::PATH)), 502, "domain-unreachable"),
        (Page::To("http://press.example/.well-known/cleartitle.json".to_owned()), 502, "domain-unreachable"),
        (Page::To("https://127.0.0.1/".to_owned()), 502, "domain-unreachable"),
        (Page::To("https://press.example:22/".to_owned()), 502, "domain-unreachable"),
        (Page::To(String::new()), 502, "domain-unreachable"),
    ] {
        internet.page("press.example", well_known::PATH, Some(page));
        bind(from_file).is_problem(status, code);
    }
    publish(&internet, "other.example", Proof::WellKnown, &[&press]);
    internet.page("press.example", well_known::PATH, Some(Page::To(internet.url("other.example", well_known::PATH))));
    bind(from_file).is_problem(502, "domain-unreachable");
    // Within the registrable domain a redirect is the domain's own affair.
    publish(&internet, "www.press.example", Proof::WellKnown, &[&press]);
    internet.page(
        "press.example",
        well_known::PATH,
        Some(Page::To(internet.url("www.press.example", well_known::PATH))),
    );
    let _ = bind(from_file).is(201);
    registry.audit();
}

#[test]
fn a_request_must_be_the_keys_own_and_fresh_and_for_this_log() {
    let internet = Internet::start(&["press.example", "modem.example", "modern.example"]);
    let registry = registry(&internet, &["--proof-private"]);
    let (press, thief) = (Publisher::new("press.example", ORIGIN), holder("press.example", 2));
    publish(&internet, "press.example", Proof::DnsTxt, &[&press]);
    ask(&registry, &press, |_| {}, &[&thief]).is_problem(400, "malformed-key-request");
    ask(&registry, &press, |_| {}, &[&press, &thief]).is_problem(400, "malformed-key-request");
    ask(&registry, &press, |it| it.log = "other.example".to_owned(), &[&press]).is_problem(422, "other-log");
    ask(&registry, &press, |it| it.issued_at = now().plus_seconds(-3600), &[&press])
        .is_problem(422, "stale-key-request");
    ask(&registry, &press, |it| it.issued_at = now().plus_seconds(3600), &[&press])
        .is_problem(422, "stale-key-request");
    ask(&registry, &press, |it| it.proof = Proof::Operator, &[&press]).is_problem(403, "operator-only");
    let suffix = |it: &mut KeyRequest| it.domain = "co.uk".parse().expect("a domain");
    ask(&registry, &press, suffix, &[&press]).is_problem(403, "public-suffix");
    let _ = ask(&registry, &press, |_| {}, &[&press]).is(201);
    // One key is one house's.
    let stolen = Publisher { domain: "modem.example".to_owned(), ..press.clone() };
    publish(&internet, "modem.example", Proof::DnsTxt, &[&stolen]);
    ask(&registry, &stolen, |_| {}, &[&stolen]).is_problem(403, "key-of-another");
    // The second of two names that look the same needs a person.
    let (first, second) = (Publisher::new("modern.example", ORIGIN), holder("modem.example", 3));
    publish(&internet, "modern.example", Proof::DnsTxt, &[&first]);
    let _ = ask(&registry, &first, |_| {}, &[&first]).is(201);
    publish(&internet, "modem.example", Proof::DnsTxt, &[&second]);
    ask(&registry, &second, |_| {}, &[&second]).is_problem(403, "name-needs-review");
    registry.bind(&second).exits(0);
    registry.audit();
}

#[test]
fn a_name_that_leads_inside_is_not_fetched() {
    let internet = Internet::start(&["press.example"]);
    let registry = registry(&internet, &[]);
    let press = Publisher::new("press.example", ORIGIN);
    publish(&internet, "press.example", Proof::WellKnown, &[&press]);
    for inside in [[127, 0, 0, 1], [10, 0, 0, 1], [169, 254, 169, 254], [192, 168, 1, 1], [0, 0, 0, 0]] {
        internet.address("press.example", Ipv4Addr::from(inside));
        let refused = ask(&registry, &press, |it| it.proof = Proof::WellKnown, &[&press]);
        assert!(refused.text().contains("no public address"), "{}", refused.text());
        refused.is_problem(502, "domain-unreachable");
    }
    // TXT records are no place to connect to.
    publish(&internet, "press.example", Proof::DnsTxt, &[&press]);
    let _ = ask(&registry, &press, |_| {}, &[&press]).is(201);
}

#[test]
fn a_domain_is_looked_at_once_for_many_who_ask() {
    let internet = Internet::start(&["press.example"]);
    let registry = registry(&internet, &["--proof-private", "--look-serves", "60"]);
    let from_file: fn(&mut KeyRequest) = |wanted| wanted.proof = Proof::WellKnown;
    for number in 0..40 {
        let press = holder("press.example", number);
        ask(&registry, &press, from_file, &[&press]).is_problem(422, "not-published");
    }
    assert_eq!(internet.asked("press.example", well_known::PATH), 1);
    // The other place is another question.
    let press = holder("press.example", 1);
    publish(&internet, "press.example", Proof::DnsTxt, &[&press]);
    let _ = ask(&registry, &press, |_| {}, &[&press]).is(201);
}

#[test]
fn a_key_lapses_when_its_domain_stops_publishing_it_and_may_return() {
    let internet = Internet::start(&["press.example", "herald.example"]);
    let registry = registry(
        &internet,
        &["--proof-private", "--recheck-every", "1s", "--lapse-missing", "2s", "--lapse-unreachable", "4s"],
    );
    let (press, herald) = (Publisher::new("press.example", ORIGIN), Publisher::new("herald.example", ORIGIN));
    publish(&internet, "press.example", Proof::DnsTxt, &[&press]);
    publish(&internet, "herald.example", Proof::WellKnown, &[&herald]);
    verify(&registry, &press, "dns-txt", None).exits(0);
    verify(&registry, &herald, "well-known", None).exits(0);
    let said = try_reserve(&registry, &press, "while it speaks").is(201).json();

    publish(&internet, "press.example", Proof::DnsTxt, &[]);
    // Nobody at home: the address leads to where nothing listens.
    internet.address("herald.example", Ipv4Addr::new(127, 0, 0, 99));
    for (domain, publisher) in [("press.example", &press), ("herald.example", &herald)] {
        let until = Instant::now() + Duration::from_secs(40);
        while issuer(&registry, domain)["keys"][0]["ended"]["cause"] != "lapsed" {
            assert!(Instant::now() < until, "{domain} did not lapse: {}", registry.said());
            std::thread::sleep(Duration::from_millis(200));
        }
        try_reserve(&registry, publisher, "afterwards").is_problem(403, "key-ended");
    }
    // What it said stands.
    let id = said["statement"].as_str().expect("an id");
    assert_eq!(registry.read(&format!("/v1/statements/{id}")).is(200).json()["status"], "in-force");
    publish(&internet, "press.example", Proof::DnsTxt, &[&press]);
    let back: Value = serde_json::from_str(&verify(&registry, &press, "dns-txt", None).exits(0).stdout).expect("JSON");
    assert_eq!((&back["new"], &back["new_tenure_from"]), (&json!(true), &json!(null)), "the same key, the same holder");
    let _ = try_reserve(&registry, &press, "again").is(201);
    registry.audit();
}

#[test]
fn a_key_that_an_older_one_vouches_for_goes_on_and_another_opens_a_tenure() {
    let internet = Internet::start(&["press.example"]);
    let registry = registry(&internet, &["--proof-private"]);
    let (first, second, buyer) = (holder("press.example", 1), holder("press.example", 2), holder("press.example", 3));
    publish(&internet, "press.example", Proof::DnsTxt, &[&first, &second, &buyer]);
    verify(&registry, &first, "dns-txt", None).exits(0);
    let reserved = try_reserve(&registry, &first, "by the first").is(201).json();
    let bound: Value =
        serde_json::from_str(&verify(&registry, &second, "dns-txt", Some(&first)).exits(0).stdout).expect("JSON");
    assert_eq!(bound["new_tenure_from"], json!(null));
    let end =
        |issuer: &Publisher, statement: &Value| issuer.statement(json!({"kind": "withdrawal", "statement": statement}));
    // The old key is still published, and yet it says nothing for the new holder: public keys are public.
    let sold: Value = serde_json::from_str(&verify(&registry, &buyer, "dns-txt", None).exits(0).stdout).expect("JSON");
    assert!(sold["new_tenure_from"].is_string(), "{sold}");
    for old in [&first, &second] {
        try_reserve(&registry, old, "from the old tenure").is_problem(403, "key-ended");
    }
    registry.register(&buyer, &end(&buyer, &reserved["statement"]));
    let asked = |at: &str| {
        let question = json!({"url": "https://press.example/a", "asker": {"domain": "lab.example"}, "use": "train-ai",
            "used_at": at});
        registry.post_json("/v1/decisions", &question).is(200).json()["decision"]["verdict"].clone()
    };
    // Registered, since the domain is the buyer's; and it loosens nothing that the holder before had reserved.
    assert_eq!(asked("2030-01-01T00:00:00Z"), "reserved");
    registry.audit();
}

#[test]
fn a_stolen_key_is_revoked_and_what_it_granted_is_disputed() {
    let internet = Internet::start(&["press.example"]);
    let registry = registry(&internet, &["--proof-private"]);
    let (stolen, kept) = (holder("press.example", 1), holder("press.example", 2));
    publish(&internet, "press.example", Proof::DnsTxt, &[&stolen, &kept]);
    verify(&registry, &stolen, "dns-txt", None).exits(0);
    verify(&registry, &kept, "dns-txt", Some(&stolen)).exits(0);
    let granted = registry.register(&stolen, &stolen.grant("press.example"));
    let ask = || {
        let question = json!({"url": "https://press.example/a", "asker": {"domain": "lab.example"}, "use": "train-ai"});
        registry.post_json("/v1/decisions", &question).is(200).json()["decision"].clone()
    };
    assert_eq!(ask()["verdict"], "cleared");
    let key = kept.write_keys(registry.scratch()).display().to_string();
    let (url, id) = (registry.url(""), key_id(&stolen.key.verifying_key()).to_string());
    let revoke = [
        "domain",
        "revoke",
        "--registry",
        &url,
        "--key",
        &key,
        "--issuer",
        "press.example",
        "--cause",
        "compromised",
        &id,
    ];
    cleartitle(&revoke).exits(0);
    let decision = ask();
    assert_eq!(
        (&decision["verdict"], &decision["reasons"][0]["code"]),
        (&json!("disputed"), &json!("key-compromised"))
    );
    try_reserve(&registry, &stolen, "by the thief").is_problem(403, "key-ended");
    ask_again_is_refused(&registry, &stolen);
    // The owner ends it with the key that is left, and states it anew.
    registry.register(&kept, &kept.statement(json!({"kind": "withdrawal", "statement": granted["statement"]})));
    let mut anew = kept.grant("press.example");
    anew["note"] = "stated anew".into();
    registry.register(&kept, &anew);
    assert_eq!(ask()["verdict"], "cleared");
    let shown = cleartitle(&["domain", "show", "--registry", &url, "press.example"]).exits(0);
    assert!(shown.stdout.contains("compromised"), "{}", shown.stdout);
    registry.audit();
}

fn ask_again_is_refused(registry: &Registry, stolen: &Publisher) {
    ask(registry, stolen, |_| {}, &[stolen]).is_problem(403, "key-compromised-before");
}

#[test]
fn an_agency_clears_what_a_house_asked_it_to_speak_for() {
    let registry = Registry::start();
    let (press, agency) = (registry.publisher("press.example"), registry.publisher("agency.example"));
    let given = registry.register(
        &press,
        &press.statement(json!({
            "kind": "delegation", "agent": {"domain": "agency.example"}, "scope": host_scope("press.example"),
        })),
    );
    let mut grant = agency.statement(json!({
        "kind": "grant", "basis": "agent", "scope": host_scope("press.example"), "terms": terms("allowed", "train-ai"),
    }));
    registry.try_register(&agency.sign(&grant)).expect("an answer").is_problem(403, "not-delegated");
    grant["delegation"] = given["statement"].clone();
    registry.register(&agency, &grant);
    let question = json!({"url": "https://press.example/a", "asker": {"domain": "lab.example"}, "use": "train-ai"});
    let decision = registry.post_json("/v1/decisions", &question).is(200).json()["decision"].clone();
    assert_eq!(decision["verdict"], "cleared", "{decision}");
    let mut elsewhere = grant.clone();
    elsewhere["body"]["scope"] = host_scope("herald.example");
    registry.try_register(&agency.sign(&elsewhere)).expect("an answer").is_problem(403, "not-delegated");
    registry.audit();
}

#[test]
fn what_is_to_be_published_is_printed_and_seen() {
    let internet = Internet::start(&["press.example"]);
    let folder = tempfile::tempdir().expect("a folder");
    let press = Publisher::new("press.example", ORIGIN);
    let key = press.write_keys(folder.path()).display().to_string();
    let record = cleartitle(&["domain", "record", "--key", &key, "press.example"]).exits(0).stdout;
    let line = record.lines().find(|line| line.starts_with("_cleartitle.press.example.")).expect("a record");
    internet.txt("_cleartitle.press.example", &[line.split('"').nth(1).expect("a text")]);
    let look = [
        "domain",
        "look",
        "--resolver",
        &internet.resolver(),
        "--proof",
        "dns-txt",
        "--format",
        "json",
        "press.example",
    ];
    let seen: Value = serde_json::from_str(&cleartitle(&look).exits(0).stdout).expect("JSON");
    assert_eq!(seen["places"][0]["key_ids"], json!([key_id(&press.key.verifying_key()).to_string()]));
    internet.txt("_cleartitle.press.example", &[]);
    cleartitle(&look).exits(1);
}
