//! Secrets: private keys are made for their owner alone and appear in nothing that is printed, logged, counted or answered.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cleartitle_schema::leaf::Salt;
use cleartitle_schema::signed::{parse_private_key, print_private_key};
use cleartitle_schema::tlog::note::NoteSigner;
use ed25519_dalek::SigningKey;
use harness::{Ran, Registry, binaries, cleartitle, cleartitle_server};

/// Every way in which a key's 32 secret bytes could stand in a text.
fn spellings(key: &SigningKey) -> Vec<String> {
    let secret = key.to_bytes();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let pem = print_private_key(key).expect("a key");
    // The middle of each base64, which neither padding nor what stands before it changes.
    let part = |text: String| text[4..36].to_owned();
    vec![
        part(STANDARD.encode(secret)),
        part(URL_SAFE_NO_PAD.encode(secret)),
        part(STANDARD_NO_PAD.encode(&secret[1..])),
        part(STANDARD_NO_PAD.encode(&secret[2..])),
        hex[..32].to_owned(),
        hex[..32].to_ascii_uppercase(),
        format!("{:?}", &secret[..8]).trim_matches(['[', ']']).to_owned(),
        pem.lines().nth(1).expect("a key's line").to_owned(),
        "BEGIN PRIVATE KEY".to_owned(),
    ]
}

fn read_key(path: &Path) -> SigningKey {
    parse_private_key(&std::fs::read_to_string(path).expect("a key file")).expect("a key")
}

#[test]
fn a_whole_session_prints_no_secret() {
    let registry = Registry::in_folder("trace");
    let folder = registry.scratch().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    let (data, url) = (registry.data().display().to_string(), registry.url(""));
    let mut told = String::new();
    let mut tell = |ran: Ran| {
        told.push_str(&ran.stdout);
        told.push_str(&ran.stderr);
        ran
    };
    let _ = tell(cleartitle(&["keys", "new", "--out", &path("press.key")])).exits(0);
    let _ = tell(cleartitle(&["keys", "show", &path("press.key")])).exits(0);
    let public = path("press.key.pub");
    let _ =
        tell(cleartitle_server(&["bind-key", "--data", &data, "--issuer", "press.example", "--key", &public])).exits(0);
    let _ = tell(cleartitle(&["init", "--terms", "--out", &path("terms.toml")])).exits(0);
    let (key, terms) = (path("press.key"), path("terms.toml"));
    let register = ["register", "--registry", &url, "--key", &key, "--issuer", "press.example", &terms];
    let _ = tell(cleartitle(&register)).exits(0);
    // The mistakes that people make with keys: the private one where the public one belongs, cut, of another kind, sent.
    let _ =
        tell(cleartitle_server(&["bind-key", "--data", &data, "--issuer", "press.example", "--key", &key])).exits(2);
    let text = std::fs::read_to_string(&key).expect("a key file");
    std::fs::write(path("cut.key"), &text[..text.len() - 40]).expect("a file");
    std::fs::write(path("joined.key"), format!("{text}{text}")).expect("a file");
    for wrong in ["cut.key", "joined.key"] {
        let wrong = path(wrong);
        let _ =
            tell(cleartitle(&["register", "--registry", &url, "--key", &wrong, "--issuer", "press.example", &terms]))
                .exits(2);
        let _ = tell(cleartitle(&["keys", "show", &wrong])).exits(2);
    }
    let _ = tell(cleartitle(&["verify", "--key", &key, &terms]));
    let _ = tell(cleartitle(&[
        "pull",
        "--registry",
        &url,
        "--log-key",
        text.lines().nth(1).unwrap_or_default(),
        "--out",
        &path("x"),
    ]))
    .exits(2);
    let _ = tell(cleartitle_server(&["audit", "--data", &data])).exits(0);
    let _ = tell(cleartitle_server(&["dump", "--data", &data])).exits(0);
    let _ = tell(cleartitle_server(&["backup", "--data", &data, "--out", &path("b.tar")])).exits(0);
    let _ = tell(cleartitle_server(&["restore", "--data", &path("restored"), &path("b.tar")])).exits(0);
    for route in [
        "/metrics",
        "/v1/log-key",
        "/checkpoint",
        "/v1/statements",
        "/v1/issuers/press.example",
        "/openapi.json",
        "/readyz",
    ] {
        told.push_str(&registry.read(route).is(200).text());
    }
    assert_eq!(registry.stop(), 0);
    told.push_str(&registry.said());
    assert!(registry.said().contains("TRACE") || registry.said().contains("DEBUG"), "the server told little");
    assert!(told.len() > 10_000);

    let keys = ["data/keys/log.pem", "data/keys/operator.pem", "press.key"].map(|name| read_key(&folder.join(name)));
    for key in &keys {
        // What the registry was sent by mistake came back in nothing either.
        for spelling in spellings(key) {
            // A line of a PEM that was given as an argument is told by no error.
            assert!(!told.contains(&spelling), "`{spelling}` was printed");
        }
    }
    // The data folder holds them nowhere but in their files, the database least of all.
    let database = std::fs::read(registry.data().join("registry.sqlite")).expect("a database");
    for key in &keys {
        assert!(memchr::memmem::find(&database, &key.to_bytes()).is_none());
    }
}

#[test]
fn debug_forms_hide_what_is_secret() {
    let key = SigningKey::from_bytes(&[0xA7; 32]);
    let signer = NoteSigner::new("registry.example", key.clone()).expect("a signer");
    let shown = format!("{key:?} {key:#?} {signer:?} {signer:#?} {:?} {:#?}", Salt([0xA7; 32]), Salt([0xA7; 32]));
    for spelling in spellings(&key) {
        assert!(!shown.contains(&spelling), "{shown}");
    }
    assert!(!shown.contains("167") && !shown.to_ascii_lowercase().contains("a7a7"), "{shown}");
}

#[test]
fn a_loose_umask_makes_no_loose_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let run = |program: &Path, arguments: &str| {
        let mut shell = binaries::command(Path::new("bash"));
        shell.args(["-c", &format!("umask 000; exec \"$0\" {arguments}")]).arg(program).current_dir(folder.path());
        let ran = binaries::ran(arguments.to_owned(), shell.output().expect("a shell"));
        ran.exits(0)
    };
    let _ = run(binaries::client_path(), "keys new --out press.key");
    // `bind-key` makes a registry where there is none, keys and all.
    let _ = run(binaries::server_path(), "bind-key --data data --issuer press.example --key press.key.pub");
    let mode = |name: &str| {
        let path: PathBuf = folder.path().join(name);
        std::fs::metadata(&path).expect(name).permissions().mode() & 0o777
    };
    for name in ["press.key", "data/keys/log.pem", "data/keys/operator.pem"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode("data/keys"), 0o700);
}
