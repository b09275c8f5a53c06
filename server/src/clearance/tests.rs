//! One answer, in however many parts the statements lie: held against a ledger of the whole log, at every size, while it is compiled.

use super::*;
use crate::app::Registry;

use crate::log::{Candidate, Sequencer, now};
use crate::store::Page;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::DecisionRequest;
use cleartitle_schema::decide::{Question, decide};
use cleartitle_schema::evidence::{Lookup as _, gather};
use cleartitle_schema::ledger::Ledger;
use cleartitle_schema::signed::{STATEMENT_TYPE, sign};
use cleartitle_schema::statement::Statement;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

const ORIGIN: &str = "registry.example/log";

/// A registry that nobody serves, with a key for `press.example`.
struct Desk {
    registry: Registry,
    sequencer: Sequencer,
    news: Arc<News>,
    folder: tempfile::TempDir,
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path(), Some(ORIGIN)).unwrap();
        registry.bind(&"press.example".parse().unwrap(), &key().verifying_key(), false).unwrap();
        let news = Arc::new(News::default());
        let sequencer = registry.sequencer().telling(Arc::clone(&news));
        Self { registry, sequencer, news, folder }
    }

    fn clearance(&self, bounds: Bounds) -> Clearance {
        let store = Arc::clone(&self.registry.store) as Arc<dyn Store>;
        let snapshots = Arc::new(self.registry.snapshots().unwrap());
        Clearance::within(bounds, store, snapshots, Arc::clone(&self.news)).unwrap()
    }

    /// Registers one statement, and gives its id.
    fn register(&self, n: usize, body: Value) -> String {
        let payload = json!({"version": 1, "log": ORIGIN, "issuer": {"domain": "press.example"},
            "issued_at": now().to_string(), "note": n.to_string(), "body": body});
        let payload = cleartitle_schema::canon::to_canonical(&payload).unwrap();
        let envelope = sign(STATEMENT_TYPE, &payload, &[&key()]).unwrap();
        let statement = Statement::parse(&payload).unwrap();
        let id = cleartitle_schema::id::StatementId::of(&payload);
        let candidate = Candidate { id, envelope, statement, list: None, sealed: false };
        let mut logged = self.sequencer.commit(&[candidate]);
        logged.pop().unwrap().unwrap().stored.registered.id.to_string()
    }

    /// Speaks for the n-th part of the site: a reservation, a grant, or the end of an earlier one.
    fn speak(&self, n: usize, earlier: &[String]) -> String {
        let path = format!("/{}/", n % 7);
        let scope = json!({"include": [{"target": "url", "host": "press.example", "path": path}]});
        let preference = if n.is_multiple_of(3) { "allowed" } else { "disallowed" };
        let kind = if n.is_multiple_of(3) { "grant" } else { "reservation" };
        let terms = json!({"clauses": [{"rules": [{"preference": preference, "uses": ["train-ai"]}]}]});
        match earlier.get(n / 2).filter(|_| n % 5 == 4 && (n / 2) % 5 != 4) {
            Some(named) => self.register(n, json!({"kind": "withdrawal", "statement": named})),
            None => self.register(n, json!({"kind": kind, "basis": "owner", "scope": scope, "terms": terms})),
        }
    }

    fn ledger(&self, size: u64) -> Ledger {
        let page = Page { below: Some(size), limit: 10_000, ..Page::default() };
        self.registry.store.statements(&page).unwrap().into_iter().map(|stored| stored.registered).collect()
    }
}

fn request(n: u64) -> DecisionRequest {
    let url = format!("https://press.example/{}/a", n % 8);
    serde_json::from_value(json!({"url": url, "use": "train-ai", "used_at": "2030-01-01T00:00:00Z"})).unwrap()
}

fn by_hand(ledger: &Ledger, n: u64) -> Decision {
    let request = request(n);
    let acquisition = Acquisition::fetched(request.url.as_ref().unwrap());
    let question = Question {
        acquisition,
        asker: request.asker,
        category: request.category,
        used_at: request.used_at.unwrap(),
        territory: None,
        model: None,
        artefact: None,
    };
    decide(&question, &gather(ledger, &question.acquisition), &Default::default())
}

/// Holds the bytes of an answer against those of its parts.
fn told(ruled: &Ruled, decision: &Decision) {
    let written = |explain: bool| {
        let mut out = Vec::new();
        ruled.write(explain, &mut out);
        String::from_utf8(out).unwrap()
    };
    let row = row(decision);
    assert_eq!(written(false), serde_json::to_string(&row).unwrap());
    let whole = DecisionRow { decision: Some(decision.clone()), ..row };
    assert_eq!(written(true), serde_json::to_string(&whole).unwrap());
    assert_eq!(ruled.whole(), serde_json::to_vec(decision).unwrap());
    let ids: Vec<String> = whole.statements.iter().map(ToString::to_string).collect();
    assert_eq!(*ruled.columns().reasons, *whole.reasons);
    assert!(ruled.columns().statements().eq(ids.iter().map(String::as_str)));
}

const SMALL: Bounds = Bounds { newest: 4, rebase: 40, bytes: 1 << 30 };

#[test]
fn every_size_is_answered_as_by_one_ledger_while_parts_are_compiled() {
    let desk = Desk::new();
    let clearance = desk.clearance(SMALL);
    let mut ids = Vec::new();
    let mut before = clearance.at(AsOf::Latest).unwrap();
    for n in 0..120_usize {
        ids.push(desk.speak(n, &ids));
        let state = clearance.at(AsOf::Latest).unwrap();
        assert_eq!(state.size, desk.news.size(), "what was acknowledged is heard");
        let earlier = (n as u64 * 7) % (state.size + 1);
        // The state before, held since it was the newest, may share what is remembered with the newest: in both directions.
        let held = std::mem::replace(&mut before, state.clone());
        for state in [held, state, clearance.at(AsOf::Size(earlier)).unwrap()] {
            let size = state.size;
            let ledger = desk.ledger(size);
            for page in 0..8 {
                let expected = by_hand(&ledger, page);
                assert_eq!(state.answer(request(page), now()).unwrap(), expected, "{n} at {size}");
                // Twice: what is remembered is what was said, to the byte.
                for _ in 0..2 {
                    let ruled = state.rule(request(page), now()).unwrap();
                    assert_eq!(ruled.decision(), &expected, "{n} at {size}");
                    told(&ruled, &expected);
                }
            }
        }
    }
    // It settles: a base, and few statements beside it.
    let settled = |clearance: &Clearance| {
        let view = clearance.shared.newest();
        !view.parts.is_empty() && view.newest.statements().len() < SMALL.newest
    };
    for _ in 0..500 {
        if settled(&clearance) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(settled(&clearance));
    let state = clearance.at(AsOf::Latest).unwrap();
    let ledger = desk.ledger(state.size);
    (0..8).for_each(|page| assert_eq!(state.answer(request(page), now()).unwrap(), by_hand(&ledger, page)));
    assert!(matches!(clearance.at(AsOf::Size(state.size + 1)), Err(ClearanceError::Beyond { .. })));
    let moment = desk.ledger(9).statements()[8].registered_at;
    let then = clearance.at(AsOf::Time(moment)).unwrap();
    assert_eq!(then.size, desk.registry.store.size_at(moment).unwrap());
    assert_eq!(then.answer(request(1), now()).unwrap(), by_hand(&desk.ledger(then.size), 1));
}

#[test]
fn a_start_rests_on_a_snapshot_that_lies_here_and_on_none_that_is_damaged() {
    let desk = Desk::new();
    let mut ids = Vec::new();
    (0..60).for_each(|n| ids.push(desk.speak(n, &ids)));
    let first = desk.clearance(SMALL);
    let state = first.at(AsOf::Latest).unwrap();
    assert_eq!(first.shared.newest().parts.len(), 1, "too much came for memory: a base was made first");
    let expected: Vec<_> = (0..8).map(|page| by_hand(&desk.ledger(state.size), page)).collect();
    let answers = |clearance: &Clearance| {
        let state = clearance.at(AsOf::Latest).unwrap();
        (0..8).map(|page| state.answer(request(page), now()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(answers(&first), expected);
    let file = desk.folder.path().join("snapshots").join(format!("{}.snapshot", state.size));
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(answers(&desk.clearance(SMALL)), expected);
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), written, "it was not made again");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(answers(&desk.clearance(SMALL)), expected, "one bit of it was flipped");
}

#[test]
fn streams_hold_no_view_of_a_log_that_has_grown() {
    let desk = Desk::new();
    let clearance = desk.clearance(SMALL);
    let mut ids = vec![desk.speak(0, &[])];
    let begun = clearance.at(AsOf::Latest).unwrap();
    let streams: Vec<_> = (0..64).map(|_| Following::from(&begun, AsOf::Latest)).collect();
    let fixed = Following::from(&begun, AsOf::Size(begun.size));
    let mut views = vec![Arc::downgrade(&begun.view)];
    let expected = begun.answer(request(0), now()).unwrap();
    drop(begun);
    for n in 1..60 {
        ids.push(desk.speak(n, &ids));
        for stream in &streams {
            let state = stream.state(&clearance).unwrap();
            assert_eq!(
                state.size,
                desk.news.size(),
                "each line is answered by all that was acknowledged before it was read"
            );
            views.push(Arc::downgrade(&state.view));
        }
        let state = fixed.state(&clearance).unwrap();
        assert_eq!(
            state.rule(request(0), now()).unwrap().decision(),
            &expected,
            "a state of the past stays what it was"
        );
    }
    // Compiling goes on beside, and shows views of its own; it lets go of them too.
    let alive = || views.iter().filter_map(std::sync::Weak::upgrade).map(|view| Arc::as_ptr(&view) as usize);
    for _ in 0..500 {
        if alive().collect::<std::collections::BTreeSet<_>>().len() <= 1 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{:?} views are held", alive().collect::<std::collections::BTreeSet<_>>().len());
}

#[test]
fn what_is_newest_is_found_by_what_it_names() {
    let desk = Desk::new();
    let scope = |target: Value| json!({"include": [target]});
    let terms = json!({"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]});
    let named = format!("blake3:{}", "1".repeat(64));
    let targets = [
        json!({"target": "host", "host": "press.example"}),
        json!({"target": "host", "host": "www.press.example", "subdomains": true}),
        json!({"target": "host", "host": "news.press.example", "subdomains": true}),
        json!({"target": "url", "host": "www.press.example", "path": "/A"}),
        json!({"target": "content", "ids": [named]}),
        json!({"target": "works", "ids": ["isbn:9780000000000"]}),
        json!({"target": "collection", "name": "a set"}),
    ];
    for (n, target) in targets.iter().enumerate() {
        desk.register(
            n,
            json!({"kind": "reservation", "basis": "owner", "scope": scope(target.clone()), "terms": terms}),
        );
    }
    let ledger = desk.ledger(u64::MAX >> 1);
    let mut newest = newest::Newest::default();
    newest.extend(ledger.statements().iter().cloned());
    let mut found = 0;
    for url in ["press.example/a", "www.press.example/A/b", "a.b.news.press.example/", "other.example/", "example/"] {
        for content in [vec![], vec![named.parse().unwrap()]] {
            let mut copy = Acquisition { content, ..Acquisition::fetched(&format!("https://{url}")) };
            copy.works = vec![serde_json::from_value(json!({"id": "isbn:9780000000000"})).unwrap()];
            copy.collections = vec!["a set".to_owned(), "another".to_owned()];
            let keys = copy.keys().0;
            let (ours, plainly) = (newest.covering(&keys), ledger.covering(&keys));
            assert_eq!(ours, plainly, "{url}");
            found += ours.len();
        }
    }
    assert!(found > 20, "{found}");
}
