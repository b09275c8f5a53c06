//! Snapshots: hostile bytes never panic, verified or not.
#![no_main]

use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::snapshot::Snapshot;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(snapshot) = Snapshot::open(bytes) else { return };
    for url in ["https://press.example/a/b?c", "https://www.blog.example:8080/", "https://a.b.c.example/"] {
        let (keys, _) = Acquisition::fetched(url).keys();
        let _ = snapshot.try_covering(&keys);
    }
    let _ = snapshot.verify();
});
