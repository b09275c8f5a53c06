//! Our filter among its peers: its ways in tables, and what a run of it kept.

use crate::clock::took;
use crate::corpus::{self, Size};
use crate::filter::{self, Way};
use crate::rounds::{Answer, Contest, Keeping, Run};
use cleartitle::filter::{Check, Checks, OutputCoding};
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::snapshot::VerifiedSnapshot;
use serde::Deserialize;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

/// A way to run it.
struct Mode {
    name: &'static str,
    threads: usize,
    /// What is looked at; everything where nothing is named.
    only: &'static [Check],
    coding: OutputCoding,
}

const fn mode(name: &'static str, threads: usize, only: &'static [Check]) -> Mode {
    Mode { name, threads, only, coding: OutputCoding::Same }
}

const fn coded(name: &'static str, coding: OutputCoding) -> Mode {
    Mode { coding, ..mode(name, 1, &[]) }
}

/// Every way that is measured; the first is the one that the peers are held against.
const WHOLE: [Mode; 2] =
    [mode("ours, the whole filter, 1 thread", 1, &[]), mode("ours, the whole filter, 2 threads", 2, &[])];
/// First passes over a crawl, which leave something out and hand on candidates.
const FIRST_PASSES: [Mode; 4] = [
    mode("ours, --only urls, 1 thread", 1, &[Check::Urls]),
    mode("ours, --only urls,content, 1 thread", 1, &[Check::Urls, Check::Content]),
    mode("ours, --only urls,content, 2 threads", 2, &[Check::Urls, Check::Content]),
    mode("ours, --only urls,signals, 1 thread", 1, &[Check::Urls, Check::Signals]),
];

/// Over lines: kept ones coded otherwise, and a first pass.
const LINES: [Mode; 3] = [
    coded("ours, --output-coding plain, 1 thread", OutputCoding::Plain),
    coded("ours, --output-coding zstd:1, 1 thread", OutputCoding::Zstd(1)),
    mode("ours, --only urls, 1 thread", 1, &[Check::Urls]),
];

/// A row of the manifest, of which only the names of the document are read.
#[derive(Deserialize)]
struct Listed {
    record: String,
    content: String,
}

/// The reservations of the corpus's hosts, ready to filter by.
pub struct Filter {
    size: Size,
    snapshot: VerifiedSnapshot<Vec<u8>>,
    policy: Policy,
}

impl Filter {
    pub fn of(size: Size) -> Self {
        Self { snapshot: corpus::snapshot(&size), policy: filter::policy(), size }
    }

    /// The same, but that silence is dropped and one host in fifty has granted what is asked for: what a lab keeps that takes
    /// nothing without leave.
    pub fn strict(size: Size) -> Self {
        let mut policy = filter::policy();
        policy.actions.unknown = Disposition::Drop;
        Self { snapshot: corpus::snapshot_with(&size, |rank| rank % 50 == 7), policy, size }
    }

    pub fn size(&self) -> &Size {
        &self.size
    }

    pub fn reserved_hosts(&self) -> impl Iterator<Item = String> {
        (0..self.size.hosts).filter(|&rank| corpus::is_reserved(rank)).map(corpus::host)
    }

    pub fn first_mode(&self) -> &'static str {
        WHOLE[0].name
    }

    /// One run, its outputs written, synced, and read for what they keep after the clock has stopped. What a first pass hands
    /// on is filtered whole by then.
    pub fn run(&self, paths: &[PathBuf], way: &Way) -> Run {
        let (out, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let took = took(|| drop(filter::filter(&self.snapshot, &self.policy, paths, way, out.path())));
        let mut answered = out.path();
        if !way.checks.all() {
            let name = |path: &PathBuf| path.file_name().expect("a name").to_owned();
            let candidates: Vec<PathBuf> =
                paths.iter().map(|path| out.path().join("candidates").join(name(path))).collect();
            filter::filter(&self.snapshot, &self.policy, &candidates, &Way::whole(2), second.path());
            answered = second.path();
        }
        Run { took, answer: Some(kept(answered)), wrote: Some(bytes_below(out.path())), count: 1 }
    }

    /// Adds the whole filter to a contest over these files.
    pub fn join<'a>(&'a self, contest: &mut Contest<'a>, paths: &'a [PathBuf]) {
        self.join_by(contest, paths, &WHOLE);
    }

    /// Adds what there is for lines alone.
    pub fn join_lines<'a>(&'a self, contest: &mut Contest<'a>, paths: &'a [PathBuf]) {
        self.join_by(contest, paths, &LINES);
    }

    /// What the filter keeps of these files, each as it is stored.
    pub fn outputs(&self, paths: &[PathBuf], coding: OutputCoding) -> Vec<Vec<u8>> {
        let out = tempfile::tempdir().expect("a folder");
        filter::filter(
            &self.snapshot,
            &self.policy,
            paths,
            &Way { output_coding: coding, ..Way::whole(2) },
            out.path(),
        );
        let name = |path: &PathBuf| coding.name_of(&path.file_name().expect("a name").to_string_lossy());
        paths.iter().map(|path| std::fs::read(out.path().join("kept").join(name(path))).expect("an output")).collect()
    }

    /// Adds the first passes.
    pub fn join_first_passes<'a>(&'a self, contest: &mut Contest<'a>, paths: &'a [PathBuf]) {
        self.join_by(contest, paths, &FIRST_PASSES);
    }

    fn join_by<'a>(&'a self, contest: &mut Contest<'a>, paths: &'a [PathBuf], modes: &'static [Mode]) {
        for mode in modes {
            let (checks, output_coding) = (Checks::only(mode.only), mode.coding);
            let way = Way { checks, output_coding, ..Way::whole(mode.threads) };
            contest.add(mode.name, move || self.run(paths, &way));
        }
    }
}

/// What the manifest of a run lists.
fn kept(out: &Path) -> Answer {
    let manifest = std::fs::File::open(out.join("manifest.jsonl")).expect("a manifest");
    let mut keeping = Keeping::default();
    for line in std::io::BufReader::new(manifest).lines() {
        let row: Listed = serde_json::from_str(&line.expect("a line")).expect("a row");
        keeping.put(&row.record, row.content.rsplit(':').next().unwrap_or_default());
    }
    keeping.end()
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let bytes = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("a file's length");
        if metadata.is_dir() { bytes_below(&entry.path()) } else { metadata.len() }
    };
    entries.map(bytes).sum()
}
