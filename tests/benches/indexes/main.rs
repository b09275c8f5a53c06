//! How fast an index is filtered, in rows a second on one thread, and what it saves beside reading the crawl itself.
//!
//! `cargo bench -p cleartitle-tests --bench indexes`; `CLEARTITLE_ROWS=3000000` sets how many rows. Everything is made from
//! fixed numbers, and no network is used.

mod made;

use std::path::Path;
use std::time::Instant;

use cleartitle::crawl::store::Store;
use cleartitle::crawl::{FieldChoice, Options};
use cleartitle::filter::index::{IndexRun, Root};
use cleartitle::filter::{Asking, Identity, Job, Plan, pipeline};
use cleartitle::report::Report;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::VerifiedSnapshot;
use cleartitle_schema::time::Timestamp;

/// Seconds of a core that this process has used, its own and the system's for it.
fn used() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
    let ticks = |at| behind.split(' ').nth(at).and_then(|it| it.parse::<f64>().ok()).unwrap_or(f64::NAN);
    // Linux counts a hundred a second for whoever asks here.
    (ticks(11) + ticks(12)) / 100.0
}

/// One run on one thread; the report and the seconds that it took.
fn run(
    snapshot: &VerifiedSnapshot<Vec<u8>>,
    policy: &Policy,
    input: &Path,
    out: &Path,
    index: Option<IndexRun>,
) -> (Report, f64) {
    let used_at = Timestamp(1_795_400_000);
    let plan = Plan::new(snapshot, policy, used_at);
    let identity = Identity {
        version: "bench".to_owned(),
        policy: String::new(),
        snapshot: String::new(),
        sealed: None,
        agents: String::new(),
        used_at,
        asking: Asking::crawl(),
        fields: FieldChoice::default(),
        largest_record: 0,
        decisions: cleartitle::filter::DecisionsForm::default(),
        output_coding: cleartitle::filter::OutputCoding::Same,
        index,
    };
    let job = Job {
        plan: &plan,
        asking: Asking::crawl(),
        identity,
        inputs: vec![input.into()],
        shard: None,
        store: &Store::new(),
        fields: FieldChoice::default(),
        out: out.to_owned(),
        options: Options::default(),
        bounds: pipeline::Bounds::of(1),
        resume: false,
        sign_key: None,
    };
    let begun = Instant::now();
    let report = job.run(&mut ()).expect("a run");
    (report, begun.elapsed().as_secs_f64())
}

fn policy(unknown: &str) -> Policy {
    let policy = serde_json::json!({
        "version": 1, "use": "train-ai", "asker": {"domain": "lab.example", "class": "commercial"},
        "actions": {"unknown": unknown},
    });
    serde_json::from_value(policy).expect("a policy")
}

fn main() {
    let rows = std::env::var("CLEARTITLE_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000_usize);
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let snapshot = made::snapshot();
    let captures = made::captures(rows);
    made::cdxj(&at("index.cdxj"), &captures);
    made::cdxj_gz(&at("index.cdxj.gz"), &at("index.cdxj"));
    made::columns(&at("index.parquet"), &captures);
    println!("{rows} rows, {} rules, one thread", snapshot.len());
    for (unknown, says) in [("drop", "silence is dropped"), ("keep", "silence is kept")] {
        let policy = policy(unknown);
        for name in ["index.cdxj", "index.cdxj.gz", "index.parquet"] {
            let out = at(&format!("{unknown}-{name}"));
            let before = used();
            let (report, seconds) = run(&snapshot, &policy, &at(name), &out, Some(IndexRun { fetch: None }));
            let (speed, of_core) = (rows as f64 / seconds / 1e6, rows as f64 / (used() - before) / 1e6);
            println!(
                "{name}, {says}: {speed:.2} million rows/s, {of_core:.2} million for each second of a core, {}",
                report.verdict_line()
            );
            std::fs::remove_dir_all(out).expect("its folder");
        }
    }
    against_the_full_filter(folder.path(), &snapshot);
}

/// The same crawl by its records, by its index, and by its index with the candidates fetched.
fn against_the_full_filter(folder: &Path, snapshot: &VerifiedSnapshot<Vec<u8>>) {
    let pages = 20_000;
    std::fs::create_dir_all(folder.join("root")).expect("a folder");
    let crawl = folder.join("root/crawl.warc.gz");
    let captures = made::crawl(&crawl, pages);
    made::cdxj(&folder.join("crawl.cdxj"), &captures);
    made::columns(&folder.join("crawl.parquet"), &captures);
    for unknown in ["drop", "keep"] {
        let policy = policy(unknown);
        let out = |name: &str| folder.join(format!("{unknown}-{name}"));
        let (report, full) = run(snapshot, &policy, &crawl, &out("full"), None);
        println!("{pages} pages, silence {unknown}: full filter {full:.2} s, {}", report.verdict_line());
        for name in ["crawl.cdxj", "crawl.parquet"] {
            let (rows, fetch) = (format!("rows-{name}"), format!("fetch-{name}"));
            let (_, seconds) = run(snapshot, &policy, &folder.join(name), &out(&rows), Some(IndexRun { fetch: None }));
            println!("  {name} alone {seconds:.3} s, {:.1} x", full / seconds);
            let root = Root::of(&folder.join("root").display().to_string()).expect("a root");
            let (report, seconds) =
                run(snapshot, &policy, &folder.join(name), &out(&fetch), Some(IndexRun { fetch: Some(root) }));
            println!("  {name} with its records {seconds:.2} s, {:.1} x, {}", full / seconds, report.verdict_line());
        }
    }
}
