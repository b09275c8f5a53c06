//! The typed document keeps the whole vocabulary, and addresses of carriers go where they belong.

use super::*;
use proptest::prelude::*;

const FULL: &str = r#"<?xml version="1.0"?>
<rsl xmlns="https://rslstandard.org/rsl" xmlns:x="https://x.example/ns" max-age="7">
  <content url="/archive/" server="https://licensing.example" encrypted="true" lastmod="2026-10-01T00:00:00Z">
    <license x:hint="1">
      <permits type="usage">search ai-input</permits>
      <prohibits type="geo">CN</prohibits>
      <payment type="crawl">
        <standard>https://standards.example/one</standard>
        <custom>https://press.example/buy</custom>
        <amount currency="USD">0.015</amount>
        <accepts type="application/x402+json"><![CDATA[{"x402Version": 2}]]></accepts>
      </payment>
      <reporting type="audit" profile="https://profiles.example/audit" endpoint="https://press.example/report"/>
      <legal type="warranty">ownership authority</legal>
    </license>
    <alternate type="text/markdown">/index.md</alternate>
    <schema>/site.jsonld</schema>
    <copyright type="organization" contactEmail="rights@press.example" contactUrl="https://press.example/">Press</copyright>
    <terms>https://press.example/terms</terms>
  </content>
</rsl>"#;

#[test]
fn every_element_and_attribute_is_kept() {
    let (rsl, complaints) = read(FULL.as_bytes());
    let rsl = rsl.unwrap();
    assert!(!rsl.defective && rsl.edition() == Edition::V1_0, "{complaints:?}");
    assert_eq!(rsl.max_age_days, Some(7));
    let content = &rsl.contents[0];
    assert_eq!((content.url.as_deref(), content.encrypted), (Some("/archive/"), true));
    assert_eq!(content.lastmod.as_deref(), Some("2026-10-01T00:00:00Z"));
    assert_eq!((content.alternates.len(), content.schemas.len(), content.terms.len()), (1, 1, 1));
    assert_eq!(content.copyrights[0].contact_email.as_deref(), Some("rights@press.example"));
    let license = &content.licenses[0];
    assert_eq!(license.permits[0].tokens, ["search", "ai-input"]);
    assert_eq!(license.prohibits[0].dimension, Dimension::Geo);
    assert_eq!(license.reporting[0].endpoint.as_deref(), Some("https://press.example/report"));
    assert_eq!(license.legal[0].text, "ownership authority");
    let payment = &license.payments[0];
    assert_eq!(payment.amounts[0], PaymentAmount { currency: Some("USD".into()), text: "0.015".into() });
    assert_eq!(payment.accepts[0].text, r#"{"x402Version": 2}"#);
    assert_eq!((payment.standards.len(), payment.customs.len()), (1, 1));
}

#[test]
fn complaints_name_the_line() {
    let xml = "<rsl xmlns=\"https://rslstandard.org/rsl\">\n<content url=\"/\">\n<license>\n<perms/></license></content></rsl>";
    let complaint = parse(xml.as_bytes(), "https://press.example/l.xml", AuthorityKind::SiteFile).complaints;
    assert!(complaint.iter().any(|it| it.lint == Lint::UnknownLabel && it.line == 4), "{complaint:?}");
}

#[test]
fn the_work_named_by_an_embedded_license_is_its_home() {
    let xml = r#"<rsl xmlns="https://rslstandard.org/rsl"><content url="https://wire.example/1"><license><permits type="usage">all</permits></license></content></rsl>"#;
    let embedded = parse(xml.as_bytes(), "", AuthorityKind::ContentUnsigned);
    assert_eq!(embedded.canonical.as_deref(), Some("https://wire.example/1"));
    assert_eq!(embedded.signals[0].policy, None);
    let of_the_site = parse(xml.as_bytes(), "https://wire.example/l.xml", AuthorityKind::SiteFile);
    assert_eq!((of_the_site.canonical, of_the_site.signals[0].path.as_deref()), (None, Some("/1")));
}

#[test]
fn other_encodings_are_read_or_complained_of() {
    let xml = r#"<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license><prohibits type="usage">all</prohibits></license></content></rsl>"#;
    let units = [0xfeff].into_iter().chain(xml.encode_utf16());
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    let parsed = parse(&bytes, "https://press.example/l.xml", AuthorityKind::SiteFile);
    assert_eq!(parsed.signals[0].preference, Preference::Disallowed);
    assert!(parsed.complaints.is_empty());
    let latin = [xml.as_bytes(), b"<!-- \xe9 -->"].concat();
    let parsed = parse(&latin, "https://press.example/l.xml", AuthorityKind::SiteFile);
    assert!(parsed.signals.iter().any(|it| it.preference == Preference::Disallowed));
    assert!(parsed.complaints.iter().any(|it| it.lint == Lint::Encoding));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..1_500, junk in "[<>&/\"' a-z]{0,8}") {
        let _ = (parse(&bytes, "", AuthorityKind::Page), parse_feed(&bytes, ""));
        let mut text = FULL.to_owned();
        if text.is_char_boundary(at.min(text.len())) {
            text.insert_str(at.min(text.len()), &junk);
        }
        let parsed = parse(text.as_bytes(), "https://press.example/l.xml", AuthorityKind::SiteFile);
        prop_assert!(parsed.signals.iter().all(|signal| !signal.uses.is_empty()));
    }
}
