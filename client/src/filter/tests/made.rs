//! Made inputs: small snapshots, policies and crawl files.

pub use super::drawn::{LOG, registered};
use crate::filter::index::IndexRun;
use crate::filter::{Asking, Checks, FilterError, Identity, Job, Plan, Watch, pipeline};
use crate::report::Report;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::snapshot::{Head, Snapshot, Tables, VerifiedSnapshot, build};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The moment of use in all tests: 2026-11-23.
pub const USED_AT: Timestamp = Timestamp(1_795_400_000);

pub type Made = VerifiedSnapshot<Vec<u8>>;

pub fn snapshot(statements: impl IntoIterator<Item = Registered>) -> Made {
    let ledger: Ledger = statements.into_iter().collect();
    let last = ledger.statements().last();
    let head = Head {
        origin: LOG.to_owned(),
        size: last.map_or(0, |registered| registered.index + 1),
        root: Hash([7; 32]),
        time: last.map_or(Timestamp::MIN, |registered| registered.registered_at),
    };
    let mut body = Vec::new();
    build(ledger.statements(), &head, &Tables::default(), &mut body).expect("a snapshot");
    Snapshot::open(body).expect("a body").verify().expect("a sound body")
}

/// A lab's policy with its usual actions.
pub fn policy() -> Policy {
    serde_json::from_value(serde_json::json!({
        "version": 1,
        "use": "train-ai",
        "asker": {"domain": "lab.example", "class": "commercial", "territory": "US", "model": "lab-1"},
    }))
    .expect("a policy")
}

/// A policy that keeps what nobody speaks for.
pub fn keeping() -> Policy {
    let mut policy = policy();
    policy.actions.unknown = Disposition::Keep;
    policy
}

pub fn url_scope(host: &str) -> serde_json::Value {
    serde_json::json!({"include": [{"target": "host", "host": host, "subdomains": true}]})
}

pub fn reservation(issuer: &str) -> serde_json::Value {
    serde_json::json!({
        "issuer": {"domain": issuer},
        "body": {
            "kind": "reservation", "basis": "owner", "scope": url_scope(issuer),
            "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]},
        },
    })
}

/// One record of a WARC file.
pub fn record(kind: &str, id: &str, fields: &[(&str, &str)], block: &[u8]) -> Vec<u8> {
    let mut text = format!("WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{id}>\r\n");
    if !fields.iter().any(|(name, _)| *name == "WARC-Date") {
        text.push_str("WARC-Date: 2024-05-18T01:58:10Z\r\n");
    }
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n", block.len()));
    [text.as_bytes(), block, b"\r\n\r\n"].concat()
}

/// Request, response and metadata of one page, linked as Common Crawl does.
pub fn page(number: usize, url: &str, body: &str) -> Vec<Vec<u8>> {
    let response = format!("{number:08}-0000-4000-8000-000000000001");
    let linked = [("WARC-Target-URI", url), ("WARC-Concurrent-To", &*format!("<urn:uuid:{response}>"))];
    let http = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    vec![
        record("request", &format!("{number:08}-r"), &linked, b"GET / HTTP/1.1\r\nHost: x.example\r\n\r\n"),
        record(
            "response",
            &response,
            &[("WARC-Target-URI", url), ("Content-Type", "application/http; msgtype=response")],
            http.as_bytes(),
        ),
        record("metadata", &format!("{number:08}-m"), &linked, b"fetchTimeMs: 12\r\n"),
    ]
}

/// The same, and where each record lies.
pub fn gzip_placed(records: &[Vec<u8>]) -> (Vec<u8>, Vec<(u64, u64)>) {
    let (mut file, mut places) = (Vec::new(), Vec::new());
    for record in records {
        let member = gzip(std::slice::from_ref(record));
        places.push((file.len() as u64, member.len() as u64));
        file.extend(member);
    }
    (file, places)
}

pub fn gzip(records: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for record in records {
        let mut member = GzEncoder::new(Vec::new(), Compression::default());
        member.write_all(record).expect("memory");
        file.extend(member.finish().expect("memory"));
    }
    file
}

/// Pages of many hosts: every third one is on `press.example`.
pub fn crawl(pages: usize) -> Vec<Vec<u8>> {
    let mut records = vec![record("warcinfo", "head", &[], b"software: test\r\n")];
    for number in 0..pages {
        let host = if number % 3 == 0 { "press.example".to_owned() } else { format!("site{}.example", number % 7) };
        records.extend(page(number, &format!("https://{host}/page/{number}"), &format!("<p>text {number}</p>")));
    }
    records
}

pub struct Run<'a> {
    pub snapshot: &'a Made,
    pub policy: &'a Policy,
    pub inputs: Vec<PathBuf>,
    pub out: PathBuf,
    pub threads: usize,
    pub resume: bool,
    pub fields: crate::crawl::FieldChoice,
    pub shard: Option<super::super::Shard>,
    pub sign_key: Option<ed25519_dalek::SigningKey>,
    pub index: Option<IndexRun>,
    pub checks: Checks,
    pub output_coding: crate::filter::OutputCoding,
}

impl<'a> Run<'a> {
    /// A whole run over crawls, by two threads.
    pub fn over(snapshot: &'a Made, policy: &'a Policy, out: &Path, inputs: &[PathBuf]) -> Self {
        Self {
            snapshot,
            policy,
            inputs: inputs.to_vec(),
            out: out.to_owned(),
            threads: 2,
            resume: false,
            fields: crate::crawl::FieldChoice::default(),
            shard: None,
            sign_key: None,
            index: None,
            checks: Checks::ALL,
            output_coding: crate::filter::OutputCoding::Same,
        }
    }

    pub fn run(&self, watch: &mut dyn Watch) -> Result<Report, FilterError> {
        run_over(self.snapshot, self, watch)
    }
}

/// The run, by a snapshot of any kind.
pub fn run_over<D: AsRef<[u8]> + Sync>(
    snapshot: &VerifiedSnapshot<D>,
    run: &Run<'_>,
    watch: &mut dyn Watch,
) -> Result<Report, FilterError> {
    let plan = Plan::new(snapshot, run.policy, USED_AT);
    let asking = Asking { check_digests: run.checks.all(), checks: run.checks, ..Asking::crawl() };
    let identity = Identity {
        version: "test".to_owned(),
        policy: blake3::hash(&serde_json::to_vec(run.policy).expect("JSON")).to_string(),
        snapshot: blake3::hash(run.snapshot.bytes()).to_string(),
        sealed: None,
        agents: "test".to_owned(),
        used_at: USED_AT,
        asking: asking.clone(),
        fields: run.fields.clone(),
        largest_record: 0,
        decisions: crate::filter::DecisionsForm::default(),
        output_coding: run.output_coding,
        index: run.index.clone(),
    };
    let job = Job {
        plan: &plan,
        asking,
        identity,
        inputs: run.inputs.iter().map(|path| path.as_path().into()).collect(),
        shard: run.shard,
        store: &crate::crawl::store::Store::new(),
        fields: run.fields.clone(),
        out: run.out.clone(),
        options: crate::crawl::Options::default(),
        bounds: pipeline::Bounds::of(run.threads),
        resume: run.resume,
        sign_key: run.sign_key.clone(),
    };
    job.run(watch)
}

/// Every file below a folder with its bytes, but for the times in `state/`.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                found.push((path.strip_prefix(folder).expect("below").to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}
