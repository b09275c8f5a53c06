//! Whole files of robots.txt in and signals out; the clauses of RFC 9309 themselves are vectors in `tests/`.

use super::*;
use crate::signals::{Lint, MAX_SIGNALS, Signal};
use crate::vocab::{AgentPurpose, AuthorityKind, Preference, Use};
use proptest::prelude::*;

fn read(text: &str) -> Parsed {
    parse(text.as_bytes(), AgentTable::builtin())
}

/// One line a signal: who, what, where, which uses, and whether it is doubtful.
fn shown(signal: &Signal) -> String {
    let agent = signal.agent.as_ref().map_or("everybody", |agent| agent.token.as_str());
    let uses: Vec<&str> = signal.uses.iter().map(|it| it.word()).collect();
    let path = signal.path.as_deref().unwrap_or("-");
    let doubt = if signal.malformed { " ?" } else { "" };
    let whose = if signal.authority == AuthorityKind::PlatformDefault { " platform" } else { "" };
    format!("{} {agent} {} {path} {}{doubt}{whose}", signal.standard, signal.preference, uses.join("+"))
}

fn all(text: &str) -> Vec<String> {
    read(text).signals.iter().map(shown).collect()
}

fn lints(text: &str) -> Vec<Lint> {
    let mut lints: Vec<Lint> = read(text).complaints.iter().map(|it| it.lint).collect();
    lints.sort();
    lints.dedup();
    lints
}

#[test]
fn a_rule_reserves_what_its_agent_collects_for() {
    let text =
        "User-agent: GPTBot\nUser-agent: OAI-SearchBot/1.0\nUser-agent: ChatGPT Agent\nUser-agent: *\nDisallow: /a\n";
    assert_eq!(
        all(text),
        [
            "robots GPTBot disallowed /a train-ai+train-nongen+crawl",
            "robots OAI-SearchBot disallowed /a search+ai-index+crawl",
            "robots ChatGPT Agent disallowed /a ai-user-fetch+crawl",
            "robots * disallowed /a crawl",
        ]
    );
    assert_eq!(
        all("User-agent: google-extended\nUser-agent: Applebot-Extended\nDisallow: /"),
        [
            "robots google-extended disallowed / train-ai+ai-use+train-nongen",
            "robots Applebot-Extended disallowed / train-ai+train-nongen",
        ]
    );
    let signal = &read("User-agent: ccbot\nDisallow: /x").signals[0];
    assert_eq!(signal.label, "User-agent: ccbot / Disallow: /x");
    assert_eq!(signal.agent.as_ref().map(|agent| agent.purpose), Some(AgentPurpose::Archive));
}

#[test]
fn an_allow_is_an_exception_or_nothing() {
    assert!(all("User-agent: GPTBot\nAllow: /\nUser-agent: *\nDisallow:\n").is_empty());
    assert_eq!(
        all("User-agent: *\nDisallow: /\nAllow: /public\nUser-agent: b\nAllow: /"),
        // An agent with a group of its own is not among everybody (section 2.2.1), which its Allow tells.
        ["robots * disallowed / crawl", "robots * allowed /public crawl", "robots b allowed / crawl"]
    );
    // RFC 9309 section 2.2.2: of equals the allow; a longer prohibition stays.
    assert_eq!(all("User-agent: *\nAllow: /a\nDisallow: /a\nDisallow: /a/b").len(), 2);
    assert_eq!(lints("User-agent: *\nAllow: /a\nDisallow: /a"), [Lint::ShadowedRule]);
    // `*/` is one octet more than `/` and than `*`, and `/*/a` one more than `*/a`.
    for allow in ["/", "*"] {
        let shown = all(&format!("User-agent: *\nAllow: {allow}\nDisallow: */"));
        assert!(shown.contains(&"robots * disallowed */ crawl".to_owned()), "{shown:?}");
    }
    assert!(all("User-agent: *\nAllow: */a\nDisallow: /*/a").contains(&"robots * disallowed /*/a crawl".to_owned()));
    assert_eq!(all("User-agent: *\nAllow: */a\nDisallow: */a\nDisallow: /b").len(), 2);
}

#[test]
fn spellings_of_one_token_are_one_agent() {
    let signals = read("User-agent: GPTBot\nDisallow: /a\n\nUser-agent: gptbot/2\nAllow: /a/b\n").signals;
    assert_eq!(signals.len(), 2);
    assert_eq!(signals[0].agent, signals[1].agent);
}

#[test]
fn what_is_evidently_meant_restricts_and_never_opens() {
    for text in [
        "User-agent: *\nDisallow /x",
        "User-agent: *\nDissalow: /x",
        "User-agent: *\nDisallow: x",
        "User-agent: *\nDisallow: https://a.example/x",
        "Disallow: /x",
        "User-agent:\nDisallow: /x",
        "\u{feff}User-agent: *\n\u{feff}Disallow: /x",
    ] {
        assert_eq!(all(text), ["robots * disallowed /x crawl"], "{text}");
        assert!(!lints(text).is_empty(), "{text}");
        assert!(Robots::parse(text.as_bytes()).may_fetch("a", "/x"), "{text} literally says nothing");
    }
    assert_eq!(
        all("User-agent: *\nDisallow: /a /b"),
        ["robots * disallowed /a%20/b crawl", "robots * disallowed /a crawl", "robots * disallowed /b crawl",]
    );
    assert_eq!(all("User-agent: *\nDisallow: */x"), ["robots * disallowed */x crawl"]);
    // A misspelt user-agent line moves rules from one agent to another: both get the prohibitions, neither the exception.
    assert_eq!(
        all("User-agent: a\nDisallow: /\nUseragent: b\nDisallow: /y\nAllow: /z"),
        ["robots a disallowed / crawl", "robots a disallowed /y crawl", "robots b disallowed /y crawl"]
    );
    assert_eq!(all("User-agent: *\nDisallow: /\nAlow: /x\nAllow: x"), ["robots * disallowed / crawl"]);
}

#[test]
fn latin_1_is_read_as_octets_and_as_letters() {
    let parsed = parse(b"User-agent: *\nDisallow: /\xfcber\n", AgentTable::builtin());
    let paths: Vec<_> = parsed.signals.iter().filter_map(|signal| signal.path.as_deref()).collect();
    assert_eq!(paths, ["/%FCber", "/%C3%BCber"]);
    assert_eq!(parsed.complaints[0].lint, Lint::Encoding);
}

#[test]
fn another_format_is_not_silence() {
    for bytes in [
        &b"<!DOCTYPE html>\n<html><head><title>Not found: 404</title></head></html>"[..],
        b"  <html>\nDisallow: /\n</html>",
        b"{\"error\": \"not found\"}",
        b"Not found",
        b"U\0s\0e\0r\0-\0a\0g\0e\0n\0t\0:\0*\0",
        b"\x1f\x8b\x08\0",
    ] {
        let parsed = parse(bytes, AgentTable::builtin());
        assert!(Robots::parse(bytes).is_foreign(), "{bytes:?}");
        assert!(parsed.complaints.iter().any(|it| it.lint == Lint::NotThisFormat), "{bytes:?}");
    }
    for text in ["", "# nothing\n", "\n\n", "Sitemap: https://a.example/s.xml", "User-agent: *\nDisallow:\n"] {
        assert!(!Robots::parse(text.as_bytes()).is_foreign(), "{text}");
        assert!(read(text).is_silent(), "{text}");
    }
}

const MANAGED: &str = "# BEGIN Cloudflare Managed content\n\nUser-agent: *\nContent-Signal: search=yes,ai-train=no\n\
Allow: /\n\nUser-agent: GPTBot\nDisallow: /\n\n# END Cloudflare Managed Content\n\n";

#[test]
fn lines_above_the_sites_own_do_not_open_it() {
    let text = format!("{MANAGED}User-agent: *\nDisallow: /\n");
    assert!(Robots::parse(text.as_bytes()).may_fetch("a", "/x"), "literally a tie, which the allow wins");
    let shown = all(&text);
    assert!(shown.contains(&"robots * disallowed / crawl".to_owned()), "{shown:?}");
    assert!(shown.contains(&"robots GPTBot disallowed / train-ai+train-nongen+crawl platform".to_owned()), "{shown:?}");
    assert!(
        shown.contains(&"content-signal everybody disallowed - train-ai+train-nongen platform".to_owned()),
        "{shown:?}"
    );
    assert!(lints(&text).contains(&Lint::CdnPrepended));
    let text = format!("{MANAGED}License: https://a.example/l.xml\nContent-Usage: train-ai=n\n");
    assert!(all(&text).contains(&"aipref everybody disallowed - train-ai".to_owned()), "{:?}", all(&text));
    assert_eq!(read(&text).announced.len(), 1);
    assert!(lints(&text).contains(&Lint::CdnPrepended));
    assert!(!lints(MANAGED).contains(&Lint::CdnPrepended));
}

#[test]
fn a_permission_for_everybody_does_not_reach_whoever_has_a_group() {
    let text = "User-agent: *\nAllow: /\nContent-Usage: train-ai=y, search=n\n\nUser-agent: GPTBot\nDisallow: /x\n";
    let shown = all(text);
    for expected in [
        "robots GPTBot disallowed /x train-ai+train-nongen+crawl",
        "aipref everybody allowed - train-ai",
        "aipref everybody disallowed - search+train-nongen",
        "aipref GPTBot allowed - train-ai ?",
    ] {
        assert!(shown.contains(&expected.to_owned()), "{expected}: {shown:#?}");
    }
    // The longest path of an agent decides for every use, so that the gap is marked at each of them.
    let text = "User-agent: *\nContent-Usage: train-ai=y\n\nUser-agent: GPTBot\nContent-Usage: / search=n\n";
    assert!(all(text).contains(&"aipref GPTBot allowed / train-ai ?".to_owned()), "{:?}", all(text));
}

#[test]
fn a_permission_does_not_reach_what_may_not_be_fetched() {
    let text = "User-agent: *\nDisallow: /\nAllow: /open\nDisallow: /open/not\nContent-Usage: train-ai=y\n\
                Content-Usage: /shut train-ai=y\n";
    let shown = all(text);
    for expected in [
        "aipref everybody allowed - train-ai",
        "aipref everybody allowed / train-ai ?",
        "aipref everybody allowed /open train-ai",
        "aipref everybody allowed /open/not train-ai ?",
        "aipref everybody allowed /shut train-ai ?",
    ] {
        assert!(shown.contains(&expected.to_owned()), "{expected}: {shown:#?}");
    }
    assert!(!shown.contains(&"aipref everybody allowed /shut train-ai".to_owned()));
    // A prohibition is said again where a rule on fetching is longer than its own path.
    let text = "User-agent: *\nDisallow: /open/not\nContent-Usage: train-ai=y\nContent-Usage: /open train-ai=n\n";
    assert!(all(text).contains(&"aipref everybody disallowed /open/not train-ai".to_owned()), "{:?}", all(text));
}

#[test]
fn preferences_before_any_group_restrict_alone() {
    let text = "Content-Signal: search=yes, ai-train=no\nUser-agent: *\nDisallow:\n";
    assert_eq!(
        all(text),
        ["content-signal everybody disallowed - train-ai+train-nongen", "content-signal everybody allowed - search ?",]
    );
    assert!(lints(text).contains(&Lint::Misplaced));
}

#[test]
fn lines_of_no_standard_restrict() {
    assert_eq!(
        all("User-agent: *\nDisallowAITraining: /a\nAllowAITraining: /a/b\nTDM-Reservation: 1\n"),
        [
            "other everybody allowed /a/b train-ai+train-nongen ?",
            "other everybody disallowed /a train-ai+train-nongen",
            "other everybody disallowed - train-ai+train-nongen+ai-index+tdm-other ?",
        ]
    );
    assert!(Robots::parse(b"User-agent: *\nDisallowAITraining: /").may_fetch("a", "/x"));
}

#[test]
fn a_license_of_one_group_is_no_license_for_all() {
    let parsed = read("License: https://a.example/all.xml\nUser-agent: a\nLicense: /one.xml\nDisallow: /x\n");
    let urls: Vec<_> = parsed.announced.iter().map(|it| it.url.as_str()).collect();
    assert_eq!(urls, ["https://a.example/all.xml", "/one.xml"]);
    let unclear = parsed.signals.iter().find(|signal| signal.standard == "rsl").unwrap();
    assert!(unclear.malformed && unclear.agent.is_none() && unclear.policy.is_some());
    let parsed = read("License: https://a.example/all.xml\nUser-agent: a\nDisallow: /x\n");
    assert!(parsed.signals.iter().all(|signal| signal.standard == "robots"));
    let parsed = read("User-agent: *\nLicense: https://a.example/all.xml\nUser-agent: a\nDisallow: /x\n");
    let unclear: Vec<_> = parsed.signals.iter().filter(|signal| signal.standard == "rsl").map(shown).collect();
    assert_eq!(unclear.len(), 1, "{unclear:?}");
    assert!(unclear[0].starts_with("rsl a allowed -"), "{unclear:?}");
}

#[test]
fn too_much_is_widened_and_never_lost() {
    let agents: String = (0..300).map(|number| format!("User-agent: bot{number}\n")).collect();
    let rules: String = (0..300).map(|number| format!("Disallow: /{number}\nAllow: /{number}/x\n")).collect();
    let parsed = read(&format!("{agents}{rules}User-agent: GPTBot\nDisallow: /y\nContent-Usage: ai-use=n\n"));
    assert_eq!(parsed.signals.len(), 302, "one for each agent, and one for what was stated");
    assert!(parsed.signals.iter().all(|it| it.preference == Preference::Disallowed && it.path.is_none()));
    assert!(parsed.signals.iter().any(|it| it.standard == "aipref" && it.uses.contains(&Use::AiUse)));
    assert!(parsed.complaints.iter().any(|it| it.lint == Lint::TooMuch));
    let many: String = (0..30_000).map(|number| format!("User-agent: bot{number}\nDisallow: /\n")).collect();
    let parsed = read(&many);
    assert_eq!(parsed.signals.len(), 1);
    assert!(parsed.signals[0].agent.is_none() && parsed.signals[0].uses == Use::ALL);
    // A file that is cut is unclear to its end.
    let long = format!("User-agent: *\nDisallow: /a\n{}", "# x\n".repeat(lines::MAX_BYTES / 4));
    let parsed = read(&long);
    assert_eq!(parsed.signals.len(), 2);
    assert!(parsed.signals[0].malformed && parsed.signals[0].agent.is_none());
}

#[test]
fn hostile_files_end_soon() {
    let one = |line: &str| line.repeat(500_000 / line.len());
    let nth = |make: &dyn Fn(usize) -> String| (0..20_000).map(make).collect::<String>();
    for text in [
        one("User-agent: *\nContent-Usage: train-ai=y\n"),
        one("User-agent: *\nAllow: /\nDisallow: /\n"),
        format!(
            "User-agent: *\n{}",
            nth(&|number| format!("Disallow: /{number}\nContent-Usage: /{number} train-ai=y\n"))
        ),
        format!("User-agent: *\nContent-Usage: {}", one("train-ai=y,")),
        format!("User-agent: *\nDisallow: /{}", one("*a")),
        nth(&|number| format!("User-agent: b{number}\nLicense: /{number}\n")),
        one("\r"),
        one(":\n"),
    ] {
        let parsed = read(&text);
        assert!(parsed.signals.len() <= MAX_SIGNALS && parsed.complaints.len() < 20_000);
    }
}

fn any_robots() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "User-agent",
        "Disallow",
        "Allow",
        "Content-Usage",
        "Content-Signal",
        "License",
        "Dissalow",
        "Sitemap",
        "X",
        "useragent",
    ]);
    let value = prop::sample::select(vec![
        "*",
        "*/a",
        "*/",
        "*/b$",
        "GPTBot",
        "gptbot/1",
        "/",
        "/a",
        "/a*b$",
        "",
        "/%",
        "a b",
        "train-ai=y",
        "/a train-ai=n, search=y",
        "ai-train=no",
    ]);
    prop::collection::vec((key, value, prop::sample::select(vec![": ", ":", " ", ""])), 0..20)
        .prop_map(|lines| lines.iter().map(|(key, value, colon)| format!("{key}{colon}{value}\n")).collect())
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let robots = Robots::parse(&bytes);
        let _ = (robots.signals(AgentTable::builtin()), robots.may_fetch("GPTBot", "/a"), robots.content_usage("a", "/"));
    }

    /// An unknown line anywhere changes no verdict (RFC 9309 section 2.2.4).
    #[test]
    fn a_sitemap_changes_nothing(text in any_robots(), at in 0_usize..20) {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(at.min(lines.len()), "Sitemap: https://a.example/");
        let with = lines.join("\n");
        for path in ["/", "/a", "/axb", "/c"] {
            for token in ["GPTBot", "x"] {
                let verdict = |text: &str| Robots::parse(text.as_bytes()).may_fetch(token, path);
                prop_assert_eq!(verdict(&text), verdict(&with));
            }
        }
    }

    /// What is kept is never looser than the literal verdict: where fetching is disallowed, so say the signals.
    #[test]
    fn signals_are_at_least_as_strict_as_the_verdict(text in any_robots()) {
        let parsed = read(&text);
        let robots = Robots::parse(text.as_bytes());
        for path in ["/", "/a", "/axb", "/c"] {
            for token in ["GPTBot", "*"] {
                if !robots.may_fetch(token, path) {
                    prop_assert!(disallows(&parsed, token, path), "{token} {path} {:?}", parsed.signals);
                }
            }
        }
    }
}

/// What the contract of signals makes of them: the longest path of an agent decides, of equals the stricter. Whoever has no
/// group falls under the one for everybody.
fn disallows(parsed: &Parsed, token: &str, path: &str) -> bool {
    let of = |token: &str| {
        let mut longest: Option<(usize, Preference)> = None;
        for signal in parsed.signals.iter().filter(|signal| signal.standard == "robots") {
            let same = signal.agent.as_ref().is_none_or(|agent| agent.token.eq_ignore_ascii_case(token));
            let pattern = crate::surt::PathPattern::new(signal.path.as_deref().unwrap_or("/"));
            if same && pattern.matches(path) {
                longest = longest.max(Some((signal.path.as_ref().map_or(0, String::len), signal.preference)));
            }
        }
        longest.is_some_and(|(_, preference)| preference == Preference::Disallowed)
    };
    of(token) || of("*")
}
