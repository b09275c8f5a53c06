//! Every wild file at hand with the conclusion that is drawn from it, as a page that a person can read.
//!
//! `UPDATE=1 cargo test -p cleartitle-tests --test signals wild` writes the page anew: read the difference before it is kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cleartitle::lint::{Channel, Conclusion, Found, conclusion};
use cleartitle_schema::decide::{Reason, Verdict};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::Use;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const NOW: Timestamp = Timestamp(1_790_000_000);

/// Folders of files that are each read by itself.
const FOLDERS: &[&str] = &[
    "robots/wild",
    "robots/own-examples",
    "robots/texting_robots/testdata",
    "rsl/wild",
    "rsl/own-examples",
    "tdmrep/wild",
    "tdmrep/spec",
    "c2pa-cawg",
];

/// Most further addresses and complaints that are told of one file.
const MOST: usize = 4;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")
}

#[test]
fn every_wild_file_comes_to_what_the_page_says() {
    let data = data();
    if !data.is_dir() {
        harness::independent::not_run("wild files", "no ../shared/data", "put the shared data beside the workspace");
        return;
    }
    let mut page = String::from(
        "# Wild files and what is concluded of them\n\nWritten by `tests/signals/wild.rs`: each file as if it were all that its \
         site says, asked of `decide` under the\ndefault policy with a trusted observer. Silent: it says nothing of the use.\n",
    );
    let mut count = 0;
    for (name, site, found) in files(&data) {
        count += 1;
        let _ = write!(page, "\n## {name}\n\n{}", paragraph(&site, &found));
    }
    let _ = write!(page, "\n{count} files.\n");
    let golden = harness::root().join("tests/vectors/signals/wild.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(golden.parent().expect("a folder")).expect("a folder");
        std::fs::write(&golden, &page).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    let differs = kept.lines().zip(page.lines()).position(|(kept, found)| kept != found);
    let at = differs.unwrap_or_else(|| kept.lines().count().min(page.lines().count()));
    assert!(
        kept == page,
        "the page differs from line {} on (UPDATE=1 writes it):\n- {}\n+ {}",
        at + 1,
        kept.lines().nth(at).unwrap_or_default(),
        page.lines().nth(at).unwrap_or_default()
    );
}

/// Every file: its name for the page, the site it is taken to stand on, and its bytes.
fn files(data: &Path) -> Vec<(String, Domain, Found)> {
    let unnamed: Domain = "site.example".parse().expect("a host");
    let mut all = Vec::new();
    for folder in FOLDERS {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(data.join(folder))
            .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
            .unwrap_or_default();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.is_file()) {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if file.contains("LICENSE") || file.ends_with(".cddl") || file.ends_with(".cbordiag") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            // The folder says what the file is; its own name may not.
            let name = if folder.starts_with("robots") { "robots.txt".to_owned() } else { file.clone() };
            all.push((format!("{folder}/{file}"), unnamed.clone(), Found { name, address: None, bytes }));
        }
    }
    all.extend(aipref(data, &unnamed));
    all.extend(payments(data, &unnamed));
    all.extend(top_sites(data));
    all
}

fn robots(text: &str) -> Found {
    Found { name: "robots.txt".to_owned(), address: None, bytes: text.as_bytes().to_vec() }
}

fn top_sites(data: &Path) -> Vec<(String, Domain, Found)> {
    let lines = std::fs::read_to_string(data.join("robots/top100-2024.jsonl")).expect("the list of sites");
    lines
        .lines()
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).expect("a row");
            let site = row["website"].as_str().expect("a site");
            let text = row["content"].as_str().unwrap_or_default();
            (format!("top 100 of 2024: {site}"), site.parse().expect("a host"), robots(text))
        })
        .collect()
}

fn aipref(data: &Path, site: &Domain) -> Vec<(String, Domain, Found)> {
    let text = std::fs::read_to_string(data.join("aipref/robots-vectors.json")).expect("the vectors");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list");
    let found = |vector: &serde_json::Value| {
        let name = vector["name"].as_str().unwrap_or_default();
        let text = vector["robotstxt"].as_str().unwrap_or_default();
        (format!("aipref: {name}"), site.clone(), robots(text))
    };
    vectors.iter().map(found).collect()
}

/// Requests for payment as the responses in which they come: version 1 in the body, version 2 in a header.
fn payments(data: &Path, site: &Domain) -> Vec<(String, Domain, Found)> {
    let read = |name: &str| std::fs::read(data.join("x402").join(name)).expect("a file");
    let first =
        [b"HTTP/1.1 402 Payment Required\r\nContent-Type: application/json\r\n\r\n".to_vec(), read("v1-body.json")];
    let header = STANDARD.encode(read("v2-payment-required.json"));
    let second = format!("HTTP/1.1 402 Payment Required\r\nPAYMENT-REQUIRED: {header}\r\n\r\n");
    [("x402/v1-body.json", first.concat()), ("x402/v2-payment-required.json", second.into_bytes())]
        .into_iter()
        .map(|(name, bytes)| {
            let found = Found { name: "answer.headers".to_owned(), address: None, bytes };
            (name.to_owned(), site.clone(), found)
        })
        .collect()
}

fn paragraph(site: &Domain, found: &Found) -> String {
    let Some(channel) = Channel::read(found) else { return "Nothing through which a site speaks.\n".to_owned() };
    let channels = std::slice::from_ref(&channel);
    let mut addresses = conclusion::addresses(channels);
    addresses.truncate(MOST + 1);
    let conclusions = conclusion::conclusions(site, channels, &addresses, NOW);
    let mut text = format!("Read as {}.\n\n", channel.kind.in_words());
    let mut places: Vec<&str> = Vec::new();
    for concluded in &conclusions {
        if !places.contains(&concluded.address.as_str()) {
            places.push(&concluded.address);
        }
    }
    for place in places {
        let there: Vec<&Conclusion> = conclusions.iter().filter(|it| it.address == place).collect();
        text.push_str(&told(&channel, place, &there));
    }
    let complaints = &channel.parsed.complaints;
    for complaint in complaints.iter().take(MOST) {
        let line = if complaint.line == 0 { String::new() } else { format!(", line {}", complaint.line) };
        let _ = writeln!(text, "- complaint{line}: {}: {}", complaint.lint, plain(&complaint.detail));
    }
    if complaints.len() > MOST {
        let _ = writeln!(text, "- and {} more complaints", complaints.len() - MOST);
    }
    for announced in &channel.parsed.announced {
        let _ = writeln!(text, "- names {}", plain(&announced.url));
    }
    text
}

/// One line for each verdict at an address, with uses that come out alike together.
fn told(channel: &Channel, place: &str, there: &[&Conclusion]) -> String {
    let mut alike: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    let mut silent = Vec::new();
    for concluded in there {
        let is_silent = concluded
            .reason
            .is_none_or(|reason| matches!(reason, Reason::NotChecked | Reason::Unspecified | Reason::NoStatement));
        if is_silent {
            silent.push(concluded.category.word());
            continue;
        }
        let word = match concluded.verdict {
            Verdict::Cleared => "allowed".to_owned(),
            Verdict::Unknown => format!("unknown ({})", concluded.reason.map_or("", |reason| reason.word())),
            verdict => verdict.to_string(),
        };
        let labels: Vec<String> = concluded.labels.iter().take(3).map(|label| plain(label)).collect();
        let more = concluded.labels.len().saturating_sub(3);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let owed =
            if concluded.owed.is_empty() { String::new() } else { format!("; owed: {}", concluded.owed.join(", ")) };
        let why = format!("by {}{more}{owed}; {}", labels.join("; "), whom(channel, concluded));
        alike.entry((word, why)).or_default().push(concluded.category.word());
    }
    let at = if place == "/" { String::new() } else { format!("at {}: ", plain(place)) };
    let mut text = String::new();
    for ((word, why), uses) in alike {
        let _ = writeln!(text, "- {at}{word}: {} {why}", uses.join(", "));
    }
    if silent.len() == Use::ALL.len() {
        let _ = writeln!(text, "- {at}silent on every use");
    } else if !silent.is_empty() {
        let _ = writeln!(text, "- {at}silent: {}", silent.join(", "));
    }
    text
}

/// Whom the signals behind a conclusion address.
fn whom(channel: &Channel, concluded: &Conclusion) -> String {
    let decides = |standard: &str, label: &str| concluded.labels.contains(&format!("{standard}: {label}"));
    let speaking = channel.signals().iter().filter(|it| decides(&it.standard, &it.label));
    let mut agents: Vec<&str> =
        speaking.map(|signal| signal.agent.as_ref().map_or("*", |agent| agent.token.as_str())).collect();
    agents.sort_unstable();
    agents.dedup();
    match agents.as_slice() {
        [] => "for whom is not said".to_owned(),
        agents if agents.contains(&"*") => "for everybody".to_owned(),
        agents => {
            let named: Vec<String> = agents.iter().take(3).map(|agent| plain(agent)).collect();
            let more = if agents.len() > 3 { format!(" and {} more", agents.len() - 3) } else { String::new() };
            format!("for {}{more}", named.join(", "))
        }
    }
}

/// Foreign text on a page of Markdown: no control characters, no markup, and not long.
fn plain(text: &str) -> String {
    let shown =
        |letter: char| if letter.is_control() || matches!(letter, '`' | '<' | '>') { '\u{fffd}' } else { letter };
    text.chars().take(120).map(shown).collect()
}
