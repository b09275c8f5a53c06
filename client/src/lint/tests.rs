//! Channels made by hand, so that what is concluded of them can be held without any parser.

use super::*;
use cleartitle_schema::decide::Verdict;
use cleartitle_schema::signals::{Announced, Complaint, Lint, Parsed, Signal};
use cleartitle_schema::terms::{Action, Constraints, Duty, Phase};
use cleartitle_schema::vocab::{AuthorityKind, Preference};

const NOW: Timestamp = Timestamp(1_790_000_000);

fn signal(standard: &str, label: &str, preference: Preference, uses: &[Use]) -> Signal {
    Signal {
        standard: standard.to_owned(),
        version: "1".to_owned(),
        label: label.to_owned(),
        authority: AuthorityKind::SiteFile,
        preference,
        uses: uses.to_vec(),
        agent: None,
        constraints: Constraints::default(),
        duties: Vec::new(),
        policy: None,
        path: None,
        malformed: false,
    }
}

fn channel(name: &str, kind: Kind, text: &str, signals: Vec<Signal>) -> Channel {
    let parsed = Parsed { signals, ..Parsed::default() };
    Channel::new(name.to_owned(), kind, format!("/{name}"), text.as_bytes(), parsed)
}

fn report(channels: &[Channel]) -> Report {
    Report::of(&"press.example".parse().expect("a host"), channels, NOW)
}

fn robots(preference: Preference, letter: char) -> Channel {
    let label = format!("search={letter}");
    let text = format!("User-agent: *\nDisallow:\nContent-Usage: train-ai=n, {label}\n");
    let train = signal("aipref", "train-ai=n", Preference::Disallowed, &[Use::TrainAi]);
    channel("robots.txt", Kind::Robots, &text, vec![train, signal("aipref", &label, preference, &[Use::Search])])
}

#[test]
fn a_channel_alone_and_all_together() {
    let report = report(&[robots(Preference::Allowed, 'y')]);
    let says: Vec<(Use, Verdict, usize)> =
        report.channels[0].says.iter().map(|it| (it.category, it.verdict, it.line)).collect();
    assert_eq!(says, [(Use::TrainAi, Verdict::Reserved, 3), (Use::Search, Verdict::Cleared, 3)]);
    let train = report.concluded("/", Use::TrainAi).expect("a conclusion");
    assert_eq!((train.verdict, train.labels.as_slice()), (Verdict::Reserved, &["aipref: train-ai=n".to_owned()][..]));
    assert_eq!(report.concluded("/", Use::AiUse).expect("a conclusion").verdict, Verdict::Unknown);
    assert!(!report.has_something_to_mend());
}

#[test]
fn what_one_clears_and_another_restricts_is_a_contradiction() {
    let deny = signal("rsl", "prohibits search", Preference::Disallowed, &[Use::Search]);
    let rsl = channel("license.xml", Kind::Rsl, "<rsl>\n<prohibits>search</prohibits>\n", vec![deny]);
    let report = report(&[robots(Preference::Allowed, 'y'), rsl]);
    assert_eq!(report.contradictions.len(), 1);
    let found = &report.contradictions[0];
    assert_eq!((found.category, found.stricter.channel.as_str(), found.stricter.line), (Use::Search, "license.xml", 2));
    assert_eq!((found.looser.channel.as_str(), found.looser.line), ("robots.txt", 3));
    assert_eq!(report.concluded("/", Use::Search).expect("a conclusion").verdict, Verdict::Reserved);
    assert!(report.has_something_to_mend());
}

#[test]
fn an_offer_beside_a_denial_is_no_contradiction() {
    let mut offer = signal("rsl", "permits ai-train", Preference::Allowed, &[Use::TrainAi]);
    offer.duties = vec![Duty { phase: Phase::Before, action: Action::ObtainLicense { from: None } }];
    let rsl = channel("license.xml", Kind::Rsl, "", vec![offer]);
    let report = report(&[robots(Preference::Allowed, 'y'), rsl]);
    let said = &report.channels[1].says[0];
    assert_eq!(
        (said.verdict, said.labels.as_slice()),
        (Verdict::Conditional, &["rsl: permits ai-train".to_owned()][..])
    );
    assert_eq!(report.contradictions, []);
}

#[test]
fn a_path_of_its_own_is_asked_about() {
    let mut narrow = signal("rsl", "prohibits ai-index", Preference::Disallowed, &[Use::AiIndex]);
    narrow.path = Some("/archive/*.html$".to_owned());
    let report = report(&[channel("license.xml", Kind::Rsl, "", vec![narrow])]);
    assert_eq!(report.concluded("/", Use::AiIndex).expect("a conclusion").verdict, Verdict::Unknown);
    let there = report.concluded("/archive/x.html", Use::AiIndex).expect("a conclusion");
    assert_eq!(there.verdict, Verdict::Reserved);
    assert!(report.concluded("/archive/x.html", Use::TrainAi).is_none(), "only what differs");
}

#[test]
fn complaints_carry_hints_and_announced_documents_are_looked_for() {
    let parsed = Parsed {
        announced: ["https://press.example/license.xml", "https://press.example/other.xml"]
            .map(|url| Announced { standard: "rsl", url: url.to_owned() })
            .to_vec(),
        complaints: vec![Complaint::at(2, Lint::UnknownLabel, "`ai=n`")],
        ..Parsed::default()
    };
    let robots = Channel::new("robots.txt".into(), Kind::Robots, "/robots.txt".into(), b"", parsed);
    let report = report(&[robots, channel("license.xml", Kind::Rsl, "", Vec::new())]);
    assert_eq!(report.channels[0].unread, ["https://press.example/other.xml"]);
    assert_eq!(report.channels[0].complaints[0].hint, Lint::UnknownLabel.hint());
    assert!(report.has_something_to_mend());
}

#[test]
fn silence_at_an_address_of_its_own_is_told_and_no_contradiction() {
    let wide = signal("rsl", "permits search", Preference::Allowed, &[Use::Search]);
    let mut narrow = signal("rsl", "prohibits ai-train", Preference::Disallowed, &[Use::TrainAi]);
    narrow.path = Some("/archive/".to_owned());
    let rsl = channel("license.xml", Kind::Rsl, "", vec![wide, narrow]);
    let report = report(&[robots(Preference::Disallowed, 'n'), rsl]);
    assert_eq!(report.contradictions.len(), 1, "{:?}", report.contradictions);
    assert_eq!((report.contradictions[0].category, report.contradictions[0].address.as_str()), (Use::Search, "/"));
}
