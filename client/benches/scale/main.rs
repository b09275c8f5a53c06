//! One snapshot of very much: built by the builder within bounded memory, opened as every command opens it, and asked.
//!
//! `cargo bench -p cleartitle --bench scale -- --ids 400000000 --rules 10000000 --hosts 5000000 --folder DIR` tells how long the
//! build took and the most memory that it held, bytes an id and a rule, the most that lay in the folder, how long opening takes
//! with and without the file in the system's cache, and lookups of what is there and what is not beside 16 chains of pointers.
//! About 115 bytes an id of disk are needed: statements are kept whole, and a listed BLAKE3 is 74 bytes of JSON. `--twice` builds
//! again and compares. Without `--bench` (as `cargo test` runs it) it is small, builds twice, and only checks the answers.

#[path = "../filter/clock.rs"]
mod clock;
mod made;

use cleartitle::snapshot::{self, Mapped};
use cleartitle::trust::PinnedLog;
use cleartitle_schema::acquisition::{Acquisition, Keys};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::snapshot::format::{DIRECTORY_RECORD, FIXED_HEADER, Section};
use cleartitle_schema::snapshot::{Built, Head, Room, SetKey, Tables, Tree, build_within, note_text};
use cleartitle_schema::tlog::Hash;
use cleartitle_schema::tlog::note::{Note, NoteSigner};
use ed25519_dalek::SigningKey;
use made::{LOG, REGISTERED, Size, mixed};
use std::convert::Infallible;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Memory for sorting.
const SORTED_IN_MEMORY: usize = 256 << 20;
/// Copies asked for at once.
const TOGETHER: usize = 1024;
const ROUNDS: usize = 5;

/// The most memory of its own that this process has had, in MiB: a mapped file's pages are not counted.
fn own_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(f64::NAN) / 1024.0
}

/// Bytes that are free where the folder lies, as `df` tells it.
fn free(folder: &Path) -> Option<u64> {
    let output = std::process::Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().nth(1)?.trim().parse().ok()
}

/// Builds the body, with its tree and its note beside it.
fn built(size: &Size, path: &Path) -> (Built, PinnedLog) {
    let folder = path.parent().expect("a folder");
    let mut least_free = free(folder);
    let free_before = least_free;
    let head = Head { origin: LOG.to_owned(), size: size.statements(), root: Hash([7; 32]), time: REGISTERED };
    let mut room = Room::bounded(SORTED_IN_MEMORY, || {
        // Scratch is asked for whenever much was written: a good time to look at the disk.
        least_free = least_free.min(free(folder));
        Ok(Box::new(tempfile::tempfile_in(folder)?))
    });
    let statements = (0..size.statements()).map(|index| {
        if index > 0 && index.is_multiple_of(100_000) {
            eprintln!("statement {index} of {}", size.statements());
        }
        Ok::<_, Infallible>(size.statement(index))
    });
    let out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file"));
    let mut result = None;
    let took = clock::took(|| {
        result = Some(build_within(statements, &head, &Tables::default(), &mut room, out).expect("a body"));
    });
    drop(room);
    let built = result.expect("a body");
    let least_free = least_free.min(free(folder));
    let held =
        free_before.zip(least_free).map_or(f64::NAN, |(before, least)| before.saturating_sub(least) as f64 / 1e9);
    println!(
        "built: {} bytes in {:.0} s ({:.0} s on a core), {:.0} MiB of memory at most, {held:.1} GB of disk at most",
        built.length,
        took.clock.as_secs_f64(),
        took.cores.unwrap_or_default().as_secs_f64(),
        own_memory(),
    );
    let key = SigningKey::from_bytes(&[7; 32]);
    let signer = NoteSigner::new(&format!("{LOG}/snapshot"), key.clone()).expect("a name");
    let note = Note::sign(&note_text(&built.header, &built.body_hash), &[&signer]).expect("a note").to_text();
    std::fs::write(snapshot::beside(path, "note"), note).expect("a file");
    let log = NoteSigner::new(LOG, key).expect("a name").verifier().to_string();
    (built, PinnedLog::parse(&log).expect("a key"))
}

/// The tree of a body, which `pull` makes while it reads one.
fn planted(path: &Path) {
    let began = Instant::now();
    let mapped = snapshot::map(path).expect("a map");
    std::fs::write(snapshot::beside(path, "tree"), Tree::of(&mapped).to_bytes()).expect("a file");
    println!("tree: {:.1} s (the whole body is read and hashed once, as a pull does)", began.elapsed().as_secs_f64());
}

/// Has the system forget a file's pages; `false` where it can't be asked.
fn forgotten(path: &Path) -> bool {
    let mut input = std::ffi::OsString::from("if=");
    input.push(path);
    let arguments = ["of=/dev/null", "iflag=nocache", "count=0", "status=none"];
    std::process::Command::new("dd").arg(input).args(arguments).status().is_ok_and(|status| status.success())
}

fn opened(path: &Path, log: &PinnedLog) -> Mapped {
    let clocked = || {
        let began = Instant::now();
        let opened = snapshot::open(path, log).expect("it opens");
        (began.elapsed().as_secs_f64() * 1e3, opened)
    };
    let all = [path.to_owned(), snapshot::beside(path, "tree"), snapshot::beside(path, "note")];
    let was_cold = all.iter().all(|path| forgotten(path));
    let cold = clocked().0;
    let warm = (0..ROUNDS).map(|_| clocked().0).fold(f64::INFINITY, f64::min);
    let told = if was_cold { format!("{cold:.2} ms cold") } else { "cold not tried (no dd)".to_owned() };
    println!("opened: {told}, {warm:.2} ms warm");
    clocked().1
}

/// Bytes of some sections.
fn bytes_of(snapshot: &Mapped, sections: &[Section]) -> f64 {
    let body = snapshot.bytes();
    let length = |section: &Section| {
        let at = FIXED_HEADER + (*section as usize - 1) * DIRECTORY_RECORD + 16;
        body[at..at + 8].try_into().map_or(0, u64::from_le_bytes)
    };
    sections.iter().map(length).sum::<u64>() as f64
}

/// Nanoseconds on a core for one of `count`, in the shortest of some rounds.
fn each(count: usize, mut run: impl FnMut()) -> f64 {
    let on_core = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let round = |_| {
        let (clock, core) = (Instant::now(), on_core());
        run();
        on_core().zip(core).map_or_else(|| clock.elapsed(), |(after, before)| after - before)
    };
    (0..ROUNDS).map(round).min().unwrap_or_default().as_nanos() as f64 / count as f64
}

/// Nanoseconds for a step of 16 chains through a mapped file much larger than any cache: what memory gives at best in pages of
/// the size that a mapped body has.
fn chase(folder: &Path, words: usize) -> f64 {
    let mask = words - 1;
    let number = |at: usize| u32::try_from(at & mask).unwrap_or_default();
    let path = folder.join("chains");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).expect("a file"));
    for at in 0..words {
        let next = number(at.wrapping_mul(1_664_525) + 1_013_904_223);
        out.write_all(&next.to_le_bytes()).expect("room");
    }
    out.flush().expect("room");
    let mapped = snapshot::map(&path).expect("a map");
    std::fs::remove_file(&path).expect("a file");
    let (next, _) = mapped.as_chunks::<4>();
    let steps = 400_000;
    each(16 * steps, || {
        let mut chains: [u32; 16] = std::array::from_fn(|at| number(at * words / 16 + at * 7919));
        for _ in 0..steps {
            chains.iter_mut().for_each(|at| *at = u32::from_le_bytes(next[*at as usize]));
        }
        black_box(chains);
    })
}

/// Asks for all copies together; so many must be found.
fn ask(what: &str, snapshot: &Mapped, copies: &[Keys], expected: usize, step: f64) {
    ask_by(what, copies, expected, step, |copies| snapshot.sets_for_each(copies).expect("no damage"));
}

fn ask_by<K>(what: &str, all: &[K], expected: usize, step: f64, look: impl Fn(&[K]) -> Vec<SetKey>) {
    let mut found = 0;
    let nanoseconds = each(all.len(), || {
        found = all.chunks(TOGETHER).map(|keys| look(keys).iter().filter(|sets| !sets.is_empty()).count()).sum();
    });
    assert_eq!(found, expected, "{what}");
    println!(
        "{what}: {nanoseconds:.0} ns, {:.1} million a second, {:.2} of the chains' rate",
        1e3 / nanoseconds,
        step / nanoseconds
    );
}

fn asked(size: &Size, snapshot: &Mapped, asked: u64, step: f64) {
    let Size { hosts, rules, ids } = *size;
    let name = |number| ContentName::Blake3(made::name(number));
    let content = |number| Keys { content: vec![name(number)], ..Keys::default() };
    let url = |url: &str| Acquisition::fetched(url).keys().0;
    let copies =
        |copy: &dyn Fn(u64) -> Keys| -> Vec<Keys> { (0..asked).map(|at| copy(mixed(at ^ 0xabcd_0000))).collect() };
    let (all, none) = (asked as usize, 0);
    for (what, from, found) in [("id alone, there", 0, all), ("id alone, not there", ids, none)] {
        let names: Vec<ContentName> = (0..asked).map(|at| name(from + mixed(at ^ 0xabcd_0000) % ids)).collect();
        ask_by(what, &names, found, step, |names| snapshot.by_content_each(names).expect("no damage"));
    }
    ask("id, there", snapshot, &copies(&|word| content(word % ids)), all, step);
    ask("id, not there", snapshot, &copies(&|word| content(ids + word % ids)), none, step);
    ask("URL, covered", snapshot, &copies(&|word| url(&made::covered(word % rules, hosts))), all, step);
    ask(
        "URL of a known host, not covered",
        snapshot,
        &copies(&|word| url(&format!("https://{}/q/", made::host(word % hosts)))),
        none,
        step,
    );
    ask(
        "URL of an unknown host",
        snapshot,
        &copies(&|word| url(&format!("https://{}/q/", made::host(hosts + word % hosts)))),
        none,
        step,
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let number = |flag: &str, usual: u64| value(flag).map_or(usual, |value| value.parse().expect("a number"));
    let measured = words.iter().any(|word| word == "--bench");
    let usual = if measured { (1_000_000, 2_000_000, 20_000_000) } else { (1_000, 2_000, 50_000) };
    let size =
        Size { hosts: number("--hosts", usual.0), rules: number("--rules", usual.1), ids: number("--ids", usual.2) };
    let folder = value("--folder").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let path = folder.path().join("terms.snapshot");
    let Size { hosts, rules, ids } = size;
    println!(
        "{ids} ids ({} may clear), {rules} rules of {hosts} hosts, {} statements",
        size.clearing(),
        size.statements()
    );
    let (one, log) = built(&size, &path);
    if !measured || words.iter().any(|word| word == "--twice") {
        let again = folder.path().join("again.snapshot");
        let (other, _) = built(&size, &again);
        assert!(one == other, "two builds differ");
        println!("built twice: the same bytes, by BLAKE3");
        std::fs::remove_file(again).expect("a file");
    }
    planted(&path);
    let snapshot = opened(&path, &log);
    let clearing = bytes_of(&snapshot, &[Section::Clearing]);
    let names = bytes_of(&snapshot, &[Section::ContentKinds, Section::Contents, Section::Crowded]);
    let index = [Section::Sets, Section::Members, Section::HostDirectory, Section::Hosts, Section::Rules];
    println!(
        "bytes: {:.2} an id and 4 of the terms column; {:.1} more for each that may clear; {:.2} a rule with its text; statements {:.1} GB",
        names / ids as f64 - 4.0,
        clearing / size.clearing() as f64,
        bytes_of(&snapshot, &index) / rules as f64,
        bytes_of(&snapshot, &[Section::Statements, Section::Payloads, Section::Text]) / 1e9,
    );
    let step = chase(folder.path(), if measured { 1 << 28 } else { 1 << 16 });
    println!("16 chains through a mapped file: {step:.1} ns a step");
    asked(&size, &snapshot, if measured { 400_000 } else { 2_000 }, step);
    println!("process: {:.0} MiB at most, the mapped pages that were touched among them", own_memory());
}
