//! The store's contract as tests, run once for each back end: `check` is given a maker of empty stores.

use std::collections::HashSet;
use std::sync::Arc;

use cleartitle_schema::evidence::{Registered, Signing};
use cleartitle_schema::id::{BlobId, ContentId, ContentName, ListId, StatementId};
use cleartitle_schema::leaf::{Leaf, LeafKind, Published, Salt};
use cleartitle_schema::signed::{key_id, print_public_key, sign};
use cleartitle_schema::statement::{Kind, PAYLOAD_TYPE, Statement};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::tlog::checkpoint::Checkpoint;
use cleartitle_schema::tlog::hash::leaf_hash;
use cleartitle_schema::tlog::note::NoteSigner;
use cleartitle_schema::tlog::tile::tiles_after;
use ed25519_dalek::SigningKey;
use serde_json::json;

use super::database::Database;
use super::uploads::{Block, Room, Upload};
use super::{Batch, CommitError, Entry, Head, Page, Relation, SignedHead, Store};

/// Runs every case, each on an empty store of its own.
pub fn check(make: &dyn Fn() -> Arc<dyn Database>) {
    an_empty_log_gets_a_checkpoint_first(&*make());
    a_batch_is_there_whole(&*make());
    a_moved_head_writes_nothing(&*make());
    a_batch_that_fails_is_not_there_in_part(&*make());
    pages_times_and_names_agree(&*make());
    of_two_commits_from_one_head_one_wins(make());
    rebuilding_is_without_effect(&*make());
    evidence_is_kept_once_and_known_by_who_names_it(&*make());
    whoever_showed_a_document_first_is_first(&*make());
    a_nonce_is_taken_once_while_it_holds(&*make());
    of_two_that_load_a_table_the_last_one_writes_it(&*make());
    an_upload_that_goes_on_is_not_forgotten(&*make());
}

/// An upload of two parts of 256 KiB, and the entry of its statement.
fn upload() -> (Upload, Entry) {
    let (bytes, list) = (2 << 18, ListId([1; 32]));
    let body = json!({"kind": "manifest", "role": "provenance", "list": list, "rows": 1, "bytes": bytes,
        "media_type": "application/vnd.apache.parquet"});
    let entry = entry(1, 10, body);
    let authority = entry.registered.authority();
    let (statement, envelope) = (entry.registered.id, entry.published.envelope.to_bytes());
    let touched_at = Timestamp(10);
    (Upload { statement, envelope, authority, bytes, received: 0, touched_at, refused: None }, entry)
}

const ROOM: Room = Room { each: 1 << 30, all: 1 << 30, files: 9, files_each: 9, uploads_each: 9 };

fn of_two_that_load_a_table_the_last_one_writes_it(store: &dyn Database) {
    let head = add(store, vec![binding(0, 10)]);
    let (upload, entry) = upload();
    let id = upload.statement;
    let _ = store.begin_upload(&upload, &ROOM).unwrap().unwrap();
    assert_eq!(store.begin_load(&id).unwrap(), None, "no byte is there");
    let file = vec![7; 2 << 18];
    let _ = store.add_piece(&id, 0, &file, Timestamp(11)).unwrap().unwrap();
    let [name, other] = [[1_u8; 37], [2; 37]].map(|key| Block(key.to_vec()));
    let first = store.begin_load(&id).unwrap().unwrap();
    assert!(store.add_blocks(&id, first, std::slice::from_ref(&name)).unwrap());
    // Its duty passed to another server, which begins anew.
    let second = store.begin_load(&id).unwrap().unwrap();
    assert!(!store.add_blocks(&id, first, std::slice::from_ref(&other)).unwrap());
    assert!(!store.end_load(&id, first).unwrap());
    let committed = batch(store, &head, vec![entry]);
    assert!(matches!(store.commit(&head, &committed), Err(CommitError::Store(_))), "the run is not whole");
    assert_eq!(store.head().unwrap(), Some(head));
    // The first one's block is gone, or this one could not be written; and it stays whatever is made again from the log meanwhile.
    assert!(store.add_blocks(&id, second, std::slice::from_ref(&name)).unwrap());
    assert_eq!(store.rebuild().unwrap().differing, Vec::<String>::new());
    assert!(store.add_blocks(&id, second, &[name]).is_err(), "it is there twice");
    assert!(store.end_load(&id, second).unwrap());
    let _ = store.commit(&head, &committed).unwrap();
    // What comes too late spoils nothing that is in the log.
    assert_eq!(store.begin_load(&id).unwrap(), None);
    assert!(!store.add_blocks(&id, first, &[other]).unwrap());
    store.refuse_upload(&id, "unsound-table", "late").unwrap();
    assert_eq!(store.upload(&id).unwrap().unwrap().refused, None);
    store.end_upload(&id).unwrap();
    // Nor does whoever begins it once more, having looked before it was in the log.
    assert_eq!(store.begin_upload(&upload, &ROOM).unwrap().unwrap().received, upload.bytes);
    assert_eq!((store.upload(&id).unwrap(), store.table_bytes(&id, 0..2 << 18).unwrap()), (None, file));
}

fn an_upload_that_goes_on_is_not_forgotten(store: &dyn Database) {
    let (upload, _) = upload();
    let id = upload.statement;
    let seen = store.begin_upload(&upload, &ROOM).unwrap().unwrap();
    let now = store.add_piece(&id, 0, &[7; 1 << 18], Timestamp(11)).unwrap().unwrap();
    store.forget_upload(&seen).unwrap();
    assert_eq!(store.upload(&id).unwrap().as_ref(), Some(&now));
    assert_eq!(store.table_bytes(&id, 0..9).unwrap(), [7; 9]);
    store.forget_upload(&now).unwrap();
    assert_eq!(store.upload(&id).unwrap(), None);
    assert!(store.table_bytes(&id, 0..9).is_err());
}

fn a_nonce_is_taken_once_while_it_holds(store: &dyn Store) {
    let (ours, other) = (key_id(&key().verifying_key()), key_id(&SigningKey::from_bytes(&[8; 32]).verifying_key()));
    let take = |key, nonce, until, now| store.take_nonce(key, nonce, Timestamp(until), Timestamp(now)).unwrap();
    assert!(take(&ours, "one", 100, 50));
    assert!(!take(&ours, "one", 100, 60));
    assert!(take(&other, "one", 100, 60), "nonces are each key's own");
    assert!(take(&ours, "two", 100, 60));
    assert!(!take(&ours, "one", 500, 99), "a longer life does not make it new");
    assert!(take(&ours, "one", 500, 100), "nobody accepts a signature that is over");
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn entry(index: u64, time: i64, body: serde_json::Value) -> Entry {
    let statement = json!({"version": 1, "log": "log.example", "issuer": {"domain": "press.example"},
        "issued_at": "2026-01-01T00:00:00Z", "body": body, "note": format!("entry {index}")});
    let payload = cleartitle_schema::canon::to_canonical(&statement).unwrap();
    let envelope = sign(PAYLOAD_TYPE, &payload, &[&key()]).unwrap();
    let published = Published { salt: Salt([u8::try_from(index).unwrap(); 32]), envelope };
    let registered_at = Timestamp(time);
    let leaf = Leaf { kind: LeafKind::Public, commitment: published.commitment(), registered_at, amends: None };
    let signed_by = if index == 0 { Vec::new() } else { vec!["press.example".parse().unwrap()] };
    let registered = Registered {
        id: StatementId::of(&payload),
        index,
        registered_at,
        signed_by,
        under: if index == 0 { Vec::new() } else { vec![by_first_binding()] },
        speaks_for: None,
        tenure_from: None,
        statement: Statement::parse(&payload).unwrap(),
    };
    Entry { leaf, published, registered, list: None }
}

/// Under what everything behind the first leaf was signed.
fn by_first_binding() -> Signing {
    Signing { domain: "press.example".parse().unwrap(), binding: binding(0, 0).registered.id }
}

fn binding(index: u64, time: i64) -> Entry {
    let text = print_public_key(&key().verifying_key());
    let body = json!({"kind": "key-binding", "domain": "press.example", "key": text.trim_end(), "proof": "operator"});
    let mut entry = entry(index, time, body);
    entry.registered.signed_by = vec!["press.example".parse().unwrap()];
    entry
}

fn content() -> ContentName {
    ContentName::Blake3(ContentId::of(b"x"))
}

fn reservation(index: u64, time: i64) -> Entry {
    entry(
        index,
        time,
        json!({"kind": "reservation", "basis": "owner",
        "scope": {"include": [{"target": "content", "ids": [content()]}]},
        "terms": {"clauses": [{"rules": [{"preference": "disallowed", "uses": ["train-ai"]}]}]}}),
    )
}

fn withdrawal(index: u64, time: i64, named: &StatementId) -> Entry {
    entry(index, time, json!({"kind": "withdrawal", "statement": named}))
}

fn batch(store: &dyn Store, from: &Head, entries: Vec<Entry>) -> Batch {
    let hashes: Vec<_> = entries.iter().map(|entry| leaf_hash(&entry.leaf.to_bytes())).collect();
    let (tiles, root) = tiles_after(from.size, &hashes, |id| {
        let bytes = store.tile(id.level, id.index).unwrap()?;
        bytes.get(..usize::from(id.width) * 32).map(<[u8]>::to_vec)
    })
    .unwrap();
    let size = from.size + entries.len() as u64;
    let signer = NoteSigner::new("log.example", key()).unwrap();
    let checkpoint = Checkpoint { origin: "log.example".to_owned(), size, root, extensions: Vec::new() };
    let note = checkpoint.sign(&[&signer]).unwrap().to_text();
    Batch { sealed: Vec::new(), entries, tiles, checkpoint: SignedHead { size, root, note } }
}

fn add(store: &dyn Store, entries: Vec<Entry>) -> Head {
    let from = store.head().unwrap().unwrap_or_else(Head::empty);
    store.commit(&from, &batch(store, &from, entries)).unwrap()
}

fn an_empty_log_gets_a_checkpoint_first(store: &dyn Store) {
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.latest_checkpoint().unwrap(), None);
    assert_eq!(add(store, Vec::new()), Head::empty());
    assert_eq!(store.head().unwrap(), Some(Head::empty()));
    assert_eq!(store.checkpoint_from(0).unwrap().unwrap().size, 0);
    assert_eq!(store.checkpoint_from(1).unwrap(), None);
    // A second one over the same leaves says nothing new and is not kept.
    let again = store.commit(&Head::empty(), &batch(store, &Head::empty(), Vec::new()));
    assert!(matches!(again, Err(CommitError::Moved(head)) if head == Head::empty()));
}

fn a_batch_is_there_whole(store: &dyn Store) {
    let first = binding(0, 100);
    let second = reservation(1, 100);
    let (id, commitment) = (second.registered.id, second.leaf.commitment);
    let leaves = vec![first.leaf.to_bytes(), second.leaf.to_bytes()];
    let (registered, blob) = (second.registered.clone(), second.published.to_bytes());
    let head = add(store, vec![first, second]);
    assert_eq!((head.size, head.registered_at), (2, Timestamp(100)));
    assert_eq!(store.head().unwrap(), Some(head));
    assert_eq!(store.leaves(0..10).unwrap(), leaves);
    assert_eq!(store.leaves(1..2).unwrap(), leaves[1..]);
    assert_eq!(store.leaves(2..9).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(store.tile(0, 0).unwrap().unwrap().len(), 64);
    assert_eq!(store.tile(0, 1).unwrap(), None);
    let stored = store.statement(&id).unwrap().unwrap();
    assert_eq!((stored.registered, stored.commitment), (registered, commitment));
    assert_eq!(store.published(&commitment).unwrap(), Some(blob));
    assert_eq!(store.bindings_by(&key_id(&key().verifying_key())).unwrap().len(), 1);
    assert_eq!(store.bindings_of(&"press.example".parse().unwrap()).unwrap()[0].bound_at, Timestamp(100));
    assert_eq!(store.bindings_of(&"other.example".parse().unwrap()).unwrap(), []);
    assert_eq!(store.claims(&content(), 10).unwrap().len(), 1);
    assert_eq!(store.records(&content(), 10).unwrap(), []);
    let counts = store.counts(&"press.example".parse().unwrap()).unwrap();
    assert_eq!(counts, [(Kind::KeyBinding, 1), (Kind::Reservation, 1)]);
}

fn whoever_showed_a_document_first_is_first(store: &dyn Store) {
    let served = |index: u64, url: &str| {
        let claim = reservation(9, 10).registered.id;
        entry(index, 10, json!({"kind": "claim-proof", "claim": claim, "content": [content()], "url": url}))
    };
    let urls = ["https://herald.example/a", "https://press.example/b", "https://www.herald.example/c"];
    let proofs = (1..).zip(urls).map(|(index, url)| served(index, url));
    add(store, std::iter::once(binding(0, 10)).chain(proofs).collect());
    let shown = |limit: usize| -> Vec<String> {
        store.showings(&content(), limit).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(shown(10), ["herald.example", "press.example"]);
    assert_eq!(shown(1), ["herald.example"]);
    assert_eq!(store.showings(&ContentName::Blake3(ContentId::of(b"y")), 10).unwrap(), []);
}

fn a_moved_head_writes_nothing(store: &dyn Store) {
    let old = Head::empty();
    let stale = batch(store, &old, vec![reservation(0, 5)]);
    let head = add(store, vec![binding(0, 5)]);
    assert!(matches!(store.commit(&old, &stale), Err(CommitError::Moved(now)) if now == head));
    let other_root = Head { root: old.root, ..head };
    let forked = batch(store, &head, vec![reservation(1, 5)]);
    assert!(matches!(store.commit(&other_root, &forked), Err(CommitError::Moved(now)) if now == head));
    assert_eq!(store.head().unwrap(), Some(head));
    assert_eq!(store.statement(&stale.entries[0].registered.id).unwrap(), None);
    assert_eq!(store.published(&stale.entries[0].leaf.commitment).unwrap(), None);
}

fn a_batch_that_fails_is_not_there_in_part(store: &dyn Store) {
    let head = add(store, vec![binding(0, 5)]);
    let mut twice = reservation(2, 5);
    let first = reservation(1, 5);
    twice.registered.id = first.registered.id;
    let broken = batch(store, &head, vec![first, twice]);
    assert!(matches!(store.commit(&head, &broken), Err(CommitError::Store(_))));
    assert_eq!(store.head().unwrap(), Some(head));
    assert_eq!(store.leaves(0..9).unwrap().len(), 1);
    assert_eq!(store.statement(&broken.entries[0].registered.id).unwrap(), None);
}

fn pages_times_and_names_agree(store: &dyn Store) {
    add(store, vec![binding(0, 10)]);
    let reserved = reservation(1, 20);
    let id = reserved.registered.id;
    add(store, vec![reserved, reservation(2, 20)]);
    add(store, vec![withdrawal(3, 30, &id)]);
    for (time, size) in [(9, 0), (10, 1), (19, 1), (20, 3), (29, 3), (30, 4), (1000, 4)] {
        assert_eq!(store.size_at(Timestamp(time)).unwrap(), size, "{time}");
    }
    for (size, covering) in [(0, 1), (1, 1), (2, 3), (3, 3), (4, 4)] {
        assert_eq!(store.checkpoint_from(size).unwrap().unwrap().size, covering, "{size}");
    }
    let indexes = |page: Page| -> Vec<u64> {
        store.statements(&page).unwrap().iter().map(|stored| stored.registered.index).collect()
    };
    let all = Page { limit: 100, ..Page::default() };
    assert_eq!(indexes(all.clone()), [0, 1, 2, 3]);
    assert_eq!(indexes(Page { from: 1, below: Some(3), ..all.clone() }), [1, 2]);
    assert_eq!(indexes(Page { newest_first: true, limit: 2, below: Some(3), ..all.clone() }), [2, 1]);
    assert_eq!(indexes(Page { limit: 1, from: 2, ..all.clone() }), [2]);
    assert_eq!(indexes(Page { kind: Some(Kind::Reservation), ..all.clone() }), [1, 2]);
    assert_eq!(indexes(Page { issuer: Some("other.example".parse().unwrap()), ..all.clone() }), Vec::<u64>::new());
    assert_eq!(indexes(Page { from: u64::MAX, ..all }), Vec::<u64>::new());
    let naming = store.naming(&id).unwrap();
    assert_eq!(naming.len(), 1);
    assert_eq!((naming[0].0, naming[0].1.registered.index), (Relation::Withdraws, 3));
}

fn of_two_commits_from_one_head_one_wins(store: Arc<dyn Store>) {
    add(&*store, vec![binding(0, 5)]);
    let threads: Vec<_> = (0..4)
        .map(|thread: i64| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let mut won = Vec::new();
                while won.len() < 5 {
                    let head = store.head().unwrap().unwrap();
                    // Each thread's entries differ by their time.
                    let entry = reservation(head.size, 100 + thread);
                    let id = entry.registered.id;
                    match store.commit(&head, &batch(&*store, &head, vec![entry])) {
                        Ok(_) => won.push((head.size, id)),
                        Err(CommitError::Moved(now)) => assert!(now.size > head.size),
                        Err(CommitError::Store(error)) => panic!("{error}"),
                    }
                }
                won
            })
        })
        .collect();
    let won: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let places: HashSet<u64> = won.iter().map(|(index, _)| *index).collect();
    assert_eq!((won.len(), places.len()), (20, 20));
    assert_eq!(store.head().unwrap().unwrap().size, 21);
    assert!(won.iter().all(|(index, id)| store.statement(id).unwrap().unwrap().registered.index == *index));
}

fn rebuilding_is_without_effect(store: &dyn Store) {
    add(store, vec![binding(0, 5)]);
    let reserved = reservation(1, 5);
    let id = reserved.registered.id;
    add(store, vec![reserved]);
    add(store, vec![withdrawal(2, 6, &id)]);
    let dump = || {
        let mut text = Vec::new();
        store.dump(&mut text).unwrap();
        text
    };
    let before = dump();
    let rebuilt = store.rebuild().unwrap();
    assert_eq!((rebuilt.leaves, rebuilt.differing), (3, Vec::new()));
    assert_eq!(dump(), before);
}

fn evidence_is_kept_once_and_known_by_who_names_it(store: &dyn Store) {
    let (exhibit, seen, silent) = (BlobId::of(b"a contract"), BlobId::of(b"User-agent: *"), BlobId::of(b"unnamed"));
    add(store, vec![binding(0, 5)]);
    assert!(!store.names_blob(&seen).unwrap());
    let observation = entry(
        1,
        6,
        json!({"kind": "observation", "scope": {"include": [{"target": "host", "host": "press.example"}]},
        "sighting": {"observed_at": "2026-01-01T00:00:00Z", "parser": "test 1", "sources": [{"standard": "robots",
            "url": "https://press.example/robots.txt", "outcome": "read", "evidence": seen}]}}),
    );
    let mut claim = reservation(2, 7);
    claim.registered.statement.evidence = vec![cleartitle_schema::statement::Exhibit {
        blob: exhibit,
        media_type: "application/pdf".to_owned(),
        url: None,
    }];
    add(store, vec![observation]);
    // The projection follows the signed payload; this entry's was changed after signing, so it is signed again.
    let payload = claim.registered.statement.to_payload().unwrap();
    claim.published.envelope = sign(PAYLOAD_TYPE, &payload, &[&key()]).unwrap();
    claim.registered.id = StatementId::of(&payload);
    claim.leaf.commitment = claim.published.commitment();
    add(store, vec![claim]);

    for rebuilt in [false, true] {
        if rebuilt {
            assert_eq!(store.rebuild().unwrap().differing, Vec::<String>::new());
        }
        assert!(store.names_blob(&seen).unwrap() && store.names_blob(&exhibit).unwrap());
        assert!(!store.names_blob(&silent).unwrap());
    }
    assert_eq!(store.blob(&seen).unwrap(), None);
    assert!(store.put_blob(&seen, b"User-agent: *").unwrap());
    assert!(!store.put_blob(&seen, b"User-agent: *").unwrap());
    // Whoever calls has checked the digest; the first bytes stay all the same.
    assert!(!store.put_blob(&seen, b"other bytes").unwrap());
    assert_eq!(store.blob(&seen).unwrap(), Some(b"User-agent: *".to_vec()));
    // The note that bytes lie elsewhere gives way to them, and takes nobody's place.
    assert!(!store.put_blob(&seen, b"").unwrap());
    assert_eq!(store.blob(&seen).unwrap(), Some(b"User-agent: *".to_vec()));
    assert!(store.put_blob(&silent, b"").unwrap() && !store.put_blob(&silent, b"").unwrap());
    assert_eq!(store.blob(&silent).unwrap(), Some(Vec::new()));
    assert!(store.put_blob(&silent, b"what was seen").unwrap());
    assert_eq!(store.blob(&silent).unwrap(), Some(b"what was seen".to_vec()));
    assert!(store.put_blob(&exhibit, b"").unwrap());
    assert_eq!(store.blob(&exhibit).unwrap(), Some(Vec::new()));
    store.rebuild().unwrap();
    assert_eq!(store.blob(&seen).unwrap(), Some(b"User-agent: *".to_vec()));
}
