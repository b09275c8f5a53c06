//! The terms file: what it reads, what it complains of, and that it never panics.

use super::*;
use proptest::prelude::*;

fn context() -> Context {
    Context {
        log: "registry.example/log".to_owned(),
        issuer: "press.example".parse().unwrap(),
        issued_at: Timestamp(1_795_471_200),
    }
}

fn read(text: &str) -> Result<Statement, FileError> {
    parse("terms.toml", text, &context())
}

const OFFER: &str = r#"kind = "offer"
basis = "owner"
accept_until = 2027-01-01
[scope]
include = ["*.press.example", "press.example", "isbn:9780000000002", "isbn:9780000000001"]
exclude = ["https://press.example:8080/open/*.html$"]
[[terms.rules]]
uses = ["ai-all", "train-ai"]
duties = [{ duty = "pay", price = "0.01 EUR", per = "document", payee = "press.example" }]
"#;

#[test]
fn lists_are_sorted_and_sets_expanded() {
    let statement = read(OFFER).unwrap();
    let payload = statement.to_payload().unwrap();
    assert_eq!(Statement::parse(&payload).unwrap(), statement);
    let rule = statement.terms().unwrap().rules().next().unwrap();
    assert_eq!(rule.uses, [Use::TrainAi, Use::AiUse, Use::AiIndex]);
    assert_eq!(rule.preference, Preference::Allowed);
    let scope = statement.scope().unwrap();
    assert_eq!(scope.include.len(), 3, "two works are one target: {scope:?}");
    assert!(matches!(&scope.exclude[..], [Target::Url { port: Some(8080), path, .. }] if path == "/open/*.html$"));
}

#[test]
fn the_order_of_lists_makes_no_other_statement() {
    let swapped = OFFER.replace(
        "\"*.press.example\", \"press.example\", \"isbn:9780000000002\"",
        "\"isbn:9780000000002\", \"press.example\", \"*.press.example\"",
    );
    assert_ne!(swapped, OFFER);
    assert_eq!(read(&swapped).unwrap(), read(OFFER).unwrap());
}

/// What is changed, the complaint and its advice.
const COMPLAINTS: &[(&str, &str, &str, &str)] = &[
    (
        "kind = \"offer\"",
        "kind = \"ofer\"",
        "terms.toml:1:8: `kind`: `ofer` is none of: reservation, grant, offer, acceptance, agreement, release, discharge, dispute, observation, withdrawal, delegation, key-binding, manifest, erasure, claim-proof, challenge, answer",
        "did you mean `offer`?",
    ),
    (
        "basis = \"owner\"\n",
        "",
        "terms.toml:1:1: `basis` is missing",
        "say by what right you speak: owner, exclusive-licensee, sublicensable-licensee, agent, host",
    ),
    ("include =", "incude =", "terms.toml:5:1: `scope.incude`: `incude` is not known here", "did you mean `include`?"),
    (
        "\"press.example\",",
        "\"Press.example\",",
        "terms.toml:5:31: `scope.include[1]`: `Press.example` is not a host name in lower-case ASCII such as `press.example`",
        "a target is a host `press.example`, hosts below it too `*.press.example`, a URL pattern `https://press.example/archive/*.html$`, a content id `blake3:...`, a work `isbn:...`, a list `list:...`, or `collection:NAME`",
    ),
    (
        "\"train-ai\"]",
        "\"train-al\"]",
        "terms.toml:8:19: `terms.rules[0].uses[1]`: `train-al` is none of: train-ai, ai-use, search, train-nongen, ai-index, ai-user-fetch, tdm-other, crawl, redistribute",
        "did you mean `train-ai`?",
    ),
    (
        "0.01 EUR",
        "0.010 EUR",
        "terms.toml:9:35: `terms.rules[0].duties[0].price`: `0.010` is not a decimal amount such as `250000000` or `0.001`",
        "write an amount such as \"0.01 EUR\"",
    ),
    (
        "0.01 EUR",
        "0.01 EURO",
        "terms.toml:9:35: `terms.rules[0].duties[0].price`: `EURO` is not an ISO 4217 currency code",
        "write an amount such as \"0.01 EUR\"",
    ),
    (
        "per = \"document\"",
        "per = \"word\"",
        "terms.toml:9:53: `terms.rules[0].duties[0].per`: `word` is not a meter",
        "one of flat, document, title, image, fetch, hour, thousand-tokens, revenue-share, in-kind",
    ),
    (
        "accept_until = 2027-01-01",
        "accept_until = 2027-13-01",
        "terms.toml:3:16: invalid date, expected month between 01 and 12",
        "",
    ),
    ("[scope]", "[scope", "terms.toml:4:7: unclosed table, expected `]`", ""),
];

#[test]
fn complaints_name_line_column_member_and_advise() {
    let told = |(from, to, ..): &(&str, &str, &str, &str)| {
        assert!(OFFER.contains(from), "{from}");
        let error = read(&OFFER.replacen(from, to, 1)).expect_err(to);
        (error.to_string(), error.hint.unwrap_or_default())
    };
    let found: Vec<(String, String)> = COMPLAINTS.iter().map(told).collect();
    let wanted: Vec<(String, String)> =
        COMPLAINTS.iter().map(|(_, _, complaint, advice)| (complaint.to_string(), advice.to_string())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn contradictions_are_told_at_the_kind() {
    let text = OFFER.replace("accept_until = 2027-01-01\n", "effective = { from = 2027-01-01, until = 2026-01-01 }\n");
    let error = read(&text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "terms.toml:1:8: `kind`: the statement makes no sense: `effective` ends before it begins"
    );
}

#[test]
fn the_issuer_is_the_command_lines() {
    let text = format!("issuer = {{ domain = \"other.example\" }}\n{OFFER}");
    assert_eq!(
        read(&text).unwrap_err().to_string(),
        "terms.toml:1:10: `issuer`: the file's issuer is `other.example`, the command's `press.example`"
    );
    let text = format!("issuer = {{ legal_name = \"Press Example Ltd\" }}\n{OFFER}");
    assert_eq!(read(&text).unwrap().issuer.legal_name.as_deref(), Some("Press Example Ltd"));
}

#[test]
fn every_kind_but_a_key_binding_can_be_written() {
    let id = format!("statement:{}", "0".repeat(64));
    let scope = "[scope]\ninclude = [\"press.example\"]\n";
    for text in [
        format!("kind = \"acceptance\"\noffer = \"{id}\"\n"),
        format!("kind = \"withdrawal\"\nstatement = \"{id}\"\n"),
        format!(
            "kind = \"discharge\"\nstatement = \"{id}\"\nduty = \"pay\"\nlicensee = \"lab.example\"\namount = \"5 USD\"\n"
        ),
        format!("kind = \"release\"\nreleased = [\"lab.example\"]\nconduct = {{ until = 2025-01-01 }}\n{scope}"),
        format!(
            "kind = \"dispute\"\nbasis = \"owner\"\ncase = {{ court = \"LG Example\", reference = \"1 O 1/26\" }}\n{scope}"
        ),
        format!("kind = \"delegation\"\nagent = \"agency.example\"\n{scope}"),
        format!(
            "kind = \"manifest\"\nrole = \"data-set\"\nlist = \"list:{}\"\nrows = 1\nbytes = 2\nmedia_type = \"text/plain\"\n",
            "0".repeat(64)
        ),
        format!(
            "kind = \"observation\"\n{scope}[sighting]\nobserved_at = 2026-01-01T00:00:00Z\nparser = \"p/1\"\nsources = [{{ standard = \"robots\", url = \"https://press.example/robots.txt\", outcome = \"silent\" }}]\n"
        ),
    ] {
        read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
    assert!(read("kind = \"key-binding\"\n").unwrap_err().hint.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,300}") {
        let _ = read(&text);
        let _ = crate::policy_file::parse("p", &text);
    }

    #[test]
    fn changed_files_never_panic(at: prop::sample::Index, put in "[a-z\\[\\]={}\",.0-9\\n# é-]{0,6}", cut in 0usize..12) {
        for text in [OFFER, crate::cli::init::TERMS, crate::cli::init::POLICY] {
            let mut place = at.index(text.len());
            while !text.is_char_boundary(place) { place -= 1; }
            let mut end = (place + cut).min(text.len());
            while !text.is_char_boundary(end) { end -= 1; }
            let changed = format!("{}{put}{}", &text[..place], &text[end.max(place)..]);
            let _ = read(&changed);
            let _ = crate::policy_file::parse("p", &changed);
        }
    }
}

#[test]
fn the_statements_own_spelling_is_read_too() {
    let own = r#"
[body]
kind = "offer"
basis = "owner"
accept_until = "2027-01-01T00:00:00Z"
[[body.scope.include]]
target = "works"
ids = ["isbn:9780000000002", "isbn:9780000000001"]
[[body.scope.include]]
target = "host"
host = "press.example"
[[body.scope.include]]
target = "host"
host = "press.example"
subdomains = true
[[body.scope.exclude]]
target = "url"
host = "press.example"
port = 8080
path = "/open/*.html$"
[[body.terms.clauses]]
[[body.terms.clauses.rules]]
preference = "allowed"
uses = ["train-ai", "ai-use", "ai-index"]
[[body.terms.clauses.rules.duties]]
phase = "before"
[body.terms.clauses.rules.duties.action]
duty = "pay"
price = { rate = { known = "stated", price = { amount = "0.01", currency = "EUR" } }, meter = { per = "document" } }
payee = { domain = "press.example" }
"#;
    assert_eq!(read(own).unwrap(), read(OFFER).unwrap());
}

#[test]
fn the_examples_of_the_demo_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/demo");
    let mut read_files = 0;
    for entry in std::fs::read_dir(folder.join("terms")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let issuer = text.lines().next().and_then(|line| line.split_whitespace().nth(2)).unwrap();
        let context = Context { issuer: issuer.parse().unwrap(), ..context() };
        parse(&path.display().to_string(), &text, &context).unwrap_or_else(|error| panic!("{error} {:?}", error.hint));
        read_files += 1;
    }
    assert!(read_files >= 12);
    for entry in std::fs::read_dir(folder.join("policies")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        crate::policy_file::parse(&path.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
    }
}
