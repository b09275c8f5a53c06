//! ACME against an authority that others wrote (`pebble`): a name is proven on the port that serves, the certificate is kept
//! for its owner alone, used again after a restart, and fetched again before it ends.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::{binaries, independent};

use crate::tls::Authority;

/// The name that certificates are for; the tests' own DNS says that it is this machine.
const NAME: &str = "registry.example";

/// How many seconds a certificate lasts: after two thirds of them it is fetched again.
const LASTS: u64 = 45;

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = std::array::from_fn::<_, COUNT, _>(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("an address").port())
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

struct Stage {
    authority: Authority,
    directory: String,
    roots: String,
    port: u16,
    _running: [Running; 2],
}

impl Stage {
    /// Starts the authority and its DNS; `None` after saying so where they are not installed.
    fn start() -> Option<Self> {
        let (Some(pebble), Some(dns)) = (program("pebble"), program("pebble-challtestsrv")) else {
            independent::not_run("certificates by ACME", "no `pebble`", "apt-get install pebble");
            return None;
        };
        let authority = Authority::new();
        authority.issue();
        let [listen, manage, names, names_manage, port] = free_ports();
        let [chain, key] = ["chain.pem", "key.pem"].map(|name| authority.path(name));
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"), "managementListenAddress": format!("127.0.0.1:{manage}"),
            "certificate": chain, "privateKey": key, "httpPort": 1, "tlsPort": port, "ocspResponderURL": "",
            "externalAccountBindingRequired": false, "certificateValidityPeriod": LASTS,
        }});
        std::fs::write(authority.path("pebble.json"), config.to_string()).expect("a file");
        let quiet = |command: &mut Command| {
            Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process"))
        };
        let dns = quiet(Command::new(dns).args([
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-defaultIPv6",
            "",
            "-dns01",
            &format!("127.0.0.1:{names}"),
            "-management",
            &format!("127.0.0.1:{names_manage}"),
        ]));
        let pebble = quiet(
            Command::new(pebble)
                .arg("-config")
                .arg(authority.path("pebble.json"))
                .args(["-dnsserver", &format!("127.0.0.1:{names}")])
                .env("PEBBLE_VA_NOSLEEP", "1"),
        );
        let directory = format!("https://127.0.0.1:{listen}/dir");
        let roots = format!("https://127.0.0.1:{manage}/roots/0");
        let stage = Self { authority, directory, roots, port, _running: [dns, pebble] };
        let begun = Instant::now();
        while stage.by_own_root().get(&stage.directory).send().is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "pebble does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(stage)
    }

    fn by_own_root(&self) -> reqwest::blocking::Client {
        let root = std::fs::read(self.authority.path("root.pem")).expect("a root");
        let root = reqwest::Certificate::from_pem(&root).expect("a root");
        reqwest::blocking::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client")
    }

    fn data(&self) -> PathBuf {
        self.authority.path("data")
    }

    /// Starts the server on the port that the authority asks at.
    fn serve(&self) -> Running {
        let log = std::fs::File::options().create(true).append(true).open(self.authority.path("stderr.txt"));
        let mut child = binaries::command(binaries::server_path())
            .args(["serve", "--listen", &format!("127.0.0.1:{}", self.port), "--data"])
            .arg(self.data())
            .args(["--acme", NAME, "--acme-contact", "operator@registry.example", "--acme-directory", &self.directory])
            .env("SSL_CERT_FILE", self.authority.path("root.pem"))
            .env("CLEARTITLE_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("the server can be started");
        let mut line = String::new();
        let _ = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line);
        let running = Running(child);
        assert!(line.starts_with("listening on https://"), "{line}{}", self.said());
        running
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.authority.path("stderr.txt")).unwrap_or_default()
    }

    /// The certificate that the server shows for its name, checked against the authority's root; `None` while it has none.
    fn shown(&self) -> Option<Vec<u8>> {
        let root = self.by_own_root().get(&self.roots).send().expect("a root").bytes().expect("a root");
        let root = reqwest::Certificate::from_pem(&root).expect("a root");
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], self.port));
        let client = reqwest::blocking::Client::builder().no_proxy().tls_certs_only([root]).tls_info(true);
        let client = client.resolve(NAME, address).build().expect("a client");
        let answer = client.get(format!("https://{NAME}:{}/healthz", self.port)).send().ok()?;
        assert_eq!(answer.status(), 200);
        Some(answer.extensions().get::<reqwest::tls::TlsInfo>()?.peer_certificate()?.to_vec())
    }

    /// Waits until the server shows a certificate that is not this one.
    #[track_caller]
    fn other_than(&self, before: Option<&[u8]>, within: Duration) -> Vec<u8> {
        let begun = Instant::now();
        loop {
            if let Some(shown) = self.shown().filter(|shown| Some(shown.as_slice()) != before) {
                return shown;
            }
            assert!(begun.elapsed() < within, "no new certificate: {}", self.said());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn a_certificate_is_fetched_kept_and_fetched_again_before_it_ends() {
    let Some(stage) = Stage::start() else { return };
    let server = stage.serve();
    let first = stage.other_than(None, Duration::from_secs(60));
    // Key and account are the owner's, and nothing of them was told.
    let folder = stage.data().join("tls");
    let mode = |path: &Path| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a listing").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
    let said = stage.said();
    let pem = std::fs::read_to_string(folder.join("certificate.pem")).expect("a certificate");
    let secret = pem.lines().nth(1).expect("a key's line");
    assert!(!said.contains("PRIVATE KEY") && !said.contains(secret), "{said}");

    // After a restart the same one is shown, without asking for another.
    drop(server);
    let _server = stage.serve();
    assert_eq!(stage.shown().as_deref(), Some(first.as_slice()));
    // And before it ends another takes its place, without a moment in which there is none.
    let second = stage.other_than(Some(&first), Duration::from_secs(LASTS));
    assert_ne!(second, first);
}

/// Somebody who has no challenge open gets no certificate by the protocol of challenges, and no page either.
#[test]
fn the_protocol_of_challenges_serves_nothing_else() {
    let authority = Authority::new();
    let registry = authority.start();
    let ran = Command::new("openssl")
        .args(["s_client", "-connect", &registry.socket(), "-alpn", "acme-tls/1", "-servername", NAME, "-quiet"])
        .stdin(Stdio::null())
        .output();
    let Ok(ran) = ran else {
        independent::not_run("the protocol of challenges", "no `openssl`", "apt-get install openssl");
        return;
    };
    assert!(!ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    assert!(ran.stdout.is_empty());
    assert!(!authority.shown(&registry).is_empty());
}
