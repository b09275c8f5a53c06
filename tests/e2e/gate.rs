//! The gate where builds run: its reports read by others, and the action, the hook and the GitLab job run as their runners would.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Ran, Registry, binaries, browser, independent};
use serde_json::{Value, json};

/// What is hostile about a document's address, in every form of report.
const HOSTILE: &str = "https://nobody.example/<script>alert(1)</script>?a=%0A::error::x&b='\"";

/// A repository of a data set: a policy, a lock, a snapshot, a clean manifest and a bad one.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> (Registry, Self) {
        let registry = Registry::start();
        let open = registry.publisher("open.example");
        let mut grant = open.grant("open.example");
        grant["effective"] = json!({ "from": "2025-01-01T00:00:00Z" });
        registry.register(&open, &grant);
        let press = registry.publisher("press.example");
        registry.register(&press, &press.reservation("press.example"));
        let repository = Self { folder: tempfile::tempdir().expect("a folder") };
        repository.write("cleartitle.toml", "version = 1\nuse = \"train-ai\"\n[asker]\ndomain = \"lab.example\"\n");
        let row = |url: &str| json!({ "url": url, "captured_at": "2026-01-01T00:00:00Z" }).to_string() + "\n";
        repository.write("manifest.jsonl", &row("https://open.example/a"));
        let bad = [row("https://open.example/a"), row("https://press.example/b"), row(HOSTILE)].concat();
        repository.write("manifest-bad.jsonl", &bad);
        let (url, key) = (registry.url(""), registry.log_key());
        let pull = ["pull", "--registry", &url, "--log-key", &key, "--out", "terms.snapshot"];
        let _ = repository.runs(&pull).exits(0);
        let _ = repository.runs(&["update", "--at", "2027-01-01", "manifest.jsonl"]).exits(0);
        (registry, repository)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn runs(&self, arguments: &[&str]) -> Ran {
        binaries::run(binaries::client_path(), arguments, Some(self.folder.path()))
    }

    /// A command in the repository with `cleartitle` on its path, as CI images have it.
    fn command(&self, program: &Path) -> Command {
        let mut command = binaries::command(program);
        let folder = binaries::client_path().parent().expect("a folder").display();
        let path = std::env::var("PATH").unwrap_or_default();
        command.current_dir(self.folder.path()).env("PATH", format!("{folder}:{path}"));
        command
    }
}

#[test]
fn sarif_is_what_its_schema_says_and_fingerprints_outlive_lines() {
    let (_registry, repository) = Repository::new();
    let _ = repository.runs(&["check", "--report", "sarif=one.sarif", "manifest-bad.jsonl"]).exits(1);
    let log: Value = serde_json::from_str(&repository.read("one.sarif")).expect("JSON");
    let results = log["runs"][0]["results"].as_array().expect("results");
    let press = &results[0];
    assert_eq!((press["ruleId"].as_str(), results.len()), (Some("rights-reserved"), 2));
    let region = &press["locations"][0]["physicalLocation"]["region"];
    let column = |text: &str| repository.read("manifest-bad.jsonl").lines().nth(1).and_then(|line| line.find(text));
    assert_eq!(region["startLine"], 2);
    assert_eq!(region["startColumn"].as_u64(), column("https://press").map(|at| at as u64 + 1));
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().all(|rule| rule["help"]["markdown"].as_str().is_some_and(|page| page.starts_with("# "))));
    // The same finding some lines further down.
    let moved = repository.read("manifest.jsonl").repeat(5) + &repository.read("manifest-bad.jsonl");
    repository.write("manifest-bad.jsonl", &moved);
    let _ = repository.runs(&["check", "--report", "sarif=two.sarif", "manifest-bad.jsonl"]).exits(1);
    let again: Value = serde_json::from_str(&repository.read("two.sarif")).expect("JSON");
    let again = &again["runs"][0]["results"][0];
    assert_eq!(again["locations"][0]["physicalLocation"]["region"]["startLine"], 7);
    assert_eq!(press["partialFingerprints"], again["partialFingerprints"]);
    let schema = harness::root().join("tests/fixtures/sarif/sarif-schema-2.1.0.json");
    let Some(python) = independent::python("SARIF, by its schema") else { return };
    if !schema.exists() {
        independent::not_run("SARIF, by its schema", "the schema is not here", "see tests/fixtures/sarif/README.md");
        return;
    }
    let files = [repository.path("one.sarif"), repository.path("two.sarif")].map(|path| path.display().to_string());
    let script = independent::script("check_schema.py");
    let _ = independent::run(&python, &[&script, &schema.display().to_string(), &files[0], &files[1]]).exits(0);
}

#[test]
fn a_reader_of_junit_reads_it() {
    let (_registry, repository) = Repository::new();
    let both = ["check", "--report", "junit=check.xml", "manifest.jsonl", "manifest-bad.jsonl"];
    let _ = repository.runs(&both).exits(1);
    let Some(python) = independent::python("JUnit's XML, by junitparser") else { return };
    let report = repository.path("check.xml").display().to_string();
    let ran = independent::run(&python, &[&independent::script("read_junit.py"), &report]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let suites: Vec<(&str, u64, u64)> = told
        .as_array()
        .expect("suites")
        .iter()
        .map(|suite| {
            let count = |name: &str| suite[name].as_u64().unwrap_or_default();
            (suite["name"].as_str().unwrap_or_default(), count("tests"), count("failures"))
        })
        .collect();
    assert_eq!(suites, [("manifest.jsonl", 1, 0), ("manifest-bad.jsonl", 2, 2)]);
    assert!(ran.stdout.contains("<script>alert(1)</script>"), "the address comes back whole: {}", ran.stdout);
}

#[test]
fn the_page_asks_nobody_and_runs_nothing() {
    let (_registry, repository) = Repository::new();
    let _ = repository.runs(&["check", "--report", "html=check.html", "manifest-bad.jsonl"]).exits(1);
    let page = repository.read("check.html");
    assert!(page.contains("default-src 'none'") && page.contains("<svg") && page.contains("&lt;script&gt;"));
    for banned in ["<script", "<img", "<link", "<iframe", "@import", "url(", " src=", "srcset", "onerror="] {
        assert!(!page.contains(banned), "{banned}");
    }
    let addresses = page
        .match_indices("http")
        .filter(|(at, _)| page[*at..].starts_with("http://") || page[*at..].starts_with("https://"));
    for (at, _) in addresses {
        let before = &page[..at];
        // In a text, or where a plain anchor leads.
        let in_tag = before.rfind('<') > before.rfind('>');
        assert!(
            !in_tag || before.ends_with("<a rel=\"noreferrer\" href=\""),
            "{}",
            &page[at.saturating_sub(60)..at + 30]
        );
    }
}

#[test]
fn a_lock_that_cannot_be_read_is_no_freedom_to_judge_without() {
    let (_registry, repository) = Repository::new();
    let check = ["check", "--snapshot", "terms.snapshot", "manifest.jsonl"];
    let _ = repository.runs(&check).exits(0);
    std::fs::remove_file(repository.path("cleartitle.lock")).expect("a lock");
    std::os::unix::fs::symlink("nowhere", repository.path("cleartitle.lock")).expect("a link");
    let refused = repository.runs(&check).exits(2);
    assert!(refused.stderr.contains("cleartitle.lock") && refused.stdout.is_empty(), "{}", refused.stderr);
    let _ = repository.runs(&["check", "--no-lock", "--snapshot", "terms.snapshot", "manifest.jsonl"]).exits(0);
}

#[test]
fn nothing_is_written_over_what_is_read() {
    let (_registry, repository) = Repository::new();
    let before = ["manifest.jsonl", "cleartitle.toml", "cleartitle.lock"].map(|name| repository.read(name));
    for target in ["manifest.jsonl", "./manifest.jsonl", "cleartitle.toml", "cleartitle.lock"] {
        let report = format!("html={target}");
        let refused = repository.runs(&["check", "--report", &report, "manifest.jsonl"]).exits(2);
        assert!(refused.stderr.contains("is not written"), "{}", refused.stderr);
    }
    let twice = ["check", "--report", "sarif=one", "--report", "json=one", "manifest.jsonl"];
    let _ = repository.runs(&twice).exits(2);
    let by =
        ["--snapshot", "terms.snapshot", "--policy", "cleartitle.toml", "--out", "manifest.jsonl", "manifest.jsonl"];
    let _ = repository.runs(&[&["export", "--to", "spdx"], &by[..]].concat()).exits(2);
    let _ = repository.runs(&[&["disclose", "--template", "eu"], &by[..]].concat()).exits(2);
    assert_eq!(["manifest.jsonl", "cleartitle.toml", "cleartitle.lock"].map(|name| repository.read(name)), before);
}

#[test]
fn an_empty_manifest_is_no_yes_of_a_nightly_job() {
    let (_registry, repository) = Repository::new();
    repository.write("empty.jsonl", "");
    let latest = ["check", "--latest", "--snapshot", "terms.snapshot", "--used-at", "2027-01-01", "manifest.jsonl"];
    let _ = repository.runs(&latest).exits(0);
    let _ = repository.runs(&[&latest[..], &["empty.jsonl"]].concat()).exits(2);
}

#[test]
fn a_browser_draws_the_page_and_asks_nobody() {
    const CHECK: &str = "the HTML report, by a browser";
    let (_registry, repository) = Repository::new();
    let _ = repository.runs(&["check", "--report", "html=check.html", "manifest-bad.jsonl"]).exits(1);
    let Some(seen) = browser::open(CHECK, &repository.path("check.html")) else { return };
    assert_eq!(seen.asked, [""; 0]);
    assert!(seen.document.contains("rights-reserved") && !seen.document.contains("<script"), "{}", seen.document);
    // The bars of what is reserved and of what nobody knows.
    assert!(seen.coloured("b71c1c") > 500 && seen.coloured("757575") > 500);
    // What a page that asks would have shown.
    let image = "<!doctype html><title>asks</title><img src=\"http://outside.example/x.png\">";
    repository.write("asks.html", image);
    let asks = browser::open(CHECK, &repository.path("asks.html")).expect("a browser");
    assert_eq!(asks.asked, ["http://outside.example/x.png"]);
    assert_eq!(asks.coloured("b71c1c"), 0);
}

/// The values of a YAML file, by a reader of others.
fn yaml(python: &Path, path: &str) -> Value {
    let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let path = harness::root().join(path).display().to_string();
    serde_json::from_str(&independent::run(python, &["-c", program, &path]).exits(0).stdout).expect("JSON")
}

#[test]
fn the_action_runs_as_github_runs_it() {
    let Some(python) = independent::python("the action, read by PyYAML") else { return };
    let action = yaml(&python, ".ci/action/action.yml");
    let (_registry, repository) = Repository::new();
    for (manifests, code) in [("manifest.jsonl", 0), ("manifest.jsonl manifest-bad.jsonl", 1), ("; touch pwned", 2)] {
        for step in action["runs"]["steps"].as_array().expect("steps") {
            assert_eq!(step["shell"], "bash");
            // As the runner does: bash with these options, inputs put where the expressions stand.
            let mut command = repository.command(Path::new("bash"));
            command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().expect("a script")]);
            for (name, value) in step["env"].as_object().expect("variables") {
                let input = value.as_str().and_then(|value| value.strip_prefix("${{ inputs.")?.strip_suffix(" }}"));
                let input = input.expect("an input");
                let usual = action["inputs"][input]["default"].as_str().unwrap_or_default();
                command.env(name, if input == "manifests" { manifests } else { usual });
            }
            for name in ["output", "summary"] {
                repository.write(name, "");
            }
            command
                .env("GITHUB_OUTPUT", repository.path("output"))
                .env("GITHUB_STEP_SUMMARY", repository.path("summary"));
            command.env("GITHUB_WORKSPACE", repository.folder.path()).env("GITHUB_ACTIONS", "true");
            let ran = independent::ran(command).exits(code);
            assert!(repository.read("output").contains(&format!("exit={code}\n")), "{}", repository.read("output"));
            assert!(!repository.path("pwned").exists());
            if code == 1 {
                assert!(ran.stdout.contains("::error file=manifest-bad.jsonl,line=2,col="), "{}", ran.stdout);
                assert_eq!(ran.stdout.matches("::error ").count(), 2, "no address makes a command");
                assert!(repository.read("summary").starts_with("## cleartitle: the gate is closed\n"));
                assert!(repository.path("cleartitle.sarif").exists() && repository.path("cleartitle.html").exists());
            }
        }
    }
}

#[test]
fn the_gitlab_job_runs_its_script() {
    let Some(python) = independent::python("the GitLab job, read by PyYAML") else { return };
    let job = &yaml(&python, ".ci/gitlab/cleartitle.yml")["cleartitle"];
    let (_registry, repository) = Repository::new();
    for (manifests, code) in [("manifest.jsonl", 0), ("manifest.jsonl manifest-bad.jsonl", 1)] {
        let lines: Vec<&str> = job["script"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
        let mut command = repository.command(Path::new("bash"));
        command.args(["-eo", "pipefail", "-c", &lines.join("\n")]).env("CI", "true").env("CI_PIPELINE_SOURCE", "push");
        for (name, value) in job["variables"].as_object().expect("variables") {
            command.env(name, value.as_str().unwrap_or_default());
        }
        let _ = independent::ran({
            command.env("CLEARTITLE_MANIFESTS", manifests);
            command
        })
        .exits(code);
        let report = job["artifacts"]["reports"]["junit"].as_str().expect("a report");
        assert!(repository.read(report).contains("<testsuites"));
    }
}

/// Of a pipe the second reading would lack the beginning; a mark before the first row is no row's damage.
#[test]
fn a_pipe_is_no_paper_and_a_byte_order_mark_no_damage() {
    let (_registry, repository) = Repository::new();
    for script in [
        "cleartitle check <(cat manifest.jsonl)",
        "cleartitle check --paper-format rows <(cat manifest.jsonl)",
        "cat manifest.jsonl | cleartitle check /dev/stdin",
        "mkfifo nobody-writes; cleartitle check nobody-writes",
        "cleartitle export --to croissant --snapshot terms.snapshot --policy cleartitle.toml <(cat manifest.jsonl)",
    ] {
        let mut command = repository.command(Path::new("bash"));
        command.args(["-c", script]);
        let ran = independent::ran(command).exits(2);
        assert!(ran.stderr.contains("no regular file, and a paper is read more than once"), "{script}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: write it to a file first"), "{script}: {}", ran.stderr);
    }
    let manifest = repository.read("manifest.jsonl");
    repository.write("marked.jsonl", &format!("\u{feff}{manifest}"));
    let _ = repository.runs(&["check", "marked.jsonl"]).exits(0);
    repository.write("marked-twice.jsonl", &format!("{manifest}\u{feff}{manifest}"));
    let ran = repository.runs(&["check", "marked-twice.jsonl"]).exits(2);
    assert!(ran.stdout.contains("marked-twice.jsonl:2"), "{}", ran.stdout);
}

/// Which papers the hook takes by itself, as pre-commit matches them.
#[test]
fn the_hook_knows_papers_by_their_names() {
    let Some(python) = independent::python("the hook's pattern, by PyYAML") else { return };
    let hooks = yaml(&python, ".pre-commit-hooks.yaml");
    let pattern = hooks[0]["files"].as_str().expect("a pattern");
    let taken = |name: &str| {
        let program = "import re, sys; sys.exit(0 if re.search(sys.argv[1], sys.argv[2]) else 1)";
        independent::run(&python, &["-c", program, pattern, name]).code == 0
    };
    for name in [
        "manifest.jsonl",
        "data/manifest-bad.jsonl",
        "out/train-manifest.ndjson",
        "manifest.parquet",
        "croissant.json",
        "data/metadata.croissant.json",
        "AI-BOM.json",
        "mlbom.cdx.json",
        "data/train.csv.dvc",
        "dvc.lock",
    ] {
        assert!(taken(name), "{name} is not taken");
    }
    // Bills of the software, web manifests, cards of any repository, and what DVC does not write.
    for name in ["manifest.json", "bom.json", "sbom.cdx.json", "README.md", "data.csv", "src/dvc.py", "dvc.yaml.orig"] {
        assert!(!taken(name), "{name} is taken");
    }
}

#[test]
fn pre_commit_stops_a_bad_commit() {
    let Some(python) = independent::python("the hook, by pre-commit") else { return };
    let (_registry, repository) = Repository::new();
    // Another repository holds the hook, as ours would.
    let hooks = tempfile::tempdir().expect("a folder");
    let definition = harness::root().join(".pre-commit-hooks.yaml");
    std::fs::copy(definition, hooks.path().join(".pre-commit-hooks.yaml")).expect("a copy");
    let git = |folder: &Path, arguments: &[&str]| {
        let mut command = repository.command(Path::new("git"));
        command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.args(["-c", "user.name=t", "-c", "user.email=t@lab.example", "-c", "init.defaultBranch=main"]);
        command.args(arguments);
        independent::ran(command).exits(0)
    };
    for (folder, add) in [(hooks.path(), ".pre-commit-hooks.yaml"), (repository.folder.path(), ".")] {
        let _ = git(folder, &["init", "--quiet"]);
        let _ = git(folder, &["add", add]);
        let _ = git(folder, &["commit", "--quiet", "-m", "x"]);
    }
    let cache = tempfile::tempdir().expect("a folder");
    let tries = |files: &str| {
        let mut command = repository.command(&python);
        command.args(["-m", "pre_commit", "try-repo"]).arg(hooks.path()).args(["cleartitle", "--files", files]);
        command.env("PRE_COMMIT_HOME", cache.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        independent::ran(command)
    };
    let _ = tries("manifest.jsonl").exits(0);
    let stopped = tries("manifest-bad.jsonl").exits(1);
    assert!(
        stopped.stdout.contains("error[rights-reserved]") && stopped.stdout.contains("manifest-bad.jsonl:2:"),
        "{}",
        stopped.stdout
    );
}
