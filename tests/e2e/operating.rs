//! Operating: settings by file and environment, a readiness that tells the truth, an end that loses nobody, what systemd is told, and
//! logs that a machine reads.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::binaries::{command, run, server_path};
use harness::{Publisher, Served, cleartitle_server};
use serde_json::Value;

fn serve(data: &Path) -> Command {
    let mut command = command(server_path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: not within thirty seconds");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let config = path("c.toml");
    let text = format!(
        "data = \"{}\"\nlisten = \"127.0.0.1:0\"\norigin = \"file.example\"\nconnections-per-address = 7\nproof-private = true\n\
         trusted-proxy = [\"10.0.0.1\", \"10.1.0.0/16\"]\nproxy-header = \"forwarded\"\n",
        path("data")
    );
    std::fs::write(&config, text).expect("a file");
    let key_of = |flags: &[&str], variables: &[(&str, &str)]| {
        let _ = std::fs::remove_dir_all(path("data"));
        let mut command = command(server_path());
        command.arg("serve").args(flags).envs(variables.iter().copied());
        let mut served = Served::start(command);
        let key = std::fs::read_to_string(folder.path().join("data/log.pub")).expect("the log's key");
        served.ask_to_end();
        assert_eq!(served.ended(), 0, "{}", served.said());
        key
    };
    let origin = |name: &str| ("CLEARTITLE_ORIGIN", name.to_owned());
    assert!(key_of(&["--config", &config], &[]).starts_with("file.example+"));
    let (name, value) = origin("environment.example");
    let (named, beside) = (("CLEARTITLE_CONFIG", config.as_str()), (name, value.as_str()));
    assert!(key_of(&[], &[named, beside]).starts_with("environment.example+"));
    assert!(key_of(&["--origin", "flag.example"], &[named, beside]).starts_with("flag.example+"));
}

#[test]
fn a_setting_that_is_not_understood_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("c.toml");
    let (named, data) = (config.display().to_string(), folder.path().join("data").display().to_string());
    for (text, told) in [
        ("\nlistne = \"127.0.0.1:0\"\n", "c.toml:2: `listne` is no setting\nhint: did you mean `listen`?"),
        ("log-format = \"jsn\"", "c.toml:1: `log-format`: invalid value 'jsn'"),
        ("# no\nrate-address = \"fast\"", "c.toml:2: `rate-address`: invalid value 'fast'"),
        ("connections-per-address = 0", "c.toml:1: `connections-per-address`: invalid value '0'"),
        ("connections-per-address = 1.5", "c.toml:1: `connections-per-address` is a text or a whole number"),
        ("trusted-proxy = \"10.0.0.1\"", "c.toml:1: `trusted-proxy` is a list of texts"),
        ("proof-private = \"yes\"", "c.toml:1: `proof-private` is true or false"),
        ("config = \"other.toml\"", "c.toml:1: `config` is no setting"),
        ("[limits]\nrate = 1", "c.toml:1: `limits` is no setting"),
        ("listen = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:1\"", "c.toml:2: duplicate key"),
        ("listen = ", "c.toml:1: "),
        ("tls-cert = \"chain.pem\"", "--tls-key"),
    ] {
        std::fs::write(&config, text).expect("a file");
        let ran = cleartitle_server(&["serve", "--data", &data, "--config", &named]).exits(2);
        assert!(ran.stderr.contains(told), "{text}: {}", ran.stderr);
        assert!(!folder.path().join("data").exists(), "{text}: it began");
    }
    let _ = cleartitle_server(&["serve", "--data", &data, "--config", "nowhere.toml"]).exits(2);
    let mut command = serve(Path::new(&data));
    command.env("CLEARTITLE_LOG", "loud=noisy");
    let ran = harness::binaries::ran("a bad filter".to_owned(), command.output().expect("a run")).exits(2);
    assert!(ran.stderr.contains("--log `loud=noisy`") && ran.stderr.contains("hint: "), "{}", ran.stderr);
}

#[test]
fn the_template_with_every_default_spelled_out_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = cleartitle_server(&["init"]).exits(0).stdout;
    let spelled: Vec<String> = template
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    let table: toml::Table = spelled.join("\n").parse().expect("the defaults are TOML");
    assert!(table.len() >= 18, "{}", table.len());
    let config = folder.path().join("c.toml");
    std::fs::write(&config, spelled.join("\n")).expect("a file");
    let mut served = serve(&folder.path().join("data"));
    served.arg("--config").arg(&config);
    let mut served = Served::start(served);
    assert_eq!(served.read("/readyz").is(200).json()["status"], "ok");
    served.ask_to_end();
    assert_eq!(served.ended(), 0, "{}", served.said());
}

/// The file's greatest length is brought down under the running server: each write fails as on a full disk.
#[test]
fn a_store_that_takes_no_write_is_not_ready_and_gets_ready_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Served::bounded(server_path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--origin", "registry.example/log", "--data"]);
    let mut served = Served::start({
        command.arg(folder.path().join("data"));
        command
    });
    let _ = served.read("/readyz").is(200);
    let bounded = |most: &str| {
        let done = Command::new("prlimit").args(["--pid", &served.id(), &format!("--fsize={most}:")]).status();
        assert!(done.expect("prlimit, of util-linux").success());
    };
    bounded("1");
    until("a full disk is told", || served.read("/readyz").status == 503);
    let told = served.read("/readyz");
    told.is_problem(503, "not-ready");
    assert_eq!(told.json()["detail"], "the store can't be written");
    // It is alive, and what is there can still be read.
    let _ = served.read("/healthz").is(200);
    let _ = served.read("/checkpoint").is(200);
    until("it is measured", || served.read("/metrics").is(200).text().contains("\ncleartitle_ready 0\n"));
    bounded("unlimited");
    until("it is ready again", || served.read("/readyz").status == 200);
    assert!(served.said().contains("not ready") && served.said().contains("ready again"), "{}", served.said());
    served.ask_to_end();
    assert_eq!(served.ended(), 0);
}

#[test]
fn a_readiness_that_is_asked_without_end_writes_once_a_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(serve(&folder.path().join("data")));
    let database = rusqlite::Connection::open(folder.path().join("data/registry.sqlite")).expect("a database");
    // While somebody reads, nothing of the write-ahead log is taken over into the database, so that it only grows.
    database.execute_batch("BEGIN; SELECT count(*) FROM checkpoints;").expect("a reader");
    let written = || std::fs::metadata(folder.path().join("data/registry.sqlite-wal")).expect("a log").len();
    let _ = served.read("/readyz").is(200);
    let (begun, before) = (Instant::now(), written());
    for _ in 0..200 {
        let _ = served.read("/readyz").is(200);
    }
    let seconds = begun.elapsed().as_secs() + 2;
    // One probe is a transaction of a few pages of 4,096 bytes, each with a frame's head of 24.
    let frames = (written() - before) / 4120;
    assert!(frames <= seconds * 6, "{frames} pages in {seconds} s");
    std::thread::sleep(Duration::from_millis(1100));
    let before = written();
    let _ = served.read("/readyz").is(200);
    assert!(written() > before, "a readiness that is asked after a second writes");
}

#[test]
fn a_sequencer_that_waits_for_the_store_is_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(serve(&folder.path().join("data")));
    let _ = served.read("/readyz").is(200);
    let other = rusqlite::Connection::open(folder.path().join("data/registry.sqlite")).expect("a database");
    other.busy_timeout(Duration::from_secs(10)).expect("a timeout");
    other.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    until("a store that is held is told", || served.read("/readyz").status == 503);
    assert_eq!(served.read("/readyz").json()["detail"], "the sequencer does not answer");
    other.execute_batch("ROLLBACK").expect("the lock given back");
    until("it is ready again", || served.read("/readyz").status == 200);
}

#[test]
fn at_the_end_readiness_says_no_the_door_closes_and_whoever_is_inside_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(&folder.path().join("data"));
    command.args(["--drain", "2", "--origin", "registry.example/log"]);
    let mut served = Served::start(command);
    let _ = served.read("/readyz").is(200);
    let mut slow = TcpStream::connect(served.socket()).expect("a connection");
    let body = Publisher::new("press.example", "registry.example/log");
    let body = body.sign(&body.reservation("press.example")).to_bytes();
    let head = format!(
        "POST /v1/statements HTTP/1.1\r\nhost: registry\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).expect("a head");
    slow.write_all(&body[..10]).expect("a beginning");
    std::thread::sleep(Duration::from_millis(200));
    served.ask_to_end();
    until("it says that it ends", || served.read("/readyz").status == 503);
    assert_eq!(served.read("/readyz").json()["detail"], "the server is shutting down");
    let _ = served.read("/healthz").is(200);
    until("the door is closed", || !served.accepts());
    slow.write_all(&body[10..]).expect("the rest");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).expect("an answer");
    // Its key is not bound here: an answer of the registry's own, after the door was closed.
    assert!(answer.starts_with("HTTP/1.1 4") && answer.contains("no key is bound to `press.example`"), "{answer}");
    assert_eq!(served.ended(), 0, "{}", served.said());
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let name = format!("cleartitle-test-{}", std::process::id());
    let abstracted = SocketAddr::from_abstract_name(&name).expect("a name");
    let sockets = [
        (path.display().to_string(), UnixDatagram::bind(&path).expect("a socket")),
        (format!("@{name}"), UnixDatagram::bind_addr(&abstracted).expect("a socket")),
    ];
    for (variable, socket) in sockets {
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let hear = || {
            let mut told = [0; 1000];
            let length = socket.recv(&mut told).expect("a datagram");
            String::from_utf8_lossy(&told[..length]).into_owned()
        };
        let mut command = serve(&folder.path().join("data"));
        command.env("NOTIFY_SOCKET", &variable);
        let mut served = Served::start(command);
        let told = hear();
        assert_eq!(told, format!("READY=1\nSTATUS=listening on {}", served.url("")));
        served.ask_to_end();
        assert!(hear().starts_with("STOPPING=1\n"));
        assert_eq!(served.ended(), 0);
    }
    // A socket that is not there keeps nobody from serving.
    let mut command = serve(&folder.path().join("data"));
    command.env("NOTIFY_SOCKET", folder.path().join("gone"));
    let served = Served::start(command);
    let _ = served.read("/readyz").is(200);
    assert!(served.said().contains("systemd could not be told"), "{}", served.said());
}

#[test]
fn logs_are_one_object_a_line_with_the_requests_id_and_no_query() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(&folder.path().join("data"));
    command.args(["--log-format", "json", "--log", "info,cleartitle_server=debug"]);
    let mut served = Served::start(command);
    let request = harness::http::client().get(served.url("/v1/changes?after=4711&wait=0"));
    let answer = harness::http::send(request.header("x-request-id", "asked \"so\" 17")).expect("an answer");
    assert_eq!(answer.status, 200);
    served.ask_to_end();
    assert_eq!(served.ended(), 0);
    let said = served.said();
    let lines: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()), "{said}");
    assert!(lines.iter().any(|line| line["log.key"].is_string()), "{said}");
    let inside: Vec<&Value> = lines.iter().filter(|line| line["span"]["id"] == "asked \"so\" 17").collect();
    assert!(!inside.is_empty() && inside.iter().all(|line| line["span"]["path"] == "/v1/changes"), "{said}");
    assert!(!said.contains("4711"), "{said}");
    let key = std::fs::read_to_string(folder.path().join("data/keys/log.pem")).expect("a key");
    assert!(!said.contains(key.lines().nth(1).expect("a key's line")));
    let help = run(server_path(), &["serve", "--help"], None).exits(0).stdout;
    assert!(help.contains("CLEARTITLE_TLS_CERT for --tls-cert") && help.contains("Examples:"), "{help}");
}
