//! Our filter and our lookups beside their peers, in turn, in one run, over one seeded corpus; each must keep the same documents.
//!
//! `client/benches/run` makes the Python that two of the peers need and runs this; by hand it is
//! `cargo bench -p cleartitle --bench peers -- --pages 1500 --docs 40000 --rules 1000000 --ids 8000000 --rounds 5 --python PATH`.
//! With `--quick`, or without `--bench` (as `cargo test --bench peers` runs it), everything is small, runs once, and is only
//! compared. `--only crawl,index,lines,tables,rules,names` leaves the others out.
//!
//! Contenders do not do the same work: each table is followed by what differs. Peers do less than ours wherever they differ
//! (no outputs, no digests, no decisions, no syncing), but for what datatrove spends on making documents anew.
//! Times of Python are its own, from inside: starting it and importing are not in them. Ratios are taken within a round, so
//! that other work on the machine, where it lasts for a round, falls on both sides.

#[path = "../filter/bare.rs"]
mod bare;
#[path = "../filter/clock.rs"]
mod clock;
#[path = "../filter/corpus.rs"]
mod corpus;
mod crawls;
mod documents;
#[path = "../filter/ours.rs"]
mod filter;
mod floors;
mod indexed;
mod lookups;
mod ours;
mod python;
mod questions;
mod rounds;
mod texts;

use corpus::Size;
use ours::Filter;
use std::path::PathBuf;

const SEED: u64 = 4;
/// Files of each corpus; a lab has thousands.
const FILES: u64 = 4;
const CONTESTS: [&str; 6] = ["crawl", "index", "lines", "tables", "rules", "names"];

/// What was asked for on the command line.
struct Wanted {
    quick: bool,
    rounds: usize,
    pages: usize,
    docs: usize,
    hosts: usize,
    rules: u64,
    ids: u64,
    python: Option<PathBuf>,
    only: Vec<String>,
}

impl Wanted {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let has = |name: &str| words.iter().any(|word| word == name);
        let quick = !has("--bench") || has("--quick");
        let mut wanted = if quick {
            Self { rounds: 0, pages: 60, docs: 400, hosts: 200, rules: 2_000, ids: 20_000, ..Self::nothing() }
        } else {
            let (rules, ids) = (1_000_000, 8_000_000);
            Self { rounds: 5, pages: 1_500, docs: 40_000, hosts: 200_000, rules, ids, ..Self::nothing() }
        };
        wanted.quick = quick;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if matches!(word.as_str(), "--bench" | "--quick") {
                continue;
            }
            let value = words.next().unwrap_or_else(|| panic!("{word} takes a value"));
            let number = || value.parse::<usize>().unwrap_or_else(|_| panic!("{word} takes a number, not `{value}`"));
            match word.as_str() {
                "--rounds" => wanted.rounds = number(),
                "--pages" => wanted.pages = number(),
                "--docs" => wanted.docs = number(),
                "--hosts" => wanted.hosts = number(),
                "--rules" => wanted.rules = number() as u64,
                "--ids" => wanted.ids = number() as u64,
                "--python" => wanted.python = Some(PathBuf::from(value)),
                "--only" => wanted.only = value.split(',').map(str::to_owned).collect(),
                _ => panic!("`{word}` is not known here; the head of client/benches/peers/main.rs says what is"),
            }
        }
        let unknown = wanted.only.iter().find(|name| !CONTESTS.contains(&name.as_str()));
        assert!(unknown.is_none(), "{unknown:?} is none of {CONTESTS:?}");
        wanted
    }

    fn nothing() -> Self {
        let (quick, python, only) = (false, None, Vec::new());
        Self { quick, rounds: 0, pages: 0, docs: 0, hosts: 0, rules: 0, ids: 0, python, only }
    }

    fn takes(&self, contest: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == contest)
    }
}

/// Where this runs and over what, so that a table can be read without asking.
fn head(wanted: &Wanted) {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("machine: {}, {cores} cores, load {}", model.trim_start_matches([':', '\t', ' ']), rounds::load());
    println!("profile: {}", if cfg!(debug_assertions) { "dev; nothing is measured in it" } else { "release" });
    println!(
        "corpus: seed {SEED}, hosts Zipf(0.95) over {}, every tenth by rank reserved; lengths log-normal, as of Common Crawl's \
         pages and texts; words invented",
        wanted.hosts
    );
    println!("Python's times are its own, from inside: starting and importing are not in them");
}

fn main() {
    let wanted = Wanted::read();
    head(&wanted);
    let folder = tempfile::tempdir().expect("a folder");
    let filter = Filter::of(Size { pages: wanted.pages, hosts: wanted.hosts });
    let reserved: Vec<String> = filter.reserved_hosts().collect();
    std::fs::write(folder.path().join("reserved.txt"), reserved.join("\n")).expect("a file");
    let (python, rounds, mut absent) = (wanted.python.as_deref(), wanted.rounds, 0);
    if wanted.takes("crawl") {
        absent += crawls::contest(folder.path(), &filter, python, rounds);
    }
    if wanted.takes("index") {
        let strict = Filter::strict(Size { pages: wanted.pages, hosts: wanted.hosts });
        absent += indexed::contest(folder.path(), &strict, rounds);
    }
    if wanted.takes("lines") || wanted.takes("tables") {
        let texts = texts::made(folder.path(), wanted.docs, filter.size());
        if wanted.takes("lines") {
            absent += documents::lines(folder.path(), &texts, &filter, python, rounds);
        }
        if wanted.takes("tables") {
            absent += documents::tables(folder.path(), &texts, &filter, python, rounds);
        }
    }
    if wanted.takes("rules") || wanted.takes("names") {
        let (asked, words) = if wanted.quick { (4_000, 1 << 16) } else { (400_000, 1 << 27) };
        let chase = lookups::Chase::new(words);
        if wanted.takes("rules") {
            absent += lookups::rules(folder.path(), wanted.rules, asked, &chase, rounds);
        }
        if wanted.takes("names") {
            absent += lookups::names(folder.path(), wanted.ids, asked, &chase, rounds);
        }
    }
    println!();
    if wanted.quick {
        println!("quick: every contender that ran answers as it must; nothing was measured");
    }
    println!("contenders not run: {absent}");
}
