//! Backup and restore by one command each: beside a running server, into an empty folder, with a full audit; and archives
//! that somebody damaged or forged.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Ran, Registry, cleartitle, cleartitle_server};
use serde_json::{Value, json};

fn back_up(registry: &Registry, name: &str, more: &[&str]) -> (PathBuf, Ran) {
    let out = registry.scratch().join(name);
    let (data, file) = (registry.data().display().to_string(), out.display().to_string());
    let ran = cleartitle_server(&[&["backup", "--data", &data, "--out", &file], more].concat());
    (out, ran)
}

fn restore(archive: &Path, data: &Path, more: &[&str]) -> Ran {
    let (data, file) = (data.display().to_string(), archive.display().to_string());
    cleartitle_server(&[&["restore", "--data", &data, &file], more].concat())
}

/// Two registries' answers about one statement: the registration, receipt and all, is the same bytes.
#[track_caller]
fn same_receipt(one: &Registry, other: &Registry, registration: &Value) {
    let path = format!("/v1/statements/{}", registration["statement"].as_str().expect("an id"));
    let [one, other] = [one, other].map(|registry| registry.read(&path).is(200).json()["registration"].clone());
    assert_eq!(one, other, "{path}");
    assert_eq!(one["receipt"], registration["receipt"], "{path}");
}

#[test]
fn a_backup_under_load_is_the_registry_when_it_is_restored() {
    let registry = Registry::in_folder("warn");
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    let snapshot = registry.scratch().join("terms.snapshot").display().to_string();
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
    let pull = |from: &Registry| {
        cleartitle(&["pull", "--registry", &from.url(""), "--log-key", key.trim(), "--out", &snapshot]).exits(0)
    };
    let _ = pull(&registry);

    let stop = AtomicBool::new(false);
    let (acknowledged, archive) = std::thread::scope(|scope| {
        for thread in 0..4 {
            let (registry, press, stop) = (&registry, &press, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut payload = press.reservation("press.example");
                    payload["note"] = json!(format!("thread {thread}, number {number}"));
                    let _ = registry.try_register(&press.sign(&payload)).expect("an answer").is(201);
                }
            });
        }
        while registry.acknowledged().len() < 40 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // One during which something was registered: a small database is sometimes copied between two ticks.
        let during = (0..100).find_map(|number| {
            let acknowledged = registry.acknowledged();
            let (archive, ran) = back_up(&registry, &format!("registry-{number}.tar"), &[]);
            let _ = ran.exits(0);
            (registry.acknowledged().len() > acknowledged.len()).then_some((acknowledged, archive))
        });
        stop.store(true, Ordering::Relaxed);
        during.expect("a backup while statements are registered")
    });
    registry.audit();

    let restored = Registry::restored(&archive, acknowledged.clone(), &[]);
    restored.audit();
    harness::audit::check_blobs(&restored);
    for registration in &acknowledged {
        same_receipt(&registry, &restored, registration);
    }
    // The log goes on where it was, and a client that pulled from the lost machine takes its growth.
    restored.register(&press, &press.grant("press.example"));
    let said = pull(&restored);
    assert!(said.stderr.contains("the log grew from 3 to "), "{}", said.stderr);
    assert_eq!(std::fs::read_to_string(restored.data().join("log.pub")).expect("the log's key"), key);
}

#[test]
fn a_backup_is_its_owners_and_replaces_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let registry = Registry::in_folder("warn").and_press_and_open();
    // A loose umask makes no loose archive, and a restored key is the owner's whatever the archive says.
    let out = registry.scratch().join("loose.tar");
    let script = "umask 000; exec \"$0\" backup --data \"$1\" --out \"$2\"";
    let mut shell = harness::binaries::command(Path::new("bash"));
    shell.args(["-c", script]).arg(harness::binaries::server_path()).arg(registry.data()).arg(&out);
    assert!(shell.output().expect("a shell").status.success());
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&out), 0o600);
    let before = std::fs::read(&out).expect("an archive");
    let (_, again) = back_up(&registry, "loose.tar", &[]);
    assert!(again.exits(2).stderr.contains("loose.tar` exists"));
    assert_eq!(std::fs::read(&out).expect("an archive"), before);

    let data = registry.scratch().join("restored");
    let script = "umask 000; exec \"$0\" restore --data \"$1\" \"$2\"";
    let mut shell = harness::binaries::command(Path::new("bash"));
    shell.args(["-c", script]).arg(harness::binaries::server_path()).arg(&data).arg(&out);
    assert!(shell.output().expect("a shell").status.success());
    assert_eq!(mode(&data.join("keys")), 0o700);
    for name in ["keys/log.pem", "keys/operator.pem", "registry.sqlite"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    // Into a folder that holds anything nothing is restored.
    let said = restore(&out, &data, &[]).exits(2).stderr;
    assert!(said.contains("is not an empty folder") && said.contains("hint:"), "{said}");
    assert!(restore(&registry.scratch().join("none.tar"), &registry.scratch().join("new"), &[]).exits(2).code == 2);
}

#[test]
fn without_its_keys_a_log_is_audited_and_does_not_go_on() {
    let registry = Registry::in_folder("warn").and_press_and_open();
    let (archive, ran) = back_up(&registry, "public.tar", &["--without-keys"]);
    assert!(ran.exits(0).stdout.contains("without the private keys"));
    let bytes = std::fs::read(&archive).expect("an archive");
    let secret = std::fs::read_to_string(registry.data().join("keys/log.pem")).expect("a key");
    let secret = secret.lines().nth(1).expect("a key's line").as_bytes();
    assert!(memchr::memmem::find(&bytes, secret).is_none() && memchr::memmem::find(&bytes, b"PRIVATE KEY").is_none());

    let data = registry.scratch().join("restored");
    let shown = data.display().to_string();
    let said = restore(&archive, &data, &[]).exits(0);
    assert!(said.stdout.contains("without its private keys"), "{}", said.stdout);
    let _ = cleartitle_server(&["audit", "--data", &shown]).exits(0);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", &shown];
    let said = cleartitle_server(&serve).exits(2).stderr;
    assert!(said.contains("keys/log.pem` is missing") && said.contains("hint:"), "{said}");
    assert!(!data.join("keys/log.pem").exists(), "no other key was made");
}

#[test]
fn a_log_shorter_than_what_was_published_is_not_begun() {
    let registry = Registry::in_folder("warn");
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    let save = |name: &str, bytes: &[u8]| {
        let path = registry.scratch().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    };
    let checkpoint = |registry: &Registry| registry.read("/checkpoint").is(200).body;
    let early = save("early.note", &checkpoint(&registry));
    let (archive, ran) = back_up(&registry, "old.tar", &[]);
    let _ = ran.exits(0);
    registry.register(&press, &press.grant("press.example"));
    let late = save("late.note", &checkpoint(&registry));

    let data = registry.scratch().join("restored");
    let said = restore(&archive, &data, &["--published", &early, "--published", &late]).exits(1).stderr;
    assert!(said.contains("the backup ends at 3 leaves, and a checkpoint over 4 was published"), "{said}");
    assert!(said.contains("hint:") && !data.exists(), "{said}");

    // The same log's key over another history: what a stolen key, or a registry restored twice, signs.
    let fork = Registry::restored(&archive, Vec::new(), &[]);
    fork.register(&press, &press.reservation("sub.press.example"));
    let other = save("fork.note", &checkpoint(&fork));
    let (newer, ran) = back_up(&registry, "new.tar", &[]);
    let _ = ran.exits(0);
    let said = restore(&newer, &data, &["--published", &other]).exits(1).stderr;
    assert!(said.contains("is not of the history in this backup") && !data.exists(), "{said}");
    // Another log's checkpoint proves nothing, nor does a file that is none.
    let stranger = Registry::in_folder("warn");
    for other in [save("other.note", &checkpoint(&stranger)), save("no.note", b"nothing")] {
        let said = restore(&newer, &data, &["--published", &other]).exits(1).stderr;
        assert!(said.contains("is no checkpoint of this log") && !data.exists(), "{said}");
    }
    let said = restore(&newer, &data, &["--published", &early, "--published", &late]).exits(0);
    assert!(!said.stderr.contains("warning") && said.stdout.contains("all is right"), "{}{}", said.stdout, said.stderr);
    let warned = restore(&newer, &registry.scratch().join("warned"), &[]).exits(0).stderr;
    assert!(warned.contains("forks the log") && warned.contains("hint: restore --published"), "{warned}");
}

/// The members of an archive, as they stand.
fn members(archive: &[u8]) -> Vec<(tar::Header, Vec<u8>)> {
    let mut tar = tar::Archive::new(archive);
    let entries = tar.entries().expect("a tar file");
    entries
        .map(|entry| {
            let mut entry = entry.expect("a member");
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).expect("bytes");
            (entry.header().clone(), bytes)
        })
        .collect()
}

/// An archive of these members, headers verbatim but for their checksums.
fn archive(members: &[(tar::Header, Vec<u8>)]) -> Vec<u8> {
    let mut made = Vec::new();
    for (header, bytes) in members {
        let mut header = header.clone();
        header.set_cksum();
        made.extend_from_slice(header.as_bytes());
        made.extend_from_slice(bytes);
        made.resize(made.len().next_multiple_of(512), 0);
    }
    made.resize(made.len() + 1024, 0);
    made
}

/// A header with any name at all: the crate that writes tar files refuses most of these.
fn named(name: &str, kind: tar::EntryType, length: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(length as u64);
    header.set_mode(0o644);
    header
}

/// Changes the manifest by a rule and gives it its own length.
fn with_manifest(whole: &[(tar::Header, Vec<u8>)], change: impl FnOnce(&mut Value)) -> Vec<(tar::Header, Vec<u8>)> {
    let mut members = whole.to_vec();
    let mut manifest: Value = serde_json::from_slice(&members[0].1).expect("a manifest");
    change(&mut manifest);
    members[0].1 = serde_json::to_vec(&manifest).expect("JSON");
    let length = members[0].1.len() as u64;
    members[0].0.set_size(length);
    members
}

/// Archives with other members than a backup has, or with what a backup has under another name or kind.
fn forged(whole: &[(tar::Header, Vec<u8>)]) -> Vec<(&'static str, Vec<u8>)> {
    use tar::EntryType;
    let mut found = Vec::new();
    for (what, name, kind) in [
        ("a path upwards", "../evil.pem", EntryType::Regular),
        ("an absolute path", "/tmp/cleartitle-evil.pem", EntryType::Regular),
        ("a path upwards among the keys", "keys/../../evil.pem", EntryType::Regular),
        ("a symbolic link", "keys/log.pem", EntryType::Symlink),
        ("a hard link", "keys/log.pem", EntryType::Link),
        ("a device", "keys/log.pem", EntryType::Char),
        ("a pipe", "keys/log.pem", EntryType::Fifo),
        ("a folder", "keys/log.pem", EntryType::Directory),
        ("a long name", "././@LongLink", EntryType::GNULongName),
        ("an extension header", "keys/log.pem", EntryType::XHeader),
    ] {
        // In the place of a key, and besides everything; the manifest tells of it too, as a forger's would.
        let mut header = named(name, kind, 4);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            let _ = header.set_link_name("/etc/passwd");
        }
        let evil = (header, b"evil".to_vec());
        let told = json!({ "name": name, "length": 4, "blake3": blake3::hash(b"evil").to_hex().as_str() });
        let mut replaced = with_manifest(whole, |manifest| {
            let files = manifest["files"].as_array_mut().expect("files");
            let place = files.iter().position(|file| file["name"] == "keys/log.pem").expect("a key");
            files[place] = told.clone();
        });
        let place = replaced.iter().position(|(header, _)| header.path_bytes() == b"keys/log.pem".as_slice());
        replaced[place.expect("a key")] = evil.clone();
        found.push((what, archive(&replaced)));
        let mut added = with_manifest(whole, |manifest| {
            manifest["files"].as_array_mut().expect("files").push(told.clone());
        });
        added.push(evil);
        found.push((what, archive(&added)));
    }
    let mut twice = with_manifest(whole, |manifest| {
        let files = manifest["files"].as_array_mut().expect("files");
        files.push(files[0].clone());
    });
    twice.push(whole[1].clone());
    found.push(("a member twice", archive(&twice)));
    found
}

#[test]
fn hostile_archives_are_refused_and_leave_nothing() {
    let registry = Registry::in_folder("warn").and_press_and_open();
    let (path, ran) = back_up(&registry, "sound.tar", &[]);
    let _ = ran.exits(0);
    let sound = std::fs::read(&path).expect("an archive");
    let whole = members(&sound);
    assert_eq!(archive(&whole), sound, "the test writes what the program writes");

    let altered = |place: usize| {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        bytes
    };
    let database = sound.windows(15).position(|bytes| bytes == b"SQLite format 3").expect("a database");
    let mut cases = forged(&whole);
    cases.extend([
        ("an altered database", altered(database + 5000)),
        ("an altered key", altered(sound.len() - 1024 - 400)),
        ("cut in the middle", sound[..sound.len() / 2].to_vec()),
        ("cut by a block", sound[..sound.len() - 512].to_vec()),
        ("cut by a byte", sound[..sound.len() - 1].to_vec()),
        ("bytes behind the end", [sound.clone(), vec![0; 512]].concat()),
        ("nothing", Vec::new()),
        ("no tar file", b"evil ".repeat(1000)),
        ("a key of another log", {
            let stranger = Registry::in_folder("warn");
            let key = std::fs::read(stranger.data().join("keys/log.pem")).expect("a key");
            let mut other = with_manifest(&whole, |manifest| {
                let files = manifest["files"].as_array_mut().expect("files");
                let file = files.iter_mut().find(|file| file["name"] == "keys/log.pem").expect("a key");
                file["blake3"] = json!(blake3::hash(&key).to_hex().as_str());
            });
            let place = other.iter().position(|(header, _)| header.path_bytes() == b"keys/log.pem".as_slice());
            other[place.expect("a key")].1 = key;
            archive(&other)
        }),
        ("a greater log than it holds", archive(&with_manifest(&whole, |manifest| manifest["size"] = json!(1000)))),
        ("a size beyond all disks", {
            let mut huge = with_manifest(&whole, |manifest| manifest["files"][0]["length"] = json!(u64::MAX));
            huge[1].0.set_size(u64::MAX);
            archive(&huge)
        }),
        ("a later version", archive(&with_manifest(&whole, |manifest| manifest["version"] = json!(2)))),
        ("a member of the manifest that nobody knows", {
            archive(&with_manifest(&whole, |manifest| manifest["run"] = json!("this")))
        }),
    ]);
    for (what, bytes) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let (evil, data) = (folder.path().join("evil.tar"), folder.path().join("inside/data"));
        std::fs::write(&evil, bytes).expect("an archive");
        std::fs::create_dir_all(&data).expect("a folder");
        let said = restore(&evil, &data, &[]).exits(1).stderr;
        assert!(said.contains("error: "), "{what}: {said}");
        assert_eq!(std::fs::read_dir(&data).expect("a listing").count(), 0, "{what}: {said}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a listing").count(), 2, "{what}: {said}");
        assert_eq!(std::fs::read_dir(folder.path().join("inside")).expect("a listing").count(), 1, "{what}: {said}");
    }
    assert!(!Path::new("/tmp/cleartitle-evil.pem").exists());
}

/// A log whose checksums a forger made anew is found by the log's own signatures.
#[test]
fn a_forged_history_is_found_by_the_audit() {
    let registry = Registry::in_folder("warn").and_press_and_open();
    let (path, ran) = back_up(&registry, "sound.tar", &[]);
    let _ = ran.exits(0);
    let mut whole = members(&std::fs::read(&path).expect("an archive"));
    let database = &mut whole[1].1;
    // One letter of a signed payload, in the primary table and wherever else it stands.
    let places: Vec<usize> = memchr::memmem::find_iter(database, b"open.example").collect();
    assert!(!places.is_empty());
    for place in places {
        database[place] = b'O';
    }
    let digest = blake3::hash(database).to_hex().to_string();
    let forged = with_manifest(&whole, |manifest| manifest["files"][0]["blake3"] = json!(digest));
    let (evil, data) = (registry.scratch().join("evil.tar"), registry.scratch().join("restored"));
    std::fs::write(&evil, archive(&forged)).expect("an archive");
    let said = restore(&evil, &data, &[]).exits(1);
    assert!(said.stderr.contains("damaged"), "{}", said.stderr);
    assert!(!data.exists());
}
