//! Laws of fitting: whatever was restricted stays so, for every agent, path and use; nothing becomes permitted.

use super::*;
use crate::signals::Source;
use crate::terms::{Action, Duty, Phase};
use crate::time::Timestamp;
use proptest::prelude::*;

const TOKENS: [(&str, AgentPurpose); 4] = [
    ("*", AgentPurpose::Search),
    ("GPTBot", AgentPurpose::Training),
    ("CCBot", AgentPurpose::Archive),
    ("FindBot", AgentPurpose::Search),
];
const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/*.pdf$", "/a/b/c", "/a/b/c.pdf"];
const USES: [Use; 4] = [Use::TrainAi, Use::AiUse, Use::Search, Use::Crawl];

/// How a group reads one use at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Permitted,
    Nothing,
    OnTerms,
    Perhaps,
    Prohibited,
}

fn said_by(signal: &Signal, category: Use) -> Said {
    match signal.preference {
        _ if !signal.uses.contains(&category) => Said::Nothing,
        Preference::Disallowed => Said::Prohibited,
        _ if signal.malformed => Said::Perhaps,
        _ if is_plain_permission(signal) => Said::Permitted,
        _ => Said::OnTerms,
    }
}

/// The uses and constraints of a signal.
type Own<'a> = (&'a [Use], &'a Constraints);

/// What the signals of one standard say to one agent, by either grouping that `decide` has had: the longest path of an
/// agent and authority decides for every use, or for its own uses and constraints alone.
fn read(signals: &[Signal], agent: Option<&str>, path: &str, category: Use, by_uses: bool) -> Said {
    let mut groups: BTreeMap<(AuthorityKind, Option<Own<'_>>), Vec<&Signal>> = BTreeMap::new();
    let covers = |signal: &&Signal| signal.pattern().is_none_or(|it| it.matches(path));
    for signal in signals.iter().filter(|it| it.agent.as_ref().map(|it| it.token.as_str()) == agent).filter(covers) {
        let key = by_uses.then_some((signal.uses.as_slice(), &signal.constraints));
        groups.entry((signal.authority, key)).or_default().push(signal);
    }
    let mut said = Vec::new();
    for group in groups.into_values() {
        let length = |signal: &Signal| signal.path.as_ref().map_or(0, String::len);
        let longest = group.iter().map(|signal| length(signal)).max();
        let decisive = group.iter().filter(|signal| Some(length(signal)) == longest);
        // Stricter first; and permission only if some rule gives it.
        said.extend(decisive.map(|signal| said_by(signal, category)).filter(|said| *said != Said::Nothing));
    }
    said.into_iter().max().unwrap_or(Said::Nothing)
}

fn signal() -> impl Strategy<Value = Signal> {
    let agent = prop::option::of(prop::sample::select(&TOKENS[..]));
    let uses = prop::sample::subsequence(&USES[..], 1..=3);
    let path = prop::option::of(prop::sample::select(&PATHS[..5]));
    let authority = prop::sample::select(&[AuthorityKind::SiteFile, AuthorityKind::PlatformDefault][..]);
    let kind = 0..6_u8;
    (agent, uses, path, authority, kind).prop_map(|(agent, mut uses, path, authority, kind)| {
        uses.sort();
        let uses = if kind == 0 { vec![Use::Crawl] } else { uses };
        let disallowed = kind > 3;
        let action = Action::Attribute { text: None, url: None };
        Signal {
            standard: "robots".to_owned(),
            version: "rfc9309".to_owned(),
            label: "x".repeat(30),
            authority,
            preference: if disallowed { Preference::Disallowed } else { Preference::Allowed },
            uses,
            agent: agent.map(|(token, purpose)| Agent { token: token.to_owned(), purpose }),
            constraints: Constraints::default(),
            duties: if kind == 2 { vec![Duty { phase: Phase::During, action }] } else { Vec::new() },
            policy: None,
            path: path.map(str::to_owned),
            malformed: kind == 3,
        }
    })
}

fn sighting(mut signals: Vec<Signal>) -> Sighting {
    signals.sort();
    signals.dedup();
    let source = Source {
        standard: "robots".to_owned(),
        url: "https://press.example/robots.txt".to_owned(),
        outcome: SourceOutcome::Read,
        evidence: None,
    };
    Sighting {
        observed_at: Timestamp(0),
        sources: vec![source],
        signals,
        fetched_as: None,
        parser: "test 1".to_owned(),
    }
}

fn check(before: &Sighting, room: usize) {
    let after = fit(before.clone(), room);
    assert!(length(&after) <= room.max(length(&sighting(Vec::new())) + 2), "{} over {room}", length(&after));
    if length(before) <= room {
        assert_eq!(after, *before, "what fits stays");
    }
    if after.sources[0].outcome == SourceOutcome::Failed {
        assert!(after.signals.is_empty(), "failed: unknown for everything");
        return;
    }
    for agent in TOKENS.iter().map(|(token, _)| Some(*token)).chain([None]) {
        for path in PATHS {
            for category in USES {
                for by_uses in [false, true] {
                    let old = read(&before.signals, agent, path, category, by_uses);
                    let own = read(&after.signals, agent, path, category, by_uses);
                    let all = read(&after.signals, None, path, category, by_uses);
                    let new = own.max(all);
                    assert!(new >= old, "{agent:?} {path} {category}: {old:?} became {new:?}\n{after:#?}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn fitting_never_restricts_less(signals in prop::collection::vec(signal(), 0..12), room in 150_usize..4000) {
        check(&sighting(signals), room);
    }
}

/// A list of `count` agents, each shut out, as long lists of robots have them.
fn block_list(count: usize, purpose: AgentPurpose) -> Vec<Signal> {
    let uses = if purpose == AgentPurpose::Training { vec![Use::TrainAi, Use::Crawl] } else { vec![Use::Crawl] };
    let one = |number| Signal {
        standard: "robots".to_owned(),
        version: "rfc9309".to_owned(),
        label: format!("User-agent: Bot{number} / Disallow: /"),
        authority: AuthorityKind::SiteFile,
        preference: Preference::Disallowed,
        uses: uses.clone(),
        agent: Some(Agent { token: format!("{purpose}Bot{number}"), purpose }),
        constraints: Constraints::default(),
        duties: Vec::new(),
        policy: None,
        path: Some("/".to_owned()),
        malformed: false,
    };
    (0..count).map(one).collect()
}

#[test]
fn long_lists_of_agents_keep_those_that_train() {
    let signals = [block_list(800, AgentPurpose::Search), block_list(40, AgentPurpose::Training)].concat();
    let after = fit(sighting(signals), 47_000);
    assert_eq!(after.sources[0].outcome, SourceOutcome::Read);
    let training = |signal: &&Signal| signal.agent.as_ref().is_some_and(|it| it.purpose == AgentPurpose::Training);
    assert_eq!(after.signals.iter().filter(training).count(), 40);
    assert_eq!(after.signals.len(), 41, "and one rule for everybody in place of the others");
    let everybody = after.signals.iter().find(|signal| signal.agent.is_none()).expect("a rule for everybody");
    assert_eq!((everybody.uses.as_slice(), everybody.preference), (&[Use::Crawl][..], Preference::Disallowed));
}

#[test]
fn even_a_thousand_training_agents_end_in_a_reservation() {
    let after = fit(sighting(block_list(1000, AgentPurpose::Training)), 47_000);
    assert_eq!((after.signals.len(), after.signals[0].agent.as_ref()), (1, None));
    assert!(after.signals[0].uses.contains(&Use::TrainAi));
}

#[test]
fn what_fits_nowhere_is_failed() {
    let after = fit(sighting(block_list(3, AgentPurpose::Training)), 10);
    assert_eq!((after.signals.len(), after.sources[0].outcome), (0, SourceOutcome::Failed));
}
