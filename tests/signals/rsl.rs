//! RSL: the specification's examples restated, the vocabulary, and real files.

use crate::cases::{Case, real_bytes, run};
use cleartitle_schema::signals::{Parsed, rsl};
use cleartitle_schema::vocab::AuthorityKind;

/// What a case gives: XML or a real file, the document's address, and the kind of carrier.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    xml: Option<String>,
    file: Option<String>,
    document: Option<String>,
    authority: Option<AuthorityKind>,
    #[serde(default)]
    feed: bool,
}

fn parse(case: &Case) -> Option<Parsed> {
    let input: Input = serde_json::from_value(case.input.clone()).unwrap();
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
fn real_files() {
    run("rsl/wild.json", parse);
}
