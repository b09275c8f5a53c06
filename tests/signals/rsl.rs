//! RSL: the specification's examples restated, the vocabulary, and real files.

use crate::cases::shaped;
use crate::conclusion::{Asked, conclude};
use crate::parsed_cases::{Case, real_bytes, run};
use cleartitle_schema::signals::{Parsed, robots, rsl};
use cleartitle_schema::vocab::agents::AgentTable;
use cleartitle_schema::vocab::{AskerClass, AuthorityKind, Preference, Use};
use proptest::prelude::*;

/// What a case gives: a robots.txt that names licenses, or XML or a real file, the document's address, and the kind of carrier.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    xml: Option<String>,
    file: Option<String>,
    robots: Option<String>,
    document: Option<String>,
    authority: Option<AuthorityKind>,
    #[serde(default)]
    feed: bool,
}

fn parse(case: &Case) -> Option<Parsed> {
    let input: Input = serde_json::from_value(case.input.clone()).unwrap();
    if let Some(robots) = input.robots {
        return Some(robots::parse(robots.as_bytes(), AgentTable::builtin()));
    }
    let bytes = match (input.xml, input.file) {
        (Some(xml), None) => xml.into_bytes(),
        (None, Some(file)) => real_bytes(&file)?,
        _ => panic!("{}: either `xml` or `file`", case.name),
    };
    let document = input.document.as_deref().unwrap_or("https://press.example/license.xml");
    Some(if input.feed {
        rsl::parse_feed(&bytes, document)
    } else {
        rsl::parse(&bytes, document, input.authority.unwrap_or(AuthorityKind::SiteFile))
    })
}

#[test]
fn the_vocabulary() {
    run("rsl/vocabulary.json", parse);
}

#[test]
fn payment_and_conditions() {
    run("rsl/conditions.json", parse);
}

#[test]
fn places_and_carriers() {
    run("rsl/places.json", parse);
}

#[test]
fn contents_read_together() {
    run("rsl/together.json", parse);
}

#[test]
fn the_grammar_of_appendix_a() {
    run("rsl/appendix.json", parse);
    run("rsl/syntax.json", parse);
}

#[test]
fn examples_of_the_specification_and_its_guides() {
    run("rsl/examples.json", parse);
}

#[test]
fn carriers_and_older_guides() {
    run("rsl/carriers.json", parse);
    run("rsl/robots.json", parse);
}

#[test]
fn real_files() {
    run("rsl/wild.json", parse);
}

/// Real files and our own vectors, to be damaged.
fn samples() -> Vec<Vec<u8>> {
    let of = |file: &str| {
        shaped::<Case>(file).into_iter().filter_map(|case| Some(case.input.get("xml")?.as_str()?.as_bytes().to_vec()))
    };
    let files = ["vocabulary", "conditions", "places", "together", "appendix", "syntax", "examples", "carriers"];
    let mut samples: Vec<Vec<u8>> = files.iter().flat_map(|file| of(&format!("rsl/{file}.json"))).collect();
    for name in ["ireneburresi-rsl", "bolsaclick-rsl", "crawlpriceindex-rsl", "sway-license"] {
        samples.extend(real_bytes(&format!("rsl/wild/{name}.xml")));
    }
    samples
}

/// Everything that may be asked.
fn questions() -> Vec<Asked> {
    let classes = AskerClass::ALL.iter().copied().map(Some).chain([None]);
    let territories = [Some("DE"), Some("US"), None].map(|it| it.map(str::to_owned));
    let of = |class| territories.clone().map(|territory| Asked { path: None, class, territory });
    classes.flat_map(of).collect()
}

/// From loose to strict. Duties are compared by their number.
fn rank(conclusion: &str) -> (u8, usize) {
    let duties = conclusion.matches(';').count();
    match conclusion.split(';').next() {
        Some("reserved") => (3, 0),
        Some("unknown") => (2, 0),
        Some("silent") => (1, 0),
        _ => (0, duties),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_prohibition_more_never_loosens(
        permits in prop::sample::subsequence(vec!["all", "ai-all", "ai-train", "ai-input", "search"], 0..3),
        users in prop::sample::subsequence(vec!["commercial", "non-commercial", "education", "personal"], 0..3),
        geo in prop::sample::subsequence(vec!["US", "EU"], 0..2),
        kind in prop::sample::select(vec!["usage", "user", "geo"]),
        token in prop::sample::select(vec!["all", "ai-train", "train-ai", "search", "commercial", "government", "US", "EU", "x:y", "no"]),
    ) {
        let list = |kind: &str, tokens: &[&str]| if tokens.is_empty() { String::new() } else {
            format!(r#"<permits type="{kind}">{}</permits>"#, tokens.join(" "))
        };
        let offer = format!("{}{}{}", list("usage", &permits), list("user", &users), list("geo", &geo));
        let read = |license: String| {
            let xml = format!(r#"<rsl xmlns="https://rslstandard.org/rsl"><content url="/">{license}</content></rsl>"#);
            rsl::parse(xml.as_bytes(), "https://press.example/license.xml", AuthorityKind::SiteFile)
        };
        let before = read(format!("<license>{offer}<payment type=\"free\"/></license>"));
        let prohibits = format!(r#"<prohibits type="{kind}">{token}</prohibits>"#);
        let beside = read(format!("<license>{offer}<payment type=\"free\"/></license><license>{prohibits}</license>"));
        for asked in questions() {
            for of in Use::ALL.iter().copied() {
                let (was, is) = (conclude(&before.signals, &asked, of), conclude(&beside.signals, &asked, of));
                prop_assert!(rank(&is) >= rank(&was), "{asked:?} {of}: {was} became {is}\n{offer} {prohibits}");
            }
        }
    }

    #[test]
    fn a_prohibition_of_the_site_or_of_a_part_never_loosens_the_part(
        permits in prop::sample::subsequence(vec!["all", "ai-all", "ai-train", "ai-input", "search"], 0..3),
        users in prop::sample::subsequence(vec!["commercial", "non-commercial", "education", "personal"], 0..3),
        kind in prop::sample::select(vec!["usage", "user", "geo"]),
        token in prop::sample::select(vec!["all", "ai-train", "search", "commercial", "government", "US", "EU", "x:y"]),
        paths in prop::sample::select(vec![("/", "/x/"), ("/x/", "/*.html$"), ("/x/", "/x/*"), ("/x", "/*/y/"), ("/*/y/", "/x/y/z/")]),
    ) {
        let list = |kind: &str, tokens: &[&str]| if tokens.is_empty() { String::new() } else {
            format!(r#"<permits type="{kind}">{}</permits>"#, tokens.join(" "))
        };
        let offer = format!("<license>{}{}<payment type=\"free\"/></license>", list("usage", &permits), list("user", &users));
        let prohibits = format!(r#"<license><prohibits type="{kind}">{token}</prohibits></license>"#);
        let content = |path: &str, license: &str| format!(r#"<content url="{path}">{license}</content>"#);
        let read = |contents: String| {
            let xml = format!(r#"<rsl xmlns="https://rslstandard.org/rsl">{contents}</rsl>"#);
            rsl::parse(xml.as_bytes(), "https://press.example/license.xml", AuthorityKind::SiteFile)
        };
        for (offered, prohibited) in [paths, (paths.1, paths.0)] {
            let before = read(content(offered, &offer));
            let after = read(content(offered, &offer) + &content(prohibited, &prohibits));
            for asked in questions() {
                let asked = Asked { path: Some("/x/y/z/y/a.html".to_owned()), ..asked };
                for of in Use::ALL.iter().copied() {
                    let (was, is) = (conclude(&before.signals, &asked, of), conclude(&after.signals, &asked, of));
                    prop_assert!(rank(&is) >= rank(&was), "{asked:?} {of}: {was} became {is}\n{offered} {prohibited} {offer} {prohibits}");
                }
            }
        }
    }

    #[test]
    fn damaged_files_never_panic_and_never_clear_more(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        damage in prop::sample::select(vec!["", "<", ">", "&", "\"", "</license>", "<!--", "]]>", "\0", "<rsl>", "no", "&#x0;"]),
        removed in 0usize..20,
    ) {
        let samples = samples();
        let sample = which.get(&samples);
        let at = at.index(sample.len());
        let mut bytes = sample[..at].to_vec();
        bytes.extend(damage.as_bytes());
        bytes.extend(&sample[(at + removed).min(sample.len())..]);
        for authority in [AuthorityKind::SiteFile, AuthorityKind::Page, AuthorityKind::ContentUnsigned] {
            let parsed = rsl::parse(&bytes, "https://press.example/license.xml", authority);
            prop_assert!(parsed.signals.iter().all(|signal| !signal.uses.is_empty()));
        }
        let _ = rsl::parse_feed(&bytes, "https://press.example/feed.xml");
        // What ends early may have gone on to prohibit.
        let cut = rsl::parse(&sample[..at], "https://press.example/license.xml", AuthorityKind::SiteFile);
        let end = sample.iter().rposition(|byte| *byte == b'>').unwrap_or(0);
        if at <= end {
            prop_assert!(cut.signals.iter().all(|signal| signal.preference == Preference::Disallowed || signal.malformed));
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in ".{0,200}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = (rsl::parse(bytes, &text, AuthorityKind::Page), rsl::parse_feed(bytes, &text));
        }
    }
}

#[test]
fn bounds_reserve_everything() {
    let content = r#"<content url="/a"><license><permits type="usage">all</permits></license></content>"#;
    for (many, text) in [(3_000, content), (10_000, content)] {
        let xml = format!(r#"<rsl xmlns="https://rslstandard.org/rsl">{}</rsl>"#, text.repeat(many));
        let parsed = rsl::parse(xml.as_bytes(), "https://press.example/license.xml", AuthorityKind::SiteFile);
        assert_eq!(parsed.signals.len(), 1, "{many}");
        assert_eq!(conclude(&parsed.signals, &Asked::default(), Use::TrainAi), "reserved");
    }
    let deep = format!(r#"<rsl xmlns="https://rslstandard.org/rsl">{}"#, "<content>".repeat(50_000));
    let parsed = rsl::parse(deep.as_bytes(), "https://press.example/license.xml", AuthorityKind::SiteFile);
    assert_eq!(conclude(&parsed.signals, &Asked::default(), Use::TrainAi), "reserved");
    let geo = r#"<content url="/a"><license><permits type="geo">DE</permits></license></content>"#.repeat(1_900);
    let xml = format!(r#"<rsl xmlns="https://rslstandard.org/rsl">{geo}</rsl>"#);
    let parsed = rsl::parse(xml.as_bytes(), "https://press.example/license.xml", AuthorityKind::SiteFile);
    let entries: usize = parsed.signals.iter().filter_map(|it| it.constraints.territories.as_ref()).map(Vec::len).sum();
    assert!(entries < 201_000, "{entries}");
    assert_eq!(conclude(&parsed.signals, &Asked::default(), Use::TrainAi), "reserved");
}

#[test]
fn many_contents_are_read_together_in_bounded_time() {
    let users = "commercial personal education government ".repeat(70);
    let many = format!(r#"<license><prohibits type="user">{users}</prohibits></license>"#).repeat(16);
    let nested = |at: usize| format!("/{}", "a".repeat(at));
    let crossing = |at: usize| {
        if at.is_multiple_of(2) { format!("/{}*{}", "a".repeat(at / 20), "ab".repeat(at / 60)) } else { nested(at / 4) }
    };
    let paths: [Vec<String>; 2] = [(1..850).map(nested).collect(), (1..1_500).map(crossing).collect()];
    for paths in paths {
        let contents: String = paths
            .iter()
            .map(|path| {
                format!(r#"<content url="{path}"><license><prohibits type="usage">all</prohibits></license></content>"#)
            })
            .collect();
        let xml =
            format!(r#"<rsl xmlns="https://rslstandard.org/rsl"><content url="/">{many}</content>{contents}</rsl>"#);
        assert!(xml.len() < rsl::MAX_BYTES, "{}", xml.len());
        let before = std::time::Instant::now();
        let parsed = rsl::parse(xml.as_bytes(), "https://press.example/license.xml", AuthorityKind::SiteFile);
        assert!(before.elapsed().as_secs() < 60, "{:?}", before.elapsed());
        assert!(parsed.signals.len() <= cleartitle_schema::signals::MAX_SIGNALS);
        let asked = Asked { path: Some("/aaa".to_owned()), ..Asked::default() };
        assert_eq!(conclude(&parsed.signals, &asked, Use::TrainAi), "reserved");
    }
}
