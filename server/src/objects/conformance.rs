//! What object storage must do, as tests run once for each kind of it: `check` is given a maker of empty storages.

use std::collections::BTreeSet;
use std::io::Write as _;

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::{ObjectError, Objects, layout};

/// Longer than one part of an upload, and no whole number of them.
const LONG: usize = (20 << 20) + 12_345;

/// Runs every case, each on an empty storage of its own.
pub fn check(make: &dyn Fn() -> Objects) {
    let network = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    network.block_on(async {
        what_is_there_stays_and_is_compared(&make()).await;
        a_change_replaces_what_was_read_and_nothing_else(&make()).await;
        of_changes_at_once_one_wins(make()).await;
        a_long_file_is_there_whole_or_not(&make()).await;
        keys_are_listed_below_a_name(&make()).await;
        evidence_is_what_its_name_says(&make()).await;
    });
}

async fn what_is_there_stays_and_is_compared(objects: &Objects) {
    for key in ["tile/0/000.p/1", "tile/0/000", "tile/entries/x001/234.p/17", "v1/blobs/blob:00", layout::LOG_KEY] {
        assert!(objects.read(key, 100).await.unwrap().is_none(), "{key}");
        assert_eq!(objects.length(key).await.unwrap(), None);
        assert!(objects.create(key, Bytes::from_static(b"one")).await.unwrap(), "{key}");
        assert!(!objects.create(key, Bytes::from_static(b"one")).await.unwrap(), "{key}");
        for other in [&b"two"[..], b"", b"one and more"] {
            let differs = objects.create(key, Bytes::from(other)).await.unwrap_err();
            assert_eq!(differs, ObjectError::Differs(key.to_owned()));
            assert!(differs.is_grave());
        }
        assert_eq!(objects.read(key, 3).await.unwrap().unwrap().bytes, "one");
        assert_eq!(objects.read(key, 2).await.unwrap_err(), ObjectError::TooLong(key.to_owned()));
        assert_eq!(objects.length(key).await.unwrap(), Some(3));
        objects.delete(key).await.unwrap();
        objects.delete(key).await.unwrap();
        assert!(objects.read(key, 100).await.unwrap().is_none());
    }
    // The empty file is one.
    assert!(objects.create("v1/blobs/empty", Bytes::new()).await.unwrap());
    assert!(!objects.create("v1/blobs/empty", Bytes::new()).await.unwrap());
    assert_eq!(objects.read("v1/blobs/empty", 0).await.unwrap().unwrap().bytes, "");
}

async fn a_change_replaces_what_was_read_and_nothing_else(objects: &Objects) {
    let key = layout::CHECKPOINT;
    let first = objects.swap(key, Bytes::from_static(b"1"), None).await.unwrap().unwrap();
    assert!(objects.swap(key, Bytes::from_static(b"other"), None).await.unwrap().is_none(), "it is there already");
    let read = objects.read(key, 100).await.unwrap().unwrap();
    assert_eq!(read.bytes, "1");
    let second = objects.swap(key, Bytes::from_static(b"2"), Some(&read.version)).await.unwrap().unwrap();
    for stale in [&first, &read.version] {
        assert!(objects.swap(key, Bytes::from_static(b"other"), Some(stale)).await.unwrap().is_none());
    }
    // Nor does what is tried once after each start touch anything.
    objects.create_and_probe(layout::LOG_KEY, Bytes::from_static(b"keys")).await.unwrap();
    objects.create_and_probe(layout::LOG_KEY, Bytes::from_static(b"keys")).await.unwrap();
    assert_eq!(objects.read(layout::LOG_KEY, 100).await.unwrap().unwrap().bytes, "keys");
    // What writing gave is as good as what reading gives.
    let third = objects.swap(key, Bytes::from_static(b"3"), Some(&second)).await.unwrap().unwrap();
    assert_eq!(objects.read(key, 100).await.unwrap().unwrap().bytes, "3");
    objects.delete(key).await.unwrap();
    assert!(objects.swap(key, Bytes::from_static(b"4"), Some(&third)).await.unwrap().is_none(), "it is gone");
}

async fn of_changes_at_once_one_wins(objects: Objects) {
    let key = layout::LATEST;
    let mut version = objects.swap(key, Bytes::from_static(b"begin"), None).await.unwrap().unwrap();
    for round in 0..5 {
        let mut racing = tokio::task::JoinSet::new();
        for racer in 0..4 {
            let (objects, version) = (objects.clone(), version.clone());
            racing.spawn(async move {
                let bytes = Bytes::from(format!("round {round}, racer {racer}"));
                objects.swap(key, bytes.clone(), Some(&version)).await.map(|won| won.map(|version| (bytes, version)))
            });
        }
        let outcomes: Vec<_> = racing.join_all().await.into_iter().map(Result::unwrap).collect();
        let won: Vec<_> = outcomes.into_iter().flatten().collect();
        let [(bytes, now)] = won.as_slice() else { panic!("round {round}: {} won", won.len()) };
        assert_eq!(objects.read(key, 100).await.unwrap().unwrap().bytes, bytes);
        version = now.clone();
    }
}

fn opened(file: &tempfile::NamedTempFile) -> std::fs::File {
    std::fs::File::open(file.path()).unwrap()
}

async fn a_long_file_is_there_whole_or_not(objects: &Objects) {
    let bytes: Vec<u8> = (0..LONG).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    let hash = blake3::hash(&bytes);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let key = layout::snapshot(7);
    assert!(objects.create_from(&key, opened(&file), hash.as_bytes(), None).await.unwrap());
    assert!(!objects.create_from(&key, opened(&file), hash.as_bytes(), None).await.unwrap());
    assert_eq!(objects.digest(&key).await.unwrap(), Some((hash, LONG as u64)));
    // Other bytes of the same length, and another length.
    for change in [false, true] {
        let mut other = bytes.clone();
        other[LONG / 2] ^= 1;
        if change {
            other.truncate(LONG - 1);
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&other).unwrap();
        let differs =
            objects.create_from(&key, opened(&file), blake3::hash(&other).as_bytes(), None).await.unwrap_err();
        assert_eq!(differs, ObjectError::Differs(key.clone()));
    }
    let short = layout::snapshot(8);
    std::fs::write(file.path(), b"short").unwrap();
    assert!(
        objects
            .create_from(&short, opened(&file), blake3::hash(b"short").as_bytes(), Some("text/plain"))
            .await
            .unwrap()
    );
    assert_eq!(objects.digest(&short).await.unwrap(), Some((blake3::hash(b"short"), 5)));
    assert_eq!(objects.digest("v1/snapshots/9").await.unwrap(), None);
}

async fn keys_are_listed_below_a_name(objects: &Objects) {
    let listed = async |below: &str| objects.list(below).try_collect::<BTreeSet<String>>().await.unwrap();
    assert!(listed(layout::BLOBS).await.is_empty());
    // More than one page of what S3 lists at once.
    let many: Vec<String> = (0..1100).map(|number| format!("{}blob:{number:04}", layout::BLOBS)).collect();
    for some in many.chunks(50) {
        let put = some.iter().map(|key| objects.create(key, Bytes::from_static(b"x")));
        assert!(futures_util::future::join_all(put).await.into_iter().all(|new| new.unwrap()));
    }
    objects.create("v1/blobsnot/here", Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(listed(layout::BLOBS).await, many.into_iter().collect());
}

async fn evidence_is_what_its_name_says(objects: &Objects) {
    use cleartitle_schema::id::BlobId;
    let blob = BlobId::of(b"User-agent: *");
    assert_eq!(objects.evidence(&blob).await.unwrap(), None);
    objects.create(&layout::blob(&blob), Bytes::from_static(b"User-agent: *")).await.unwrap();
    assert_eq!(objects.evidence(&blob).await.unwrap().unwrap(), b"User-agent: *");
    let other = BlobId::of(b"what was meant");
    objects.create(&layout::blob(&other), Bytes::from_static(b"what is there")).await.unwrap();
    assert!(objects.evidence(&other).await.unwrap_err().is_grave());
}
