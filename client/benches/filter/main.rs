//! How fast WARC.gz files are filtered beside bare inflation of the same files, in turn, in one run, with the spread of all
//! rounds. Every filter run does all that it ever does: digests, lookups, signals inside records, outputs written and synced.
//!
//! `cargo bench -p cleartitle --bench filter` measures; `-- --pages 7000 --rounds 5` says how much. With `--quick`, or
//! without `--bench` (as `cargo test --bench filter` runs it), it only checks that every way decides the same.

mod corpus;

use cleartitle::crawl::store::Store;
use cleartitle::crawl::{self, FieldChoice, Options};
use cleartitle::filter::{Asking, Identity, Job, Plan, pipeline::Bounds};
use cleartitle::report::Report;
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::snapshot::VerifiedSnapshot;
use cleartitle_schema::time::Timestamp;
use corpus::{Corpus, Size};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// 2026-11-23.
const USED_AT: Timestamp = Timestamp(1_795_400_000);
const SEED: u64 = 4;
/// Files of the corpus; a lab has thousands.
const FILES: u64 = 4;

/// What a round took: on the clock, and of this process on its cores.
#[derive(Clone, Copy)]
struct Took {
    clock: Duration,
    cores: Option<Duration>,
}

/// Time that all threads of this process, ended ones included, spent on a core; `None` where the system does not tell.
fn on_cores() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = text.rsplit_once(')')?.1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    // Linux counts these in hundredths of a second on every machine that Rust runs on.
    Some(Duration::from_millis(ticks * 10))
}

fn took(run: impl FnOnce()) -> Took {
    let (clock, cores) = (Instant::now(), on_cores());
    run();
    Took { clock: clock.elapsed(), cores: on_cores().zip(cores).map(|(after, before)| after - before) }
}

/// Bare inflation: every member into one buffer, its end known beforehand. Nothing that reads the file can be faster.
fn inflate(stored: &[u8], ends: &[usize], buffer: &mut [u8]) -> usize {
    let mut inflater = libdeflater::Decompressor::new();
    let (mut start, mut plain) = (0, 0);
    for &end in ends {
        plain += inflater.gzip_decompress(&stored[start..end], buffer).expect("a sound member");
        black_box(&buffer);
        start = end;
    }
    plain
}

/// The reader alone; returns where every member ends and how many plain bytes there were.
fn read(path: &Path) -> (Vec<usize>, usize) {
    let mut reader = crawl::open(path, Options::default()).expect("a crawl");
    let (mut ends, mut plain) = (Vec::new(), 0);
    while let Some(item) = reader.next_raw().expect("a file that can be read") {
        let crawl::RawItem::Record(record) = item else { panic!("the corpus has no damage") };
        ends.push(usize::try_from(record.raw().range().end).expect("a file that fits"));
        plain += record.plain_length();
    }
    (ends, plain)
}

/// A whole run of the filter into a folder, outputs written and synced.
fn filter(
    snapshot: &VerifiedSnapshot<Vec<u8>>,
    policy: &Policy,
    paths: &[PathBuf],
    threads: usize,
    out: &Path,
) -> Report {
    let plan = Plan::new(snapshot, policy, USED_AT);
    let (asking, fields) = (Asking::crawl(), FieldChoice::default());
    let word = || "bench".to_owned();
    let identity = Identity {
        version: word(),
        policy: word(),
        snapshot: word(),
        agents: word(),
        used_at: USED_AT,
        asking: asking.clone(),
        fields: fields.clone(),
        largest_record: 0,
        decisions: cleartitle::filter::DecisionsForm::default(),
        index: None,
    };
    let job = Job {
        plan: &plan,
        asking,
        identity,
        inputs: paths.iter().map(|path| path.as_path().into()).collect(),
        shard: None,
        store: &Store::new(),
        fields,
        out: out.to_owned(),
        options: Options::default(),
        bounds: Bounds::of(threads),
        resume: false,
        sign_key: None,
    };
    job.run(&mut ()).expect("a run")
}

/// How many documents a run drops, and a hash of what it keeps.
fn kept(
    snapshot: &VerifiedSnapshot<Vec<u8>>,
    policy: &Policy,
    paths: &[PathBuf],
    threads: usize,
) -> (u64, blake3::Hash) {
    let out = tempfile::tempdir().expect("a folder");
    let report = filter(snapshot, policy, paths, threads, out.path());
    let mut hasher = blake3::Hasher::new();
    let kept = paths.iter().map(|path| out.path().join("kept").join(path.file_name().expect("a name")));
    for file in kept.chain([out.path().join("manifest.jsonl")]) {
        hasher.update(&std::fs::read(file).expect("an output"));
    }
    (report.tally.of(Disposition::Drop).documents, hasher.finalize())
}

/// One line: the median, how far the rounds lay apart, and the bare inflation's median as a multiple of it.
fn line(what: &str, rounds: &[Took], bare: &[Took]) {
    let sorted = |rounds: &[Took], of: fn(&Took) -> Option<Duration>| {
        let mut all: Vec<f64> = rounds.iter().filter_map(of).map(|took| took.as_secs_f64()).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    for (kind, of) in
        [("clock", (|took| Some(took.clock)) as fn(&Took) -> Option<Duration>), ("cores", |took| took.cores)]
    {
        let (all, bare) = (sorted(rounds, of), sorted(bare, of));
        let (Some(&least), Some(&most)) = (all.first(), all.last()) else { continue };
        let median = all[all.len() / 2];
        let ratio = bare
            .get(bare.len() / 2)
            .map_or_else(String::new, |bare| format!("  {:>5.2} x bare inflation", bare / median));
        println!("{what:<36} {kind}  {median:>7.3} s  ({least:.3} to {most:.3}){ratio}");
    }
}

fn number(name: &str, usual: usize) -> usize {
    let mut words = std::env::args().skip_while(|word| word != name).skip(1);
    words.next().map_or(usual, |word| word.parse().unwrap_or_else(|_| panic!("{name} takes a number, not `{word}`")))
}

fn main() {
    let quick = !std::env::args().any(|word| word == "--bench") || std::env::args().any(|word| word == "--quick");
    let size = if quick {
        Size { pages: 60, hosts: 200 }
    } else {
        Size { pages: number("--pages", 2_000), hosts: number("--hosts", 200_000) }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let corpora: Vec<Corpus> = (0..FILES).map(|file| corpus::crawl(SEED + file, &size)).collect();
    let paths: Vec<PathBuf> = (0..FILES).map(|file| folder.path().join(format!("crawl-{file}.warc.gz"))).collect();
    for (path, corpus) in paths.iter().zip(&corpora) {
        std::fs::write(path, &corpus.stored).expect("room for the corpus");
    }
    let sum = |of: fn(&Corpus) -> u64| corpora.iter().map(of).sum::<u64>();
    let (stored, plain) = (sum(|it| it.stored.len() as u64), sum(|it| it.plain as u64));
    let reserved = sum(|it| it.reserved);
    let snapshot = corpus::snapshot(&size);
    let mut policy: Policy = serde_json::from_value(serde_json::json!({
        "version": 1, "use": "train-ai",
        "asker": {"domain": "lab.example", "class": "commercial", "territory": "US", "model": "lab-1"},
    }))
    .expect("a policy");
    policy.actions.unknown = Disposition::Keep;

    let mut buffer = vec![0; 16 * 1024 * 1024];
    let mut ends = Vec::new();
    for (path, corpus) in paths.iter().zip(&corpora) {
        let (found, read_plain) = read(path);
        let inflated = inflate(&corpus.stored, &found, &mut buffer);
        assert_eq!((read_plain, inflated), (corpus.plain, corpus.plain), "all plain bytes are read");
        ends.push(found);
    }
    let one = kept(&snapshot, &policy, &paths, 1);
    assert_eq!(one.0, reserved, "what is reserved is dropped, and nothing else");
    assert_eq!(one, kept(&snapshot, &policy, &paths, 2), "two threads decide and write as one");
    println!(
        "{FILES} files of {} pages on {} hosts, seed {SEED}: {stored} bytes stored, {plain} plain ({:.2} x), {reserved} reserved",
        size.pages,
        size.hosts,
        plain as f64 / stored as f64
    );
    if quick {
        println!("quick: one thread and two decide the same and write the same bytes; nothing was measured");
        return;
    }
    let mut rounds: [Vec<Took>; 5] = Default::default();
    for _ in 0..number("--rounds", 5) {
        rounds[0].push(took(|| {
            for (corpus, ends) in corpora.iter().zip(&ends) {
                black_box(inflate(&corpus.stored, ends, &mut buffer));
            }
        }));
        rounds[1].push(took(|| paths.iter().for_each(|path| drop(black_box(read(path))))));
        for (place, paths, threads) in [(2, &paths[..], 1), (3, &paths, 2), (4, &paths[..1], 2)] {
            // Making and removing the folder is not the filter's work.
            let out = tempfile::tempdir().expect("a folder");
            rounds[place].push(took(|| {
                black_box(filter(&snapshot, &policy, paths, threads, out.path()));
            }));
        }
    }
    let whats = [
        "bare inflation (libdeflate)",
        "records read",
        "filtered, all checks, 1 thread",
        "filtered, all checks, 2 threads",
    ];
    for (what, took) in whats.iter().zip(&rounds) {
        line(what, took, &rounds[0]);
    }
    println!("one file alone has one reader, so that two threads gain less:");
    line("filtered, the first file, 2 threads", &rounds[4], &[]);
}
