//! How fast WARC.gz files are filtered beside bare inflation of the same files, in turn, in one run, with the spread of all
//! rounds. Every filter run does all that it ever does: digests, lookups, signals inside records, outputs written and synced.
//!
//! `cargo bench -p cleartitle --bench filter` measures; `-- --pages 7000 --rounds 5` says how much. With `--quick`, or
//! without `--bench` (as `cargo test --bench filter` runs it), it only checks that every way decides the same.

mod bare;
mod clock;
mod corpus;
mod ours;

use bare::{inflate, read};
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::snapshot::VerifiedSnapshot;
use clock::{Took, took};
use corpus::{Corpus, Size};
use ours::{Way, filter};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

const SEED: u64 = 4;
/// Files of the corpus; a lab has thousands.
const FILES: u64 = 4;

/// How many documents a run drops, and a hash of what it keeps.
fn kept(
    snapshot: &VerifiedSnapshot<Vec<u8>>,
    policy: &Policy,
    paths: &[PathBuf],
    threads: usize,
) -> (u64, blake3::Hash) {
    let out = tempfile::tempdir().expect("a folder");
    let report = filter(snapshot, policy, paths, &Way::whole(threads), out.path());
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
    let policy = ours::policy();

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
                black_box(filter(&snapshot, &policy, paths, &Way::whole(threads), out.path()));
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
