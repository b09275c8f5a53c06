//! How fast a snapshot answers, and how large it is, beside how fast this machine's memory follows 16 chains of pointers.
//!
//! `cargo bench -p cleartitle-schema --bench snapshot -- --hosts 5000000 --ids 64000000` builds two bodies from a seed, of
//! two rules a host and of names of bytes, in bounded memory and from whole statements, and asks half for what is there.
//! `--quick` is small, and checks the answers alone. Times are those that the thread spent on a core (Linux), the shortest
//! of five rounds, so that other work on the machine changes little but what it takes of caches and memory.
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures and keeps its scratch in files; `schema` itself does not"
)]

use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentId, ContentName, StatementId};
use cleartitle_schema::issuer::Party;
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::snapshot::format::{DIRECTORY_RECORD, FIXED_HEADER};
use cleartitle_schema::snapshot::{Head, Room, Snapshot, Tables, Tree, VerifiedSnapshot, build_within};
use cleartitle_schema::statement::{Body, Statement, VERSION};
use cleartitle_schema::terms::{Clause, Constraints, Rule, Terms};
use cleartitle_schema::time::{Timestamp, Window};
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::vocab::{Basis, Preference, Use};
use std::convert::Infallible;
use std::hint::black_box;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOG: &str = "log.registry.example";
/// Hosts that one statement speaks of, and names that one lists: near the most that a payload holds.
const HOSTS_EACH: u64 = 100;
const NAMES_EACH: u64 = 600;
/// Questions, half of them for what is there.
const ASKED: u64 = 400_000;
/// Copies asked for at once.
const TOGETHER: usize = 1024;
const ROUNDS: usize = 5;

/// A number that looks drawn: the finaliser of SplitMix64.
fn mixed(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn host(number: u64) -> String {
    let word = mixed(number);
    let length = 6 + usize::try_from(word % 8).unwrap_or_default();
    let letters: String = (0..length).map(|at| char::from(b'a' + (mixed(word + at as u64) % 26) as u8)).collect();
    let below = if word & 0x300 == 0 { "news." } else { "" };
    format!("{below}{letters}{number:x}.example")
}

/// The two rules of a host: a prefix, and a prefix or a pattern with `*` and `$`.
fn rules(number: u64) -> [String; 2] {
    let word = mixed(!number);
    let first = format!("/{:x}/", word & 0xfffff);
    let second = match word >> 60 {
        0..4 => "/*.pdf$".to_owned(),
        4..8 => format!("/{:x}/*/print", word & 0xfffff),
        _ => format!("/story-{:x}", (word >> 20) & 0xffff),
    };
    [first, second]
}

fn name(number: u64) -> ContentId {
    let mut digest = [0; 32];
    digest.chunks_exact_mut(8).zip(0..).for_each(|(part, at)| {
        part.copy_from_slice(&mixed(number.wrapping_mul(4).wrapping_add(at) ^ 0x5555).to_le_bytes());
    });
    ContentId(digest)
}

fn registered(index: u64, mut include: Vec<Target>) -> Arc<Registered> {
    include.sort();
    let rule = Rule {
        preference: Preference::Disallowed,
        uses: vec![Use::TrainAi],
        constraints: Constraints::default(),
        duties: Vec::new(),
    };
    let terms = Terms { clauses: vec![Clause { rules: vec![rule] }], ..Terms::default() };
    let statement = Statement {
        version: VERSION,
        log: LOG.to_owned(),
        issuer: Party::new("press.example".parse().expect("a domain")),
        issued_at: Timestamp(1_790_000_000),
        effective: Window::default(),
        supersedes: Vec::new(),
        delegation: None,
        body: Body::Reservation { basis: Basis::Owner, scope: Scope { include, exclude: Vec::new() }, terms },
        evidence: Vec::new(),
        modelled_on: None,
        note: None,
        remains_of: None,
    };
    Arc::new(Registered {
        id: StatementId::of(&statement.to_payload().expect("a payload")),
        index,
        registered_at: Timestamp(1_795_000_000),
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        proven: false,
        statement,
    })
}

/// The body of these statements, built within 512 MiB beside files.
fn body(statements: impl Iterator<Item = Arc<Registered>>, size: u64) -> Vec<u8> {
    let began = Instant::now();
    let head = Head { origin: LOG.to_owned(), size, root: Hash([7; 32]), time: Timestamp(1_795_000_000) };
    let mut room = Room::bounded(512 << 20, || Ok(Box::new(tempfile::tempfile()?)));
    let mut file = tempfile::tempfile().expect("a file");
    let out = std::io::BufWriter::new(&mut file);
    let built = build_within(statements.map(Ok::<_, Infallible>), &head, &Tables::default(), &mut room, out);
    let built = built.expect("a body");
    println!(
        "  built {:.2} GB in {:.0} s, {} at most",
        built.length as f64 / 1e9,
        began.elapsed().as_secs_f64(),
        peak()
    );
    file.rewind().expect("a file");
    let mut bytes = Vec::with_capacity(usize::try_from(built.length).expect("a length"));
    file.read_to_end(&mut bytes).expect("the body");
    bytes
}

/// The most memory that this process has had, as Linux tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("no memory told".to_owned(), |line| line.trim().to_owned())
}

/// The bytes of the sections with these kinds.
fn bytes_of(body: &[u8], kinds: &[usize]) -> f64 {
    let length = |kind: &usize| {
        let at = FIXED_HEADER + (kind - 1) * DIRECTORY_RECORD + 16;
        u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"))
    };
    kinds.iter().map(length).sum::<u64>() as f64
}

fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Nanoseconds for one of `count`, in the shortest of some rounds.
fn each(count: u64, mut run: impl FnMut()) -> f64 {
    let round = |_| {
        let (clock, core) = (Instant::now(), on_core());
        run();
        match (core, on_core()) {
            (Some(before), Some(after)) => after - before,
            _ => clock.elapsed(),
        }
    };
    (0..ROUNDS).map(round).min().unwrap_or_default().as_nanos() as f64 / count as f64
}

/// Nanoseconds for a step of 16 chains through memory much larger than any cache: what memory gives at best.
fn chase(words: usize) -> f64 {
    let mask = words - 1;
    let next: Vec<u32> =
        (0..words).map(|at| u32::try_from((at.wrapping_mul(1_664_525) + 1_013_904_223) & mask).unwrap_or(0)).collect();
    let steps = 400_000;
    each(16 * steps, || {
        let mut chains: [u32; 16] =
            std::array::from_fn(|at| u32::try_from((at * words / 16 + at * 7919) & mask).unwrap_or(0));
        for _ in 0..steps {
            for at in &mut chains {
                *at = next[*at as usize];
            }
        }
        black_box(chains);
    })
}

/// Opens a body by its tree, as a client does; and says how long that takes, and how long to hash the whole.
fn opened(body: &[u8]) -> VerifiedSnapshot<&[u8]> {
    let (tree, hash) = (Tree::of(body).to_bytes(), *blake3::hash(body).as_bytes());
    let by_tree = || {
        let tree = Tree::parse(&tree, body.len(), &hash).expect("its tree");
        Snapshot::open(body).expect("it opens").verify_as_read(tree).expect("it verifies")
    };
    // By the clock: a core's own count goes by steps longer than this takes.
    let clocked = |run: &dyn Fn()| {
        let round = |_| {
            let clock = Instant::now();
            run();
            clock.elapsed().as_secs_f64() * 1e3
        };
        (0..ROUNDS * 4).map(round).fold(f64::INFINITY, f64::min)
    };
    let lasted = clocked(&|| drop(black_box(by_tree())));
    let whole = clocked(&|| drop(black_box(Snapshot::open(body).expect("it opens").verify_hash(&hash))));
    println!("  {} bytes opened in {lasted:.3} ms by a tree of {}, hashed in {whole:.1} ms", body.len(), tree.len());
    by_tree()
}

/// Asks for all copies one by one and together; how many were found must be as told.
fn ask(what: &str, snapshot: &VerifiedSnapshot<&[u8]>, copies: &[Keys], expected: usize, step: f64) {
    let count = copies.len() as u64;
    let mut found = 0;
    let single = each(count, || {
        found = copies.iter().filter(|keys| !snapshot.sets_for(keys).expect("no damage").is_empty()).count();
    });
    assert_eq!(found, expected, "{what}: asked one by one");
    let together = each(count, || {
        found = copies
            .chunks(TOGETHER)
            .flat_map(|keys| snapshot.sets_for_each(keys).expect("no damage"))
            .filter(|sets| !sets.is_empty())
            .count();
    });
    assert_eq!(found, expected, "{what}: asked together");
    println!("  {what}: {single:.0} ns one by one, {together:.0} ns together; {:.2} of the chase", step / together);
}

fn urls(hosts: u64, step: f64) {
    println!("rules: {} on {hosts} hosts", hosts * 2);
    let statements = (0..hosts / HOSTS_EACH).map(|index| {
        let of_host = |number| {
            let host = host(number);
            rules(number).map(|path| Target::Url { host: host.parse().expect("a host"), port: None, path })
        };
        registered(index, (index * HOSTS_EACH..(index + 1) * HOSTS_EACH).flat_map(of_host).collect())
    });
    let body = body(statements, hosts);
    let text: usize = (0..hosts)
        .map(|number| {
            host(number).len() + rules(number).iter().map(|rule| rule.trim_end_matches('$').len()).sum::<usize>()
        })
        .sum();
    let index = bytes_of(&body, &[5, 6, 7, 8, 9]);
    println!(
        "  {:.2} bytes a rule, and {:.2} of text",
        (index - text as f64) / (hosts * 2) as f64,
        text as f64 / (hosts * 2) as f64
    );
    let copy = |url: &str| Acquisition::fetched(url).keys().0;
    let numbers = |seed: u64| (0..ASKED / 2).map(move |at| mixed(at ^ seed) % hosts);
    let there: Vec<Keys> =
        numbers(1).map(|number| copy(&format!("https://www.{}{}a.html", host(number), rules(number)[0]))).collect();
    let other_path: Vec<Keys> = numbers(2).map(|number| copy(&format!("https://{}/q/", host(number)))).collect();
    let not_there: Vec<Keys> =
        numbers(3).map(|number| copy(&format!("https://a.{}/x/", host(number + hosts)))).collect();
    let mixture: Vec<Keys> =
        there.iter().zip(&not_there).flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
    let body = opened(&body);
    ask("half covered, half of unknown hosts", &body, &mixture, there.len(), step);
    ask("covered", &body, &there, there.len(), step);
    ask("of a known host, not covered", &body, &other_path, 0, step);
    ask("of unknown hosts", &body, &not_there, 0, step);
}

fn contents(ids: u64, step: f64) {
    println!("names of bytes: {ids}");
    let statements = (0..ids.div_ceil(NAMES_EACH)).map(|index| {
        let numbers = index * NAMES_EACH..((index + 1) * NAMES_EACH).min(ids);
        let mut ids: Vec<ContentName> = numbers.map(|number| ContentName::Blake3(name(number))).collect();
        ids.sort();
        registered(index, vec![Target::Content { ids }])
    });
    let body = body(statements, ids);
    let records = bytes_of(&body, &[10, 11, 12]);
    println!("  {:.2} bytes a name, and 4 of the terms column", records / ids as f64 - 4.0);
    let copy = |number| Keys { content: vec![ContentName::Blake3(name(number))], ..Keys::default() };
    let there: Vec<Keys> = (0..ASKED / 2).map(|at| copy(mixed(at) % ids)).collect();
    let not_there: Vec<Keys> = (0..ASKED / 2).map(|at| copy(ids + mixed(at) % ids)).collect();
    let body = opened(&body);
    ask("there", &body, &there, there.len(), step);
    ask("not there", &body, &not_there, 0, step);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        words.get(at + 1)?.parse::<u64>().ok()
    };
    let quick = words.iter().any(|word| word == "--quick");
    let hosts = number("--hosts").unwrap_or(if quick { 2_000 } else { 1_000_000 });
    let ids = number("--ids").unwrap_or(if quick { 20_000 } else { 8_000_000 });
    let step = chase(if quick { 1 << 16 } else { 1 << 27 });
    println!("16 chains through {}: {step:.1} ns a step", if quick { "256 KiB" } else { "512 MiB" });
    if hosts >= HOSTS_EACH {
        urls(hosts / HOSTS_EACH * HOSTS_EACH, step);
    }
    if ids > 0 {
        contents(ids, step);
    }
}
