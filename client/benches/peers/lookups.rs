//! Lookups: a URL among rules and a name among names, ours beside `fst`, SQLite, and what memory gives at best.

use crate::questions::{Names, Rules};
use crate::rounds::{Contest, Run, Unit, answered, took_here};
use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::snapshot::VerifiedSnapshot;
use cleartitle_schema::snapshot::format::{DIRECTORY_RECORD, FIXED_HEADER, Section};
use rusqlite::{Connection, Statement};
use std::hint::black_box;
use std::path::Path;

/// Copies asked for at once.
const TOGETHER: usize = 1024;
const RULES: &[&str] = &[
    "rules are literal prefixes of paths, since `fst` and SQLite know no `*` and `$`; ours knows them, and finds every rule that \
     covers a URL with the terms it belongs to, where the others stop at the first; \
     bytes a rule are those of its index alone, without the statements",
    "a step of the chains is one miss, in pages of whatever size the system gives; a lookup is several steps, so that nothing comes \
     near it",
    "everybody's keys are made beforehand, but for the row that says otherwise: it parses and normalises the URL too",
    "fst walks one key (host reversed, then path) from the root; SQLite looks for the greatest key not above, on a WITHOUT ROWID \
     table, by one prepared statement in one transaction, all pages in memory",
];
const NAMES: &[&str] = &[
    "names are BLAKE3 digests of 32 bytes; SQLite holds each whole as the key of a WITHOUT ROWID table and is asked by one \
     prepared statement in one transaction, all pages in memory",
    "ours is asked for whole copies, which may have URLs, works and compilations too, and in the row that says so for names alone",
    "ours also tells which terms the name belongs to, and keeps of a name that nothing clears only so many bits that it may be \
     found once too often (statements are matched again); SQLite tells whether the whole of it is there",
];
/// What of a snapshot answers each kind of question; its statements stand elsewhere in it.
const RULE_SECTIONS: [Section; 5] =
    [Section::Sets, Section::Members, Section::HostDirectory, Section::Hosts, Section::Rules];
const NAME_SECTIONS: [Section; 5] =
    [Section::Sets, Section::Members, Section::ContentKinds, Section::Contents, Section::Crowded];
const CHASE: &str = "16 chains of pointers in memory, a step";

/// Chains through memory much larger than any cache, so that a step is what a miss costs where 16 are under way.
pub struct Chase(Vec<u32>);

impl Chase {
    /// `words` is a power of two.
    pub fn new(words: usize) -> Self {
        let next = |at: usize| (at.wrapping_mul(1_664_525) + 1_013_904_223) & (words - 1);
        Self((0..words).map(|at| u32::try_from(next(at)).unwrap_or_default()).collect())
    }

    fn run(&self) -> Run {
        let (steps, words) = (200_000, self.0.len());
        let took = took_here(|| {
            let start = |at: usize| u32::try_from((at * words / 16 + at * 7919) & (words - 1)).unwrap_or_default();
            let mut chains: [u32; 16] = std::array::from_fn(start);
            for _ in 0..steps {
                for at in &mut chains {
                    *at = self.0[*at as usize];
                }
            }
            black_box(chains);
        });
        Run { took, answer: None, wrote: None, count: 16 * steps }
    }
}

/// Asks everything, by whatever way; the answers are compared after the clock has stopped.
fn ask(count: usize, ask: impl FnOnce(&mut Vec<bool>)) -> Run {
    let mut covered = Vec::with_capacity(count);
    let took = took_here(|| ask(&mut covered));
    Run { took, answer: Some(answered(&covered)), wrote: None, count: count as u64 }
}

fn singly(body: &VerifiedSnapshot<Vec<u8>>, keys: &[Keys], covered: &mut Vec<bool>) {
    covered.extend(keys.iter().map(|keys| !body.sets_for(keys).expect("no damage").is_empty()));
}

fn together(body: &VerifiedSnapshot<Vec<u8>>, keys: &[Keys], covered: &mut Vec<bool>) {
    for keys in keys.chunks(TOGETHER) {
        covered.extend(body.sets_for_each(keys).expect("no damage").iter().map(|sets| !sets.is_empty()));
    }
}

/// How long some sections of a body are.
fn bytes_of(body: &VerifiedSnapshot<Vec<u8>>, sections: &[Section]) -> u64 {
    let length = |section: &Section| {
        let at = FIXED_HEADER + (*section as usize - 1) * DIRECTORY_RECORD + 16;
        u64::from_le_bytes(body.bytes()[at..at + 8].try_into().expect("eight bytes"))
    };
    sections.iter().map(length).sum()
}

/// A table of keys, opened to be read within one transaction, with more cache than it has pages.
fn database<'k>(path: &Path, keys: impl Iterator<Item = &'k [u8]>) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000; PRAGMA mmap_size = 17179869184;
         CREATE TABLE keys (key BLOB PRIMARY KEY) WITHOUT ROWID; BEGIN;",
    )?;
    let mut insert = connection.prepare("INSERT OR IGNORE INTO keys VALUES (?1)")?;
    for key in keys {
        insert.execute([key])?;
    }
    drop(insert);
    connection.execute_batch("COMMIT; BEGIN;")?;
    Ok(connection)
}

/// Whether a key of the table is a prefix of this: the greatest key not above it is, or what both have in common is asked next.
fn has_prefix(statement: &mut Statement<'_>, key: &[u8]) -> rusqlite::Result<bool> {
    let mut left = key.len();
    while left > 0 {
        let mut rows = statement.query([&key[..left]])?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let found = row.get_ref(0)?.as_blob()?;
        let common = found.iter().zip(&key[..left]).take_while(|(one, other)| one == other).count();
        if common == found.len() {
            return Ok(true);
        }
        left = common;
    }
    Ok(false)
}

/// Whether a key of the set is a prefix of this.
fn walked(set: &fst::raw::Fst<Vec<u8>>, key: &[u8]) -> bool {
    let mut node = set.root();
    for &byte in key {
        let Some(at) = node.find_input(byte) else { return false };
        node = set.node(node.transition_addr(at));
        if node.is_final() {
            return true;
        }
    }
    false
}

/// URLs among rules; how many could not be run.
pub fn rules(folder: &Path, count: u64, asked: u64, chase: &Chase, rounds: usize) -> usize {
    let rules = Rules::new(count, asked);
    let body = rules.body();
    let set = fst::Set::from_iter(&rules.keys).expect("sorted keys").into_fst();
    let path = folder.join("rules.sqlite");
    let connection = database(&path, rules.keys.iter().map(Vec::as_slice)).expect("a database");
    let each = |bytes: u64| bytes as f64 / rules.keys.len() as f64;
    let title = format!(
        "URL among {} rules of {} hosts, {} URLs, half of them covered; bytes a rule: text {:.1}, ours {:.1}, fst {:.1}, SQLite {:.1}",
        rules.keys.len(),
        rules.hosts(),
        rules.urls.len(),
        each(rules.keys.iter().map(|key| key.len() as u64).sum()),
        each(bytes_of(&body, &RULE_SECTIONS)),
        each(set.size() as u64),
        each(std::fs::metadata(&path).expect("a file").len()),
    );
    let copies: Vec<Keys> = rules.urls.iter().map(|url| Acquisition::fetched(url).keys().0).collect();
    let asked = copies.len();
    let statement = "SELECT key FROM keys WHERE key <= ?1 ORDER BY key DESC LIMIT 1";
    let mut statement = connection.prepare(statement).expect("a statement");
    let ours = "ours, 1,024 together";
    let mut contest = Contest::new(title, Unit::Nanoseconds, ours, answered(&rules.covered), RULES);
    contest.add(CHASE, || chase.run());
    contest.add("ours, one by one", || ask(asked, |covered| singly(&body, &copies, covered)));
    contest.add(ours, || ask(asked, |covered| together(&body, &copies, covered)));
    contest.add("ours, 1,024 together, from the URL's text", || {
        ask(asked, |covered| {
            for urls in rules.urls.chunks(TOGETHER) {
                let copies: Vec<Keys> = urls.iter().map(|url| Acquisition::fetched(url).keys().0).collect();
                together(&body, &copies, covered);
            }
        })
    });
    contest.add("fst 0.4, walk to the first prefix", || {
        ask(asked, |covered| covered.extend(rules.walks.iter().map(|key| walked(&set, key))))
    });
    contest.add(&format!("SQLite {}, greatest key not above", rusqlite::version()), || {
        let mut prefixed = |key: &Vec<u8>| has_prefix(&mut statement, key).expect("no error");
        ask(asked, |covered| covered.extend(rules.walks.iter().map(&mut prefixed)))
    });
    contest.run(rounds)
}

/// Names among names; how many could not be run.
pub fn names(folder: &Path, count: u64, asked: u64, chase: &Chase, rounds: usize) -> usize {
    let names = Names::new(count, asked);
    let body = names.body();
    let path = folder.join("names.sqlite");
    let connection = database(&path, names.sorted.iter().map(|name| &name.0[..])).expect("a database");
    let each = |bytes: u64| bytes as f64 / names.sorted.len() as f64;
    let title = format!(
        "name among {} names of bytes, {} asked, half of them there; bytes a name: ours {:.1}, SQLite {:.1}",
        names.sorted.len(),
        names.asked.len(),
        each(bytes_of(&body, &NAME_SECTIONS)),
        each(std::fs::metadata(&path).expect("a file").len()),
    );
    let copies = names.copies();
    let alone: Vec<ContentName> = names.asked.iter().map(|name| ContentName::Blake3(*name)).collect();
    let asked = copies.len();
    let mut statement = connection.prepare("SELECT 1 FROM keys WHERE key = ?1").expect("a statement");
    let ours = "ours, 1,024 together";
    let mut contest = Contest::new(title, Unit::Nanoseconds, ours, answered(&names.there), NAMES);
    contest.add(CHASE, || chase.run());
    contest.add("ours, one by one", || ask(asked, |there| singly(&body, &copies, there)));
    contest.add(ours, || ask(asked, |there| together(&body, &copies, there)));
    contest.add("ours, 1,024 together, of names alone", || {
        ask(asked, |there| {
            for names in alone.chunks(TOGETHER) {
                there.extend(body.by_content_each(names).expect("no damage").iter().map(|sets| !sets.is_empty()));
            }
        })
    });
    contest.add(&format!("SQLite {}, by key", rusqlite::version()), || {
        let mut is_there = |name: &[u8; 32]| statement.exists([&name[..]]).expect("no error");
        ask(asked, |there| there.extend(names.asked.iter().map(|name| is_there(&name.0))))
    });
    contest.run(rounds)
}
