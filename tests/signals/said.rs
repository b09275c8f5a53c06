//! What a carrier of one response says, one line each, and its comparison with a case.

use cleartitle_schema::signals::{Parsed, Signal};
use cleartitle_schema::vocab::AuthorityKind;

use crate::cases::Case;

fn signal(signal: &Signal) -> String {
    let uses: Vec<&str> = signal.uses.iter().map(|one| one.word()).collect();
    let mut line = format!("{} | {} | {} {}", signal.standard, signal.label, signal.preference, uses.join(","));
    if signal.malformed {
        line.push_str(" malformed");
    }
    if signal.authority == AuthorityKind::PlatformDefault {
        line.push_str(" by default");
    }
    if let Some(agent) = &signal.agent {
        line.push_str(&format!(" for {} ({})", agent.token, agent.purpose));
    }
    if let Some(path) = &signal.path {
        line.push_str(&format!(" at {path}"));
    }
    if let Some(policy) = &signal.policy {
        line.push_str(&format!(" see {policy}"));
    }
    for duty in &signal.duties {
        line.push_str(&format!(" owing {}", duty.action.word()));
    }
    line
}

fn lines(said: &Parsed) -> Vec<String> {
    let mut all: Vec<String> = said.signals.iter().map(signal).collect();
    all.extend(said.marks.iter().map(|mark| format!("mark {} {}", mark.license, mark.applies_to)));
    all.extend(said.credits.iter().map(|credit| format!("{} {}", credit.kind, credit.name)));
    all.extend(said.announced.iter().map(|named| format!("announced {} {}", named.standard, named.url)));
    all.extend(said.canonical.iter().map(|url| format!("canonical {url}")));
    all.sort();
    all.dedup();
    all
}

/// Compares with a case's `says`, and with its `complaints` if it names any; both in any order.
///
/// # Errors
/// What differs.
pub fn compare(said: &Parsed, case: &Case) -> Result<(), String> {
    let mut wanted = case.texts("says");
    wanted.sort_unstable();
    let found = lines(said);
    if found != wanted {
        return Err(format!("says\n  {}\n  not\n  {}", found.join("\n  "), wanted.join("\n  ")));
    }
    let mut lints: Vec<&str> = said.complaints.iter().map(|complaint| complaint.lint.word()).collect();
    lints.sort_unstable();
    lints.dedup();
    let mut complaints = case.texts("complaints");
    complaints.sort_unstable();
    if case.value.get("complaints").is_some() && lints != complaints {
        return Err(format!("complains {lints:?}, not {complaints:?}: {:?}", said.complaints));
    }
    Ok(())
}
