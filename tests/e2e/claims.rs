//! Claims over bytes: proven by what a real site serves, countersigned, refused where they are nobody's or somebody else's,
//! challenged and answered.

use std::net::Ipv4Addr;

use cleartitle_schema::id::{BlobId, ContentId, ListId};
use cleartitle_schema::served::{MAX_HEAD, Served};
use harness::publisher::terms;
use harness::{Answer, Publisher, Ran, Registry, cleartitle, cleartitle_server};
use serde_json::{Value, json};

use crate::internet::{Internet, Page};

const HOSTS: &[&str] = &["press.example", "www.press.example", "stranger.example", "author.example"];

fn registry(internet: &Internet) -> Registry {
    let flags = internet.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--proof-private"]).collect();
    Registry::start_with(&flags)
}

fn id_of(text: &[u8]) -> String {
    ContentId::of(text).to_string()
}

/// A claim of this kind over these documents.
fn claim(publisher: &Publisher, kind: &str, texts: &[&[u8]]) -> Value {
    let mut ids: Vec<String> = texts.iter().map(|text| id_of(text)).collect();
    ids.sort();
    let preference = if kind == "reservation" { "disallowed" } else { "allowed" };
    publisher.statement(json!({
        "kind": kind, "basis": "owner", "scope": {"include": [{"target": "content", "ids": ids}]},
        "terms": terms(preference, "train-ai"),
    }))
}

fn try_register(registry: &Registry, publisher: &Publisher, payload: &Value) -> Answer {
    registry.try_register(&publisher.sign(payload)).expect("an answer")
}

fn registered(registry: &Registry, publisher: &Publisher, payload: &Value) -> String {
    registry.register(publisher, payload)["statement"].as_str().expect("an id").to_owned()
}

fn ask_proof(registry: &Registry, claim: &str, url: &str, text: &[u8]) -> Answer {
    registry.post_json(&format!("/v1/claims/{claim}/proof"), &json!({"url": url, "content": id_of(text)}))
}

/// The verdict over a copy of the text that was found on this site.
fn verdict(registry: &Registry, host: &str, text: &[u8]) -> (String, String) {
    let copy = json!({"urls": [{"role": "fetched", "url": format!("https://{host}/copy")}], "content": [id_of(text)]});
    let question = json!({"acquisition": copy, "asker": {"domain": "lab.example"}, "use": "train-ai"});
    let decision = registry.post_json("/v1/decisions", &question).is(200).json()["decision"].clone();
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    (word(&decision["verdict"]), word(&decision["reasons"][0]["code"]))
}

fn is(verdict: (String, String), expected: (&str, &str)) {
    assert_eq!((verdict.0.as_str(), verdict.1.as_str()), expected);
}

/// `claim prove` with these arguments after the registry's.
fn prove(registry: &Registry, claim: &str, more: &[&str]) -> Ran {
    let (url, log_key) = (registry.url(""), registry.log_key());
    let mut arguments = vec!["claim", "prove", "--registry", &url, "--log-key", log_key.trim(), "--statement", claim];
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    cleartitle(&arguments)
}

/// Registers provenance records of these texts, each under this host.
fn show(registry: &Registry, publisher: &Publisher, host: &str, texts: &[&[u8]]) {
    let line = |text: &&[u8]| {
        let urls = json!([{"role": "fetched", "url": format!("https://{host}/{}", text.len())}]);
        format!("{}\n", json!({"urls": urls, "content": [id_of(text)]}))
    };
    let list: Vec<u8> = texts.iter().flat_map(|text| line(text).into_bytes()).collect();
    let manifest = publisher.statement(json!({
        "kind": "manifest", "role": "provenance", "list": ListId::of(&list).to_string(), "rows": texts.len(),
        "bytes": list.len(), "media_type": "application/x-ndjson",
    }));
    let mut body = publisher.sign(&manifest).to_bytes();
    body.push(b'\n');
    body.extend_from_slice(&list);
    _ = registry.post("/v1/documents", "application/x-ndjson", body).is(201);
}

#[test]
fn serving_proves_a_claim_with_evidence_that_anybody_can_check() {
    let internet = Internet::start(HOSTS);
    let registry = registry(&internet);
    let press = registry.publisher("press.example");
    let (story, long) = (b"<p>A story.</p>".as_slice(), vec![b'x'; 3 * MAX_HEAD]);
    let reserved = registered(&registry, &press, &claim(&press, "reservation", &[story, &long]));
    is(verdict(&registry, "mirror.example", story), ("disputed", "claim-unproven"));
    internet.page("www.press.example", "/story", Some(Page::File("text/html; charset=utf-8", story.to_vec())));
    internet.page("press.example", "/story", Some(Page::To(internet.url("www.press.example", "/story"))));
    internet.page("press.example", "/long", Some(Page::File("video/mp4", long.clone())));
    let file = registry.scratch().join("story.html");
    std::fs::write(&file, story).expect("a file");
    let (at, file) = (internet.url("press.example", "/story"), file.display().to_string());
    let told = |ran: Ran| -> Value { serde_json::from_str(&ran.exits(0).stdout).expect("JSON") };
    let first = told(prove(&registry, &reserved, &["--url", &at, &file]));
    assert_eq!((&first[0]["new"], &first[0]["content"]), (&json!(true), &json!(id_of(story))), "{first}");
    assert_eq!(told(prove(&registry, &reserved, &["--url", &at, &file]))[0]["new"], false);
    // Only what was seen is proven.
    is(verdict(&registry, "mirror.example", story), ("reserved", "rights-reserved"));
    is(verdict(&registry, "mirror.example", &long), ("disputed", "claim-unproven"));
    let list = registry.scratch().join("served.txt");
    let long_at = internet.url("press.example", "/long");
    let lines = format!("# served\n{at} {}\n{long_at} {}\n{at} {}\n", id_of(story), id_of(&long), id_of(&long));
    std::fs::write(&list, lines).expect("a list");
    // The last line is wrong, and answered by the proof that is there by then.
    told(prove(&registry, &reserved, &["--list", &list.display().to_string()]));
    std::fs::write(&list, format!("{at} {}\n{at} {}\n", id_of(b"unclaimed"), id_of(story))).expect("a list");
    // One that can't be proven does not keep the other from it.
    let half = prove(&registry, &reserved, &["--list", &list.display().to_string()]).exits(1).stdout;
    assert!(half.contains("not-claimed") && half.contains("\"new\":false"), "{half}");
    is(verdict(&registry, "mirror.example", &long), ("reserved", "rights-reserved"));
    // The evidence is there for everybody, and says the same as the statement.
    let proof = first[0]["proof"].as_str().expect("an id");
    let view = registry.read(&format!("/v1/statements/{proof}")).is(200).json();
    assert_eq!(view["payload"]["body"]["kind"], "claim-proof");
    let blob = view["payload"]["evidence"][0]["blob"].as_str().expect("a blob");
    let bytes = registry.read(&format!("/v1/blobs/{blob}")).is(200).body;
    assert_eq!(BlobId::of(&bytes).to_string(), blob);
    let served = Served::parse(&bytes).expect("evidence");
    assert_eq!((served.status, served.length), (200, story.len() as u64));
    assert_eq!(served.url, internet.url("www.press.example", "/story"));
    assert_eq!(served.content[0].to_string(), id_of(story));
    let named = registry.read(&format!("/v1/statements/{reserved}")).is(200).json()["named_by"].clone();
    assert_eq!(named.as_array().map(Vec::len), Some(2), "{named}");
    assert!(named.as_array().expect("a list").iter().all(|by| by["relation"] == "proves"));
    registry.audit();
}

#[test]
fn what_is_not_served_by_the_claimant_proves_nothing() {
    let internet = Internet::start(HOSTS);
    let registry = registry(&internet);
    let (press, story) = (registry.publisher("press.example"), b"A story.".as_slice());
    let reserved = registered(&registry, &press, &claim(&press, "reservation", &[story]));
    let at = |path: &str| internet.url("press.example", path);
    internet.page("press.example", "/other", Some(Page::File("text/plain", b"Another story.".to_vec())));
    internet.page("stranger.example", "/story", Some(Page::File("text/plain", story.to_vec())));
    internet.page("press.example", "/away", Some(Page::To(internet.url("stranger.example", "/story"))));
    internet.page("press.example", "/endless", Some(Page::Endless));
    ask_proof(&registry, &reserved, &at("/nothing"), story).is_problem(422, "not-served");
    ask_proof(&registry, &reserved, &at("/other"), story).is_problem(422, "not-served");
    ask_proof(&registry, &reserved, &internet.url("stranger.example", "/story"), story)
        .is_problem(403, "outside-authority");
    ask_proof(&registry, &reserved, &at("/away"), story).is_problem(502, "serving-unreachable");
    ask_proof(&registry, &reserved, &at("/endless"), story).is_problem(502, "serving-unreachable");
    ask_proof(&registry, &reserved, "http://press.example/story", story).is_problem(502, "serving-unreachable");
    ask_proof(&registry, &reserved, "no url", story).is_problem(422, "unprocessable-request");
    ask_proof(&registry, &reserved, &at("/other"), b"Another story.").is_problem(422, "not-claimed");
    let by_host = registered(&registry, &press, &press.reservation("press.example"));
    ask_proof(&registry, &by_host, &at("/other"), story).is_problem(422, "not-claimed");
    ask_proof(&registry, &format!("statement:{}", "0".repeat(64)), &at("/other"), story).is_problem(404, "not-found");
    // A name that leads to a private network is not looked at.
    internet.address("www.press.example", Ipv4Addr::new(169, 254, 169, 254));
    ask_proof(&registry, &reserved, &internet.url("www.press.example", "/"), story)
        .is_problem(502, "serving-unreachable");
    // Nobody but the registry says what it saw.
    let forged = press.statement(json!({
        "kind": "claim-proof", "claim": reserved, "content": [id_of(story)], "url": "https://press.example/story",
    }));
    try_register(&registry, &press, &forged).is_problem(403, "operator-only");
    is(verdict(&registry, "mirror.example", story), ("disputed", "claim-unproven"));
    registry.audit();
}

#[test]
fn a_domain_sold_between_claim_and_proof_proves_nothing() {
    let internet = Internet::start(HOSTS);
    let registry = registry(&internet);
    let (press, story) = (registry.publisher("press.example"), b"A story.".as_slice());
    let reserved = registered(&registry, &press, &claim(&press, "reservation", &[story]));
    internet.page("press.example", "/story", Some(Page::File("text/plain", story.to_vec())));
    let mut buyer = press.clone();
    buyer.key = ed25519_dalek::SigningKey::from_bytes(&blake3::derive_key("cleartitle tests key", b"the buyer"));
    let folder = tempfile::tempdir_in(registry.scratch()).expect("a folder");
    let public = buyer.write_keys(folder.path()).with_extension("pub").display().to_string();
    let data = registry.data().display().to_string();
    cleartitle_server(&["bind-key", "--data", &data, "--issuer", "press.example", "--key", &public, "--new-tenure"])
        .exits(0);
    let at = internet.url("press.example", "/story");
    ask_proof(&registry, &reserved, &at, story).is_problem(409, "tenure-ended");
    is(verdict(&registry, "mirror.example", story), ("disputed", "claim-unproven"));
    // The new holder's own claim is its own to prove.
    let mut anew = claim(&buyer, "reservation", &[story]);
    anew["note"] = "by the new holder".into();
    let anew = registered(&registry, &buyer, &anew);
    _ = ask_proof(&registry, &anew, &at, story).is(201);
    is(verdict(&registry, "mirror.example", story), ("reserved", "rights-reserved"));
    registry.audit();
}

#[test]
fn what_everybody_serves_is_nobodys_and_can_be_left_out() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    for text in [b"".as_slice(), b"\n", b"{}", b"User-agent: *\nDisallow: /\n"] {
        for kind in ["reservation", "grant"] {
            let refused = try_register(&registry, &press, &claim(&press, kind, &[b"mine", text]));
            refused.is_problem(422, "common-content");
        }
    }
    let mut grant = press.grant("press.example");
    grant["body"]["scope"]["exclude"] = json!([{"target": "content", "ids": [id_of(b"")]}]);
    registry.register(&press, &grant);
    is(verdict(&registry, "press.example", b""), ("unknown", "not-checked"));
    is(verdict(&registry, "press.example", b"a story"), ("cleared", "grant-in-force"));
}

#[test]
fn what_twenty_sites_show_is_nobodys() {
    let registry = Registry::start();
    let (press, banner) = (registry.publisher("press.example"), b"We value your privacy.".as_slice());
    for number in 0..20 {
        let domain = format!("site{number}.example");
        let site = registry.publisher(&domain);
        show(&registry, &site, &domain, &[banner]);
        let code = if number < 19 { (403, "seen-elsewhere") } else { (422, "common-content") };
        try_register(&registry, &press, &claim(&press, "reservation", &[banner])).is_problem(code.0, code.1);
    }
    registry.audit();
}

#[test]
fn bytes_that_another_showed_before_need_its_signature() {
    let internet = Internet::start(HOSTS);
    let registry = registry(&internet);
    let [press, stranger, author] =
        ["press.example", "stranger.example", "author.example"].map(|domain| registry.publisher(domain));
    let (shown, seen, own) = (b"shown".as_slice(), b"seen".as_slice(), b"one's own".as_slice());
    // A stranger's word about somebody else's host bars nobody.
    show(&registry, &stranger, "press.example", &[shown, own]);
    show(&registry, &press, "press.example", &[shown]);
    show(&registry, &author, "author.example", &[own]);
    show(&registry, &press, "press.example", &[own]);
    registered(&registry, &author, &claim(&author, "grant", &[own]));
    try_register(&registry, &stranger, &claim(&stranger, "reservation", &[shown])).is_problem(403, "seen-elsewhere");
    try_register(&registry, &press, &claim(&press, "reservation", &[own])).is_problem(403, "seen-elsewhere");
    registered(&registry, &press, &claim(&press, "reservation", &[shown]));
    // What the registry saw itself counts the same.
    let grant = registered(&registry, &press, &claim(&press, "grant", &[seen]));
    internet.page("press.example", "/seen", Some(Page::File("text/plain", seen.to_vec())));
    _ = ask_proof(&registry, &grant, &internet.url("press.example", "/seen"), seen).is(201);
    try_register(&registry, &stranger, &claim(&stranger, "grant", &[seen])).is_problem(403, "seen-elsewhere");

    // Two signatures: named and given.
    let mut both = claim(&author, "reservation", &[seen]);
    both["countersigned_by"] = json!(["press.example"]);
    try_register(&registry, &author, &both).is_problem(403, "countersigner-unsigned");
    let by = |signers: [&Publisher; 2]| signers[0].sign(&both).countersign(&signers[1].key).expect("an envelope");
    registry.try_register(&by([&author, &stranger])).expect("an answer").is_problem(403, "foreign-key");
    _ = registry.try_register(&by([&author, &press])).expect("an answer").is(201);
    is(verdict(&registry, "press.example", seen), ("reserved", "rights-reserved"));
    registry.audit();
}

#[test]
fn a_site_countersigns_over_the_command_line() {
    let registry = Registry::start();
    let (author, press) = (registry.publisher("author.example"), registry.publisher("press.example"));
    let folder = tempfile::tempdir().expect("a folder");
    let keys = [&author, &press].map(|publisher| publisher.write_keys(folder.path()).display().to_string());
    let (terms, envelope) = (folder.path().join("terms.toml"), folder.path().join("claim.json").display().to_string());
    let text = format!(
        "kind = \"reservation\"\nbasis = \"owner\"\ncountersigned_by = [\"press.example\"]\n[scope]\n\
         include = [\"{}\"]\n[[terms.rules]]\nuses = [\"train-ai\"]\n",
        id_of(b"an essay")
    );
    std::fs::write(&terms, text).expect("a terms file");
    let (url, log_key, terms) = (registry.url(""), registry.log_key(), terms.display().to_string());
    let at = ["register", "--registry", &url, "--log-key", log_key.trim()];
    let run = |more: &[&str]| cleartitle(&[&at[..], more].concat());
    run(&["--key", &keys[0], "--issuer", "author.example", "--sign-only", "--out", &envelope, &terms]).exits(0);
    run(&["--envelope", &envelope]).exits(2);
    run(&["--key", &keys[0], "--issuer", "stranger.example", "--countersign", &envelope]).exits(2);
    run(&["--key", &keys[1], "--issuer", "press.example", "--countersign", &envelope]).exits(0);
    is(verdict(&registry, "press.example", b"an essay"), ("reserved", "rights-reserved"));
    is(verdict(&registry, "mirror.example", b"an essay"), ("disputed", "claim-unproven"));
    registry.audit();
}

#[test]
fn a_claim_is_challenged_once_at_a_time_and_stands_when_it_is_answered() {
    let internet = Internet::start(HOSTS);
    let registry = registry(&internet);
    let [press, stranger, author] =
        ["press.example", "stranger.example", "author.example"].map(|domain| registry.publisher(domain));
    let story = b"A story.".as_slice();
    let reserved = registered(&registry, &press, &claim(&press, "reservation", &[story]));
    let challenge = |publisher: &Publisher, text: &[u8], evidence: &[&[u8]]| {
        let mut blobs: Vec<String> = evidence.iter().map(|bytes| BlobId::of(bytes).to_string()).collect();
        blobs.sort();
        let mut payload = publisher.statement(json!({
            "kind": "challenge", "claim": reserved, "content": [id_of(text)], "why": "I wrote it.",
        }));
        if !blobs.is_empty() {
            let exhibits = blobs.iter().map(|blob| json!({"blob": blob, "media_type": "application/pdf"}));
            payload["evidence"] = exhibits.collect();
        }
        payload
    };
    let answer = |publisher: &Publisher, challenge: &str, why: &str| {
        publisher.statement(json!({"kind": "answer", "challenge": challenge, "why": why}))
    };
    try_register(&registry, &author, &challenge(&author, story, &[])).is_problem(409, "nothing-to-challenge");
    internet.page("press.example", "/story", Some(Page::File("text/plain", story.to_vec())));
    _ = ask_proof(&registry, &reserved, &internet.url("press.example", "/story"), story).is(201);
    is(verdict(&registry, "mirror.example", story), ("reserved", "rights-reserved"));
    try_register(&registry, &author, &challenge(&author, b"another", &[])).is_problem(422, "not-claimed");
    try_register(&registry, &press, &challenge(&press, story, &[])).is_problem(403, "not-yours");

    let first = registered(&registry, &author, &challenge(&author, story, &[b"a draft"]));
    is(verdict(&registry, "mirror.example", story), ("disputed", "claim-challenged"));
    try_register(&registry, &author, &challenge(&author, story, &[b"a letter"])).is_problem(409, "challenged-before");
    try_register(&registry, &stranger, &answer(&stranger, &first, "No.")).is_problem(403, "not-yours");
    try_register(&registry, &press, &answer(&press, &reserved, "No.")).is_problem(422, "wrong-kind");
    registered(&registry, &press, &answer(&press, &first, "Our contract."));
    is(verdict(&registry, "mirror.example", story), ("reserved", "rights-reserved"));

    // Again with new evidence, once; then it is for a court.
    try_register(&registry, &author, &{
        let mut same = challenge(&author, story, &[b"a draft"]);
        same["note"] = "again".into();
        same
    })
    .is_problem(409, "challenged-before");
    let second = registered(&registry, &author, &challenge(&author, story, &[b"a letter"]));
    is(verdict(&registry, "mirror.example", story), ("disputed", "claim-challenged"));
    registered(&registry, &press, &answer(&press, &second, "Our other contract."));
    is(verdict(&registry, "mirror.example", story), ("reserved", "rights-reserved"));
    try_register(&registry, &author, &challenge(&author, story, &[b"a third"])).is_problem(409, "challenged-before");
    registry.audit();
}

#[test]
fn what_is_erased_takes_no_proof_of_a_reservation_along() {
    let internet = Internet::start(HOSTS);
    let registry = registry(&internet);
    let (press, copy) = (registry.publisher("press.example"), "mirror.example");
    let (open, closed) = (b"a free text".as_slice(), b"a reserved text".as_slice());
    let granted = registered(&registry, &press, &claim(&press, "grant", &[open]));
    let reserved = registered(&registry, &press, &claim(&press, "reservation", &[closed]));
    let mut proofs = Vec::new();
    for (claim, path, text) in [(&granted, "/open", open), (&reserved, "/closed", closed)] {
        internet.page("press.example", path, Some(Page::File("text/html", text.to_vec())));
        let proof = ask_proof(&registry, claim, &internet.url("press.example", path), text).is(201).json();
        proofs.push(proof["statement"].as_str().expect("an id").to_owned());
    }
    is(verdict(&registry, copy, open), ("cleared", "grant-in-force"));
    is(verdict(&registry, copy, closed), ("reserved", "rights-reserved"));
    assert_eq!(registry.stop(), 0);
    let data = registry.data().display().to_string();
    for statement in [&granted, &proofs[1]] {
        let erase = ["erase", "--data", &data, "--statement", statement, "--reason", "GDPR article 17, request 8"];
        _ = cleartitle_server(&erase).exits(0);
    }
    // The proof of what is gone accuses nobody.
    _ = cleartitle_server(&["audit", "--data", &data]).exits(0);
    registry.begin();
    is(verdict(&registry, copy, closed), ("reserved", "rights-reserved"));
    let (after, _) = verdict(&registry, copy, open);
    assert_eq!(after, "unknown");
}
