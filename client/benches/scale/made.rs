//! Statements from a seed: rules about hosts, and lists of names of bytes, each as near to the most that a payload holds as it goes.

use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentId, ContentName, StatementId};
use cleartitle_schema::issuer::Party;
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::terms::{Clause, Constraints, Rule, Terms};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Basis, Preference, Use};
use std::sync::Arc;

pub const LOG: &str = "log.registry.example";
/// When all of them are registered.
pub const REGISTERED: Timestamp = Timestamp(1_795_000_000);
/// Rules and names of one statement.
const RULES_EACH: u64 = 200;
const NAMES_EACH: u64 = 600;
/// Every so many statements about bytes one permits: its names may clear, and are kept in full.
const PERMITS: u64 = 100;

/// How much there is.
#[derive(Clone, Copy)]
pub struct Size {
    pub hosts: u64,
    pub rules: u64,
    pub ids: u64,
}

/// A number that looks drawn: the finaliser of SplitMix64.
pub fn mixed(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

pub fn host(number: u64) -> String {
    let word = mixed(number);
    let length = 6 + word % 8;
    let letters: String = (0..length).map(|at| char::from(b'a' + (mixed(word ^ at) % 26) as u8)).collect();
    format!("{letters}{number:x}.example")
}

/// A rule's path: a prefix, or every fourth time a pattern with `*` and `$`.
pub fn path(rule: u64) -> String {
    let word = mixed(!rule);
    match word >> 62 {
        0 => format!("/{:x}/*/print$", word & 0xfffff),
        1 => format!("/{:x}/", word & 0xfffff),
        _ => format!("/story-{:x}", word & 0xff_ffff),
    }
}

/// A page that the rule covers.
pub fn covered(rule: u64, hosts: u64) -> String {
    let path = path(rule);
    let end = if path.ends_with('$') { "" } else { "a.html" };
    format!("https://www.{}{}{end}", host(rule % hosts), path.trim_end_matches('$').replace('*', "b"))
}

pub fn name(number: u64) -> ContentId {
    let mut digest = [0; 32];
    digest.chunks_exact_mut(8).zip(0..).for_each(|(part, at)| {
        part.copy_from_slice(&mixed(number.wrapping_mul(4).wrapping_add(at) ^ 0x5555).to_le_bytes());
    });
    ContentId(digest)
}

impl Size {
    fn about_hosts(&self) -> u64 {
        self.rules.div_ceil(RULES_EACH)
    }

    /// How many statements there are.
    pub fn statements(&self) -> u64 {
        self.about_hosts() + self.ids.div_ceil(NAMES_EACH)
    }

    /// Names that may clear.
    pub fn clearing(&self) -> u64 {
        (0..self.ids.div_ceil(NAMES_EACH))
            .filter(|list| list % PERMITS == 7)
            .map(|list| self.names(list).count() as u64)
            .sum()
    }

    fn names(&self, list: u64) -> std::ops::Range<u64> {
        list * NAMES_EACH..((list + 1) * NAMES_EACH).min(self.ids)
    }

    /// The statement at this index of the log.
    pub fn statement(&self, index: u64) -> Arc<Registered> {
        let mut permits = false;
        let mut include: Vec<Target> = match index.checked_sub(self.about_hosts()) {
            None => {
                let rules = index * RULES_EACH..((index + 1) * RULES_EACH).min(self.rules);
                let domain = |rule: u64| host(rule % self.hosts).parse().expect("a host");
                rules.map(|rule| Target::Url { host: domain(rule), port: None, path: path(rule) }).collect()
            }
            Some(list) => {
                permits = list % PERMITS == 7;
                let mut ids: Vec<ContentName> = self.names(list).map(|id| ContentName::Blake3(name(id))).collect();
                ids.sort_unstable();
                vec![Target::Content { ids }]
            }
        };
        include.sort();
        include.dedup();
        registered(index, Scope { include, exclude: Vec::new() }, permits)
    }
}

fn registered(index: u64, scope: Scope, permits: bool) -> Arc<Registered> {
    let preference = if permits { Preference::Allowed } else { Preference::Disallowed };
    let (constraints, duties) = (Constraints::default(), Vec::new());
    let rule = Rule { preference, uses: vec![Use::TrainAi], constraints, duties };
    let terms = Terms { clauses: vec![Clause { rules: vec![rule] }], ..Terms::default() };
    let basis = Basis::Owner;
    let statement = Statement::new(
        LOG,
        Party::new("press.example".parse().expect("a domain")),
        Timestamp(1_790_000_000),
        if permits { Body::Grant { basis, scope, terms } } else { Body::Reservation { basis, scope, terms } },
    );
    Arc::new(Registered {
        id: StatementId::of(&statement.to_payload().expect("a payload")),
        index,
        registered_at: REGISTERED,
        signed_by: vec![statement.issuer.domain.clone()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    })
}
