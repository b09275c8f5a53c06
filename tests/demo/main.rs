//! `cleartitle-demo`: the whole path on one machine, by the real programs: terms go in signed, a crawl comes out cleared,
//! for a lab that has deals and for one that has none.

mod bill;
mod examples;
mod lab;
mod layout;
mod page;
mod stage;

use anyhow::Context as _;
use cleartitle::clock;
use cleartitle_schema::id::StatementId;
use examples::Example;
use lab::{Answer, Expected, Lab, differences};
use page::{Explained, Shown};
use serde_json::{Value, json};
use stage::{Stage, cleartitle, cleartitle_server};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Starts a registry, registers eighteen signed example statements, filters an example crawl for two labs, and compares.

Usage: cargo run --release --bin cleartitle-demo [-- [--keep DIR] [--format human|json]]

  --keep DIR       leave everything in this folder, which must be new or empty
  --format FORMAT  human (the default) or json

Exit: 0 all came out as expected, 2 it did not, or something failed.";

/// The name of the crawl.
const CRAWL: &str = "crawl.warc.gz";
/// The labs: the one with deals first.
const LABS: [&str; 2] = ["bigmodel", "smalllab"];
/// The documents that are explained: a deal against a reservation, a price against a release, a dispute against an offer.
const EXPLAINED: [&str; 3] = [
    "http://harbour-herald.example/2026/10/tide-gate-vote.html",
    "http://folio-books.example/books/9799999900011/extract.html",
    "http://northwire.example/stories/grain-barges.html",
];

struct Arguments {
    keep: Option<PathBuf>,
    json: bool,
}

/// Reads the arguments; none for help.
fn arguments() -> anyhow::Result<Option<Arguments>> {
    let mut read = Arguments { keep: None, json: false };
    let mut given = std::env::args_os().skip(1);
    while let Some(argument) = given.next() {
        match argument.to_str() {
            Some("--keep") => read.keep = Some(given.next().context("--keep needs a folder")?.into()),
            Some("--format") => match given.next().as_ref().and_then(|format| format.to_str()) {
                Some("human") => read.json = false,
                Some("json") => read.json = true,
                _ => anyhow::bail!("--format is human or json"),
            },
            Some("--help" | "-h") => return Ok(None),
            _ => anyhow::bail!("`{}` is no argument of the demo; see --help", argument.display()),
        }
    }
    Ok(Some(read))
}

fn fixtures() -> PathBuf {
    harness::root().join("tests/fixtures/demo")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Makes every signer's key and binds it to its domain, beside the running server.
fn bind_keys(stage: &Stage, examples: &[Example]) -> anyhow::Result<()> {
    std::fs::create_dir_all(stage.path("keys"))?;
    for (name, signer) in examples::signers(examples) {
        let key = text(&stage.path(&format!("keys/{name}.key")));
        cleartitle(&["keys", "new", "--out", &key], &[0])?;
        let (data, public) = (text(&stage.path("registry")), format!("{key}.pub"));
        cleartitle_server(&["bind-key", "--data", &data, "--issuer", &signer.domain, "--key", &public])?;
    }
    Ok(())
}

/// What `cleartitle register --format json` says.
#[derive(serde::Deserialize)]
struct Registered {
    statement: StatementId,
    receipt_file: String,
}

/// Registers all statements; returns the numbers of their files by their ids, and one receipt.
fn register(
    stage: &Stage,
    examples: &[Example],
    log_key: &str,
) -> anyhow::Result<(BTreeMap<StatementId, String>, String)> {
    let (mut numbers, mut receipt) = (BTreeMap::new(), None);
    let receipts = text(&stage.path("receipts"));
    for example in examples {
        let signers = [Some(&example.issuer), example.co_signer.as_ref()];
        let keys: Vec<String> =
            signers.into_iter().flatten().map(|it| text(&stage.path(&format!("keys/{}.key", it.key)))).collect();
        let mut all = vec!["register", "--registry", stage.address(), "--log-key", log_key, "--format", "json"];
        all.extend(["--receipt-dir", &receipts, "--issuer", &example.issuer.domain]);
        all.extend(keys.iter().flat_map(|key| ["--key", key.as_str()]));
        let terms = text(&example.path);
        all.push(&terms);
        let registered: Registered = serde_json::from_str(&cleartitle(&all, &[0])?)?;
        numbers.insert(registered.statement, example.number.clone());
        receipt = Some(registered.receipt_file);
    }
    Ok((numbers, receipt.context("there is no statement to register")?))
}

/// Pulls the snapshot and checks it, and a receipt; returns the log's size.
fn pull(stage: &Stage, log_key: &str, receipt: &str) -> anyhow::Result<u64> {
    let snapshot = text(&stage.path("terms.snapshot"));
    let all = ["pull", "--registry", stage.address(), "--log-key", log_key, "--out", &snapshot, "--format", "json"];
    let pulled: Value = serde_json::from_str(&cleartitle(&all, &[0])?)?;
    cleartitle(&["verify", "--log-key", log_key, &snapshot, receipt], &[0])?;
    pulled["size"].as_u64().context("the snapshot has no size")
}

/// Filters the crawl as one lab.
fn filter(stage: &Stage, name: &'static str) -> anyhow::Result<Lab> {
    let (snapshot, out) = (text(&stage.path("terms.snapshot")), stage.path(name));
    let (policy, crawl) = (text(&policy(name)), text(&fixtures().join(CRAWL)));
    let folder = text(&out);
    // 1: some documents wait for a person.
    cleartitle(&["filter", "--snapshot", &snapshot, "--policy", &policy, "--out", &folder, &crawl], &[0, 1])?;
    Lab::read(name, &out, CRAWL)
}

fn policy(lab: &str) -> PathBuf {
    fixtures().join("policies").join(format!("{lab}.toml"))
}

/// Asks about one document as each lab, as the filter met it.
fn explain(stage: &Stage, labs: &[Lab], url: &str, expected: &[Expected]) -> anyhow::Result<Explained> {
    let snapshot = text(&stage.path("terms.snapshot"));
    let why = expected.iter().find(|row| row.url == url).map(|row| row.why.clone()).unwrap_or_default();
    let mut answers = Vec::new();
    for lab in labs {
        let captured = lab.captured.get(url).with_context(|| format!("{url} is not in the crawl"))?.to_string();
        let policy = text(&policy(lab.name));
        let mut all = vec!["ask", "--snapshot", &snapshot, "--policy", &policy, "--captured", &captured];
        all.extend(["--channel", "crawl", "--access", "open", "--format", "json", url]);
        answers.push(serde_json::from_str::<Answer>(&cleartitle(&all, &[0, 1])?)?);
    }
    Ok(Explained { url: url.to_owned(), why, answers })
}

/// What has to be said of the day on which the demo runs, and whether it changes what comes out.
fn note(examples: &[Example], labs: &[Lab]) -> Option<String> {
    let today = clock::now();
    let ended: Vec<&str> = examples
        .iter()
        .filter(|example| example.until.is_some_and(|until| until <= today))
        .map(|example| example.number.as_str())
        .collect();
    if !ended.is_empty() {
        let ended = ended.join(", ");
        return Some(format!(
            "the terms of {ended} have ended by today's clock, so that the labs may not use what they had."
        ));
    }
    let captured = labs.iter().flat_map(|lab| lab.captured.values()).max()?;
    (*captured > today).then(|| format!("this machine's clock says {today}, which is before the crawl was captured."))
}

/// Everything that came out otherwise than expected.
fn compare(shown: &Shown, expected: &[Expected]) -> Vec<String> {
    let mut found: Vec<String> = shown.labs.iter().flat_map(|lab| differences(lab, expected)).collect();
    for it in &shown.explained {
        for (lab, answer) in shown.labs.iter().zip(&it.answers) {
            if lab.outcomes.get(&it.url) != answer.outcome().as_ref() {
                found.push(format!("{} {}: ask and filter say two things", lab.name, it.url));
            }
        }
    }
    found
}

fn perform(stage: &mut Stage, keep: Option<&Path>) -> anyhow::Result<(Shown, Vec<Expected>)> {
    let examples = examples::read(&fixtures().join("terms"))?;
    let expected: Vec<Expected> =
        serde_json::from_slice(&std::fs::read(fixtures().join("expected.json"))?).context("expected.json")?;
    stage.step("build cleartitle-server and cleartitle", |_| {
        let _ = harness::binaries::server_path();
        Ok(())
    })?;
    stage.step("start the registry, on SQLite, in a temporary folder", Stage::serve)?;
    let log_key = std::fs::read_to_string(stage.path("registry/log.pub"))?.trim().to_owned();
    let signers = examples::signers(&examples).len();
    let keys = format!("make {signers} keys and bind them to their domains");
    stage.step(&keys, |stage| bind_keys(stage, &examples))?;
    let signed = format!("sign and register {} statements over HTTP", examples.len());
    let (numbers, receipt) = stage.step(&signed, |stage| register(stage, &examples, &log_key))?;
    let log_size = stage.step("pull the snapshot, verify it and a receipt", |stage| pull(stage, &log_key, &receipt))?;
    stage.stop();
    let labs = stage.step("filter the crawl twice, offline", |stage| {
        LABS.iter().map(|name| filter(stage, name)).collect::<anyhow::Result<Vec<Lab>>>()
    })?;
    let explained = stage.step("explain three documents, offline", |stage| {
        EXPLAINED.iter().map(|url| explain(stage, &labs, url, &expected)).collect::<anyhow::Result<Vec<_>>>()
    })?;
    let note = note(&examples, &labs);
    let kept = keep.map(text);
    Ok((Shown { examples, numbers, log_size, labs, explained, note, kept }, expected))
}

fn as_json(shown: &Shown, differences: &[String]) -> Value {
    let ids: BTreeMap<&String, &StatementId> = shown.numbers.iter().map(|(id, number)| (number, id)).collect();
    let explained = shown.explained.iter().map(|it| {
        let answers = shown.labs.iter().zip(&it.answers);
        let answers: BTreeMap<&str, Value> = answers
            .map(|(lab, answer)| {
                let words = json!({ "decision": answer.decision, "action": answer.action, "because": answer.because });
                (lab.name, words)
            })
            .collect();
        json!({ "url": it.url, "why": it.why, "answers": answers })
    });
    json!({
        "log_size": shown.log_size,
        "statements": shown.examples.iter().map(|it| json!({ "example": it, "id": ids.get(&it.number) })).collect::<Vec<_>>(),
        "reports": shown.labs.iter().map(|lab| (lab.name, &lab.raw)).collect::<BTreeMap<_, _>>(),
        "outcomes": shown.labs.iter().map(|lab| (lab.name, &lab.outcomes)).collect::<BTreeMap<_, _>>(),
        "explained": explained.collect::<Vec<_>>(),
        "note": shown.note,
        "kept": shown.kept,
        "differences": differences,
    })
}

fn demo(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut stage = Stage::new(arguments.keep.as_deref())?;
    let (shown, expected) = perform(&mut stage, arguments.keep.as_deref())?;
    let differences = compare(&shown, &expected);
    let mut out = if arguments.json { format!("{:#}\n", as_json(&shown, &differences)) } else { shown.page() };
    if !arguments.json && differences.is_empty() {
        out.push_str("\nChecked: all verdicts, reasons and actions are as tests/fixtures/demo/expected.json says.\n");
    }
    if let Err(error) = std::io::stdout().lock().write_all(out.as_bytes())
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(error.into());
    }
    stage.end();
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\n{} differences from tests/fixtures/demo/expected.json:", differences.len());
    differences.iter().for_each(|difference| eprintln!("  {difference}"));
    // On a day after the terms, other answers are right.
    if shown.note.is_some() {
        eprintln!("as the note says, they are due to today's date");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(2))
}

fn main() -> ExitCode {
    let ended = std::panic::catch_unwind(|| match arguments()? {
        Some(arguments) => demo(&arguments),
        None => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
    });
    match ended {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        // The stage was cleared on the way; the panic has said what it was.
        Err(_) => ExitCode::from(2),
    }
}
