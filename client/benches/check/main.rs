//! How many rows a second `check` judges, the rows of a manifest read, looked up, ruled on and counted, by one process on all cores.
//!
//! `cargo bench -p cleartitle --bench check` makes a manifest of 10,000,000 rows and terms of 100,000 hosts from a seed; `-- --rows N`
//! takes another number, `--threads N` other threads. Without `--bench` (as `cargo test` runs it) it judges few rows, and checks
//! the counts alone.

use cleartitle::dataset::Papers;
use cleartitle::gate::rules::Rules;
use cleartitle::gate::{Gate, Judge};
use cleartitle::lineage::Index;
use cleartitle::snapshot::{self, Mapped};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::StatementId;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::{Head, Room, Snapshot, Tables, build_within};
use cleartitle_schema::statement::Statement;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::Hash;
use std::convert::Infallible;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const SEED: u64 = 7;

/// When the use takes place.
const USED_AT: Timestamp = Timestamp(1_795_400_000);

/// splitmix64 of a number and the seed.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ SEED;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn registered(index: u64) -> Arc<Registered> {
    let statement: Statement = serde_json::from_value(serde_json::json!({
        "version": 1, "log": "log.registry.example", "issuer": { "domain": format!("h{index}.example") },
        "issued_at": "2026-01-01T00:00:00Z", "effective": { "from": "2020-01-01T00:00:00Z" },
        "body": { "kind": "grant", "basis": "owner",
            "scope": { "include": [{ "target": "host", "host": format!("h{index}.example") }] },
            "terms": { "clauses": [{ "rules": [{ "preference": "allowed", "uses": ["train-ai"] }] }] } },
    }))
    .expect("a statement");
    Arc::new(Registered {
        id: StatementId::of(&statement.to_payload().expect("a payload")),
        index,
        registered_at: Timestamp(1_767_312_000),
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    })
}

fn terms(hosts: u64, path: &Path) -> Mapped {
    let head = Head {
        origin: "log.registry.example".to_owned(),
        size: hosts,
        root: Hash([7; 32]),
        time: Timestamp(1_767_312_000),
    };
    let mut room = Room::bounded(512 << 20, || Ok(Box::new(tempfile::tempfile()?)));
    let out = BufWriter::new(File::create(path).expect("a file"));
    let statements = (0..hosts).map(registered).map(Ok::<_, Infallible>);
    build_within(statements, &head, &Tables::default(), &mut room, out).expect("a body");
    let snapshot = Snapshot::open(snapshot::map(path).expect("a map")).expect("a snapshot");
    let hash = snapshot.body_hash();
    snapshot.verify_hash(&hash).expect("its own hash")
}

/// Rows as a data set lists them: a URL of one of the hosts, the bytes' name, the time of the capture. One in a thousand is of a
/// host that nobody speaks for.
fn manifest(rows: u64, hosts: u64, path: &Path) -> u64 {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut strange = 0;
    for row in 0..rows {
        let word = mixed(row);
        let host = if word.is_multiple_of(1_000) {
            strange += 1;
            "nobody".to_owned()
        } else {
            format!("h{}", (word >> 10) % hosts)
        };
        let digest = [1, 2, 3, 4].map(|part| mixed(row * 4 + part));
        let [a, b, c, d] = digest;
        let (day, second) = (word % 28 + 1, word % 60);
        writeln!(
            out,
            "{{\"content\":\"blake3:{a:016x}{b:016x}{c:016x}{d:016x}\",\"url\":\"https://{host}.example/{:x}/story-{:x}.html\",\
             \"captured_at\":\"2026-05-{day:02}T12:30:{second:02}Z\"}}",
            word >> 52,
            word & 0xffff_ffff
        )
        .expect("a row");
    }
    out.flush().expect("a file");
    strange
}

/// The most memory that the process ever had, in MiB, of which the mapped snapshot is a part.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}

fn flag(name: &str, usual: u64) -> u64 {
    let mut arguments = std::env::args();
    let named = arguments.find(|argument| argument == name).and_then(|_| arguments.next());
    named.and_then(|value| value.parse().ok()).unwrap_or(usual)
}

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (rows, hosts) = if measured { (flag("--rows", 10_000_000), flag("--hosts", 100_000)) } else { (2_000, 50) };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let threads = usize::try_from(flag("--threads", cores)).expect("a number");
    let folder = tempfile::tempdir().expect("a folder");
    let (body, paper) = (folder.path().join("terms.snapshot"), folder.path().join("manifest.jsonl"));
    let snapshot = terms(hosts, &body);
    let strange = manifest(rows, hosts, &paper);
    let made = peak();
    let policy: Policy = serde_json::from_value(
        serde_json::json!({ "version": 1, "use": "train-ai", "asker": { "domain": "lab.example" } }),
    )
    .expect("a policy");
    let judge = Judge { snapshot, policy: policy.clone(), used_at: USED_AT };
    let rules = Rules::default();
    let bytes = std::fs::metadata(&paper).expect("a file").len();
    for round in 1..=if measured { 3 } else { 1 } {
        let began = Instant::now();
        let paths = std::slice::from_ref(&paper);
        // As the command does, before it judges.
        let papers = Papers { workers: threads, ..Papers::usual(paths) };
        let index = Index::of(papers).expect("a manifest");
        assert!(index.is_empty());
        let gate = Gate::new(&judge, &policy, &rules, &index, "cleartitle.toml");
        let ran = gate.run(papers, None, None, &mut std::io::sink()).expect("a run");
        let seconds = began.elapsed().as_secs_f64();
        let sum = &ran.report.sum;
        assert_eq!((sum.rows, sum.keep, sum.drop, sum.damaged), (rows, rows - strange, strange, 0));
        if measured {
            println!(
                "round {round}: {rows} rows ({} MB) on {threads} threads in {seconds:.2} s: {:.2} million rows a second; at most \
                 {} MiB ({made} MiB before the first round)",
                bytes / 1_000_000,
                rows as f64 / seconds / 1e6,
                peak()
            );
        }
    }
}
