//! Reports and inventories of a data set: two modalities, a deal, a grant and an opt-out; what is missing is told until it is given.

use harness::publisher::{host_scope, terms};
use harness::{Registry, browser, cleartitle, independent};
use serde_json::{Value, json};
use std::path::Path;

/// A lab with a snapshot, a policy and a manifest of nine documents.
struct Lab {
    registry: Registry,
}

impl Lab {
    fn new() -> Self {
        let registry = Registry::start();
        let (press, open, photos) = (
            registry.publisher("press.example"),
            registry.publisher("open.example"),
            registry.publisher("photos.example"),
        );
        let lab = registry.publisher("biglab.example");
        registry.register(&press, &press.reservation("press.example"));
        let mut grant = open.grant("open.example");
        grant["body"]["terms"]["clauses"][0]["rules"][0]["duties"] = json!([{ "phase": "during",
            "action": { "duty": "attribute", "text": "Open <b>House</b> | 2026", "url": "https://open.example/credit" } }]);
        registry.register(&open, &grant);
        let deal = photos
            .statement(json!({ "kind": "agreement", "basis": "owner", "scope": host_scope("photos.example"),
            "terms": terms("allowed", "train-ai"), "licensees": [{ "domain": "biglab.example" }] }));
        let both = photos.sign(&deal).countersign(&lab.key).expect("two signatures");
        let _ = registry.try_register(&both).expect("an answer").is(201);
        let lab = Self { registry };
        let policy =
            "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"biglab.example\"\n[actions]\ncleared = \"keep\"\n";
        lab.write("policy.toml", policy);
        let mut rows = String::new();
        let hosts =
            ["open.example/a", "www.open.example/b", "press.example/c", "photos.example/d.jpg", "nobody.example/e"];
        for (rank, url) in hosts.iter().enumerate() {
            let image = url.ends_with("jpg");
            rows.push_str(&json!({ "url": format!("https://{url}"), "captured_at": format!("2026-05-0{}T00:00:00Z", rank + 1),
                "channel": "crawl", "access": "open", "bytes": 1_000 * (rank + 1), "language": if image { None } else { Some("en") },
                "media_type": if image { "image/jpeg" } else { "text/html" },
                "collections": if rank == 0 { vec!["common|crawl<script>"] } else { vec![] } }).to_string());
            rows.push('\n');
        }
        lab.write("m.jsonl", &rows);
        let (out, url, key) = (lab.path("s.snapshot"), lab.registry.url(""), lab.registry.log_key());
        let _ = cleartitle(&["pull", "--registry", &url, "--log-key", &key, "--out", &out]).exits(0);
        lab
    }

    fn path(&self, name: &str) -> String {
        self.registry.scratch().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    fn run(&self, verb: &str, more: &[&str]) -> harness::Ran {
        let (snapshot, policy, manifest) = (self.path("s.snapshot"), self.path("policy.toml"), self.path("m.jsonl"));
        let base = [verb, "--snapshot", &snapshot, "--policy", &policy, "--as-of", "2026-12-01"];
        cleartitle(&[&base[..], more, &[&manifest]].concat())
    }

    fn disclose(&self, template: &str, more: &[&str]) -> harness::Ran {
        self.run("disclose", &[&["--template", template], more].concat())
    }

    /// Every question that a report leaves open, answered with words or with yes.
    fn answer(&self, template: &str) -> String {
        let mut given = String::from("[disclosure]\n");
        let told = self.disclose(template, &["--format", "json"]);
        let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
        let mut ids: Vec<String> = report["missing"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|missing| missing["question"].as_str().map(str::to_owned))
            .collect();
        // What follows upon a yes.
        let more =
            ["user-data-description", "other-sources-description", "private-datasets-description", "synthetic-models"];
        ids.extend(more.map(str::to_owned));
        ids.sort();
        ids.dedup();
        let forms = cleartitle(&["init", "--disclosure", "--out", "-"]).exits(0).stdout;
        for id in ids {
            let example = forms.lines().find_map(|line| line.strip_prefix(&format!("#{id} = "))).expect("a question");
            let answer = match example {
                "false" => "true",
                "\"...\"" => "\"as <i>we</i> say\"",
                "[\"...\"]" => "[\"one\"]",
                number => number,
            };
            given.push_str(&format!("{id} = {answer}\n"));
        }
        let name = format!("{template}.toml");
        self.write(&name, &given);
        self.path(&name)
    }
}

const TEMPLATES: [&str; 4] = ["eu", "eu-sme", "california", "gpai-copyright"];

#[test]
fn what_nobody_gave_is_missing_until_it_is_given() {
    let lab = Lab::new();
    for template in TEMPLATES {
        let open = lab.disclose(template, &[]).exits(1);
        assert!(open.stdout.contains("MISSING") && open.stderr.contains("missing: "), "{}", open.stderr);
        let answers = lab.answer(template);
        let whole = lab.disclose(template, &["--answers", &answers]).exits(0);
        assert!(!whole.stdout.contains("MISSING"), "{}", whole.stdout);
        assert!(whole.stdout.contains("As of 2026-12-01T00:00:00Z"), "{}", whole.stdout);
        assert_eq!(whole.stdout, lab.disclose(template, &["--answers", &answers]).exits(0).stdout);
    }
    let told = lab.disclose("attribution", &[]).exits(0);
    assert!(told.stdout.contains("Open \\<b\\>House\\</b\\> \\| 2026"), "{}", told.stdout);
}

#[test]
fn a_summary_has_every_section_and_counts_what_is_there() {
    let lab = Lab::new();
    let told = lab.disclose("eu", &["--format", "json"]).exits(1);
    let report: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let sections = report["sections"].as_array().expect("sections");
    let numbers: Vec<&str> = sections.iter().filter_map(|section| section["number"].as_str()).collect();
    let template = [
        "0", "1", "1.1", "1.2", "1.3", "2", "2.1", "2.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6", "3", "3.1",
        "3.2", "3.3",
    ];
    assert_eq!(numbers, template);
    let section = |number: &str| sections.iter().find(|section| section["number"] == number).expect("a section");
    let tables: Vec<&Value> =
        section("2.3")["parts"].as_array().expect("parts").iter().filter(|part| part["part"] == "table").collect();
    // Three registrable domains of text, of which the largest tenth is one; one of images.
    assert_eq!(tables[0]["rows"], json!([["nobody.example", "5000", "1"]]));
    assert_eq!(tables[1]["rows"], json!([["photos.example", "4000", "1"]]));
    let choice = |number: &str, part: usize| {
        let options = section(number)["parts"][part]["answer"]["options"].as_array().cloned().expect("options");
        options.into_iter().find(|it| it["chosen"] == true).expect("a tick")["text"].as_str().expect("words").to_owned()
    };
    assert_eq!((choice("2.2.1", 0), choice("2.3", 0), choice("2.1", 0)), ("Yes".into(), "Yes".into(), "Yes".into()));
    assert!(report["unverified"].as_array().is_some_and(|list| !list.is_empty()));

    // A no that the papers contradict is told.
    lab.write("no.toml", "[disclosure]\ncrawlers-used = false\n");
    let told = lab.disclose("eu", &["--answers", &lab.path("no.toml")]).exits(1);
    assert!(told.stderr.contains("contradiction: `crawlers-used`"), "{}", told.stderr);

    let copyright: Value =
        serde_json::from_str(&lab.disclose("gpai-copyright", &["--format", "json"]).exits(1).stdout).expect("JSON");
    assert!(copyright["sections"][2]["parts"].to_string().contains("[\"1\",\"reserved by a registered statement\"]"));

    // What can't be read is no finished report, and neither is none.
    let rows = std::fs::read_to_string(lab.path("m.jsonl")).expect("rows");
    lab.write("m.jsonl", &format!("{rows}{{\n"));
    let told = lab.disclose("attribution", &[]).exits(2);
    assert!(told.stdout.contains("m.jsonl:6") && told.stderr.contains("incomplete: "), "{}", told.stdout);
    lab.write("m.jsonl", "");
    let _ = lab.disclose("attribution", &[]).exits(2);
    // Sizes that nobody says make the list of domains a guess.
    lab.write("m.jsonl", &rows.replace("\"bytes\":1000,", ""));
    let told = lab.disclose("eu", &[]).exits(1);
    assert!(told.stderr.contains("don't say how many bytes"), "{}", told.stderr);
}

#[test]
fn hostile_names_stay_names() {
    let lab = Lab::new();
    let html = lab.disclose("eu", &["--format", "html"]).exits(1).stdout;
    assert!(html.contains("common|crawl&lt;script&gt;") && !html.contains("<script"), "{html}");
    assert!(html.contains("default-src 'none'") && !html.contains(" src=") && !html.contains(" href="));
    lab.write("report.html", &html);
    if let Some(seen) = browser::open("disclosures, by a browser", Path::new(&lab.path("report.html"))) {
        assert_eq!(seen.asked, [""; 0]);
        assert!(seen.document.contains("common|crawl&lt;script&gt;"), "{}", seen.document);
    }
    let markdown = lab.disclose("eu", &[]).exits(1).stdout;
    assert!(markdown.contains("common\\|crawl\\<script\\>"), "{markdown}");
    let Some(python) = independent::export_python("reports, by markdown-it") else { return };
    lab.write("report.md", &markdown);
    let script = independent::script("read_report.py");
    let ran = independent::run(&python, &[&script, &lab.path("report.md")]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&told["html"], &told["links"]), (&json!(0), &json!(0)), "{told}");
    assert!(told["cells"].as_array().expect("cells").contains(&json!("common|crawl<script>")), "{told}");
}

#[test]
fn inventories_are_equal_for_equal_papers_and_valid_by_their_own_tools() {
    let lab = Lab::new();
    let mut files = Vec::new();
    for target in ["croissant", "spdx", "cyclonedx"] {
        let out = lab.path(&format!("{target}.json"));
        let _ = lab.run("export", &["--to", target, "--name", "corpus", "--out", &out]).exits(0);
        let first = std::fs::read_to_string(&out).expect("an inventory");
        assert_eq!(first, lab.run("export", &["--to", target, "--name", "corpus"]).exits(0).stdout);
        assert!(first.contains("cleartitle:verdict:cleared") && first.contains("\"statement:"), "{first}");
        files.push(out);
    }
    let Some(python) = independent::export_python("inventories, by mlcroissant, SPDX's model and CycloneDX's schema")
    else {
        return;
    };
    let script = independent::script("read_inventories.py");
    let arguments: Vec<&str> = std::iter::once(script.as_str()).chain(files.iter().map(String::as_str)).collect();
    let ran = independent::run(&python, &arguments).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let sum = harness::binaries::command(std::path::Path::new("sha256sum")).arg(lab.path("m.jsonl")).output();
    let sum = String::from_utf8(sum.expect("sha256sum").stdout).expect("text");
    let digest = sum.split(' ').next().expect("a digest");
    for target in ["croissant", "spdx", "cyclonedx"] {
        assert_eq!(told[target]["sha256"], json!([digest]), "{told}");
        assert_eq!(told[target]["problems"], json!([]), "{told}");
    }
}

#[test]
fn a_signed_run_says_how_its_documents_were_got() {
    let lab = Lab::new();
    let line =
        |host: &str| json!({ "url": format!("https://{host}/a"), "text": "Words.", "date": "2026-05-01T00:00:00Z" });
    lab.write("crawl.jsonl", &format!("{}\n{}\n", line("open.example"), line("press.example")));
    let keys = harness::Publisher::new("biglab.example", harness::server::ORIGIN);
    let key = keys.write_keys(lab.registry.scratch()).display().to_string();
    let (snapshot, policy, out, crawl) =
        (lab.path("s.snapshot"), lab.path("policy.toml"), lab.path("out"), lab.path("crawl.jsonl"));
    let base = ["filter", "--snapshot", &snapshot, "--policy", &policy, "--used-at", "2026-11-30"];
    let policy_text = std::fs::read_to_string(&policy).expect("a policy");
    lab.write("policy.toml", &format!("{policy_text}conditional = \"keep\"\n"));
    let _ = cleartitle(&[&base[..], &["--out", &out, "--sign-key", &key, &crawl]].concat()).exits(0);
    let (manifest, receipt) = (format!("{out}/manifest.jsonl"), format!("{out}/receipt.dsse.json"));
    let public = key.replace(".pem", ".pub");
    let disclose = |more: &[&str]| {
        let base = ["disclose", "--template", "gpai-copyright", "--snapshot", &snapshot, "--policy", &policy];
        cleartitle(&[&base[..], more, &[&manifest]].concat())
    };
    let told = disclose(&["--run", &receipt, "--run-key", &public]).exits(1);
    assert!(told.stdout.contains("2026-11-30T00:00:00Z (the latest use among the runs)"), "{}", told.stdout);
    assert!(told.stdout.contains("crawl, text: 1 documents") && told.stdout.contains("1 kept"), "{}", told.stdout);
    // Without the receipt nobody says how the document was got.
    assert!(disclose(&[]).exits(1).stdout.contains("not stated, text: 1 documents"));
    // Of its size and kind the manifest itself speaks.
    let rows = std::fs::read_to_string(&manifest).expect("rows");
    assert!(rows.contains("\"bytes\":6,\"media_type\":\"text/plain\""), "{rows}");
    // A key that did not sign, and a list that is not the signed one, are refused.
    let press = harness::Publisher::new("press.example", harness::server::ORIGIN);
    let other = press.write_keys(lab.registry.scratch()).display().to_string().replace(".pem", ".pub");
    let refused = disclose(&["--run", &receipt, "--run-key", &other]).exits(2);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    let list = format!("{out}/outputs.sha256");
    std::fs::write(&list, std::fs::read_to_string(&list).expect("a list").replace("manifest", "manifes"))
        .expect("a list");
    let refused = disclose(&["--run", &receipt, "--run-key", &public]).exits(2);
    assert!(refused.stderr.contains("not the one that was signed"), "{}", refused.stderr);
}
