//! The snapshot against the ledger, which answers by scanning: same answers, same bytes, no panic on hostile ones.

use super::format::{DIRECTORY_RECORD, FIXED_HEADER, Section};
use super::*;
use crate::acquisition::{Acquisition, Keys, UrlRole};
use crate::canon;
use crate::evidence::{Lookup, Registered, Signing};
use crate::id::{ContentId, ContentName, Sha256Alias, StatementId, WarcSha1Alias};
use crate::ledger::Ledger;
use crate::scope::{Scope, Target};
use crate::statement::{Body, Case, Statement};
use crate::surt::UrlKey;
use crate::terms::{Clause, Constraints, Rule, Terms};
use crate::time::Timestamp;
use crate::tlog::Hash;
use crate::vocab::{Basis, Preference, Use};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::atomic::{AtomicBool, Ordering};

const LOG: &str = "log.registry.example";

pub(super) fn terms(preference: Preference) -> Terms {
    let rule = Rule { preference, uses: vec![Use::TrainAi], constraints: Constraints::default(), duties: Vec::new() };
    Terms { clauses: vec![Clause { rules: vec![rule] }], ..Terms::default() }
}

pub(super) fn statement(issuer: &str, body: Body) -> Statement {
    Statement::new(LOG, crate::issuer::Party::new(issuer.parse().unwrap()), Timestamp(1_790_000_000), body)
}

pub(super) fn reservation(scope: Scope) -> Body {
    Body::Reservation { basis: Basis::Owner, scope, terms: terms(Preference::Disallowed) }
}

pub(super) fn registered(index: u64, statement: Statement) -> Registered {
    Registered {
        id: StatementId::of(&statement.to_payload().unwrap()),
        index,
        registered_at: Timestamp(1_795_000_000 + i64::try_from(index).unwrap()),
        signed_by: vec![statement.issuer.domain.clone()],
        under: (index % 4 == 1)
            .then(|| Signing {
                domain: statement.issuer.domain.clone(),
                binding: StatementId([index.to_le_bytes()[0]; 32]),
            })
            .into_iter()
            .collect(),
        speaks_for: (index % 5 == 3).then(|| "agency.example".parse().unwrap()),
        tenure_from: (index % 3 == 1).then_some(Timestamp(1_500_000_000)),
        statement,
    }
}

pub(super) fn head(size: u64) -> Head {
    let time = Timestamp(1_795_000_000 + i64::try_from(size).unwrap());
    Head { origin: LOG.to_owned(), size, root: Hash([7; 32]), time }
}

pub(super) fn body(ledger: &Ledger, size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let built = build(ledger.statements(), &head(size), &Tables::default(), &mut out).unwrap();
    assert_eq!(built.length, out.len() as u64);
    assert_eq!(built.body_hash, *blake3::hash(&out).as_bytes());
    out
}

#[test]
fn a_small_ledger_is_found_again() {
    let host = Target::Host { host: "press.example".parse().unwrap(), subdomains: true };
    let scope = Scope { include: vec![host], exclude: Vec::new() };
    let ledger: Ledger = [registered(4, statement("press.example", reservation(scope)))].into_iter().collect();
    let bytes = body(&ledger, 9);
    let snapshot = Snapshot::open(bytes.as_slice()).unwrap().verify().unwrap();
    assert_eq!(snapshot.header().size, 9);
    let (keys, _) = Acquisition::fetched("https://www.news.press.example/a").keys();
    assert_eq!(snapshot.covering(&keys), ledger.covering(&keys));
    assert_eq!(snapshot.covering(&keys).len(), 1);
    let (elsewhere, _) = Acquisition::fetched("https://other.example/a").keys();
    assert!(snapshot.sets_for(&elsewhere).unwrap().is_empty());
}

const HOSTS: [&str; 8] = [
    "press.example",
    "www.press.example",
    "news.press.example",
    "www.news.press.example",
    "a.b.press.example",
    "other.example",
    "www.example",
    "ess.example",
];

/// Parts of which paths and patterns are strung together: case, escapes, slashes, queries.
pub(super) const PARTS: [&str; 12] = ["/", "a", "A", "%41", "b", "%C3%BC", "ü", "%c3%9c", "//", ".html", "?id=", "%2f"];

fn a_pattern() -> impl Strategy<Value = String> {
    let parts: Vec<&str> = PARTS.iter().copied().chain(["*", "*", "$"]).collect();
    (vec(select(parts), 0..5), any::<bool>())
        .prop_map(|(parts, anchored)| format!("/{}{}", parts.concat(), if anchored { "$" } else { "" }))
}

fn a_name() -> impl Strategy<Value = ContentName> {
    (0u8..3, 0u8..3).prop_map(|(kind, seed)| match kind {
        0 => ContentName::Blake3(ContentId([seed; 32])),
        1 => ContentName::Sha256(Sha256Alias([seed; 32])),
        _ => ContentName::WarcSha1(WarcSha1Alias([seed; 20])),
    })
}

fn a_work() -> impl Strategy<Value = String> {
    select(vec!["isbn:1", "isbn:12", "doi:10.1000/1", "isrc:X"]).prop_map(str::to_owned)
}

fn a_collection() -> impl Strategy<Value = String> {
    select(vec!["books", "bücher", "books3"]).prop_map(str::to_owned)
}

pub(super) fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list.dedup();
    list
}

fn a_target() -> impl Strategy<Value = Target> {
    let host = || select(HOSTS.to_vec()).prop_map(|host| host.parse().unwrap());
    let port = select(vec![None, None, Some(8080u16)]);
    prop_oneof![
        3 => (host(), any::<bool>()).prop_map(|(host, subdomains)| Target::Host { host, subdomains }),
        6 => (host(), port, a_pattern()).prop_map(|(host, port, path)| Target::Url { host, port, path }),
        2 => vec(a_name(), 1..4).prop_map(|ids| Target::Content { ids: sorted(ids) }),
        1 => vec(a_work(), 1..3).prop_map(|ids| {
            Target::Works { ids: sorted(ids.into_iter().map(|id| id.try_into().unwrap()).collect()) }
        }),
        1 => a_collection().prop_map(|name| Target::Collection { name }),
    ]
}

fn a_scope() -> impl Strategy<Value = Scope> {
    (vec(a_target(), 1..4), vec(a_target(), 0..2))
        .prop_map(|(include, exclude)| Scope { include: sorted(include), exclude: sorted(exclude) })
}

/// A ledger of up to 14 statements, some of which name earlier ones, with gaps in the log where sealed leaves would be.
pub(super) fn a_ledger() -> impl Strategy<Value = Ledger> {
    vec((a_scope(), 0u8..6, any::<prop::sample::Index>(), 1u64..3, select(HOSTS.to_vec())), 0..14).prop_map(|rows| {
        let mut ledger = Ledger::default();
        let mut index = 0;
        for (scope, kind, which, step, issuer) in rows {
            index += step;
            let earlier = (!ledger.statements().is_empty()).then(|| which.get(ledger.statements()).id);
            let body = match (kind, earlier) {
                (0 | 1, _) => reservation(scope),
                (2, Some(id)) => Body::withdrawal_of(id),
                (3, Some(id)) => Body::Acceptance { offer: id, scope: None },
                (4, earlier) => Body::Dispute {
                    basis: Basis::Owner,
                    scope,
                    case: Case { court: "Court".to_owned(), reference: "1".to_owned(), url: None },
                    against: Vec::new(),
                    agreement: earlier,
                },
                _ => Body::Grant { basis: Basis::Owner, scope, terms: terms(Preference::Allowed) },
            };
            let mut said = statement(issuer, body);
            said.note = Some(format!("number {index}"));
            said.supersedes = earlier.filter(|_| kind == 1 || kind == 4).into_iter().collect();
            ledger.push(registered(index, said));
        }
        ledger
    })
}

fn a_url() -> impl Strategy<Value = UrlKey> {
    let hosts: Vec<&str> =
        HOSTS.iter().copied().chain(["x.press.example", "127.0.0.1", "WWW.PRESS.example."]).collect();
    (select(hosts), select(vec!["", ":8080", ":443"]), vec(select(PARTS.to_vec()), 0..6))
        .prop_map(|(host, port, parts)| UrlKey::parse(&format!("https://{host}{port}/{}", parts.concat())).unwrap())
}

fn a_copy() -> impl Strategy<Value = Keys> {
    let role = select(vec![UrlRole::Fetched, UrlRole::Canonical, UrlRole::Unwrapped]);
    (vec((role, a_url()), 0..3), vec(a_name(), 0..2), vec(a_work(), 0..2), vec(a_collection(), 0..2)).prop_map(
        |(urls, content, works, collections)| Keys {
            urls: sorted(urls),
            content,
            works: works.into_iter().map(|id| id.try_into().unwrap()).collect(),
            collections,
            left_out_as_fetched: false,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_snapshot_answers_as_the_ledger(ledger in a_ledger(), copies in vec(a_copy(), 1..8)) {
        let bytes = body(&ledger, 40);
        let snapshot = Snapshot::open(bytes.as_slice()).unwrap().verify().unwrap();
        for keys in &copies {
            prop_assert_eq!(snapshot.covering(keys), ledger.covering(keys));
            let sets = snapshot.sets_for(keys).unwrap();
            prop_assert!(sets.sets().windows(2).all(|pair| pair[0] < pair[1]) && !sets.sets().contains(&SetId::EMPTY));
            let candidates = snapshot.places(&sets).unwrap();
            prop_assert!(candidates.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let one_by_one: Vec<SetKey> = copies.iter().map(|keys| snapshot.sets_for(keys).unwrap()).collect();
        prop_assert_eq!(snapshot.sets_for_each(&copies).unwrap(), one_by_one);
        for (place, registered) in ledger.statements().iter().enumerate() {
            let place = u32::try_from(place).unwrap();
            prop_assert_eq!(&snapshot.statement(place).unwrap(), registered);
            prop_assert_eq!(snapshot.find(&registered.id).unwrap(), Some(place));
            // A statement that names another one twice over is still one statement.
            let mut expected = ledger.naming(&registered.id);
            expected.dedup();
            prop_assert_eq!(snapshot.naming(&registered.id), expected);
        }
        prop_assert_eq!(snapshot.find(&StatementId([0; 32])).unwrap(), None);
        prop_assert!(!snapshot.damaged());
    }

    #[test]
    fn hostile_bodies_never_panic(
        ledger in a_ledger(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        wide in any::<bool>(),
        copies in vec(a_copy(), 1..4),
    ) {
        let mut bytes = body(&ledger, 40);
        let first = FIXED_HEADER + Section::ALL.len() * DIRECTORY_RECORD;
        for (index, value) in changes {
            // Payloads and text are most of the body and the least of the structure.
            let tables = if wide { 0..bytes.len() } else { first..bytes.len() };
            bytes[tables.start + index.index(tables.len())] = value;
        }
        reseal(&mut bytes);
        look_everywhere(&bytes, &copies, &ledger);
    }

    #[test]
    fn random_bytes_never_panic(tail in vec(any::<u8>(), 0..2000), sealed in any::<bool>(), keys in a_copy()) {
        let mut bytes = b"CLEARTTL\x02\0\0\0".to_vec();
        bytes.extend_from_slice(&tail);
        if sealed {
            reseal(&mut bytes);
        }
        look_everywhere(&bytes, &[keys], &Ledger::default());
        prop_assert!(Snapshot::open(bytes).is_err());
    }
}

/// Makes all checksums right again, so that what is wrong has to be found in the structure.
pub(super) fn reseal(bytes: &mut [u8]) {
    for section in Section::ALL {
        let at = FIXED_HEADER + section.rank() * DIRECTORY_RECORD;
        let number = |at| format::u64_at(bytes, at).and_then(|number| usize::try_from(number).ok());
        let (Some(offset), Some(length)) = (number(at + 8), number(at + 16)) else { continue };
        let Some(hash) = format::slice_at(bytes, offset, length).map(blake3::hash) else { continue };
        bytes[at + 24..at + 56].copy_from_slice(hash.as_bytes());
    }
    let length = format::u32_at(bytes, 12).and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if length >= FIXED_HEADER && length <= bytes.len() {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..208]).update(&bytes[240..length]);
        bytes[208..240].copy_from_slice(hasher.finalize().as_bytes());
    }
}

/// Every read there is, whether or not the body verifies.
fn look_everywhere(bytes: &[u8], copies: &[Keys], ledger: &Ledger) {
    let Ok(snapshot) = Snapshot::open(bytes) else { return };
    for keys in copies {
        let _ = snapshot.try_covering(keys);
    }
    let _ = snapshot.sets_for_each(copies);
    for registered in ledger.statements() {
        let _ = snapshot.try_naming(&registered.id);
        let _ = snapshot.find(&registered.id);
    }
    for number in 0..40 {
        let _ = snapshot.set(SetId(number)).map(Iterator::count);
        let _ = snapshot.statement(number);
    }
    let _ = snapshot.verify();
}

/// A ledger that fills every section.
pub(super) fn full_ledger() -> Ledger {
    let host = |host: &str| host.parse().unwrap();
    let url = |name: &str, path: &str| Target::Url { host: host(name), port: None, path: path.to_owned() };
    let include = vec![
        Target::Host { host: host("press.example"), subdomains: true },
        url("news.press.example", "/a"),
        url("news.press.example", "/a/b"),
        url("news.press.example", "/a/*.pdf$"),
        Target::Content { ids: vec![ContentName::Blake3(ContentId::of(b"text"))] },
        Target::Works { ids: vec!["isbn:9780000000000".to_owned().try_into().unwrap()] },
        Target::Collection { name: "books".to_owned() },
    ];
    let scope = Scope { include: sorted(include), exclude: vec![url("press.example", "/open/")] };
    let first = registered(1, statement("press.example", reservation(scope)));
    let mut end = statement("press.example", Body::withdrawal_of(first.id));
    end.note = Some("ends it".to_owned());
    [first, registered(3, end)].into_iter().collect()
}

#[test]
fn no_changed_byte_is_accepted() {
    let bytes = body(&full_ledger(), 9);
    assert!(Snapshot::open(bytes.as_slice()).unwrap().verify().is_ok());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        let accepted = Snapshot::open(changed).is_ok_and(|snapshot| snapshot.verify().is_ok());
        assert!(!accepted, "byte {at} was changed unseen");
    }
    for length in 0..bytes.len() {
        assert!(Snapshot::open(&bytes[..length]).is_err(), "{length} bytes were opened");
    }
    let longer = [bytes.as_slice(), &[0; 8]].concat();
    assert!(matches!(Snapshot::open(longer), Err(FormatError::Length { .. })));
}

#[test]
fn a_left_out_index_entry_is_refused_though_all_checksums_are_right() {
    let ledger = full_ledger();
    let mut bytes = body(&ledger, 9);
    let directory = FIXED_HEADER + Section::HostDirectory.rank() * DIRECTORY_RECORD;
    let number = |at| usize::try_from(format::u64_at(&bytes, at).unwrap()).unwrap();
    let (offset, length) = (number(directory + 8), number(directory + 16));
    // No host has an entry any more: nothing is reserved.
    bytes[offset..offset + length].fill(0);
    reseal(&mut bytes);
    let snapshot = Snapshot::open(bytes).unwrap();
    let (keys, _) = Acquisition::fetched("https://press.example/").keys();
    assert_eq!(snapshot.try_covering(&keys), Ok(Vec::new()));
    assert!(matches!(snapshot.verify(), Err(VerifyError::NotCanonical(_))));
}

#[test]
fn another_version_says_expected_got_and_the_way_out() {
    let mut bytes = body(&full_ledger(), 9);
    for (version, way_out) in [(5u32, "update"), (3, "pull a fresh"), (0, "pull a fresh")] {
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        let error = Snapshot::open(bytes.as_slice()).unwrap_err().to_string();
        assert!(error.contains(&format!("version {version}")) && error.contains("expects 4"), "{error}");
        assert!(error.contains(way_out), "{error}");
    }
}

#[test]
fn what_is_out_of_order_is_not_built() {
    let ledger = full_ledger();
    let build = |statements: &[std::sync::Arc<Registered>], head: &Head| {
        build(statements, head, &Tables::default(), std::io::sink())
    };
    let mut statements = ledger.statements().to_vec();
    assert!(matches!(build(&statements, &head(3)), Err(BuildError::Order(_))));
    assert!(matches!(build(&statements, &Head { time: Timestamp(0), ..head(9) }), Err(BuildError::Order(_))));
    assert!(matches!(build(&statements, &Head { origin: "a b".to_owned(), ..head(9) }), Err(BuildError::Origin(_))));
    statements.swap(0, 1);
    assert!(matches!(build(&statements, &head(9)), Err(BuildError::Order(_))));
    let mut forged = Registered::clone(&statements[1]);
    forged.id = StatementId([1; 32]);
    assert!(matches!(build(&[forged.into()], &head(9)), Err(BuildError::Id(_))));
}

/// Bytes that change under the reader once told to, as those of a mapped file may.
struct Shifting {
    before: Vec<u8>,
    after: Vec<u8>,
    shifted: AtomicBool,
}

impl AsRef<[u8]> for &Shifting {
    fn as_ref(&self) -> &[u8] {
        if self.shifted.load(Ordering::SeqCst) { &self.after } else { &self.before }
    }
}

#[test]
fn damage_after_verification_stops_every_answer() {
    let ledger = full_ledger();
    let before = body(&ledger, 9);
    let copy = Acquisition::fetched("https://press.example/");
    for after in [Vec::new(), before[..before.len() / 2].to_vec(), vec![0xff; before.len()]] {
        let file = Shifting { before: before.clone(), after, shifted: AtomicBool::new(false) };
        let snapshot = Snapshot::open(&file).unwrap().verify().unwrap();
        assert_eq!(snapshot.gather(&copy).unwrap().statements.len(), 2);
        file.shifted.store(true, Ordering::SeqCst);
        assert!(snapshot.gather(&copy).is_err());
        assert!(snapshot.damaged());
        // Even when the bytes are whole again: who knows what was answered in between.
        file.shifted.store(false, Ordering::SeqCst);
        assert!(snapshot.gather(&copy).is_err());
        assert!(snapshot.covering(&copy.keys().0).is_empty());
    }
}

#[test]
fn a_signed_hash_is_enough_to_answer() {
    let bytes = body(&full_ledger(), 9);
    let hash = *blake3::hash(&bytes).as_bytes();
    assert!(Snapshot::open(bytes.as_slice()).unwrap().verify_hash(&hash).is_ok());
    assert!(Snapshot::open(bytes.as_slice()).unwrap().verify_hash(&[0; 32]).is_err());
}

/// A ledger as `tests/vectors/snapshot/small.json` writes it, with the body that it must compile to.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    story: String,
    format: u32,
    origin: String,
    size: u64,
    root: String,
    time: Timestamp,
    /// One byte each, 32 times: public suffixes, vocabulary, licenses, agents.
    tables: [u8; 4],
    statements: Vec<VectorStatement>,
    body_bytes: usize,
    body: ContentId,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorStatement {
    index: u64,
    registered_at: Timestamp,
    signed_by: Vec<crate::issuer::Domain>,
    #[serde(default)]
    under: Vec<Signing>,
    speaks_for: Option<crate::issuer::Domain>,
    tenure_from: Option<Timestamp>,
    statement: serde_json::Value,
}

#[test]
fn the_format_does_not_drift_unseen() {
    let text = include_str!("../../../tests/vectors/snapshot/small.json");
    let vector: Vector = serde_json::from_str(text).unwrap();
    assert!(!vector.story.is_empty());
    assert_eq!(vector.format, format::FORMAT_VERSION);
    let read = |row: VectorStatement| {
        let payload = canon::to_canonical(&row.statement).unwrap();
        let VectorStatement { index, registered_at, signed_by, under, speaks_for, tenure_from, .. } = row;
        let (id, statement) = (StatementId::of(&payload), Statement::parse(&payload).unwrap());
        Registered { id, index, registered_at, signed_by, under, speaks_for, tenure_from, statement }
    };
    let ledger: Ledger = vector.statements.into_iter().map(read).collect();
    let root = Hash::from_base64(&vector.root).unwrap();
    let head = Head { origin: vector.origin, size: vector.size, root, time: vector.time };
    let [public_suffixes, vocabulary, licenses, agents] = vector.tables.map(|byte| [byte; 32]);
    let tables = Tables { public_suffixes, vocabulary, licenses, agents };
    let mut bytes = Vec::new();
    let built = build(ledger.statements(), &head, &tables, &mut bytes).unwrap();
    // A change here changes every published snapshot: raise `FORMAT_VERSION` with it.
    assert_eq!((bytes.len(), ContentId(built.body_hash)), (vector.body_bytes, vector.body));
    let snapshot = Snapshot::open(bytes).unwrap();
    assert!(Section::ALL.iter().all(|section| !snapshot.section(*section).is_empty()), "every section is filled");
    assert_eq!(snapshot.header(), &built.header);
    assert!(snapshot.verify().is_ok());
}

#[test]
fn the_index_alone_finds_neither_too_little_nor_much_too_much() {
    let host = |host: &str, subdomains| Target::Host { host: host.parse().unwrap(), subdomains };
    let url = |path: &str| Target::Url { host: "a.press.example".parse().unwrap(), port: None, path: path.to_owned() };
    let rules = [
        host("press.example", true),    // 0
        host("press.example", false),   // 1
        host("a.press.example", true),  // 2
        url("/"),                       // 3
        url("/n"),                      // 4
        url("/n/a/"),                   // 5
        url("/n/a/b"),                  // 6
        url("/n/c"),                    // 7
        url("/n/a/*.pdf$"),             // 8
        url("/*.pdf"),                  // 9
        url("/n$"),                     // 10
        host("b.press.example", false), // 11
    ];
    let rows = rules.into_iter().enumerate().map(|(index, target)| {
        let scope = Scope { include: vec![target], exclude: Vec::new() };
        registered(index as u64, statement("press.example", reservation(scope)))
    });
    let ledger: Ledger = rows.collect();
    let snapshot = Snapshot::open(body(&ledger, 20)).unwrap();
    for (url, expected) in [
        ("https://press.example/", &[0, 1][..]),
        ("https://www.press.example/x", &[0, 1]),
        ("https://x.y.press.example/", &[0]),
        ("https://b.press.example/", &[0, 11]),
        ("https://x.b.press.example/", &[0]),
        ("https://x.a.press.example/n", &[0, 2]),
        ("https://a.press.example/", &[0, 2, 3]),
        ("https://a.press.example/n", &[0, 2, 3, 4, 10]),
        ("https://a.press.example/n/b", &[0, 2, 3, 4]),
        ("https://a.press.example/n/a", &[0, 2, 3, 4, 5]),
        ("https://a.press.example/n/a/bc.pdf", &[0, 2, 3, 4, 5, 6, 8, 9]),
        ("https://a.press.example/n/a/z.pdf?x", &[0, 2, 3, 4, 5, 9]),
        ("https://a.press.example/n/a/zz", &[0, 2, 3, 4, 5]),
        ("https://a.press.example/n/c.pdf", &[0, 2, 3, 4, 7, 9]),
        ("https://example/", &[]),
        ("https://xpress.example/", &[]),
        ("https://127.0.0.1/", &[]),
    ] {
        let sets = snapshot.by_url(&UrlKey::parse(url).unwrap()).unwrap();
        assert_eq!(snapshot.places(&sets).unwrap(), expected, "{url}");
    }
}

#[test]
fn many_records_over_one_payload_are_refused_before_they_are_parsed() {
    let ledger = full_ledger();
    let mut bytes = body(&ledger, 9);
    let at = FIXED_HEADER + Section::Statements.rank() * DIRECTORY_RECORD;
    let start = usize::try_from(format::u64_at(&bytes, at + 8).unwrap()).unwrap();
    let width = Section::Statements.width();
    bytes.copy_within(start..start + width, start + width);
    reseal(&mut bytes);
    let refused = Snapshot::open(bytes).unwrap().verify();
    assert!(matches!(refused, Err(VerifyError::Damage(Damage { section: Section::Statements, record: 1 }))));
}
