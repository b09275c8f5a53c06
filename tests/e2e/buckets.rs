//! A log read where it lies: the real client over a bucket of a real S3-compatible server, over servers of files, and over a
//! folder gives what it gives over the registry's own server, and refuses what it refuses there.

use std::path::{Path, PathBuf};

use super::between::between;
use harness::mirror::{FileServer, Mirror};
use harness::objects::Objects;
use harness::{Publisher, Ran, Registry, UNLIMITED, Witness, binaries};
use serde_json::{Value, json};

const BUCKET: &str = "logs";

/// A registry whose log fills a tile as the test goes on, mirrors of its states, and every place that a mirror can be read at.
struct Scene {
    registry: Registry,
    press: Publisher,
    key: String,
    folder: tempfile::TempDir,
    files: Option<FileServer>,
    objects: Option<Objects>,
}

/// One way to read a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The folder itself.
    Folder,
    /// A server of files that sends them whole alone.
    Files,
    /// A server of files that sends parts.
    Parts,
    /// A bucket.
    Bucket,
}

const PLACES: [Place; 4] = [Place::Folder, Place::Files, Place::Parts, Place::Bucket];

impl Scene {
    fn new(check: &str) -> Self {
        let registry = Registry::start_with(&UNLIMITED);
        let press = registry.publisher("press.example");
        let key = registry.log_key();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("mirrors")).expect("a folder");
        let files = FileServer::start(check, &folder.path().join("mirrors"));
        Self { registry, press, key, folder, files, objects: Objects::start(check) }
    }

    /// Registers so many statements; the size of the log with them.
    fn grow(&self, count: usize) -> u64 {
        let before = self.size();
        for number in 0..count {
            let mut payload = self.press.reservation("press.example");
            // Words that no two statements share, so that nothing of it can be told shortly.
            payload["note"] = json!(blake3::hash(format!("{before} {number}").as_bytes()).to_hex().repeat(20));
            let _ = self.registry.try_register(&self.press.sign(&payload)).expect("an answer").is(201);
        }
        self.size()
    }

    fn size(&self) -> u64 {
        let checkpoint = self.registry.read("/checkpoint").is(200).text();
        checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect("a size")
    }

    /// Copies the log as it is now.
    fn mirror(&self, name: &str) -> Mirror {
        Mirror::of(&self.registry, &self.at(name))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("mirrors").join(name)
    }

    /// The addresses of a mirror at every place that this machine has, as it lies in its folder now.
    fn addresses(&self, mirror: &Mirror) -> Vec<(Place, String)> {
        let name = mirror.folder().file_name().expect("a name").to_string_lossy();
        if let Some(objects) = &self.objects {
            mirror.upload(objects, BUCKET, &name);
        }
        let address = |place| match place {
            Place::Folder => Some(format!("file://{}", mirror.folder().display())),
            Place::Files => self.files.as_ref().map(|files| files.url(&name)),
            Place::Parts => self.objects.as_ref().map(|objects| objects.url(BUCKET, &name)),
            Place::Bucket => self.objects.as_ref().map(|_| format!("s3://{BUCKET}/{name}")),
        };
        PLACES.into_iter().filter_map(|place| Some((place, address(place)?))).collect()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in(arguments, &[])
    }

    /// Runs the client with the bucket's key, and these variables over it.
    fn run_in(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = binaries::command(binaries::client_path());
        command.args(arguments).current_dir(self.folder.path());
        command.envs(self.objects.iter().flat_map(Objects::environment)).envs(environment.iter().copied());
        let line = format!("{command:?}");
        binaries::ran(line, command.output().expect("the client starts"))
    }

    fn pull(&self, address: &str, out: &Path, more: &[&str]) -> Ran {
        let out = out.display().to_string();
        let mut arguments = vec!["pull", "--registry", address, "--log-key", &self.key, "--out", &out];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// A place for a snapshot, with a copy of what lies at another and beside it.
    fn copied(&self, from: Option<&Path>, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        if let Some(from) = from {
            for entry in std::fs::read_dir(from.parent().expect("a folder")).expect("a listing").flatten() {
                std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("a copy");
            }
        }
        folder.join("terms.snapshot")
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn pulled_from_anywhere_it_is_the_same_snapshot_and_grows_the_same() {
    let scene = Scene::new("a log without a server");
    scene.grow(120);
    let mirror = scene.mirror("log");
    let ours = scene.copied(None, "ours");
    let _ = scene.pull(&scene.registry.url(""), &ours, &[]).exits(0);
    let first = scene.addresses(&mirror);
    for (place, address) in &first {
        let out = scene.copied(None, &format!("{place:?}"));
        let ran = scene.pull(address, &out, &[]).exits(0);
        assert!(ran.stderr.contains("this log was not seen before"), "{place:?}: {}", ran.stderr);
        assert!(read(&out) == read(&ours), "{place:?}");
        // Once more: it is here already.
        let ran = scene.pull(address, &out, &["--format", "json"]).exits(0);
        assert_eq!(serde_json::from_str::<Value>(&ran.stdout).expect("JSON")["fetched"], 0, "{place:?}");
    }

    scene.grow(10);
    mirror.follow(&scene.registry);
    let _ = scene.pull(&scene.registry.url(""), &ours, &[]).exits(0);
    for (place, address) in scene.addresses(&mirror) {
        let out = scene.copied(None, &format!("{place:?}"));
        let ran = scene.pull(&address, &out, &["--format", "json"]).exits(0);
        assert!(read(&out) == read(&ours), "{place:?}");
        let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let (fetched, bytes) = (told["fetched"].as_u64().expect("bytes"), told["bytes"].as_u64().expect("bytes"));
        if place == Place::Files {
            assert!(ran.stderr.contains("the whole snapshot was fetched") && fetched == bytes, "{}", ran.stderr);
            assert!(ran.stderr.contains("is sent whole alone"), "{}", ran.stderr);
        } else {
            assert!(fetched * 4 < bytes && !ran.stderr.contains("warning"), "{place:?}: {fetched} of {bytes}");
        }
        let _ = scene.run(&["verify", &out.display().to_string()]).exits(0);
    }
    scene.registry.audit();
}

/// What is wrong with a mirror, how it is told, and whether the code says who is to blame.
type Wrong = (&'static str, Box<dyn Fn(&Mirror)>, &'static [&'static str]);

fn flipped(mirror: &Mirror, path: &str, at: usize) {
    let mut bytes = mirror.read(path);
    bytes[at] ^= 1;
    mirror.write(path, &bytes);
}

#[test]
fn what_is_wrong_with_a_store_is_refused_and_the_older_snapshot_stays() {
    let scene = Scene::new("a wrong log without a server");
    let (oldest, older) = (scene.grow(60), scene.mirror("oldest"));
    let kept_size = scene.grow(30);
    let kept = scene.copied(None, "kept");
    let _ = scene.pull(&scene.registry.url(""), &kept, &[]).exits(0);
    let size = scene.grow(30);
    let honest = scene.mirror("honest");
    let (body, tile) = (format!("v1/snapshots/{size}"), format!("tile/0/000.p/{size}"));
    let old = |path: &'static str| older.read(path);
    let (old_checkpoint, old_latest, old_body) =
        (old("checkpoint"), old("v1/snapshots/latest"), older.read(&format!("v1/snapshots/{oldest}")));
    let at = |path: &str| path.to_owned();
    let (in_body, in_tile, cut, gone_tile, gone_body) = (at(&body), at(&tile), at(&body), at(&tile), at(&body));
    let wrong: Vec<Wrong> = vec![
        (
            "body",
            Box::new(move |it| (0..it.read(&in_body).len()).step_by(4001).for_each(|at| flipped(it, &in_body, at))),
            &["snapshot"],
        ),
        ("tile", Box::new(move |it| flipped(it, &in_tile, 5)), &["altered-tile"]),
        ("rollback", Box::new(move |it| it.write("checkpoint", &old_checkpoint)), &["(rollback)", "hint:"]),
        (
            "stale",
            Box::new(move |it| {
                it.write("v1/snapshots/latest", &old_latest);
                it.write(&format!("v1/snapshots/{oldest}"), &old_body);
            }),
            &["(stale-snapshot)", "behind the"],
        ),
        (
            "no-tile",
            Box::new(move |it| it.remove(&gone_tile)),
            &["tile/0/000.p/", "a tile of the log can't be fetched"],
        ),
        ("no-body", Box::new(move |it| it.remove(&gone_body)), &["v1/snapshots/"]),
        ("no-checkpoint", Box::new(|it| it.remove("checkpoint")), &["/checkpoint"]),
        (
            "cut",
            Box::new(move |it| {
                let bytes = it.read(&cut);
                it.write(&cut, &bytes[..bytes.len() / 2]);
            }),
            &["bytes of `", " came"],
        ),
        (
            "no-json",
            Box::new(|it| it.write("v1/snapshots/latest", b"{\"size\":")),
            &["v1/snapshots/latest", "can't be read"],
        ),
        ("endless", Box::new(|it| it.write("checkpoint", &vec![b'x'; 2 << 20])), &["checkpoint", "is longer than"]),
    ];
    assert!(oldest < kept_size && kept_size < size);
    for (name, spoil, told) in &wrong {
        let mirror = honest.copy(&scene.at(name));
        spoil(&mirror);
        for (place, address) in scene.addresses(&mirror) {
            let out = scene.copied(Some(&kept), &format!("{name}-{place:?}"));
            let ran = scene.pull(&address, &out, &[]).exits(2);
            for words in *told {
                assert!(ran.stderr.contains(words), "{name} {place:?}: no `{words}`\n{}", ran.stderr);
            }
            assert!(ran.stderr.contains("\nhint: "), "{name} {place:?}: no advice\n{}", ran.stderr);
            assert!(ran.stderr.contains(address.as_str()) || *name == "rollback", "{name} {place:?}: {}", ran.stderr);
            assert!(read(&out) == read(&kept), "{name} {place:?}: the older one does not lie there");
            let _ = scene.run(&["verify", &out.display().to_string()]).exits(0);
        }
    }
    // From the honest one, all of them go on from where they stand.
    for (place, address) in scene.addresses(&honest) {
        for (name, ..) in &wrong {
            let out = scene.copied(None, &format!("{name}-{place:?}"));
            let _ = scene.pull(&address, &out, &[]).exits(0);
            assert!(read(&out) == honest.read(&body), "{name} {place:?}");
        }
    }
}

#[test]
fn another_key_no_bucket_and_no_right_to_read_are_told_with_what_to_do() {
    let scene = Scene::new("a bucket that lets nobody in");
    scene.grow(3);
    let mirror = scene.mirror("log");
    let other = Registry::start().log_key();
    let out = scene.copied(None, "out");
    let _ = scene.pull(&scene.registry.url(""), &out, &[]).exits(0);
    let (path, kept) = (out.display().to_string(), read(&out));
    for (place, address) in scene.addresses(&mirror) {
        let ran = scene.run(&["pull", "--registry", &address, "--log-key", &other, "--out", &path]).exits(2);
        assert!(ran.stderr.contains("hint:") && ran.stderr.contains("log.pub"), "{place:?}: {}", ran.stderr);
    }
    let nowhere = format!("file://{}", scene.at("nowhere").display());
    let ran = scene.pull(&nowhere, &out, &[]).exits(2);
    assert!(ran.stderr.contains("nowhere/v1/snapshots/latest` is not there"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: `checkpoint`, `tile` and `v1` lie right below"), "{}", ran.stderr);
    for address in ["s3://", "s3://logs/../other", "file:relative", "gs://bucket/log", "./log"] {
        let ran = scene.pull(address, &out, &[]).exits(2);
        assert!(ran.stderr.contains("is not a registry's address"), "{}", ran.stderr);
        assert!(ran.stderr.contains("s3://bucket/prefix or file:///folder"), "{}", ran.stderr);
    }
    assert!(read(&out) == kept);
    if scene.objects.is_none() {
        return;
    }
    let pull = |address: &str, environment: &[(&str, &str)]| {
        let arguments = ["pull", "--registry", address, "--log-key", &scene.key, "--out", &path];
        scene.run_in(&arguments, environment).exits(2).stderr
    };
    let told = pull("s3://logs/nowhere", &[]);
    assert!(told.contains("`s3://logs/nowhere/v1/snapshots/latest` is not there"), "{told}");
    let told = pull("s3://no-such-bucket/log", &[]);
    assert!(told.contains("the store knows no bucket of this name") && told.contains("AWS_ENDPOINT_URL"), "{told}");
    for (name, value, code) in [
        ("AWS_SECRET_ACCESS_KEY", "a wrong one", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
    ] {
        let told = pull("s3://logs/log", &[(name, value)]);
        let words = format!("`s3://logs/log/v1/snapshots/latest` may not be read: the store says `{code}`");
        assert!(told.contains(&words), "{told}");
        assert!(told.contains("hint: AWS_ACCESS_KEY_ID") && told.contains("s3:ListBucket"), "{told}");
        assert!(!told.contains("a secret of the tests") && !told.contains("a wrong one"), "{told}");
    }
    // Nobody answers there: it is given up soon.
    let begun = std::time::Instant::now();
    let told = pull("s3://logs/log", &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]);
    assert!(told.contains("can't be read") && begun.elapsed().as_secs() < 60, "{told}");
    assert!(read(&out) == kept);
}

#[test]
fn a_store_has_its_own_widths_and_its_snapshot_may_be_of_an_older_state() {
    let scene = Scene::new("a log whose snapshots come late");
    scene.grow(40);
    let first_shown = scene.folder.path().join("first.checkpoint");
    std::fs::write(&first_shown, scene.registry.read("/checkpoint").is(200).body).expect("a checkpoint");
    scene.grow(60);
    let early = scene.mirror("early");
    let middle = scene.grow(60);
    let late = scene.mirror("late");
    // Two states that others were shown, of which the store has no tiles of their own: the wider one that it has begins with
    // them.
    let (shorter, longer) =
        (first_shown.display().to_string(), early.folder().join("checkpoint").display().to_string());
    for (place, address) in scene.addresses(&late) {
        let gossip = ["gossip", "--log-key", &scene.key, "--registry", &address, &shorter, &longer];
        let ran = scene.run(&gossip).exits(0);
        assert!(ran.stdout.contains("3 checkpoints"), "{place:?}: {}", ran.stdout);
    }
    // The checkpoint of the later state, the snapshot of the earlier one.
    let latest = "v1/snapshots/latest";
    let behind = |name: &str, log: &Mirror, snapshots: &Mirror| {
        let mixed = log.copy(&scene.at(name));
        for path in snapshots.files().into_iter().filter(|path| path.starts_with("v1/snapshots/")) {
            mixed.write(&path, &snapshots.read(&path));
        }
        mixed
    };
    let first = behind("first", &late, &early);
    // Later still: a full tile. The partial ones before it are gone, as a store may have them go.
    let size = scene.grow(150);
    assert!(middle < 256 && size > 256);
    let full = scene.mirror("full");
    let second = behind("second", &full, &late);
    assert!(second.files().iter().all(|path| !path.starts_with("tile/0/000.p/")), "{:?}", second.files());
    for ((place, one), (_, two)) in scene.addresses(&first).into_iter().zip(scene.addresses(&second)) {
        let out = scene.copied(None, &format!("{place:?}"));
        let ran = scene.pull(&one, &out, &[]).exits(0);
        assert!(read(&out) == early.read(&format!("v1/snapshots/{}", field(&early, "size"))), "{place:?}");
        assert!(ran.stderr.contains("leaves more than the snapshot"), "{place:?}: {}", ran.stderr);
        // Newer than the one before, and older than the checkpoint that was seen with that: nobody went back.
        let _ = scene.pull(&two, &out, &[]).exits(0);
        assert!(read(&out) == late.read(&format!("v1/snapshots/{}", field(&late, "size"))), "{place:?}");
        // The older snapshot again, under the newest checkpoint.
        let stale = behind(&format!("stale-{place:?}"), &full, &early);
        let (_, stale) = scene.addresses(&stale).into_iter().find(|(other, _)| *other == place).expect("the place");
        let ran = scene.pull(&stale, &out, &[]).exits(2);
        assert!(ran.stderr.contains("(stale-snapshot)"), "{place:?}: {}", ran.stderr);
    }
    // A cache that keeps the checkpoint: nothing is said of rollbacks, since nothing was seen before.
    let kept = late.copy(&scene.at("kept"));
    kept.write("checkpoint", &early.read("checkpoint"));
    assert_eq!(field(&kept, "size"), field(&late, "size"), "{latest}");
    for (place, address) in scene.addresses(&kept) {
        let ran = scene.pull(&address, &scene.copied(None, &format!("kept-{place:?}")), &[]).exits(2);
        assert!(ran.stderr.contains("a cache on the way") && !ran.stderr.contains("rollback"), "{}", ran.stderr);
    }
    scene.registry.audit();
}

/// What a mirror says of its newest snapshot.
fn field(mirror: &Mirror, name: &str) -> Value {
    serde_json::from_slice::<Value>(&mirror.read("v1/snapshots/latest")).expect("JSON")[name].clone()
}

#[test]
fn an_audit_and_gossip_need_no_server_either() {
    let scene = Scene::new("an audit without a server");
    scene.grow(270);
    let mirror = scene.mirror("log");
    let snapshot = scene.copied(None, "ours");
    let _ = scene.pull(&scene.registry.url(""), &snapshot, &[]).exits(0);
    let path = snapshot.display().to_string();
    let audit = |address: &str| {
        let pinned = ["audit", "--registry", address, "--log-key", &scene.key];
        scene.run(&[&pinned[..], &["--snapshot", &path, "--format", "json"]].concat())
    };
    let begun = std::time::Instant::now();
    let ours = audit(&scene.registry.url("")).exits(0).stdout;
    println!("the registry's own server: audited in {:?}", begun.elapsed());
    let entries = mirror.files().into_iter().find(|path| path.starts_with("tile/entries/001")).expect("a bundle");
    let blob = mirror.files().into_iter().find(|path| path.starts_with("v1/published/")).expect("a blob");
    let altered = mirror.copy(&scene.at("altered"));
    flipped(&altered, &entries, 40);
    let suppressed = mirror.copy(&scene.at("suppressed"));
    suppressed.remove(&blob);
    // The log goes on under an audit until its last partial bundle is full, and the partial one goes: what is there now begins
    // with it.
    scene.grow(250);
    let grown = mirror.copy(&scene.at("grown"));
    grown.follow(&scene.registry);
    grown.write("checkpoint", &mirror.read("checkpoint"));
    let partial = |path: &&String| path.starts_with("tile/0/001.p/") || path.starts_with("tile/entries/001.p/");
    assert_eq!(grown.files().iter().filter(partial).map(|path| grown.remove(path)).count(), 2);
    for (place, address) in scene.addresses(&mirror) {
        let begun = std::time::Instant::now();
        assert_eq!(audit(&address).exits(0).stdout, ours, "{place:?}");
        println!("{place:?}: audited in {:?}", begun.elapsed());
    }
    for (place, address) in scene.addresses(&grown) {
        assert_eq!(audit(&address).exits(0).stdout, ours, "{place:?}: the bundle in full");
    }
    for (place, address) in scene.addresses(&altered) {
        let told = audit(&address).exits(1).stdout;
        assert!(told.contains("altered-entry"), "{place:?}: {told}");
    }
    for (place, address) in scene.addresses(&suppressed) {
        let told = audit(&address).exits(1).stdout;
        assert!(told.contains("altered-bytes") && told.contains("no erasure"), "{place:?}: {told}");
    }
    // A store that may be hiding what it has: not taken for one that has not, but for tiles, of which nothing is believed.
    if let Some(files) = &scene.files {
        let server = files.socket();
        let hides = between(
            move |_| server.clone(),
            |_, answer| {
                if answer.starts_with(b"HTTP/1.0 404") {
                    answer[9..12].copy_from_slice(b"403");
                }
            },
        );
        let ran = audit(&format!("{hides}/suppressed")).exits(2);
        assert!(ran.stderr.contains("v1/published/") && ran.stderr.contains("status 403"), "{}", ran.stderr);
        assert_eq!(audit(&format!("{hides}/grown")).exits(0).stdout, ours);
    }
    // What was shown long ago is held against what lies there now.
    let theirs = snapshot.with_file_name("terms.snapshot.checkpoint").display().to_string();
    let now = scene.mirror("now");
    for (place, address) in scene.addresses(&now) {
        let ran = scene.run(&["gossip", "--registry", &address, "--log-key", &scene.key, &theirs]).exits(0);
        assert!(ran.stdout.contains("2 checkpoints"), "{place:?}: {}", ran.stdout);
    }
    scene.registry.audit();
}

#[test]
fn what_takes_a_server_says_so() {
    let scene = Scene::new("verbs without a server");
    let key = scene.press.write_keys(scene.folder.path()).display().to_string();
    let terms = scene.folder.path().join("terms.toml").display().to_string();
    let _ = scene.run(&["init", "--terms", "--out", &terms]).exits(0);
    let folder = format!("file://{}", scene.folder.path().display());
    for address in ["s3://logs/log", &folder] {
        for verb in [
            &["ask", "https://press.example/story"][..],
            &["register", "--key", &key, "--issuer", "press.example", &terms],
            &["receipt", "--log-key", &scene.key, "--out", "a.receipt.json", &format!("statement:{}", "0".repeat(64))],
            &["domain", "verify", "--key", &key, "press.example"],
        ] {
            let ran = scene.run(&[verb, &["--registry", address][..]].concat()).exits(2);
            assert!(ran.stderr.contains("holds a log with no server behind it"), "{verb:?}: {}", ran.stderr);
            assert!(ran.stderr.contains("hint: name the registry's own address"), "{verb:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn witnesses_speak_for_a_snapshot_whose_checkpoint_is_of_a_later_state() {
    let scene = Scene::new("witnesses without a server");
    let witness = Witness::start("witness.example", std::slice::from_ref(&scene.key));
    let mut flags = UNLIMITED.map(str::to_owned).to_vec();
    flags.extend(["--witness-quorum", "1", "--witness"].map(str::to_owned));
    flags.push(witness.flag());
    scene.registry.restart_with(&flags);
    let cosigned = |size: u64| {
        let begun = std::time::Instant::now();
        while scene.registry.read("/checkpoint").status != 200 || scene.size() < size {
            assert!(begun.elapsed().as_secs() < 60, "no cosigned checkpoint of {size}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    let state = |note: &str| {
        let mut payload = scene.press.reservation("press.example");
        payload["note"] = json!(note);
        let registered = scene.registry.try_register(&scene.press.sign(&payload)).expect("an answer").is(201).json();
        cosigned(registered["index"].as_u64().expect("an index") + 1);
    };
    state("one");
    let early = scene.mirror("early");
    state("two");
    let late = scene.mirror("late");
    let mixed = late.copy(&scene.at("mixed"));
    early
        .files()
        .iter()
        .filter(|path| path.starts_with("v1/snapshots/"))
        .for_each(|path| mixed.write(path, &early.read(path)));
    let (pinned, stranger) =
        (witness.key(), Witness::start("stranger.example", std::slice::from_ref(&scene.key)).key());
    for (place, address) in scene.addresses(&mixed) {
        let out = scene.copied(None, &format!("{place:?}"));
        let _ = scene.pull(&address, &out, &["--witness", &pinned]).exits(0);
        let path = out.display().to_string();
        let verify = |key: &str| scene.run(&["verify", "--log-key", &scene.key, "--witness", key, &path]);
        let _ = verify(&pinned).exits(0);
        let told = verify(&stranger).exits(1);
        assert!(told.stdout.contains("not-witnessed"), "{place:?}: {}", told.stdout);
        let told = scene.run(&["verify", "--log-key", &scene.key, &format!("{path}.growth")]).exits(2);
        assert!(told.stdout.contains("growth not checked: it is checked with the snapshot"), "{}", told.stdout);
        // The proof is what says that they have seen it.
        let growth = out.with_file_name("terms.snapshot.growth");
        let text = String::from_utf8(read(&growth)).expect("text");
        assert!(text.starts_with("old ") && text.contains("witness.example"), "{text}");
        for other in ["", "old 1\n\n", &text.replacen("old ", "old 1", 1)] {
            std::fs::write(&growth, other).expect("a file");
            let told = verify(&pinned).exits(1);
            assert!(told.stdout.contains("not-witnessed"), "{place:?}: {}", told.stdout);
        }
        std::fs::remove_file(&growth).expect("a file");
        let _ = verify(&pinned).exits(1);
        // With the snapshot of just the checkpoint's state nothing of it is needed.
        let (_, whole) = scene.addresses(&late).into_iter().find(|(other, _)| *other == place).expect("the place");
        let _ = scene.pull(&whole, &out, &["--witness", &pinned]).exits(0);
        let _ = verify(&pinned).exits(0);
        assert!(!growth.exists());
    }
}
