//! What is kept of a robots.txt that would give more signals than anybody reads: fewer and wider prohibitions, no permission.

use super::emit::{Named, VERSION};
use super::lines::Key;
use super::names::Names;
use crate::signals::{Agent, Complaint, Lint, MAX_SIGNALS, Parsed, Signal, shown};
use crate::vocab::{AuthorityKind, Preference, Use};

/// An unclear word on everything, for a file that was not read to its end.
pub(super) fn unread() -> Signal {
    signal("robots", "the rest of a file longer than is read", Preference::Allowed, Use::ALL, None, true)
}

/// One prohibition of the whole site for each agent that is disallowed anything; for more agents than that, for everybody.
/// Who lays out a million rules to hide one of them gets the one for all.
pub(super) fn signals(mut parsed: Parsed, readings: &[Named<'_, '_>], names: &Names<'_>) -> Parsed {
    let detail = "more rules for more agents than are kept; each agent that is disallowed anything is disallowed all";
    parsed.complaints.push(Complaint::at(0, Lint::TooMuch, detail));
    let disallowed = || names.list.iter().filter(|name| name.disallowed);
    if disallowed().count() > MAX_SIGNALS / 2 {
        parsed.signals.push(signal(
            "robots",
            "Disallow: / for everybody",
            Preference::Disallowed,
            Use::ALL,
            None,
            true,
        ));
    } else {
        parsed.signals.extend(disallowed().map(|name| {
            let label = format!("User-agent: {} / Disallow: /", name.agent.token);
            signal("robots", &label, Preference::Disallowed, name.uses, Some(name.agent.clone()), true)
        }));
    }
    let stating = || readings.iter().flat_map(|named| &named.groups.stating);
    for (key, standard) in
        [(Key::ContentUsage, "aipref"), (Key::ContentSignal, "content-signal"), (Key::DisallowTraining, "other")]
    {
        let of_key = |line: &super::groups::Stating<'_>| {
            line.key == key || (key == Key::DisallowTraining && line.key == Key::Reservation)
        };
        if stating().any(of_key) {
            let uses = &Use::ALL[..Use::ALL.len() - 2];
            let label = "preferences among more lines than are kept";
            parsed.signals.push(signal(standard, label, Preference::Disallowed, uses, None, true));
        }
    }
    super::preferences::announce(readings, &mut parsed);
    parsed
}

fn signal(
    standard: &str,
    label: &str,
    preference: Preference,
    uses: &[Use],
    agent: Option<Agent>,
    malformed: bool,
) -> Signal {
    let signal = Signal::of(standard, VERSION, shown(label), AuthorityKind::SiteFile, preference, uses.to_vec());
    Signal { agent, malformed, ..signal }
}
