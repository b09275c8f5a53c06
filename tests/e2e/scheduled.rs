//! Scheduled observation: the server runs the client's program as a child. A script that writes down how it was called
//! stands for it where that command line, the contract between the two, is looked at; once the real program runs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::binaries::client_path;
use harness::{Registry, cleartitle_server};

use crate::observe::{ROBOTS, site, verdict};

/// A folder with a list of sites, a key file, and a program that notes its start, its arguments and its end, then does this.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn with(body: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("sites.txt"), "press.example\n").expect("a file");
        std::fs::write(path("observer.key"), "secret").expect("a file");
        let notes = path("notes.txt").display().to_string();
        let script = format!(
            "#!/bin/sh\necho \"start $$ $*\" >> '{notes}'\n{body}\ncode=$?\necho \"end $$\" >> '{notes}'\nexit $code\n"
        );
        std::fs::write(path("observer.sh"), script).expect("a script");
        std::fs::set_permissions(path("observer.sh"), std::fs::Permissions::from_mode(0o755)).expect("a script");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn flags(&self, every: &str) -> Vec<String> {
        let [sites, key, command] = ["sites.txt", "observer.key", "observer.sh"].map(|name| self.path(name));
        let shown = |path: &Path| path.display().to_string();
        [
            ["--observe-sites", &shown(&sites)],
            ["--observe-every", every],
            ["--observe-key", &shown(&key)],
            ["--observe-issuer", "observer.example"],
            ["--observe-command", &shown(&command)],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
    }

    fn start(&self, every: &str) -> Registry {
        let flags = self.flags(every);
        Registry::start_with(&flags.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn notes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("notes.txt")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until so many lines of this kind are noted.
    #[track_caller]
    fn wait_for(&self, kind: &str, count: usize) -> Vec<String> {
        until(&format!("{count} times `{kind}`"), || {
            let found: Vec<_> = self.notes().into_iter().filter(|note| note.starts_with(kind)).collect();
            (found.len() >= count).then_some(found)
        })
    }
}

#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within a minute");
}

/// A process that is there and no zombie.
fn lives(id: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn the_program_is_called_by_the_interval_with_these_arguments() {
    let stage = Stage::with("echo seen; sleep 0.2");
    let registry = stage.start("1s");
    let starts = stage.wait_for("start", 3);
    let arguments = format!(
        "observe --sites {} --out {} --registry {} --key {} --issuer observer.example",
        stage.path("sites.txt").display(),
        registry.data().join("observe").display(),
        registry.url(""),
        stage.path("observer.key").display(),
    );
    for start in &starts {
        assert_eq!(start.splitn(3, ' ').nth(2), Some(arguments.as_str()));
    }
    assert!(registry.data().join("observe").is_dir());
    // Never two at once: every start but the first comes after an end.
    let notes = stage.notes();
    for (note, place) in notes.iter().zip(0..) {
        assert_eq!(note.starts_with("start"), place % 2 == 0, "{notes:?}");
    }
    until("the run is counted", || registry.metric("cleartitle_observe_runs_total{outcome=\"done\"}"));
    assert_eq!(registry.metric("cleartitle_observe_last_exit_code"), Some(0.0));
    assert_eq!(registry.metric("cleartitle_observe_failures_in_a_row"), Some(0.0));
    assert!(registry.metric("cleartitle_observe_last_start_seconds").is_some_and(|time| time > 1.7e9));
    assert_eq!(registry.stop(), 0);
}

#[test]
fn what_the_real_program_sees_binds_by_itself() {
    let (port, _) = site(&[("/robots.txt", ROBOTS)]);
    // The script only says where the site of this test is; public sites need nothing of it.
    let network = format!("--allow-port {port} --allow-private --resolve press.example=127.0.0.1 --pause 1");
    let stage = Stage::with(&format!("{} \"$@\" {network}", client_path().display()));
    std::fs::write(stage.path("sites.txt"), format!("http://press.example:{port}\n")).expect("a list");
    let registry = stage.start("1s");
    let about = format!("http://press.example:{port}/article");
    assert_eq!(verdict(&registry, &about, "2026-12-01T00:00:00Z"), "unknown");
    // Until then runs fail for want of a key, and are tried again.
    let observer = registry.publisher("observer.example").write_keys(registry.scratch());
    std::fs::rename(observer, stage.path("observer.key")).expect("a key");
    until("the reservation is in force", || {
        (verdict(&registry, &about, "2026-12-01T00:00:00Z") == "reserved").then_some(())
    });
    until("the run is counted", || registry.metric("cleartitle_observe_runs_total{outcome=\"done\"}"));
    registry.audit();
    assert_eq!(registry.stop(), 0);
}

#[test]
fn a_failure_is_told_and_counted_and_the_registry_serves_on() {
    let stage = Stage::with("echo 'no key is bound' >&2; exit_with() { return 2; }; exit_with");
    let registry = stage.start("1s");
    let _ = stage.wait_for("end", 2);
    until("the failures are counted", || {
        registry.metric("cleartitle_observe_runs_total{outcome=\"failed\"}").filter(|count| *count >= 2.0)
    });
    assert_eq!(registry.metric("cleartitle_observe_last_exit_code"), Some(2.0));
    assert!(registry.metric("cleartitle_observe_failures_in_a_row").is_some_and(|count| count >= 2.0));
    let said = registry.said();
    assert!(said.contains("no key is bound") && said.contains("the observer failed"), "{said}");
    assert_eq!(registry.read("/healthz").status, 200);
}

#[test]
fn a_run_ends_with_the_server() {
    // `exec`: the very child sleeps, and no grandchild that nobody could kill.
    let stage = Stage::with("exec sleep 600");
    let registry = stage.start("1s");
    let id = stage.wait_for("start", 1)[0].split(' ').nth(1).expect("an id").to_owned();
    assert!(lives(&id));
    assert_eq!(registry.metric("cleartitle_observe_running"), Some(1.0));
    let begun = Instant::now();
    assert_eq!(registry.stop(), 0);
    assert!(begun.elapsed() < Duration::from_secs(10), "the server did not wait for it");
    until("the run is killed", || (!lives(&id)).then_some(()));
}

#[test]
fn a_run_that_outlives_a_killed_server_is_not_doubled() {
    let stage = Stage::with("exec sleep 8");
    let registry = stage.start("1s");
    let _ = stage.wait_for("start", 1);
    registry.kill();
    registry.begin();
    until("the new server finds it", || registry.metric("cleartitle_observe_runs_total{outcome=\"held\"}"));
    assert_eq!(stage.notes().len(), 1, "{:?}", stage.notes());
    // And when it has ended, the next one begins.
    let _ = stage.wait_for("start", 2);
}

#[test]
fn what_is_missing_is_told_at_the_start() {
    let stage = Stage::with("true");
    let data = stage.path("data").display().to_string();
    let serve = |flags: &[String]| {
        let mut arguments = vec!["serve".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
        arguments.extend(["--data".to_owned(), data.clone()]);
        arguments.extend_from_slice(flags);
        cleartitle_server(&arguments).exits(2).stderr
    };
    std::fs::remove_file(stage.path("observer.sh")).expect("a file");
    let said = serve(&stage.flags("1h"));
    assert!(said.contains("observer.sh` is no program") && said.contains("hint: install the client"), "{said}");
    std::fs::remove_file(stage.path("sites.txt")).expect("a file");
    let said = serve(&stage.flags("1h"));
    assert!(said.contains("--observe-sites `") && said.contains("No such file"), "{said}");
    let said = serve(&stage.flags("often"));
    assert!(said.contains("`often` is not a number with s, m, h or d"), "{said}");
    let said = serve(&stage.flags("1h")[..2]);
    assert!(said.contains("--observe-key") && said.contains("--observe-issuer"), "{said}");
}
