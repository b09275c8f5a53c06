//! Sealed deals: in the log like any leaf, in the hands of their parties alone, and in force in a lab's own filter.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use cleartitle::asker::Asker;
use cleartitle_schema::api::SEALED_TAG;
use cleartitle_schema::signed::{STATEMENT_TYPE, sign};
use cleartitle_schema::time::Timestamp;
use harness::http::{client, send};
use harness::publisher::{host_scope, terms};
use harness::{Answer, Publisher, Ran, Registry, cleartitle, cleartitle_server};
use serde_json::{Value, json};

/// Words that stand in the deals below and nowhere else.
const SECRETS: [&str; 2] = ["silent-lab.example", "98765432.10"];

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A registry in which `press.example` reserves training, and `silent-lab.example` and a stranger have keys.
struct Scene {
    registry: Registry,
    press: Publisher,
    lab: Publisher,
    stranger: Publisher,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::in_folder("trace");
        let press = registry.publisher("press.example");
        registry.register(&press, &press.reservation("press.example"));
        let (lab, stranger) = (registry.publisher(SECRETS[0]), registry.publisher("stranger.example"));
        Self { registry, press, lab, stranger }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.registry.scratch().join(name)
    }

    /// An agreement of the press with the lab.
    fn agreement(&self, note: &str) -> Value {
        let mut deal = self.press.statement(json!({
            "kind": "agreement", "basis": "owner", "scope": host_scope("press.example"),
            "terms": terms("allowed", "train-ai"), "licensees": [{"domain": SECRETS[0]}], "ending": "either-party",
        }));
        deal["note"] = format!("{note}: {} US dollars a year", SECRETS[1]).into();
        deal
    }

    fn signed(&self, payload: &Value, by: &[&Publisher]) -> Vec<u8> {
        let payload = cleartitle_schema::canon::to_canonical(payload).expect("a canonical form");
        let keys: Vec<_> = by.iter().map(|publisher| &publisher.key).collect();
        sign(STATEMENT_TYPE, &payload, &keys).expect("an envelope").to_bytes()
    }

    fn seal(&self, payload: &Value, by: &[&Publisher]) -> Answer {
        self.registry.post("/v1/sealed", "application/json", self.signed(payload, by))
    }

    /// A request that this publisher signed now, or with what it signed before.
    fn asked(&self, by: &Publisher, path: &str) -> (Answer, Vec<(String, String)>) {
        let url = self.registry.url(path).parse().expect("a URL");
        let asker = Asker::new(by.domain.parse().expect("a domain"), by.key.clone());
        let fields = asker.fields("GET", &url, b"", SEALED_TAG, now()).expect("a signature");
        (self.ask_with(path, &fields), fields)
    }

    fn ask_with(&self, path: &str, fields: &[(String, String)]) -> Answer {
        let request = client().get(self.registry.url(path));
        send(fields.iter().fold(request, |request, (name, value)| request.header(name, value))).expect("an answer")
    }

    fn deals(&self, verb: &[&str], by: &Publisher, out: &Path, last: &[&str]) -> Ran {
        let keys = self.path(&format!("keys-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&keys).expect("a folder");
        let (key, url, log) =
            (by.write_keys(&keys).display().to_string(), self.registry.url(""), self.registry.log_key());
        let mut arguments = vec!["deals"];
        arguments.extend(verb);
        let out = out.display().to_string();
        arguments.extend(["--registry", &url, "--log-key", &log, "--key", &key, "--party", &by.domain, "--out", &out]);
        arguments.extend(last);
        cleartitle(&arguments)
    }

    fn pull(&self, name: &str) -> String {
        let out = self.path(name).display().to_string();
        let pull = ["pull", "--registry", &self.registry.url(""), "--log-key", &self.registry.log_key(), "--out", &out];
        let _ = cleartitle(&pull).exits(0);
        out
    }

    /// The report of a filter over one page, by a policy of the lab.
    fn filtered(&self, snapshot: &str, deals: Option<&Path>) -> Value {
        let path = |name: &str| self.path(name).display().to_string();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (input, policy, out) = (path("page.jsonl"), path("lab.toml"), path(&format!("out-{number}")));
        let line = json!({"url": "https://press.example/a", "text": "A story.", "date": "2026-11-01T00:00:00Z"});
        std::fs::write(&input, format!("{line}\n")).expect("an input");
        let text = harness::crawl::KEEP_CLEARED.replace("biglab.example", SECRETS[0]);
        std::fs::write(&policy, text).expect("a policy");
        let deals = deals.map(|deals| deals.display().to_string());
        let mut filter =
            vec!["filter", "--snapshot", snapshot, "--policy", &policy, "--out", &out, "--format", "json", &input];
        filter.extend(deals.iter().flat_map(|deals| ["--sealed", deals.as_str()]));
        let ran = cleartitle(&filter);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    }

    /// What a lab with this folder of deals is answered.
    fn verdict(&self, snapshot: &str, asker: &str, deals: Option<&Path>) -> Value {
        let deals = deals.map(|deals| deals.display().to_string());
        let mut ask =
            vec!["ask", "--snapshot", snapshot, "--asker", asker, "--format", "json", "https://press.example/a"];
        ask.extend(deals.iter().flat_map(|deals| ["--sealed", deals.as_str()]));
        let ran = cleartitle(&ask);
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        answer["verdict"].clone()
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_secs()).expect("a time"))
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_sealed_deal_goes_to_its_parties_alone() {
    let scene = Scene::new();
    let registry = &scene.registry;
    let sealed = scene.seal(&scene.agreement("the first"), &[&scene.press, &scene.lab]).is(201).json();
    let again = scene.seal(&scene.agreement("the first"), &[&scene.press, &scene.lab]).is(200).json();
    assert_eq!(sealed, again, "the same deal again is the first");
    assert!(sealed["leaf"].as_str().expect("a leaf").contains("\"kind\":\"sealed\""));
    let commitment = format!("/v1/sealed/{}", sealed["commitment"].as_str().expect("a commitment"));
    for party in [&scene.press, &scene.lab] {
        let page = scene.asked(party, "/v1/sealed").0.is(200).json();
        assert_eq!(page["statements"][0]["registration"], sealed, "{}", party.domain);
        assert_eq!(scene.asked(party, &commitment).0.is(200).json(), page["statements"][0]);
    }
    // A stranger learns no more of it than of what is not there.
    assert_eq!(scene.asked(&scene.stranger, "/v1/sealed").0.is(200).json()["statements"], json!([]));
    let nowhere = format!("/v1/sealed/commitment:{}", "0".repeat(64));
    scene.asked(&scene.stranger, &nowhere).0.is_problem(404, "not-found");
    scene.asked(&scene.stranger, &commitment).0.is_problem(404, "not-found");
    scene.ask_with(&commitment, &[]).is_problem(403, "unsigned-request");
    // Who listens can't ask again, nor elsewhere, nor in another's name.
    let (first, fields) = scene.asked(&scene.lab, &commitment);
    let _ = first.is(200);
    scene.ask_with(&commitment, &fields).is_problem(403, "replayed-request");
    let (_, fields) = scene.asked(&scene.lab, &nowhere);
    scene.ask_with(&commitment, &fields).is_problem(403, "bad-signature");
    let thief = Publisher { domain: scene.lab.domain.clone(), ..scene.stranger.clone() };
    scene.asked(&thief, &commitment).0.is_problem(403, "unknown-signer");
    registry.audit();
}

#[test]
fn nothing_public_tells_what_is_sealed() {
    let scene = Scene::new();
    let registry = &scene.registry;
    let sealed = scene.seal(&scene.agreement("a deal"), &[&scene.press, &scene.lab]).is(201).json();
    let (id, commitment) = (sealed["statement"].as_str().expect("an id"), sealed["commitment"].as_str().expect("one"));
    // Mistakes about it are told to whoever makes them, and written nowhere.
    scene.seal(&scene.agreement("unsigned by the lab"), &[&scene.press]).is_problem(403, "licensee-unsigned");
    scene.seal(&scene.agreement("foreign"), &[&scene.press, &scene.stranger]).is_problem(403, "foreign-key");
    scene.seal(&scene.press.grant("press.example"), &[&scene.press]).is_problem(422, "not-sealable");
    let said = registry.said();
    // In public it is unknown, also to its own parties.
    let end = scene.press.statement(json!({"kind": "withdrawal", "statement": id}));
    registry.try_register(&scene.press.sign(&end)).expect("an answer").is_problem(422, "unknown-statement");
    registry.read(&format!("/v1/statements/{id}")).is_problem(404, "not-found");
    registry.read(&format!("/v1/statements/{id}/receipt")).is_problem(404, "not-found");
    registry.read(&format!("/v1/published/{commitment}")).is_problem(404, "not-found");
    let snapshot = std::fs::read(scene.pull("public.snapshot")).expect("a snapshot");
    let mut told = vec![("snapshot", String::from_utf8_lossy(&snapshot).into_owned())];
    for path in [
        "/v1/statements?limit=1000",
        "/v1/issuers/press.example",
        "/metrics",
        "/checkpoint",
        "/tile/entries/000.p/5",
        "/openapi.yaml",
    ] {
        told.push((path, registry.read(path).text()));
    }
    let question = json!({"url": "https://press.example/a", "asker": {"domain": SECRETS[0]}, "use": "train-ai"});
    let decision = registry.post_json("/v1/decisions", &question).is(200);
    assert_eq!(decision.json()["decision"]["verdict"], "reserved", "the registry itself knows no sealed terms");
    let data = registry.data().display().to_string();
    told.push(("audit", cleartitle_server(&["audit", "--data", &data, "--format", "json"]).exits(0).stdout));
    told.push(("log", said));
    for (what, text) in &told {
        // The lab has a key here, and its domain is known for that; the price is nowhere at all.
        assert!(!text.contains(SECRETS[1]), "{what} tells the price");
        assert!(!text.contains(id), "{what} tells the statement");
    }
    let salt = sealed["salt"].as_str().expect("a salt");
    assert!(told.iter().all(|(_, text)| !text.contains(salt)), "a salt is told");
    registry.audit();
    let _ = registry.stop();
    let rebuilt = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
}

#[test]
fn a_deal_is_in_force_in_the_labs_own_hands() {
    let scene = Scene::new();
    let _ = scene.seal(&scene.agreement("for the lab"), &[&scene.press, &scene.lab]).is(201);
    let snapshot = scene.pull("terms.snapshot");
    let deals = scene.path("deals");
    let fetched = scene.deals(&["fetch"], &scene.lab, &deals, &["--format", "json"]).exits(0);
    let file = PathBuf::from(
        serde_json::from_str::<Value>(&fetched.stdout).expect("JSON")["deals"][0]["file"].as_str().expect("a file"),
    );
    assert_eq!((mode(&deals), mode(&file)), (0o700, 0o600));
    assert_eq!(scene.verdict(&snapshot, SECRETS[0], None), "reserved");
    for _ in 0..2 {
        assert_eq!(scene.verdict(&snapshot, SECRETS[0], Some(&deals)), "cleared", "once made, and once kept");
    }
    assert_eq!(scene.verdict(&snapshot, "other-lab.example", Some(&deals)), "reserved");
    let joined: Vec<_> =
        std::fs::read_dir(&deals).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(joined.iter().all(|path| mode(path) == 0o600), "{joined:?}");
    // The filter knows no difference, and says in its report that there were deals, and nothing of them.
    for (with, kept) in [(true, 1), (false, 0)] {
        let report = scene.filtered(&snapshot, with.then_some(deals.as_path()));
        assert_eq!(report["inputs"][0]["kept"], kept, "{report}");
        assert_eq!(report["sealed"]["deals"], if with { json!(1) } else { json!(null) });
        assert!(!report.to_string().contains(SECRETS[1]), "{report}");
    }
    // An auditor checks what a party discloses, without anybody's help.
    let shown = file.display().to_string();
    let verified = cleartitle(&["verify", "--log-key", &scene.registry.log_key(), "--format", "json", &shown]).exits(0);
    assert!(verified.stdout.contains("sealed"), "{}", verified.stdout);
    // The end of the deal is sealed as well, and felt.
    let id =
        serde_json::from_str::<Value>(&std::fs::read_to_string(&file).expect("a deal")).expect("JSON")["statement"]
            .clone();
    let mut end = scene.lab.statement(json!({"kind": "withdrawal", "statement": id}));
    end["note"] = "the end".into();
    let _ = scene.seal(&end, &[&scene.lab]).is(201);
    let snapshot = scene.pull("terms.snapshot");
    assert_eq!(
        scene.verdict(&snapshot, SECRETS[0], Some(&deals)),
        "cleared",
        "a file that is not there counts as none"
    );
    let _ = scene.deals(&["fetch"], &scene.press, &scene.path("press-deals"), &[]).exits(0);
    let _ = scene.deals(&["fetch"], &scene.lab, &deals, &[]).exits(0);
    assert_eq!(scene.verdict(&snapshot, SECRETS[0], Some(&deals)), "reserved");
    // What is public is not ended in secret.
    let public = scene.registry.register(&scene.press, &scene.press.grant("press.example"));
    let hidden = scene.press.statement(json!({"kind": "withdrawal", "statement": public["statement"]}));
    scene.seal(&hidden, &[&scene.press]).is_problem(422, "public-named");
    scene.registry.audit();
}

#[test]
fn a_deal_that_the_registry_never_saw_is_checked_by_the_lab() {
    let scene = Scene::new();
    let envelope = scene.path("signed.json");
    let file = envelope.display().to_string();
    std::fs::write(&envelope, scene.signed(&scene.agreement("kept apart"), &[&scene.press, &scene.lab]))
        .expect("a file");
    let deals = scene.path("deals");
    let committed = scene.deals(&["commit"], &scene.lab, &deals, &["--format", "json", &file]).exits(0);
    let committed: Value = serde_json::from_str(&committed.stdout).expect("JSON");
    let kept = scene.registry.data().join("registry.sqlite");
    let bytes = std::fs::read(&kept).expect("the database");
    assert!(!String::from_utf8_lossy(&bytes).contains(SECRETS[1]), "the registry keeps what it was not given");
    let snapshot = scene.pull("terms.snapshot");
    // The deal is leaf 5; a log whose newest public statement is older ends its snapshot there all the same.
    assert_eq!(scene.verdict(&snapshot, SECRETS[0], Some(&deals)), "cleared");
    assert_eq!(scene.asked(&scene.lab, "/v1/sealed").0.is(200).json()["statements"], json!([]));

    // A commitment to a forgery is as easily registered, and convinces nobody.
    for (what, by, why) in [
        ("by a stranger", vec![&scene.stranger, &scene.lab], "not signed by its parties"),
        ("by the lab alone", vec![&scene.lab], "not signed by its parties"),
        ("by the press alone", vec![&scene.press], "not signed by its parties"),
    ] {
        let forged = scene.path(&format!("{what}.json"));
        std::fs::write(&forged, scene.signed(&scene.agreement(what), &by)).expect("a file");
        let folder = scene.path(&format!("deals {what}"));
        let shown = forged.display().to_string();
        let _ = scene.deals(&["commit"], &scene.lab, &folder, &[&shown]).exits(0);
        let snapshot = scene.pull("forged.snapshot");
        let deals = folder.display().to_string();
        let ask =
            ["ask", "--snapshot", &snapshot, "--sealed", &deals, "--asker", SECRETS[0], "https://press.example/a"];
        let refused = cleartitle(&ask).exits(2);
        assert!(refused.stderr.contains(why), "{what}: {}", refused.stderr);
    }
    // Younger than the snapshot, in a folder that others can read, changed: each says so, and none is a yes.
    let old = scene.pull("old.snapshot");
    std::fs::write(&envelope, scene.signed(&scene.agreement("younger"), &[&scene.press, &scene.lab])).expect("a file");
    let younger = scene.path("younger");
    let _ = scene.deals(&["commit"], &scene.press, &younger, &[&file]).exits(0);
    let ask = |snapshot: &str, deals: &Path| {
        let deals = deals.display().to_string();
        cleartitle(&[
            "ask",
            "--snapshot",
            snapshot,
            "--sealed",
            &deals,
            "--asker",
            SECRETS[0],
            "https://press.example/a",
        ])
    };
    assert!(ask(&old, &younger).exits(2).stderr.contains("pull a newer snapshot"));
    set_mode(&deals, 0o755);
    assert!(ask(&snapshot, &deals).exits(2).stderr.contains("chmod 700"));
    set_mode(&deals, 0o700);
    let path = PathBuf::from(committed["file"].as_str().expect("a file"));
    let text = std::fs::read_to_string(&path).expect("a deal");
    let salt = serde_json::from_str::<Value>(&text).expect("JSON")["salt"].as_str().expect("a salt").to_owned();
    std::fs::write(&path, text.replace(&salt, &"0".repeat(64))).expect("a deal");
    assert!(ask(&snapshot, &deals).exits(2).stderr.contains("does not hold"));
    scene.registry.audit();
}

#[test]
fn a_sealed_deal_that_was_erased_is_in_no_file_and_does_not_come_back() {
    let scene = Scene::new();
    let registry = &scene.registry;
    let deal = scene.agreement("to be erased");
    let parties = [&scene.press, &scene.lab];
    let sealed = scene.seal(&deal, &parties).is(201).json();
    let end = scene.lab.statement(json!({"kind": "withdrawal", "statement": sealed["statement"]}));
    let end = scene.seal(&end, &[&scene.lab]).is(201).json();
    let data = registry.data().display().to_string();
    let erase = |registration: &Value| {
        let id = registration["statement"].as_str().expect("an id");
        cleartitle_server(&["erase", "--data", &data, "--statement", id, "--reason", "GDPR article 17, request 8"])
    };
    let _ = registry.stop();
    // Without its end, of which nothing can remain, the deal would permit again.
    let refused = erase(&end).exits(2);
    assert!(refused.stderr.contains("would be in force again"), "{}", refused.stderr);
    let done = erase(&sealed).exits(0);
    assert!(done.stdout.contains("nothing remains of it") && done.stdout.contains("logged now"), "{}", done.stdout);
    let again = erase(&sealed).exits(0);
    assert!(again.stdout.contains("logged before"), "{}", again.stdout);
    let _ = erase(&end).exits(0);
    for entry in std::fs::read_dir(registry.data()).expect("the data folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let found = memchr::memmem::find(&bytes, SECRETS[1].as_bytes());
            assert_eq!(found, None, "{}", path.display());
        }
    }
    let rebuilt = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
    registry.begin();
    // Its parties no longer get it, and neither it nor its text comes back, sealed or not.
    for party in parties {
        assert_eq!(scene.asked(party, "/v1/sealed").0.is(200).json()["statements"], json!([]));
    }
    scene.seal(&deal, &parties).is_problem(410, "erased");
    let openly = scene.signed(&deal, &parties);
    registry.post("/v1/statements", "application/json", openly).is_problem(410, "erased");
    // The tombstones tell which leaves, and not which statements.
    let listed = registry.read("/v1/statements?kind=erasure").is(200).json();
    let tombstones = listed["statements"].as_array().expect("statements");
    assert_eq!(tombstones.len(), 2, "{listed}");
    assert_eq!(tombstones[0]["payload"]["body"]["commitment"], sealed["commitment"]);
    assert!(!listed.to_string().contains(sealed["statement"].as_str().expect("an id")), "{listed}");
    registry.audit();
    let outside = ["audit", "--registry", &registry.url(""), "--log-key", &registry.log_key()];
    let _ = cleartitle(&outside).exits(0);
}

#[test]
fn a_deal_holds_under_a_lock_and_no_report_names_it() {
    let scene = Scene::new();
    let sealed = scene.seal(&scene.agreement("for the data set"), &[&scene.press, &scene.lab]).is(201).json();
    let id = sealed["statement"].as_str().expect("an id");
    let (snapshot, deals) = (scene.pull("terms.snapshot"), scene.path("deals").display().to_string());
    let fetch = || scene.deals(&["fetch"], &scene.lab, Path::new(&deals), &[]).exits(0);
    let _ = fetch();
    let write = |name: &str, text: &str| {
        std::fs::write(scene.path(name), text).expect("a file");
        scene.path(name).display().to_string()
    };
    let policy = write("cleartitle.toml", &harness::crawl::KEEP_CLEARED.replace("biglab.example", SECRETS[0]));
    let row = json!({"url": "https://press.example/a", "captured_at": "2026-11-01T00:00:00Z"});
    let manifest = write("m.jsonl", &format!("{row}\n"));
    let run = |verb: &[&str], more: &[&str]| cleartitle(&[verb, &["--policy", &policy], more, &[&manifest]].concat());
    let _ = run(&["update"], &["--snapshot", &snapshot, "--sealed", &deals]).exits(0);
    let lock = std::fs::read_to_string(scene.path("cleartitle.lock")).expect("a lock");
    assert!(!lock.contains(id) && !lock.contains(SECRETS[1]), "{lock}");
    // The lock names the public state; the deal is in the lab's own hands, and without it the page is reserved.
    let _ = run(&["check"], &["--sealed", &deals]).exits(0);
    let without = run(&["check"], &[]).exits(1);
    assert!(without.stdout.contains("rights-reserved"), "{}", without.stdout);
    let by = ["--snapshot", &snapshot, "--sealed", &deals];
    for verb in [&["disclose", "--template", "eu"][..], &["export", "--to", "spdx"]] {
        let told = run(verb, &by).stdout;
        assert!(told.len() > 500 && !told.contains(id) && !told.contains(SECRETS[1]), "{verb:?}: {told}");
    }
    // Its end comes after the lock: the locked answer stands, the newest state says what has changed.
    let mut end = scene.lab.statement(json!({"kind": "withdrawal", "statement": id}));
    end["note"] = "the end".into();
    let _ = scene.seal(&end, &[&scene.lab]).is(201);
    let newest = scene.pull("newest.snapshot");
    let _ = fetch();
    let locked = run(&["check"], &["--sealed", &deals]).exits(0);
    assert!(locked.stderr.contains("1 sealed statements are younger than the lock"), "{}", locked.stderr);
    let latest = run(&["check", "--latest"], &["--snapshot", &newest, "--sealed", &deals]).exits(1);
    assert!(latest.stdout.contains("clearance-drift"), "{}", latest.stdout);
    let moved = run(&["update"], &["--snapshot", &newest, "--sealed", &deals]).exits(0);
    assert!(moved.stdout.contains("1 to remove"), "{}", moved.stdout);
    let _ = run(&["check"], &["--sealed", &deals]).exits(1);
}
