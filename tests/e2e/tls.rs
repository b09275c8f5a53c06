//! TLS: the server's own certificate, its renewal without a restart, and handshakes that never end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::{Ran, Registry, binaries, cleartitle_server};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A certificate authority of a test's own, with certificates that it issued in a folder.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("root.pem"), issuer.pem()).expect("a file");
        Self { folder, issuer }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Issues a certificate for this machine and puts it and its key in the place of the present ones.
    pub fn issue(&self) {
        self.issue_for(&["localhost", "127.0.0.1"], false);
    }

    /// The same for other names; one that is `over` was good until yesterday.
    pub fn issue_for(&self, names: &[&str], over: bool) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("parameters");
        if over {
            params.not_after = rcgen::date_time_ymd(2026, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        self.place("key.pem", key.serialize_pem().as_bytes(), 0o600);
        self.place("chain.pem", certificate.pem().as_bytes(), 0o644);
    }

    fn place(&self, name: &str, bytes: &[u8], mode: u32) {
        std::fs::write(self.path(name), bytes).expect("a file");
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn flags(&self) -> [String; 4] {
        let [chain, key] = ["chain.pem", "key.pem"].map(|name| self.path(name).display().to_string());
        ["--tls-cert".to_owned(), chain, "--tls-key".to_owned(), key]
    }

    pub fn start(&self) -> Registry {
        self.issue();
        let flags = self.flags();
        Registry::start_with(&flags.each_ref().map(String::as_str))
    }

    /// The certificate that a server shows, once a request over it was answered.
    pub fn shown(&self, registry: &Registry) -> Vec<u8> {
        let root = std::fs::read(self.path("root.pem")).expect("a root");
        let root = reqwest::Certificate::from_pem(&root).expect("a root");
        let client = reqwest::blocking::Client::builder().no_proxy().tls_certs_only([root]).tls_info(true).build();
        let answer = client.expect("a client").get(registry.url("/healthz")).send().expect("an answer");
        assert_eq!(answer.status(), 200);
        let info = answer.extensions().get::<reqwest::tls::TlsInfo>().expect("a connection by TLS");
        info.peer_certificate().expect("a certificate").to_vec()
    }
}

fn by_client(arguments: &[&str], roots: Option<&Path>) -> Ran {
    let mut command = binaries::command(binaries::client_path());
    command.args(arguments).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", roots);
    }
    binaries::ran(format!("{command:?}"), command.output().expect("the client"))
}

#[test]
fn a_client_reaches_a_registry_by_https_and_trusts_the_root_that_it_is_given() {
    let authority = Authority::new();
    let registry = authority.start();
    assert!(registry.url("").starts_with("https://127.0.0.1:"), "{}", registry.url(""));
    let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
    let out = registry.scratch().join("terms.snapshot").display().to_string();
    let url = registry.url("");
    let pull = ["pull", "--registry", &url, "--log-key", key.trim(), "--out", &out];
    let said = by_client(&pull, None).exits(2).stderr;
    assert!(said.contains("does not answer") || said.contains("certificate"), "{said}");
    let _ = by_client(&pull, Some(&authority.path("root.pem"))).exits(0);
    // Plain HTTP gets nothing from this port.
    let mut plain = TcpStream::connect(registry.socket()).expect("a connection");
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("a request");
    let mut told = Vec::new();
    let _ = plain.read_to_end(&mut told);
    assert!(!told.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&told));
    assert_eq!(registry.stop(), 0);
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let registry = authority.start();
    let first = authority.shown(&registry);
    let hang_up = || {
        let id = registry.process_id().expect("a server").to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &id]).status().expect("kill").success());
    };
    authority.issue();
    hang_up();
    let begun = Instant::now();
    let second = loop {
        let shown = authority.shown(&registry);
        if shown != first {
            break shown;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "the signal changed nothing");
        std::thread::sleep(Duration::from_millis(50));
    };
    authority.place("chain.pem", b"no certificate", 0o644);
    hang_up();
    let begun = Instant::now();
    while !registry.said().contains("the old one stays") {
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", registry.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(authority.shown(&registry), second);
    // And without a signal, when the files change.
    authority.issue();
    let begun = Instant::now();
    while authority.shown(&registry) == second {
        assert!(begun.elapsed() < Duration::from_secs(25), "the new files were not seen");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(!registry.said().contains("PRIVATE KEY"));
}

#[test]
fn handshakes_that_never_end_are_cut_off() {
    let authority = Authority::new();
    let registry = authority.start();
    let connect = || TcpStream::connect(registry.socket()).expect("a connection");
    let silent = connect();
    let mut half_hello = connect();
    half_hello.write_all(&[0x16, 3, 1, 2, 0, 1, 0]).expect("the beginning of a hello");
    let mut dripping = connect();
    let dripped = std::thread::spawn(move || {
        // A byte each second keeps no door open: the whole handshake is bounded.
        let begun = Instant::now();
        while dripping.write_all(&[0x16]).is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(60), "a handshake of single bytes goes on");
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    for (what, mut stream) in [("silent", silent), ("half a hello", half_hello)] {
        let begun = Instant::now();
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let _ = stream.read_to_end(&mut Vec::new());
        assert!(begun.elapsed() < Duration::from_secs(30), "{what} was held for {:?}", begun.elapsed());
    }
    dripped.join().expect("an end");
    assert!(!authority.shown(&registry).is_empty());
}

#[test]
fn a_certificate_that_cant_be_used_is_told_at_the_start() {
    let authority = Authority::new();
    authority.issue();
    let data = authority.path("data").display().to_string();
    let serve = || {
        let flags = authority.flags();
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", &data];
        arguments.extend(flags.iter().map(String::as_str));
        cleartitle_server(&arguments).exits(2).stderr
    };
    let key = std::fs::read(authority.path("key.pem")).expect("a key");
    for mode in [0o644, 0o640, 0o604] {
        authority.place("key.pem", &key, mode);
        let said = serve();
        assert!(said.contains("is open to others") && said.contains("hint: chmod 600"), "{said}");
    }
    let chain = std::fs::read(authority.path("chain.pem")).expect("a chain");
    authority.issue();
    authority.place("chain.pem", &chain, 0o644);
    assert!(serve().contains("is not the key of"));
    authority.place("key.pem", b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", 0o600);
    let said = serve();
    assert!(said.contains("key.pem`") && !said.contains("c2VjcmV0"), "{said}");
    authority.place("chain.pem", b"", 0o644);
    assert!(serve().contains("holds no certificate"));
    let said = cleartitle_server(&["serve", "--data", &data, "--tls-cert", "chain.pem"]).exits(2).stderr;
    assert!(said.contains("--tls-key"), "{said}");
}

/// The scheduled observer's child needs no certificate: it comes in by a door that this machine alone has.
#[test]
fn the_observer_reaches_a_registry_that_serves_https() {
    let authority = Authority::new();
    authority.issue();
    let notes = authority.path("notes.txt");
    let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\n", notes.display());
    authority.place("observer.sh", script.as_bytes(), 0o755);
    authority.place("sites.txt", b"press.example\n", 0o644);
    let [sites, command] = ["sites.txt", "observer.sh"].map(|name| authority.path(name).display().to_string());
    let tls = authority.flags();
    let mut flags: Vec<&str> = tls.iter().map(String::as_str).collect();
    flags.extend(["--observe-sites", &sites, "--observe-key", &sites, "--observe-issuer", "observer.example"]);
    flags.extend(["--observe-command", &command, "--observe-every", "1s"]);
    let registry = Registry::start_with(&flags);
    let begun = Instant::now();
    let noted = loop {
        let noted = std::fs::read_to_string(&notes).unwrap_or_default();
        if noted.ends_with('\n') {
            break noted;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the observer was not started: {}", registry.said());
        std::thread::sleep(Duration::from_millis(50));
    };
    let door = noted.split(' ').find(|word| word.starts_with("http://127.0.0.1:")).expect("an address").to_owned();
    assert_eq!(
        harness::http::send(harness::http::client().get(format!("{door}/healthz"))).expect("an answer").status,
        200
    );
    assert_eq!(registry.stop(), 0);
}
