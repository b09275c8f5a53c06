//! Packaging: the systemd unit by systemd's own tool, the Debian package built, looked into, unpacked and run, the Dockerfile's words,
//! and every command of the operator's page.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::binaries::{self, command, server_path};
use harness::{Served, independent};

fn packaging(name: &str) -> PathBuf {
    harness::root().join("server/packaging").join(name)
}

/// Whether a program is there; where not, that is told.
fn there(program: &str, check: &str, cure: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        independent::not_run(check, &format!("no `{program}`"), cure);
    }
    found
}

fn ran(mut command: Command) -> harness::Ran {
    let line = format!("{command:?}");
    binaries::ran(line, command.output().expect("the program can be started"))
}

#[test]
fn systemd_takes_the_unit_and_finds_little_exposed() {
    if !there("systemd-analyze", "the systemd unit", "apt-get install systemd") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // `verify` looks for the program: the one that was built stands for the installed one.
    let unit = std::fs::read_to_string(packaging("systemd/cleartitle-server.service")).expect("a unit");
    let unit = unit.replace("/usr/bin/cleartitle-server", &server_path().display().to_string());
    let path = folder.path().join("cleartitle-server.service");
    std::fs::write(&path, unit).expect("a file");
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").arg(&path);
    let verified = ran(verify).exits(0);
    assert!(!verified.stderr.contains("cleartitle"), "{}", verified.stderr);
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--threshold=20"]).arg(&path);
    // At most 2.0 of 10.
    let told = ran(security).exits(0);
    assert!(told.stdout.contains("Overall exposure level"), "{}", told.stdout);
}

/// Builds the package from the programs of this build.
fn package(folder: &Path) -> PathBuf {
    let mut build = Command::new("bash");
    build.arg(packaging("debian/build")).arg(server_path()).arg(folder).env("SOURCE_DATE_EPOCH", "1790000000");
    PathBuf::from(ran(build).exits(0).stdout.trim())
}

#[test]
fn the_debian_package_holds_what_it_says_and_serves_by_its_template() {
    if !there("dpkg-deb", "the Debian package", "a Debian system") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let built = package(folder.path());
    let deb = |arguments: &[&str]| {
        let mut command = Command::new("dpkg-deb");
        command.arg(arguments[0]).arg(&built).args(&arguments[1..]);
        ran(command).exits(0).stdout
    };
    let contents = deb(&["--contents"]);
    for (mode, path) in [
        ("-rwxr-xr-x root/root", "./usr/bin/cleartitle-server"),
        ("-rw-r--r-- root/root", "./lib/systemd/system/cleartitle-server.service"),
        ("-rw-r--r-- root/root", "./etc/cleartitle/cleartitle-server.toml"),
        ("-rw-r--r-- root/root", "./usr/share/doc/cleartitle-server/copyright"),
        ("-rw-r--r-- root/root", "./usr/share/man/man1/cleartitle-server.1.gz"),
        ("-rw-r--r-- root/root", "./usr/share/man/man1/cleartitle-server-serve.1.gz"),
        ("-rw-r--r-- root/root", "./usr/share/bash-completion/completions/cleartitle-server"),
        ("-rw-r--r-- root/root", "./usr/share/cleartitle-server/grafana/cleartitle.json"),
    ] {
        assert!(contents.lines().any(|line| line.starts_with(mode) && line.ends_with(path)), "{path}: {contents}");
    }
    let info = deb(&["--info"]);
    for said in ["Package: cleartitle-server", "Version: 0.1.0", "postinst", "prerm", "postrm", "conffiles"] {
        assert!(info.contains(said), "{said}: {info}");
    }
    assert_eq!(deb(&["--info", "conffiles"]).trim(), "/etc/cleartitle/cleartitle-server.toml");
    // Equal programs, equal packages.
    let again = tempfile::tempdir().expect("a folder");
    assert!(std::fs::read(&built).expect("a package") == std::fs::read(package(again.path())).expect("a package"));

    let root = folder.path().join("root");
    let _ = deb(&["--extract", &root.display().to_string()]);
    let mut serve = command(&root.join("usr/bin/cleartitle-server"));
    serve.arg("serve").arg("--config").arg(root.join("etc/cleartitle/cleartitle-server.toml"));
    serve.args(["--listen", "127.0.0.1:0", "--data"]).arg(root.join("data"));
    let mut served = Served::start(serve);
    let _ = served.read("/readyz").is(200);
    served.ask_to_end();
    assert_eq!(served.ended(), 0, "{}", served.said());
}

#[test]
fn lintian_takes_the_package_and_every_manual_page_in_it() {
    if !there("lintian", "the Debian package by lintian", "apt-get install lintian") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error,warning", "--allow-root"]).arg(package(folder.path()));
    let told = ran(lintian).exits(0);
    assert!(!told.stdout.contains("cleartitle-server:"), "{}", told.stdout);
    let pages = folder.path().join("pages");
    let _ = harness::cleartitle_server(&["man", "--out", &pages.display().to_string()]).exits(0);
    let page = harness::cleartitle_server(&["man"]).exits(0).stdout;
    let shown = page.lines().filter(|line| line.starts_with("cleartitle\\-server\\-")).count();
    let written = std::fs::read_dir(&pages).expect("pages").count();
    // The program's own page stands for that of `help`, which has none.
    assert!(shown > 10 && written == shown, "{shown} of {written}: {page}");
    let serve = std::fs::read_to_string(pages.join("cleartitle-server-serve.1")).expect("a page");
    assert!(serve.contains("read\\-database") && serve.contains(".SH"), "{serve}");
}

/// Each instruction with its words, lines that go on joined, comments left out.
fn instructions(text: &str) -> Vec<(String, String)> {
    let joined = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty());
    lines
        .filter_map(|line| line.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())))
        .collect()
}

#[test]
fn the_dockerfile_copies_what_there_is_and_runs_as_nobody() {
    let text = std::fs::read_to_string(packaging("Dockerfile")).expect("a Dockerfile");
    let found = instructions(&text);
    let known =
        ["FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "ENV", "STOPSIGNAL", "ENTRYPOINT", "CMD"];
    assert!(found.iter().all(|(word, _)| known.contains(&word.as_str())), "{found:?}");
    for (_, words) in found.iter().filter(|(word, words)| word == "COPY" && !words.starts_with("--from")) {
        let words: Vec<&str> = words.split_whitespace().collect();
        let (_, sources) = words.split_last().expect("words");
        assert!(sources.iter().all(|source| harness::root().join(source).exists()), "{words:?}");
    }
    let place = |wanted: &str| found.iter().position(|(word, _)| word == wanted).expect("an instruction");
    assert!(place("USER") < place("ENTRYPOINT") && found[place("USER")].1 == "cleartitle");
    assert!(found.iter().any(|(word, rest)| word == "RUN" && rest.contains("cargo build --release --locked")));
    // Every setting that it makes is one of `serve`.
    let template = harness::cleartitle_server(&["init"]).exits(0).stdout;
    let (_, settings) = &found[place("ENV")];
    for setting in settings.split_whitespace() {
        let name = setting.split('=').next().unwrap_or_default().trim_start_matches("CLEARTITLE_");
        let member = name.to_ascii_lowercase().replace('_', "-");
        assert!(template.contains(&format!("{member} = ")), "{setting}");
    }
}

/// The commands of the page run in its order in one empty folder; a block marked `sh not-run` needs what no test has, and says so.
#[test]
fn every_command_of_the_operators_page_works() {
    let page = std::fs::read_to_string(harness::root().join("server/OPERATING.md")).expect("a page");
    let (mut script, mut inside, mut blocks, mut left_out) = ("set -eux\n".to_owned(), None, 0, 0);
    for line in page.lines() {
        match (inside, line) {
            (None, "```sh") => (inside, blocks) = (Some(true), blocks + 1),
            (None, "```sh not-run") => (inside, left_out) = (Some(false), left_out + 1),
            (None, _) => assert!(!line.starts_with("```sh"), "{line}"),
            (Some(_), "```") => inside = None,
            (Some(true), line) => script.push_str(&format!("{line}\n")),
            (Some(false), _) => {}
        }
    }
    assert!(blocks >= 4 && left_out <= 4, "{blocks} blocks are run, {left_out} are not");
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let programs = server_path().parent().expect("a folder").display().to_string();
    // A server that the page starts ends with it.
    script.insert_str(0, "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n");
    let mut shell = command(Path::new("bash"));
    shell.args(["-c", &script]).env("PATH", format!("{programs}:{path}")).current_dir(folder.path());
    let _ = ran(shell).exits(0);
}
