//! Pulling from a registry of the tests' own, honest and not: what is refused leaves the older snapshot in its place.

use super::*;
use crate::snapshot::Mapped;
use crate::terms_file::{self, Context};
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::{ContentId, StatementId};
use cleartitle_schema::snapshot::{Head, Tables, build, note_text};
use cleartitle_schema::tlog::hash::leaf_hash;
use cleartitle_schema::tlog::note::{Note, NoteSigner};
use cleartitle_schema::tlog::tile::tiles_after;
use ed25519_dalek::SigningKey;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

const ORIGIN: &str = "registry.example";
const LIMIT: u64 = 1 << 30;

fn bounds(bytes: u64) -> Bounds {
    Bounds { bytes, days: None, now: Timestamp::MAX }
}

type Pages = BTreeMap<String, Vec<u8>>;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn log() -> PinnedLog {
    let signer = NoteSigner::new(ORIGIN, key()).unwrap();
    PinnedLog::parse(&signer.verifier().to_string()).unwrap()
}

fn registered(index: u64, branch: &str) -> Arc<Registered> {
    let text = format!(
        "kind = \"reservation\"\nbasis = \"owner\"\nnote = \"{branch} {index}\"\n[scope]\ninclude = [\"press.example\"]\n\
         [terms]\nrules = [{{ uses = [\"tdm\"] }}]\n"
    );
    let at = Timestamp(1_795_000_000 + i64::try_from(index).unwrap());
    let context = Context { log: ORIGIN.to_owned(), issuer: "press.example".parse().unwrap(), issued_at: at };
    let statement = terms_file::parse("t", &text, &context).unwrap();
    Arc::new(Registered {
        id: StatementId::of(&statement.to_payload().unwrap()),
        index,
        registered_at: at,
        signed_by: vec!["press.example".parse().unwrap()],
        under: Vec::new(),
        speaks_for: None,
        tenure_from: None,
        statement,
    })
}

/// What a registry shows when its log has so many leaves; leaves from `fork` on are of the branch.
fn pages(size: u64, fork: u64, branch: &str) -> Pages {
    let name = |index: u64| if index < fork { "main" } else { branch };
    let statements: Vec<Arc<Registered>> = (0..size).map(|index| registered(index, name(index))).collect();
    let leaves: Vec<_> = statements.iter().map(|registered| leaf_hash(registered.id.to_string().as_bytes())).collect();
    let (tiles, root) = tiles_after(0, &leaves, |_| None).unwrap();
    let time = statements.last().map_or(Timestamp::MIN, |last| last.registered_at);
    let head = Head { origin: ORIGIN.to_owned(), size, root, time };
    let mut body = Vec::new();
    let built = build(&statements, &head, &Tables::default(), &mut body).unwrap();
    let signer = NoteSigner::new(&format!("{ORIGIN}/snapshot"), key()).unwrap();
    let note = Note::sign(&note_text(&built.header, &built.body_hash), &[&signer]).unwrap().to_text();
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() };
    let signed = checkpoint.sign(&[&NoteSigner::new(ORIGIN, key()).unwrap()]).unwrap().to_text();
    let view = SnapshotView {
        size,
        root: root.to_base64(),
        blake3: ContentId(built.body_hash).to_string().trim_start_matches("blake3:").to_owned(),
        bytes: built.length,
        note,
        url: format!("/v1/snapshots/{size}"),
    };
    let mut pages: Pages = tiles.into_iter().map(|(tile, bytes)| (format!("/{}", tile.path()), bytes)).collect();
    pages.insert("/checkpoint".to_owned(), signed.into_bytes());
    pages.insert("/v1/snapshots/latest".to_owned(), serde_json::to_vec(&view).unwrap());
    pages.insert(view.url, body);
    pages
}

/// A registry that shows pages, and answers ranges.
struct Shown {
    pages: Arc<Mutex<Pages>>,
    asked: Arc<Mutex<Vec<String>>>,
    registry: Registry,
}

fn show(first: Pages) -> Shown {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = Registry::at(&format!("http://{}", listener.local_addr().unwrap()), false).unwrap();
    let (pages, asked) = (Arc::new(Mutex::new(first)), Arc::new(Mutex::new(Vec::new())));
    let (shown, heard) = (Arc::clone(&pages), Arc::clone(&asked));
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
            let path = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)).unwrap_or_default();
            let range = lines.by_ref().take_while(|line| !line.is_empty()).find_map(|line| {
                line.strip_prefix("range: bytes=").map(|range| range.trim_end_matches('-').to_owned())
            });
            heard.lock().unwrap().push(format!("{path} {}", range.clone().unwrap_or_default()).trim_end().to_owned());
            let body = shown.lock().unwrap().get(&path).cloned();
            let (from, to) = range
                .as_deref()
                .unwrap_or_default()
                .split_once('-')
                .unwrap_or((range.as_deref().unwrap_or_default(), ""));
            let from: usize = from.parse().unwrap_or(0);
            let to: Option<usize> = to.parse().ok().map(|last: usize| last + 1);
            let (head, body) = match body {
                None => ("404 Not Found".to_owned(), Vec::new()),
                Some(body) if range.is_some() => {
                    let to = to.unwrap_or(body.len()).min(body.len());
                    let told = format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{}", to - 1, body.len());
                    (told, body[from..to].to_vec())
                }
                Some(body) => ("200 OK".to_owned(), body),
            };
            let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = (&connection).write_all(&[head.as_bytes(), &body].concat());
        }
    });
    Shown { pages, asked, registry }
}

impl Shown {
    fn change(&self, pages: Pages) {
        *self.pages.lock().unwrap() = pages;
    }

    fn pull(&self, out: &Path) -> Result<Pulled, PullError> {
        pull(&self.registry, &log(), out, bounds(LIMIT), |_| Ok(()), |_, _| {})
    }
}

fn opened(out: &Path) -> Mapped {
    let log = snapshot::log_for(out, None, None).unwrap();
    snapshot::open(out, &log).unwrap()
}

#[test]
fn a_pulled_snapshot_opens_and_grows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let shown = show(pages(3, 9, ""));
    let first = shown.pull(&out).unwrap();
    assert_eq!((first.header.size, first.statements, first.seen_before), (3, 3, None));
    assert_eq!(opened(&out).len(), 3);
    shown.change(pages(300, 999, ""));
    let second = shown.pull(&out).unwrap();
    assert_eq!((second.header.size, second.seen_before), (300, Some(3)));
    assert_eq!(opened(&out).len(), 300);
    assert_eq!(shown.pull(&out).unwrap().seen_before, Some(300), "the same again");
}

/// What the snapshot says of a copy; which only one that was opened by its tree may fail to say.
fn said(out: &Path) -> Result<usize, ()> {
    let mapped = snapshot::open(out, &log()).map_err(|_| ())?;
    let copy = cleartitle_schema::acquisition::Acquisition::fetched("https://press.example/a");
    let evidence = mapped.gather(&copy);
    // All of it was pulled, whether or not the question came upon it.
    assert_eq!(evidence.is_err(), mapped.damaged());
    evidence.map(|evidence| evidence.statements.len()).map_err(|_| ())
}

#[test]
fn a_byte_that_changes_behind_a_pull_is_met_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    show(pages(300, 999, "")).pull(&out).unwrap();
    let (body, tree) = (std::fs::read(&out).unwrap(), std::fs::read(beside(&out, snapshot::TREE)).unwrap());
    assert!(tree.len() >= 3 * 32, "several blocks: {} bytes", body.len());
    assert_eq!(said(&out), Ok(300));
    // Without its tree, and with another's, the body is hashed whole: slower, and no less.
    let write = |name: &Path, bytes: &[u8]| std::fs::write(name, bytes).unwrap();
    for other in [&[][..], &tree[32..], &[0; 32], &tree.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()] {
        write(&beside(&out, snapshot::TREE), other);
        assert_eq!(said(&out), Ok(300));
    }
    for with_tree in [true, false] {
        write(&beside(&out, snapshot::TREE), if with_tree { &tree } else { &[] });
        for at in (0..body.len()).step_by(1009) {
            let mut changed = body.clone();
            changed[at] ^= 0x04;
            // Not in place: what is mapped elsewhere keeps its bytes.
            write(&beside(&out, "changed"), &changed);
            std::fs::rename(beside(&out, "changed"), &out).unwrap();
            let said = said(&out);
            assert!(said.is_err() || with_tree && said == Ok(300), "byte {at}: {said:?}");
        }
    }
}

/// The files that a pull wrote, as a crash would leave them: any of the body and the two notes, old or new.
#[test]
fn a_pull_that_is_killed_between_body_and_note_leaves_a_snapshot_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let (note, next) = (beside(&out, "note"), beside(&out, snapshot::NEXT_NOTE));
    let shown = show(pages(3, 9, ""));
    shown.pull(&out).unwrap();
    let (old_body, old_note) = (std::fs::read(&out).unwrap(), std::fs::read(&note).unwrap());
    shown.change(pages(5, 9, ""));
    shown.pull(&out).unwrap();
    assert!(!next.exists(), "the note that was ready is in place");
    let (new_body, new_note) = (std::fs::read(&out).unwrap(), std::fs::read(&note).unwrap());

    std::fs::write(&note, &old_note).unwrap();
    assert!(matches!(snapshot::open(&out, &log()), Err(SnapshotError::OtherBody(_))), "no note is about this body");
    std::fs::write(&next, &new_note).unwrap();
    assert_eq!(opened(&out).len(), 5, "the body is in place, its note is not yet");
    std::fs::write(&out, &old_body).unwrap();
    assert_eq!(opened(&out).len(), 3, "the note is ready, its body is not yet in place");

    // The next pull first ends the one that was stopped, so that its own crash finds no body without a note.
    std::fs::write(&out, &new_body).unwrap();
    snapshot::settle(&out, &log()).unwrap();
    assert_eq!((std::fs::read(&note).unwrap(), next.exists()), (new_note, false));
    std::fs::write(&next, &old_note).unwrap();
    snapshot::settle(&out, &log()).unwrap();
    assert_eq!(opened(&out).len(), 5, "a stale note that is about no body here changes nothing");
    shown.change(pages(7, 9, ""));
    assert_eq!(shown.pull(&out).unwrap().header.size, 7);
    assert_eq!((opened(&out).len(), next.exists()), (7, false));
}

#[test]
fn what_is_new_is_fetched_alone_and_the_rest_made_here() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let shown = show(pages(200, 999, ""));
    assert_eq!(shown.pull(&out).unwrap().way, Way::Whole { why: None });
    assert_eq!(shown.pull(&out).unwrap().way, Way::Here);
    let newer = pages(203, 999, "");
    shown.change(newer.clone());
    let Way::Grown { fetched } = shown.pull(&out).unwrap().way else { panic!("not grown") };
    let body = &newer["/v1/snapshots/203"];
    assert!(fetched * 10 < body.len() as u64, "{fetched} of {} bytes", body.len());
    assert!(std::fs::read(&out).unwrap() == *body);
    assert_eq!(said(&out), Ok(203));
    // Most of it is new: the whole file, and no fault of anybody's.
    shown.change(pages(900, 999, ""));
    assert_eq!(shown.pull(&out).unwrap().way, Way::Whole { why: None });
    // Made of a body that holds what the log does not: the whole file, and that is said.
    let fork = pages(900, 800, "fork");
    std::fs::write(&out, &fork["/v1/snapshots/900"]).unwrap();
    let newer = pages(901, 999, "");
    shown.change(newer.clone());
    let why = shown.pull(&out).unwrap().way;
    assert!(matches!(&why, Way::Whole { why: Some(why) } if why.contains("does not have the hash")), "{why:?}");
    assert!(std::fs::read(&out).unwrap() == newer["/v1/snapshots/901"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing else is left there");
}

#[test]
fn a_log_that_shrank_is_refused_and_the_snapshot_stays() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let shown = show(pages(5, 9, ""));
    shown.pull(&out).unwrap();
    shown.change(pages(4, 9, ""));
    let refused = shown.pull(&out).unwrap_err();
    assert!(matches!(refused, PullError::Trust(TrustError::Rollback { seen: 5, shown: 4 })), "{refused}");
    assert_eq!(opened(&out).len(), 5);
}

#[test]
fn a_forked_log_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let shown = show(pages(5, 9, ""));
    shown.pull(&out).unwrap();
    for (size, fork) in [(5, 4), (8, 4), (300, 0)] {
        shown.change(pages(size, fork, "fork"));
        let refused = shown.pull(&out).unwrap_err();
        let code = if size == 5 { Fault::SplitView } else { Fault::ForkedLog };
        assert_eq!(refused.fault(), Some(code), "{size} {fork}: {refused}");
    }
    assert_eq!(opened(&out).len(), 5);
}

#[test]
fn an_older_snapshot_under_a_newer_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let shown = show(pages(5, 9, ""));
    shown.pull(&out).unwrap();
    let mut mixed = pages(8, 99, "");
    let older = pages(4, 9, "");
    for page in ["/v1/snapshots/latest", "/v1/snapshots/4"] {
        mixed.insert(page.to_owned(), older[page].clone());
    }
    shown.change(mixed);
    let refused = shown.pull(&out).unwrap_err();
    assert!(matches!(refused, PullError::Behind { seen: 5, shown: 4 }), "{refused}");
}

#[test]
fn a_changed_body_is_refused_and_a_broken_download_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let honest = pages(3, 9, "");
    let mut changed = honest.clone();
    let body = changed.get_mut("/v1/snapshots/3").unwrap();
    let middle = body.len() / 2;
    body[middle] ^= 1;
    let shown = show(changed);
    assert!(matches!(shown.pull(&out).unwrap_err(), PullError::Snapshot(_)));
    assert!(!out.exists());
    // Now the honest body, cut short: what came is kept, and the next pull asks for the rest alone.
    let mut cut = honest.clone();
    cut.get_mut("/v1/snapshots/3").unwrap().truncate(middle);
    shown.change(cut);
    assert!(matches!(shown.pull(&out).unwrap_err(), PullError::Length { got, .. } if got == middle as u64));
    shown.change(honest);
    assert_eq!(shown.pull(&out).unwrap().statements, 3);
    assert_eq!(shown.asked.lock().unwrap().last().unwrap(), &format!("/v1/snapshots/3 {middle}"));
    assert_eq!(opened(&out).len(), 3);
}

#[test]
fn what_the_log_did_not_sign_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    let honest = pages(3, 9, "");
    let shown = show(honest.clone());
    let other = NoteSigner::new(ORIGIN, SigningKey::from_bytes(&[8; 32])).unwrap();
    let other = PinnedLog::parse(&other.verifier().to_string()).unwrap();
    assert!(pull(&shown.registry, &other, &out, bounds(LIMIT), |_| Ok(()), |_, _| {}).is_err());
    assert!(matches!(
        pull(&shown.registry, &log(), &out, bounds(10), |_| Ok(()), |_, _| {}).unwrap_err(),
        PullError::TooLong { .. }
    ));
    let mut lied = honest;
    let latest = lied.get_mut("/v1/snapshots/latest").unwrap();
    *latest = String::from_utf8(latest.clone()).unwrap().replace("\"size\":3", "\"size\":4").into_bytes();
    shown.change(lied);
    assert!(matches!(shown.pull(&out).unwrap_err(), PullError::OtherThanSigned("size")));
    assert!(!out.exists());
}

#[test]
fn a_snapshot_without_its_note_or_key_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.snapshot");
    show(pages(3, 9, "")).pull(&out).unwrap();
    std::fs::remove_file(beside(&out, "log-key")).unwrap();
    assert!(matches!(snapshot::log_for(&out, None, None), Err(SnapshotError::NoKey(_))));
    std::fs::remove_file(beside(&out, "note")).unwrap();
    assert!(matches!(snapshot::open(&out, &log()), Err(SnapshotError::NoNote(_))));
}
