//! Our filter among its peers: its modes in a table, and what a run of it kept.

use crate::clock::took;
use crate::corpus::{self, Size};
use crate::filter;
use crate::rounds::{Contest, Keeping, Run};
use cleartitle_schema::policy::Policy;
use cleartitle_schema::snapshot::VerifiedSnapshot;
use serde::Deserialize;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

/// A way to run it.
struct Mode {
    name: &'static str,
    threads: usize,
}

/// Every way that is measured; the first is the one that the peers are held against.
const MODES: [Mode; 2] = [
    Mode { name: "ours, the whole filter, 1 thread", threads: 1 },
    Mode { name: "ours, the whole filter, 2 threads", threads: 2 },
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

    pub fn size(&self) -> &Size {
        &self.size
    }

    pub fn reserved_hosts(&self) -> impl Iterator<Item = String> {
        (0..self.size.hosts).filter(|&rank| corpus::is_reserved(rank)).map(corpus::host)
    }

    pub fn first_mode(&self) -> &'static str {
        MODES[0].name
    }

    /// One whole run, its outputs written, synced, and read for what they keep after the clock has stopped.
    pub fn run(&self, paths: &[PathBuf], threads: usize) -> Run {
        let out = tempfile::tempdir().expect("a folder");
        let took = took(|| drop(filter::filter(&self.snapshot, &self.policy, paths, threads, out.path())));
        let manifest = std::fs::File::open(out.path().join("manifest.jsonl")).expect("a manifest");
        let mut keeping = Keeping::default();
        for line in std::io::BufReader::new(manifest).lines() {
            let row: Listed = serde_json::from_str(&line.expect("a line")).expect("a row");
            keeping.put(&row.record, row.content.rsplit(':').next().unwrap_or_default());
        }
        Run { took, answer: Some(keeping.end()), wrote: Some(bytes_below(out.path())), count: 1 }
    }

    /// Adds every mode to a contest over these files.
    pub fn join<'a>(&'a self, contest: &mut Contest<'a>, paths: &'a [PathBuf]) {
        for mode in &MODES {
            contest.add(mode.name, || self.run(paths, mode.threads));
        }
    }
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
