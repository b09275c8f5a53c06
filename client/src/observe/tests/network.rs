//! Looking at sites over real sockets: what servers say, and what hostile ones try.

use super::server::{Answer, Served, answer, bytes, file, redirect};
use crate::observe::address::{AddressError, Guard};
use crate::observe::cache::Cache;
use crate::observe::carriers::{HOME, ROBOTS, agents};
use crate::observe::conclusion::Conclusion;
use crate::observe::evidence;
use crate::observe::fetch::{FetchError, Fetched, Fetcher, Manners, Want};
use crate::observe::site::Site;
use crate::observe::sites::observe;
use cleartitle_schema::signals::SourceOutcome;
use cleartitle_schema::vocab::Preference;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

const LOOPBACK: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A fetcher that may connect to 127.0.0.1 at the ports of these servers, and to nothing else that is private.
fn fetcher(servers: &[&Served]) -> Fetcher {
    fetcher_with(servers, None, |_| {})
}

fn fetcher_with(servers: &[&Served], cache: Option<Cache>, change: impl FnOnce(&mut Guard)) -> Fetcher {
    let names = ["press.example", "www.press.example", "other.example"];
    let mut guard = Guard {
        allow_private: false,
        allowed: vec![LOOPBACK],
        given: names.map(|name| (name.to_owned(), vec![LOOPBACK])).into(),
    };
    change(&mut guard);
    let manners = Manners {
        pause: Duration::from_millis(1),
        request: Duration::from_millis(600),
        ports: servers.iter().map(|server| server.address.port()).collect::<BTreeSet<u16>>(),
        patience: Duration::from_secs(2),
        ..Manners::usual("https://watch.example/bot")
    };
    Fetcher::new(guard, manners, cache).expect("a client")
}

fn fetch(fetcher: &Fetcher, url: &url::Url) -> Result<Fetched, FetchError> {
    let deadline = Instant::now() + Duration::from_secs(20);
    fetcher.fetch(url, &Want { limit: 64 * 1024, beginning: false, within: None, deadline })
}

fn look(server: &Served) -> Conclusion {
    observe(&fetcher(&[server]), &Site::of(&server.url("/")).expect("a site"), Duration::from_secs(20))
}

fn outcomes(conclusion: &Conclusion, standard: &str) -> Vec<SourceOutcome> {
    conclusion.sources.iter().filter(|it| it.standard == standard).map(|it| it.outcome).collect()
}

#[test]
fn a_site_is_looked_at_with_its_evidence() {
    let server = Served::start([
        ("/robots.txt", file("User-agent: *\nDisallow: /private\n\nUser-agent: GPTBot\nDisallow: /\n")),
        ("/", answer("200 OK", "Content-Type: text/html\r\n", b"<html><title>Press</title>")),
        ("/trust.txt", answer("500 Oh", "", b"")),
        ("/ai.txt", answer("200 OK", "Content-Type: text/html\r\n", b"<!doctype html><title>Soft 404")),
    ]);
    let conclusion = look(&server);
    assert_eq!(outcomes(&conclusion, "robots"), [SourceOutcome::Read]);
    assert_eq!(outcomes(&conclusion, "trust-txt"), [SourceOutcome::Failed], "a server's error is not silence");
    assert_eq!(outcomes(&conclusion, "ai-txt"), [SourceOutcome::Silent, SourceOutcome::Failed], "nor is a page");
    assert_eq!(outcomes(&conclusion, "tdmrep"), [SourceOutcome::Silent; 2], "the file and the home page");
    assert_eq!(conclusion.signals.len(), 2);
    for (id, block) in &conclusion.evidence {
        assert_eq!(*id, cleartitle_schema::id::BlobId::of(block));
    }
    let asked = server.asked();
    assert_eq!(
        server.paths(),
        ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt", "/.well-known/ai.txt", "/trust.txt", "/"]
    );
    let agent = format!("CleartitleBot/{} (+https://watch.example/bot)", env!("CARGO_PKG_VERSION"));
    assert!(asked.iter().all(|it| it.user_agent == agent), "{asked:?}");
}

#[test]
fn a_policy_is_read_in_the_place_of_the_reservation_that_names_it() {
    let policy = r#"{"@context": ["http://www.w3.org/ns/odrl.jsonld", "http://www.w3.org/ns/tdmrep.jsonld"],
        "@type": "Offer", "profile": "http://www.w3.org/ns/tdmrep", "uid": "https://press.example/policy.json",
        "assigner": {"vcard:hasEmail": "mailto:rights@press.example"},
        "permission": [{"action": "tdm:mine", "duty": [{"action": "obtainConsent"}]}]}"#;
    // Named once from the root and once from the folder of the file; a third rule names none.
    let rules = r#"[{"location": "/a/", "tdm-reservation": 1, "tdm-policy": "/policy.json"},
        {"location": "/b/", "tdm-reservation": 1, "tdm-policy": "../policy.json"},
        {"location": "/c/", "tdm-reservation": 1}]"#;
    for (answered, offered) in [(file(policy), true), (answer("404 No", "", b""), false), (file("Terms"), false)] {
        let server = Served::start([("/.well-known/tdmrep.json", file(rules)), ("/policy.json", answered)]);
        let conclusion = look(&server);
        assert_eq!(server.paths().iter().filter(|path| *path == "/policy.json").count(), 1);
        let of = |path: &str| -> Vec<(Preference, usize)> {
            let there = conclusion.signals.iter().filter(|it| it.path.as_deref() == Some(path));
            there.map(|it| (it.preference, it.duties.len())).collect()
        };
        let expected = if offered { (Preference::Allowed, 1) } else { (Preference::Disallowed, 0) };
        assert_eq!((of("/a/"), of("/b/")), (vec![expected], vec![expected]));
        assert_eq!(of("/c/"), [(Preference::Disallowed, 0)]);
    }
}

#[test]
fn the_home_page_is_asked_for_only_where_robots_txt_lets_this_crawler() {
    let cases = [
        (file("User-agent: *\nDisallow: /\n"), false),
        (file("User-agent: cleartitlebot\nDisallow: /\n"), false),
        (file("User-agent: *\nDisallow: /\n\nUser-agent: CleartitleBot\nAllow: /\n"), true),
        (file("User-agent: *\nDisallow: /\nAllow: /$\n"), true),
        (file("User-agent: *\nDisallow: /private\n"), true),
        (answer("404 No", "", b""), true),
        (answer("503 Later", "Retry-After: 3600\r\n", b""), false),
    ];
    for (robots, expected) in cases {
        let shown = match &robots {
            Answer::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        let server = Served::start([("/robots.txt", robots), ("/", file("<html>"))]);
        let conclusion = look(&server);
        assert_eq!(server.paths().contains(&"/".to_owned()), expected, "{shown}");
        assert_eq!(outcomes(&conclusion, "x-robots-tag").is_empty(), !expected, "not looked at is not silent");
        let throttled = shown.contains("503");
        assert_eq!(
            server.paths().contains(&"/ai.txt".to_owned()),
            !throttled,
            "policy is read whatever robots.txt says"
        );
    }
}

#[test]
fn redirects_bind_the_site_that_was_asked_and_end() {
    let disallow = file("User-agent: GPTBot\nDisallow: /\n");
    let target = Served::start([("/r", disallow.clone())]);
    let moved = format!("http://other.example:{}/r", target.address.port());
    let server = Served::start([
        ("/robots.txt", redirect(&moved)),
        ("/loop", redirect("/loop")),
        ("/1", redirect("/2")),
        ("/2", redirect("/3")),
        ("/3", redirect("/4")),
        ("/4", redirect("/5")),
        ("/5", redirect("/6")),
        ("/6", disallow),
        ("/0", redirect("/1")),
        ("/nowhere", answer("302 Found", "", b"")),
        ("/ftp", redirect("ftp://press.example/robots.txt")),
        ("/file", redirect("file:///etc/passwd")),
        ("/secret", redirect("http://user:password@press.example/")),
        ("/port", redirect("http://press.example:22/")),
    ]);
    let fetcher = fetcher(&[&server, &target]);
    let conclusion = observe(&fetcher, &Site::of(&server.url("/")).unwrap(), Duration::from_secs(20));
    assert_eq!(outcomes(&conclusion, "robots"), [SourceOutcome::Read]);
    assert_eq!(
        conclusion.sources.iter().find(|it| it.standard == "robots").unwrap().url,
        server.url("/robots.txt").as_str()
    );
    assert!(matches!(fetch(&fetcher, &server.url("/loop")), Err(FetchError::TooManyRedirects)));
    assert!(fetch(&fetcher, &server.url("/1")).is_ok(), "five are followed");
    assert!(matches!(fetch(&fetcher, &server.url("/0")), Err(FetchError::TooManyRedirects)));
    assert!(matches!(fetch(&fetcher, &server.url("/nowhere")), Err(FetchError::NoLocation(302))));
    for bad in ["/ftp", "/file", "/secret"] {
        assert!(matches!(fetch(&fetcher, &server.url(bad)), Err(FetchError::Scheme(_))), "{bad}");
    }
    assert!(matches!(fetch(&fetcher, &server.url("/port")), Err(FetchError::Port(22))));
}

#[test]
fn no_redirect_and_no_name_leads_to_a_private_address() {
    // A service that only this machine may reach, on another loopback address.
    let inside = Served::at("127.0.0.2:0", [("/".to_owned(), file("secret"))]);
    let port = inside.address.port();
    let server = Served::start([
        ("/literal", redirect(&format!("http://127.0.0.2:{port}/"))),
        ("/decimal", redirect(&format!("http://2130706434:{port}/"))),
        ("/mapped", redirect(&format!("http://[::ffff:127.0.0.2]:{port}/"))),
        ("/six", redirect(&format!("http://[::1]:{port}/"))),
        ("/zero", redirect(&format!("http://0:{port}/"))),
        ("/metadata", redirect("http://169.254.169.254/latest/meta-data/")),
        ("/name", redirect(&format!("http://inside.example:{port}/"))),
        ("/hops", redirect("/literal")),
    ]);
    let fetcher = fetcher_with(&[&server, &inside], None, |guard| {
        guard
            .given
            .insert("inside.example".to_owned(), vec!["127.0.0.2".parse().unwrap(), "10.0.0.1".parse().unwrap()]);
        guard.given.insert("mixed.example".to_owned(), vec!["127.0.0.2".parse().unwrap(), LOOPBACK]);
    });
    for path in ["/literal", "/decimal", "/mapped", "/six", "/zero", "/metadata", "/name", "/hops"] {
        let found = fetch(&fetcher, &server.url(path));
        assert!(matches!(found, Err(FetchError::Address(AddressError::NotPublic { .. }))), "{path}: {found:?}");
    }
    // Of a mixed answer the checked address alone is connected to: the other one listens at this very port.
    let twin = Served::at(&format!("127.0.0.2:{}", server.address.port()), []);
    let mixed = format!("http://mixed.example:{}/robots.txt", server.address.port()).parse().unwrap();
    assert!(fetch(&fetcher, &mixed).is_ok());
    assert_eq!((inside.asked().len(), twin.asked().len()), (0, 0), "nobody knocked there");

    // A name that the system's own resolver finds on loopback, and no exception for it.
    let strict = fetcher_with(&[&server], None, |guard| guard.allowed.clear());
    let local = format!("http://localhost:{}/", server.address.port()).parse().unwrap();
    assert!(matches!(fetch(&strict, &local), Err(FetchError::Address(AddressError::NotPublic { .. }))));
}

#[test]
fn slow_endless_and_overfull_answers_are_cut_off() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n".to_vec();
    let with_body = [head.as_slice(), b"\r\n"].concat();
    let server = Served::start([
        ("/drip", Answer::Drip(with_body.clone())),
        ("/drip-head", Answer::Drip([head.as_slice(), b"X-A: "].concat())),
        ("/hang", Answer::Hang),
        ("/endless", Answer::Endless(with_body, vec![b'#'; 8192])),
        ("/endless-head", Answer::Endless(head.clone(), b"X-Many: fields\r\n".to_vec())),
        ("/long-field", Answer::Endless([head.as_slice(), b"X-Long: "].concat(), vec![b'a'; 8192])),
        ("/cut", Answer::Whole(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nUser-agent: *".to_vec())),
        ("/not-http", Answer::Whole(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())),
    ]);
    let fetcher = fetcher(&[&server]);
    for path in ["/drip", "/drip-head", "/hang", "/endless", "/endless-head", "/long-field", "/cut", "/not-http"] {
        let begun = Instant::now();
        let found = fetch(&fetcher, &server.url(path));
        assert!(found.is_err(), "{path}: {found:?}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{path} took {:?}", begun.elapsed());
    }
    let want = Want { limit: 10_000, beginning: true, within: None, deadline: Instant::now() + Duration::from_secs(5) };
    let beginning = fetcher.fetch(&server.url("/endless"), &want).expect("the beginning is enough");
    assert!(beginning.block.len() < 10_200);
    let reading = evidence::read(&HOME, "http://press.example/", &beginning.block, agents());
    assert_eq!(reading.outcome, SourceOutcome::Silent);
}

#[test]
fn a_bomb_does_not_go_off() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..40 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
    let coded = "Content-Encoding: gzip\r\n";
    let mut small = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    small.write_all(b"User-agent: GPTBot\nDisallow: /\n").unwrap();
    let small = small.finish().unwrap();
    let server = Served::start([
        ("/robots.txt", answer("200 OK", coded, &bomb)),
        ("/small", answer("200 OK", coded, &small)),
        ("/cut", answer("200 OK", coded, &small[..small.len() - 12])),
    ]);
    let conclusion = look(&server);
    assert_eq!(outcomes(&conclusion, "robots"), [SourceOutcome::Failed]);
    assert!(conclusion.failures.iter().any(|(_, why)| why.contains("over the limit")), "{:?}", conclusion.failures);
    let read = |path: &str| {
        let fetched = fetch(&fetcher(&[&server]), &server.url(path)).expect("an answer");
        evidence::read(&ROBOTS, "http://press.example/robots.txt", &fetched.block, agents()).outcome
    };
    assert_eq!((read("/small"), read("/cut")), (SourceOutcome::Read, SourceOutcome::Failed));
}

#[test]
fn throttling_is_obeyed_and_impatience_is_not_waited_for() {
    let robots = bytes("200 OK", "", b"User-agent: GPTBot\nDisallow: /\n");
    let server = Served::start([
        ("/robots.txt", Answer::Turns(vec![bytes("429 Slow down", "Retry-After: 1\r\n", b""), robots.clone()])),
        ("/later", Answer::Turns(vec![bytes("503 Later", "", b""), bytes("503 Later", "", b""), robots])),
    ]);
    let fetcher = fetcher(&[&server]);
    let fetched = fetch(&fetcher, &server.url("/robots.txt")).expect("an answer");
    assert!(fetched.block.starts_with(b"HTTP/1.1 200"));
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].at - asked[0].at >= Duration::from_secs(1), "as long as it was asked to wait");
    assert!(fetch(&fetcher, &server.url("/later")).expect("an answer").block.starts_with(b"HTTP/1.1 200"));

    let long = Served::start([("/robots.txt", answer("429 Slow down", "Retry-After: 3600\r\n", b""))]);
    let begun = Instant::now();
    let conclusion = look(&long);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(outcomes(&conclusion, "robots"), [SourceOutcome::Failed]);
    assert_eq!(long.paths(), ["/robots.txt"], "a server that wants to be left alone for an hour is left alone");
}

#[test]
fn broken_encryption_is_failure_and_never_plain_text() {
    let server = Served::start([("/robots.txt", file("User-agent: *\nAllow: /\n"))]);
    let site = Site::parse(&format!("https://press.example:{}", server.address.port())).unwrap();
    let conclusion = observe(&fetcher(&[&server]), &site, Duration::from_secs(20));
    assert_eq!(outcomes(&conclusion, "robots"), [SourceOutcome::Failed]);
    assert!(conclusion.signals.is_empty() && conclusion.has_failures());
}

#[test]
fn what_is_cached_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start([
        ("/robots.txt", answer("200 OK", "Cache-Control: max-age=600\r\n", b"User-agent: GPTBot\nDisallow: /\n")),
        ("/now", answer("200 OK", "Cache-Control: no-store\r\n", b"x")),
        ("/moved", redirect("/robots.txt")),
    ]);
    let cache = || Some(Cache::open(folder.path().to_owned()).unwrap());
    for path in ["/robots.txt", "/moved", "/now"] {
        let first = fetch(&fetcher_with(&[&server], cache(), |_| {}), &server.url(path)).unwrap();
        let second = fetch(&fetcher_with(&[&server], cache(), |_| {}), &server.url(path)).unwrap();
        assert_eq!(first.answered, second.answered);
    }
    assert_eq!(server.paths(), ["/robots.txt", "/moved", "/robots.txt", "/now", "/now"]);
}

#[test]
fn terms_that_are_announced_and_not_there_are_failed() {
    let server = Served::start([("/robots.txt", file("License: /terms.xml\nUser-agent: *\nDisallow: /x\n"))]);
    let conclusion = look(&server);
    assert!(server.paths().contains(&"/terms.xml".to_owned()));
    let terms = conclusion.sources.iter().find(|it| it.url.ends_with("/terms.xml")).expect("a source");
    assert_eq!((terms.standard.as_str(), terms.outcome), ("rsl", SourceOutcome::Failed));
    assert!(terms.evidence.is_some(), "the 404 is kept");
}
