//! Money: a deal, its bill, the usage report, the payee who reads it, the discharge, and the bill that shows it; quotes and chains.

use std::path::PathBuf;

use cleartitle::asker::Asker;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::signed::{STATEMENT_TYPE, sign};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::usage::{USAGE_TAG, USAGE_TYPE};
use harness::http::{client, send};
use harness::publisher::{host_scope, path_scope, terms};
use harness::{Answer, Publisher, Ran, Registry, cleartitle, cleartitle_server};
use serde_json::{Value, json};

/// Figures that stand in the deal and its report, and nowhere else.
const SECRETS: [&str; 2] = ["0.7357", "8642.13"];

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp(i64::try_from(since.as_secs()).expect("a time"))
}

struct Scene {
    registry: Registry,
    press: Publisher,
    lab: Publisher,
    other: Publisher,
    stranger: Publisher,
}

impl Scene {
    fn new() -> Self {
        Self::on(Registry::start_telling("trace", &[]))
    }

    fn on(registry: Registry) -> Self {
        let [press, lab, other, stranger] = ["press.example", "lab.example", "other-lab.example", "stranger.example"]
            .map(|name| registry.publisher(name));
        Self { registry, press, lab, other, stranger }
    }

    fn path(&self, name: &str) -> String {
        self.registry.scratch().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("a file");
        self.path(name)
    }

    fn key(&self, of: &Publisher) -> String {
        let folder = PathBuf::from(self.path("keys"));
        std::fs::create_dir_all(&folder).expect("a folder");
        of.write_keys(&folder).display().to_string()
    }

    fn rows(&self, name: &str, rows: &[Value]) -> String {
        self.write(name, &rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// A newer snapshot, and a policy that keeps what costs at most a dollar a document.
    fn judged_by(&self) -> [String; 4] {
        let out = self.path("terms.snapshot");
        let (url, key) = (self.registry.url(""), self.registry.log_key());
        let _ = cleartitle(&["pull", "--registry", &url, "--log-key", &key, "--out", &out]).exits(0);
        let policy = "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n[actions]\ncleared = \"keep\"\n\
            conditional = \"keep\"\n";
        ["--snapshot".to_owned(), out, "--policy".to_owned(), self.write("lab.toml", policy)]
    }

    fn run(&self, verb: &[&str], last: &[&str]) -> Ran {
        let by = self.judged_by();
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        cleartitle(&[verb, &by, last].concat())
    }

    fn json(&self, verb: &[&str], last: &[&str], code: i32) -> Value {
        let last = [&["--format", "json"], last].concat();
        serde_json::from_str(&self.run(verb, &last).exits(code).stdout).expect("JSON")
    }

    /// A request for reports that this publisher signed now.
    fn reports_of(&self, by: &Publisher) -> Answer {
        let url = self.registry.url("/v1/usage").parse().expect("a URL");
        let asker = Asker::new(by.domain.parse().expect("a domain"), by.key.clone());
        let fields = asker.fields("GET", &url, b"", USAGE_TAG, now()).expect("a signature");
        let request = client().get(url);
        send(fields.iter().fold(request, |request, (name, value)| request.header(name, value))).expect("an answer")
    }

    fn priced(&self) -> Value {
        let pay = |price: Value| json!({"phase": "before", "action": {"duty": "pay", "price": price}});
        let usd = |amount: &str| json!({"known": "stated", "price": {"amount": amount, "currency": "USD"}});
        let mut duties = [
            pay(json!({"rate": usd(SECRETS[0]), "meter": {"per": "document"}})),
            pay(json!({"rate": usd("2.5"), "meter": {"per": "title"}})),
            json!({"phase": "after", "action": {"duty": "report", "every_days": 90}}),
        ];
        duties.sort_by_key(ToString::to_string);
        let mut terms = terms("allowed", "train-ai");
        terms["clauses"][0]["rules"][0]["duties"] = json!([]);
        let text =
            |duty: &Value| serde_json::from_value::<cleartitle_schema::terms::Duty>(duty.clone()).expect("a duty");
        let mut read: Vec<_> = duties.iter().map(text).collect();
        read.sort();
        terms["clauses"][0]["rules"][0]["duties"] = serde_json::to_value(read).expect("duties");
        terms
    }

    /// A deal of the press with both labs, registered in the open or sealed.
    fn deal(&self, path: &str) -> StatementId {
        let mut parties = [json!({"domain": "lab.example"}), json!({"domain": "other-lab.example"})];
        parties.sort_by_key(ToString::to_string);
        let deal =
            self.press.statement(json!({"kind": "agreement", "basis": "owner", "scope": host_scope("press.example"),
            "terms": self.priced(), "licensees": parties}));
        let payload = cleartitle_schema::canon::to_canonical(&deal).expect("a canonical form");
        let envelope = sign(STATEMENT_TYPE, &payload, &[&self.press.key, &self.lab.key]).expect("an envelope");
        let answer = self.registry.post(path, "application/json", envelope.to_bytes()).is(201).json();
        answer["statement"].as_str().expect("an id").parse().expect("an id")
    }
}

/// A payload as it stands in an envelope.
fn base64(payload: &Value) -> String {
    use base64::Engine as _;
    let payload = cleartitle_schema::canon::to_canonical(payload).expect("a canonical form");
    base64::engine::general_purpose::STANDARD.encode(payload)
}

fn page(n: u64) -> Value {
    json!({"url": format!("https://press.example/{n}"), "captured_at": "2026-11-01T00:00:00Z"})
}

#[test]
fn a_deal_is_used_billed_reported_read_and_discharged() {
    let scene = Scene::new();
    let _ = scene.registry.register(&scene.press, &scene.press.reservation("press.example"));
    let deal = scene.deal("/v1/sealed").to_string();
    let deals = scene.path("deals");
    let (url, log, key) = (scene.registry.url(""), scene.registry.log_key(), scene.key(&scene.lab));
    let at = ["--registry", url.as_str(), "--log-key", log.as_str()];
    let fetch = || {
        let args = ["deals", "fetch", "--key", &key, "--party", "lab.example", "--out", &deals];
        let _ = cleartitle(&[&args[..], &at].concat()).exits(0);
    };
    fetch();
    let manifest = scene.rows("crawl.jsonl", &(0..3).map(page).collect::<Vec<_>>());
    let counts = scene.write("counts.toml", "[[counts]]\nfor = \"press.example\"\ntitles = 3456\n");
    let sealed = ["--sealed", deals.as_str()];

    // Titles that nobody counted are told as missing; counted, the sum is the sum of the lines.
    let open = scene.json(&["bill"], &[&sealed[..], &[&manifest]].concat(), 1);
    assert_eq!((&open["complete"], &open["kept"]), (&json!(false), &json!(3)), "{open}");
    let with_counts = [&sealed[..], &["--counts", &counts, &manifest]].concat();
    let bill = scene.json(&["bill"], &with_counts, 0);
    // 3 x 0.7357 = 2.2071, and 3456 x 2.5 = 8640.
    assert_eq!(bill["totals"]["USD"]["open"]["amount"], "8642.21", "{bill}");
    let line = &bill["payees"][0]["lines"][0];
    assert_eq!(
        (&line["owed"]["statement"], line["receipt"].as_str().expect("a receipt").starts_with(&deals)),
        (&json!(deal), true)
    );

    // The same report twice is the same bytes, and the registry takes it once. A period's last second judges, and the deal must
    // be older than that.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let (from, to) = (Timestamp(now().0 - 30 * Timestamp::DAY).to_string(), now().to_string());
    let make = |out: &str, licensee: &str, key: &str| {
        let last = ["--deal", &deal, "--licensee", licensee, "--key", key, "--from", &from, "--to", &to, "--out", out];
        scene.run(&["usage", "make"], &[&last[..], &with_counts].concat())
    };
    let [one, two] = ["one.json", "two.json"].map(|name| scene.path(name));
    let made = make(&one, "lab.example", &key).exits(0);
    assert!(made.stdout.contains("3 documents") && made.stdout.contains("8640 USD"), "{}", made.stdout);
    let _ = make(&two, "lab.example", &key).exits(0);
    assert_eq!(std::fs::read(&one).expect("a report"), std::fs::read(&two).expect("a report"));
    let proof = scene.path("q.usage.json");
    let sent = cleartitle(&[&["usage", "send", "--out", &proof, &one], &at[..]].concat()).exits(0);
    assert!(sent.stderr.contains("taken; the proof holds"), "{}", sent.stderr);
    let again = cleartitle(&[&["usage", "send", &two], &at[..]].concat()).exits(0);
    assert!(again.stderr.contains("taken before") && again.stdout == sent.stdout, "{}", again.stderr);

    // Payee and reporter read it, with a proof; the other licensee and a stranger find none.
    for reader in [&scene.press, &scene.lab] {
        let list = scene.reports_of(reader).is(200).json();
        assert_eq!(list["reports"].as_array().map(Vec::len), Some(1), "{}", reader.domain);
    }
    for nobody in [&scene.other, &scene.stranger] {
        assert_eq!(scene.reports_of(nobody).is(200).json()["reports"], json!([]), "{}", nobody.domain);
    }
    scene.registry.read("/v1/usage").is_problem(403, "unsigned-request");
    let reports = scene.path("reports");
    let press_key = scene.key(&scene.press);
    let args = ["usage", "fetch", "--key", &press_key, "--party", "press.example", "--out", &reports];
    let read = cleartitle(&[&args[..], &at].concat()).exits(0);
    assert!(read.stdout.contains("lab.example used 3 documents"), "{}", read.stdout);
    let shown = cleartitle(&["usage", "show", "--log-key", &log, &proof]).exits(0);
    assert_eq!(shown.stdout, read.stdout);
    let forged = std::fs::read_to_string(&proof).expect("a file").replace("\"index\": ", "\"index\": 1");
    let forged = scene.write("forged.json", &forged);
    let _ = cleartitle(&["usage", "show", "--log-key", &log, &forged]).exits(2);

    // The payee says that it is paid, and the bill shows it.
    let discharge = scene.press.statement(json!({"kind": "discharge", "statement": deal, "duty": "pay",
        "licensee": {"domain": "lab.example"}, "amount": {"amount": "8642.21", "currency": "USD"}}));
    let _ = scene.registry.post("/v1/sealed", "application/json", scene.press.sign(&discharge).to_bytes()).is(201);
    fetch();
    let paid = scene.json(&["bill"], &with_counts, 0);
    let usd = &paid["totals"]["USD"];
    assert_eq!((&usd["open"]["amount"], &usd["discharged"]["amount"]), (&json!("0"), &json!("8642.21")), "{paid}");
    let csv = scene.run(&["bill", "--format", "csv"], &with_counts).exits(0).stdout;
    assert!(csv.starts_with("payee,statement,index,") && csv.contains("discharged by the payee"), "{csv}");
    scene.registry.audit();
}

#[test]
fn a_report_is_taken_from_a_licensee_alone_and_nothing_public_tells_of_it() {
    let scene = Scene::on(Registry::in_folder("trace"));
    let (sealed, public) = (scene.deal("/v1/sealed"), scene.deal_of_another());
    let origin = scene.press.origin.clone();
    let report = |deal: &StatementId, licensee: &str, log: &str, until: &str| {
        let price = json!({"rate": {"known": "stated", "price": {"amount": SECRETS[0], "currency": "USD"}}, "meter": {"per": "document"}});
        json!({"version": 1, "log": log, "deal": deal, "licensee": licensee, "papers": [], "documents": 7,
            "period": {"from": "2026-01-01T00:00:00Z", "until": until},
            "lines": [{"to": "press.example", "price": price, "documents": 7,
                "due": {"known": "exact", "amount": {"amount": SECRETS[1], "currency": "USD"}}}]})
    };
    let send = |payload: &Value, by: &Publisher| {
        let payload = cleartitle_schema::canon::to_canonical(payload).expect("a canonical form");
        let envelope = sign(USAGE_TYPE, &payload, &[&by.key]).expect("an envelope");
        scene.registry.post("/v1/usage", "application/json", envelope.to_bytes())
    };
    let until = "2026-07-01T00:00:00Z";
    let good = report(&sealed, "lab.example", &origin, until);
    send(&good, &scene.stranger).is_problem(403, "foreign-key");
    send(&report(&sealed, "stranger.example", &origin, until), &scene.stranger).is_problem(422, "unknown-statement");
    send(&report(&StatementId([9; 32]), "lab.example", &origin, until), &scene.lab)
        .is_problem(422, "unknown-statement");
    send(&report(&public, "stranger.example", &origin, until), &scene.stranger).is_problem(403, "not-yours");
    send(&report(&sealed, "lab.example", "elsewhere.example/log", until), &scene.lab).is_problem(422, "other-log");
    send(&report(&sealed, "lab.example", &origin, "2099-01-01T00:00:00Z"), &scene.lab)
        .is_problem(422, "malformed-usage-report");
    let mut odd = good.clone();
    odd["unheard_of"] = json!(1);
    send(&odd, &scene.lab).is_problem(422, "malformed-usage-report");
    send(&report(&sealed, "nobody.example", &origin, until), &scene.lab).is_problem(403, "unknown-issuer");
    let plain = scene.lab.sign(&good).to_bytes();
    scene.registry.post("/v1/usage", "application/json", plain).is_problem(400, "malformed-envelope");
    let taken = send(&good, &scene.lab).is(201).json();
    assert_eq!(send(&good, &scene.lab).is(200).json(), taken, "the same report again is the first");
    assert!(taken["leaf"].as_str().expect("a leaf").contains("\"kind\":\"sealed\""));

    let registry = &scene.registry;
    let [_, snapshot, ..] = scene.judged_by();
    let mut told =
        vec![("snapshot", String::from_utf8_lossy(&std::fs::read(snapshot).expect("a snapshot")).into_owned())];
    for path in [
        "/v1/statements?limit=1000",
        "/v1/issuers/lab.example",
        "/v1/changes",
        "/v1/changes.atom",
        "/metrics",
        "/checkpoint",
        "/openapi.yaml",
    ] {
        told.push((path, registry.read(path).text()));
    }
    let data = registry.data().display().to_string();
    told.push(("audit", cleartitle_server(&["audit", "--data", &data, "--format", "json"]).exits(0).stdout));
    told.push(("log", registry.said()));
    let (salt, id) = (taken["salt"].as_str().expect("a salt"), taken["report"].as_str().expect("an id"));
    for (what, text) in &told {
        for secret in [SECRETS[1], salt, id] {
            assert!(!text.contains(secret), "{what} tells `{secret}`");
        }
    }
    registry.audit();
    let _ = registry.stop();
    let rebuilt = cleartitle_server(&["rebuild", "--data", &data]).exits(0);
    assert!(rebuilt.stdout.contains("every projection is as it was"), "{}", rebuilt.stdout);
    // An operator who changes a figure of it is found out, by its number alone.
    let database = rusqlite::Connection::open(registry.data().join("registry.sqlite")).expect("the database");
    let change = |from: &str, to: &str| {
        let sql = "UPDATE usage_reports SET envelope = CAST(replace(CAST(envelope AS TEXT), ?1, ?2) AS BLOB)";
        assert_eq!(database.execute(sql, [from, to]).expect("a change"), 1);
    };
    let audit = |code: i32| cleartitle_server(&["audit", "--data", &data, "--format", "json"]).exits(code).stdout;
    let sound: Value = serde_json::from_str(&audit(0)).expect("JSON");
    assert_eq!((&sound["usage_reports"], &sound["usage_unproven"]), (&json!(1), &json!(0)), "{sound}");
    let payload = base64(&good);
    let other = base64(&report(&sealed, "lab.example", &origin, "2026-06-30T00:00:00Z"));
    change(&payload, &other);
    let found = audit(1);
    assert!(found.contains("usage report 1: it is not the report of its id") && !found.contains(SECRETS[1]), "{found}");
    change(&other, &payload);
    let _ = audit(0);
    registry.begin();
    assert_eq!(scene.reports_of(&scene.press).is(200).json()["reports"][0]["receipt"]["report"], id);
}

impl Scene {
    /// A public deal of the press with the other lab alone.
    fn deal_of_another(&self) -> StatementId {
        let deal = self
            .press
            .statement(json!({"kind": "agreement", "basis": "owner", "scope": path_scope("press.example", "/x/"),
            "terms": terms("allowed", "train-ai"), "licensees": [{"domain": "other-lab.example"}]}));
        let payload = cleartitle_schema::canon::to_canonical(&deal).expect("a canonical form");
        let envelope = sign(STATEMENT_TYPE, &payload, &[&self.press.key, &self.other.key]).expect("an envelope");
        let answer = self.registry.post("/v1/statements", "application/json", envelope.to_bytes()).is(201).json();
        answer["statement"].as_str().expect("an id").parse().expect("an id")
    }

    /// An offer of a site at a price.
    fn offer(&self, by: &Publisher, price: Value) -> String {
        let mut terms = terms("allowed", "train-ai");
        terms["clauses"][0]["rules"][0]["duties"] =
            json!([{"phase": "before", "action": {"duty": "pay", "price": price}}]);
        let body = json!({"kind": "offer", "basis": "owner", "scope": host_scope(&by.domain), "terms": terms});
        self.registry.register(by, &by.statement(body))["statement"].as_str().expect("an id").to_owned()
    }
}

#[test]
fn a_flat_fee_of_an_offer_is_owed_in_the_period_of_its_acceptance() {
    let scene = Scene::new();
    let usd = json!({"known": "stated", "price": {"amount": "1200", "currency": "USD"}});
    let offer = scene.offer(&scene.press, json!({"rate": usd, "meter": {"per": "flat"}}));
    let manifest =
        scene.rows("m.jsonl", &[json!({"url": "https://press.example/1", "captured_at": "2026-11-01T00:00:00Z"})]);
    // An hour on either side of the acceptance, wherever midnight is.
    let [before, begin, end] = [-7200, -3600, 3600].map(|seconds| now().plus_seconds(seconds).to_string());
    let billed = |from: &str, to: &str, code: i32| {
        let used = now().to_string();
        scene.json(&["bill", "--from", from, "--to", to, "--used-at", &used], &[&manifest], code)
    };
    let due = |bill: &Value| bill["payees"][0]["lines"][0]["due"].clone();
    let open = billed(&begin, &end, 1);
    assert_eq!(due(&open)["missing"], json!("first day of the fee's period"), "nobody accepted: {open}");
    let accept = |by: &Publisher| {
        let _ = scene.registry.register(by, &by.statement(json!({"kind": "acceptance", "offer": offer})));
    };
    accept(&scene.other);
    assert_eq!(due(&billed(&begin, &end, 1)), due(&open), "somebody else's acceptance");
    accept(&scene.lab);
    let accepted = billed(&begin, &end, 0);
    assert_eq!(due(&accepted)["amount"], json!({"amount": "1200", "currency": "USD"}), "{accepted}");
    assert_eq!(due(&billed(&before, &begin, 0))["amount"]["amount"], json!("0"));
    let quoted = scene.json(&["quote", "--from", &begin, "--to", &end], &[&manifest], 0);
    assert_eq!(quoted["damaged"], json!(0), "{quoted}");
    let part = json!({"kind": "acceptance", "offer": offer, "scope": host_scope("press.example")});
    let again = scene.lab.statement(part);
    let _ = scene.registry.register(&scene.lab, &again);
    assert_eq!(due(&billed(&begin, &end, 1)), due(&open), "accepted twice");
}

#[test]
fn an_offer_that_is_paid_afterwards_is_on_offer_and_a_deals_end_ends_its_bill() {
    let scene = Scene::new();
    let usd = json!({"known": "stated", "price": {"amount": "2", "currency": "USD"}});
    let mut terms = terms("allowed", "train-ai");
    let price = json!({"rate": usd, "meter": {"per": "document"}});
    terms["clauses"][0]["rules"][0]["duties"] = json!([{"phase": "after", "action": {"duty": "pay", "price": price}}]);
    let body = json!({"kind": "offer", "basis": "owner", "scope": host_scope("press.example"), "terms": terms});
    let mut offer = scene.press.statement(body);
    offer["effective"] = json!({"until": "2028-01-01T00:00:00Z"});
    let _ = scene.registry.register(&scene.press, &offer);
    let row = json!({"url": "https://press.example/1", "captured_at": "2026-11-01T00:00:00Z"});
    let manifest = scene.rows("m.jsonl", &[row]);
    let strict = scene.write("strict.toml", "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n");
    let by = scene.judged_by();
    let quote = ["quote", &by[0], &by[1], "--policy", &strict, "--format", "json", &manifest];
    let quoted: Value = serde_json::from_str(&cleartitle(&quote).exits(0).stdout).expect("JSON");
    let step = &quoted["curves"][0]["steps"][0];
    assert_eq!((&step["documents"], &quoted["refused"]), (&json!(1), &json!({})), "{quoted}");
    // Long after its end it is not billed as if it stood today.
    let billed = scene.json(&["bill", "--from", "2030-01-01", "--to", "2031-01-01"], &[&manifest], 0);
    assert_eq!((&billed["kept"], &billed["left_out"]), (&json!(0), &json!(1)), "{billed}");
}

#[test]
fn an_empty_paper_beside_a_full_one_is_no_yes() {
    let scene = Scene::new();
    let _ = scene.registry.register(&scene.press, &scene.press.grant("press.example"));
    let full = scene.rows("m.jsonl", &[json!({"url": "https://press.example/1", "captured_at": now().to_string()})]);
    let empty = scene.rows("empty.jsonl", &[]);
    for verb in [&["bill"][..], &["quote"], &["export", "--to", "spdx"]] {
        let _ = scene.run(verb, &[&full]).exits(0);
        let told = scene.run(verb, &[&full, &empty]).exits(2).stderr;
        assert!(told.contains("empty.jsonl") && told.contains("holds no rows"), "{verb:?}: {told}");
    }
    let _ = scene.run(&["impact", "--since", "0"], &[&full]).exits(0);
    let _ = scene.run(&["impact", "--since", "0"], &[&full, &empty]).exits(2);
}

#[test]
fn a_quote_says_what_the_rest_costs_and_whom_to_ask() {
    let scene = Scene::new();
    let open = scene.registry.publisher("open.example");
    let wire = scene.registry.publisher("wire.example");
    let _ = scene.registry.register(&open, &open.grant("open.example"));
    let _ = scene.registry.register(&scene.press, &scene.press.reservation("press.example"));
    let usd = |amount: &str| json!({"known": "stated", "price": {"amount": amount, "currency": "USD"}});
    let _ = scene.offer(&wire, json!({"rate": usd("120000"), "meter": {"per": "flat"}}));
    let _ = scene.offer(&scene.other, json!({"rate": usd("20000"), "meter": {"per": "document"}}));
    let at = |host: &str, n: u64| {
        (0..n)
            .map(|n| json!({"url": format!("https://{host}/{n}"), "captured_at": "2026-11-01T00:00:00Z"}))
            .collect::<Vec<_>>()
    };
    let rows = [
        at("open.example", 62),
        at("wire.example", 9),
        at("other-lab.example", 4),
        at("press.example", 20),
        at("nobody.example", 5),
    ];
    let manifest = scene.rows("m.jsonl", &rows.concat());
    let policy = "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n[actions]\ncleared = \"keep\"\n";
    let run = |more: &[&str], code: i32| {
        let by = scene.judged_by();
        let strict = scene.write("strict.toml", policy);
        cleartitle(&[&["quote", &by[0], &by[1], "--policy", &strict], more, &[&manifest]].concat()).exits(code).stdout
    };
    let told = run(&[], 1);
    assert!(told.contains("clear 62% for nothing, 71% for 120000 USD, 75% for 200000 USD"), "{told}");
    assert!(told.contains("press.example") && told.contains("nobody.example"), "{told}");
    let quote: Value = serde_json::from_str(&run(&["--format", "json"], 1)).expect("JSON");
    assert_eq!(quote["refused"]["press.example"]["verdicts"], json!({"reserved": 20}), "{quote}");
    assert_eq!(quote["curves"][0]["steps"][0]["asked"][0]["fixed"], json!(true));
    assert!(run(&["--format", "csv"], 1).lines().count() == 3);
    scene.registry.audit();
}

/// A name that leads nowhere is shown, and of an address that no paper lists what the snapshot says, which decides nothing.
fn leads_nowhere(scene: &Scene, papers: &[&str]) {
    let tree = |name: &str| scene.json(&["trace", name], papers, 1)["trees"][0]["tree"].clone();
    let named = tree("rewrite-4");
    assert_eq!(named["made_from"][1]["about"], "nobody-knows", "{named}");
    let address = tree("rewrite-5");
    assert_eq!(address["verdict"], "unknown", "{address}");
    assert_eq!(address["made_from"][1]["address"]["verdict"], "reserved", "{address}");
    let drawn = scene.run(&["trace", "rewrite-5", "--ascii"], papers).exits(1).stdout;
    let line = "generated of https://press.example/nobody-lists-it: unknown (lineage-unresolved); of this address alone the \
                snapshot says reserved (rights-reserved)";
    assert!(drawn.contains(line), "{drawn}");
}

#[test]
fn the_terms_of_all_ancestors_count_across_papers() {
    let scene = Scene::new();
    let _ = scene.registry.register(&scene.press, &scene.press.reservation("press.example"));
    let desk = scene.registry.publisher("desk.example");
    let model = scene.registry.publisher("model.example");
    let grant = model.statement(json!({"kind": "grant", "basis": "owner",
        "scope": {"include": [{"target": "works", "ids": ["model:model.example/writer"]}]}, "terms": terms("allowed", "train-ai")}));
    let _ = scene.registry.register(&model, &grant);
    let _ = scene.offer(
        &desk,
        json!({"rate": {"known": "stated", "price": {"amount": "18.5", "currency": "USD"}}, "meter": {"per": "hour"}}),
    );
    let open = scene.registry.publisher("open.example");
    let _ = scene.registry.register(&open, &open.grant("open.example"));
    let id = |digit: &str| format!("blake3:{}", digit.repeat(64));
    let time = "2026-11-01T00:00:00Z";
    let crawl = scene.rows(
        "crawl.jsonl",
        &[
            json!({"name": "page-1", "url": "https://press.example/a", "content": id("1"), "captured_at": time}),
            json!({"name": "page-2", "url": "https://open.example/a", "content": id("2"), "captured_at": time}),
        ],
    );
    let notes = scene.rows(
        "notes.jsonl",
        &[json!({"name": "note-2", "url": "https://desk.example/2", "captured_at": time, "channel": "annotation",
            "lineage": [{"link": "annotation", "parent": {"content": [id("2")]}}]})],
    );
    let generator = json!({"link": "generated", "parent": {"works": [{"id": "model:model.example/writer"}]}});
    let rewrite = |name: &str, of: &str| {
        json!({"name": name, "content": id("7"), "captured_at": time, "channel": "synthetic", "lineage": [generator],
            "derived_from": [{"link": "generated", "of": of}]})
    };
    let rewrites = scene.rows(
        "rewrites.jsonl",
        &[
            rewrite("rewrite-1", "page-1"),
            rewrite("rewrite-2", "note-2"),
            rewrite("rewrite-3", "page-2"),
            rewrite("rewrite-4", "nobody-knows"),
            rewrite("rewrite-5", "https://press.example/nobody-lists-it"),
        ],
    );
    let papers = ["--manifest", &crawl, "--manifest", &notes, "--manifest", &rewrites];
    let verdict = |name: &str, code: i32| {
        let found = scene.json(&["trace", name], &papers, code);
        (found["trees"][0]["tree"]["verdict"].as_str().expect("a verdict").to_owned(), found)
    };
    assert_eq!(verdict("rewrite-1", 1).0, "reserved", "a synthetic rewrite of a reserved page");
    assert_eq!(verdict("rewrite-4", 1).0, "unknown");
    leads_nowhere(&scene, &papers);
    assert_eq!(verdict("page-2", 0).0, "cleared");
    let (paid, tree) = verdict("rewrite-2", 1);
    assert_eq!(paid, "conditional", "the annotator is paid by the hour: {tree}");
    assert_eq!(tree["trees"][0]["tree"]["duties"][0]["to"], "desk.example");
    let svg = scene.path("tree.svg");
    let drawn = scene.run(&["trace", "rewrite-2", "--ascii", "--svg", &svg], &papers).exits(1).stdout;
    assert!(
        drawn.contains("annotation of https://open.example/a: cleared") && drawn.contains("18.5 USD per hour"),
        "{drawn}"
    );
    let text = std::fs::read_to_string(&svg).expect("a drawing");
    assert!(
        text.starts_with("<svg ") && text.contains("conditional") && text.matches("http").count() == 2 * 2 + 1,
        "{text}"
    );
    // Nor does whoever asks what changed since there was nothing, or what a report has to count.
    let moved = scene.json(&["impact"], &["--since", "0", &crawl, &notes, &rewrites], 0);
    assert_eq!(moved["admit"], 4, "two are cleared and two conditional, by all their ancestors: {moved}");
    let told = scene.run(&["disclose"], &["--template", "attribution", &crawl, &notes, &rewrites]).exits(0).stderr;
    assert!(told.contains("the policy would not keep 4 of the documents"), "{told}");
    // The gate knows no less: alone, the paper's origins are unresolved; `check` of one paper with all rows decides the same.
    let all = [&crawl, &notes, &rewrites].map(|path| std::fs::read_to_string(path).expect("rows")).join("\n");
    let all = scene.write("all.jsonl", &all);
    let told = scene.run(&["check", "--format", "json"], &[&all]).exits(1).stdout;
    let verdicts: Vec<Value> =
        told.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["verdict"].clone()).collect();
    assert_eq!(verdicts[3..7], ["reserved", "conditional", "cleared", "unknown"].map(Value::from), "{told}");
    scene.registry.audit();
}
