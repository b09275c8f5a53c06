//! What lookups are asked in: rules and names from numbers, the snapshots that hold them, and the questions with their answers.

use crate::corpus::{self, Dice, LOG, REGISTERED};
use cleartitle_schema::acquisition::Keys;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentId, ContentName};
use cleartitle_schema::scope::Target;
use cleartitle_schema::snapshot::{Head, Room, Snapshot, Tables, VerifiedSnapshot, build_within};
use cleartitle_schema::tlog::Hash;
use std::convert::Infallible;
use std::sync::Arc;

/// Hosts that one statement speaks of, and names that one lists: near the most that a payload holds.
const HOSTS_EACH: u64 = 100;
const NAMES_EACH: usize = 600;

/// A number that looks drawn, the same for the same number.
fn mixed(number: u64) -> u64 {
    Dice(number).next()
}

fn host(number: u64) -> String {
    let word = mixed(number);
    let length = 6 + word % 8;
    let letters: String = (0..length).map(|at| char::from(b'a' + (mixed(word ^ at) % 26) as u8)).collect();
    format!("{letters}{number:x}.example")
}

/// The two rules of a host.
fn paths(number: u64) -> [String; 2] {
    let word = mixed(!number);
    [format!("/{:x}/", word & 0xfffff), format!("/story-{:x}", (word >> 20) & 0xffff)]
}

/// A host and a path as one key, the host's labels reversed, so that a rule's key is a prefix of every URL's that it covers.
fn key(host: &str, path: &str) -> Vec<u8> {
    let labels: Vec<&str> = host.rsplit('.').collect();
    format!("{}){path}", labels.join(",")).into_bytes()
}

/// Rules, and URLs of which half are covered, a quarter on a known host, a quarter on an unknown one.
pub struct Rules {
    count: u64,
    /// Every rule, sorted.
    pub keys: Vec<Vec<u8>>,
    pub urls: Vec<String>,
    /// The same URLs as keys.
    pub walks: Vec<Vec<u8>>,
    pub covered: Vec<bool>,
}

impl Rules {
    pub fn new(rules: u64, asked: u64) -> Self {
        let hosts = (rules / 2).max(HOSTS_EACH) / HOSTS_EACH * HOSTS_EACH;
        let keys_of = |number: u64| {
            let host = host(number);
            paths(number).map(|path| key(&host, &path))
        };
        let mut keys: Vec<Vec<u8>> = (0..hosts).flat_map(keys_of).collect();
        keys.sort_unstable();
        let (mut urls, mut walks, mut covered) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..asked {
            let number = mixed(at ^ 0xa5a5_0000_0000) % hosts;
            let (host, path) = match at % 4 {
                0 => (host(number), format!("{}a.html", paths(number)[0])),
                1 => (host(number), format!("{}-of-words/page.html", paths(number)[1])),
                2 => (host(number), "/q/other.html".to_owned()),
                _ => (host(number + hosts), format!("{}a.html", paths(number)[0])),
            };
            urls.push(format!("https://www.{host}{path}"));
            walks.push(key(&host, &path));
            covered.push(at % 4 < 2);
        }
        Self { count: hosts, keys, urls, walks, covered }
    }

    pub fn hosts(&self) -> u64 {
        self.count
    }

    /// The snapshot of these rules.
    pub fn body(&self) -> VerifiedSnapshot<Vec<u8>> {
        let of_host = |number| {
            let host = host(number);
            paths(number).map(|path| Target::Url { host: host.parse().expect("a host"), port: None, path })
        };
        let statements = (0..self.count / HOSTS_EACH).map(|index| {
            let include: Vec<Target> = (index * HOSTS_EACH..(index + 1) * HOSTS_EACH).flat_map(of_host).collect();
            registered(index, &include)
        });
        body(statements)
    }
}

fn name(number: u64) -> ContentId {
    let mut digest = [0; 32];
    for (part, at) in digest.chunks_exact_mut(8).zip(0..) {
        part.copy_from_slice(&mixed(number.wrapping_mul(4).wrapping_add(at) ^ 0x5555).to_le_bytes());
    }
    ContentId(digest)
}

/// Names of bytes, and questions of which every second is for one that is there.
pub struct Names {
    pub sorted: Vec<ContentId>,
    pub asked: Vec<ContentId>,
    pub there: Vec<bool>,
}

impl Names {
    pub fn new(count: u64, asked: u64) -> Self {
        let mut sorted: Vec<ContentId> = (0..count).map(name).collect();
        sorted.sort_unstable();
        let drawn = |at: u64| mixed(at ^ 0x5a5a_0000_0000) % count + at % 2 * count;
        let there = (0..asked).map(|at| at % 2 == 0).collect();
        Self { sorted, asked: (0..asked).map(|at| name(drawn(at))).collect(), there }
    }

    /// The snapshot of these names.
    pub fn body(&self) -> VerifiedSnapshot<Vec<u8>> {
        let statements = self.sorted.chunks(NAMES_EACH).zip(0..).map(|(names, index)| {
            let ids = names.iter().map(|name| ContentName::Blake3(*name)).collect();
            registered(index, &[Target::Content { ids }])
        });
        body(statements)
    }

    /// The questions as ours takes them.
    pub fn copies(&self) -> Vec<Keys> {
        let copy = |name: &ContentId| Keys { content: vec![ContentName::Blake3(*name)], ..Keys::default() };
        self.asked.iter().map(copy).collect()
    }
}

/// Built in bounded memory, and verified.
fn body(statements: impl Iterator<Item = Arc<Registered>>) -> VerifiedSnapshot<Vec<u8>> {
    let mut room = Room::bounded(512 << 20, || Ok(Box::new(tempfile::tempfile()?)));
    let head = Head { origin: LOG.to_owned(), size: u64::from(u32::MAX), root: Hash([7; 32]), time: REGISTERED };
    let mut bytes = Vec::new();
    let built = build_within(statements.map(Ok::<_, Infallible>), &head, &Tables::default(), &mut room, &mut bytes)
        .expect("a body");
    Snapshot::open(bytes).expect("it opens").verify_hash(&built.body_hash).expect("it verifies")
}

fn registered(index: u64, include: &[Target]) -> Arc<Registered> {
    let include = serde_json::to_value(include).expect("JSON");
    Arc::new(corpus::registered(index, "press.example", ("reservation", "disallowed"), &include))
}
