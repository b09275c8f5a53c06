//! Words that every form of telling shares: why, what to do, the page of a code.

use crate::explain;
use crate::markup;
use cleartitle_schema::decide::{Decision, Reason, Verdict};
use cleartitle_schema::gate_code::GateCode;
use cleartitle_schema::paper_code::PaperCode;
use cleartitle_schema::policy::Outcome;

/// Where the sources are, and in them the pages.
pub const SOURCE: &str = "https://cleartitle.example/source";

/// The address of a code's page, where there is one.
#[must_use]
pub fn page_address(code: &str) -> Option<String> {
    let (_, folder) = found(code)?;
    Some(format!("{SOURCE}/schema/{folder}/{code}.md"))
}

/// The reasons of a decision and the policy's line, a line each.
#[must_use]
pub fn notes(decision: &Decision, outcome: &Outcome) -> Vec<String> {
    let told = explain::decision(decision);
    let mut notes: Vec<String> =
        told.lines().map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned()).collect();
    notes.push(format!("policy: {} ({})", outcome.action, visible(&outcome.because, 200)));
    notes
}

/// What can be done about a verdict.
#[must_use]
pub const fn hint(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reserved => {
            "leave it out, get a deal with the authority named, or make an exception with owner, reason and end"
        }
        Verdict::Disputed => {
            "leave it out until the dispute is settled, or make an exception with owner, reason and end"
        }
        Verdict::Unknown => "find out who speaks for it (`cleartitle ask`), or leave it out; unknown is never a yes",
        Verdict::Conditional => {
            "meet the duties and say so (reading.asserted_duties), or take them on (actions.accepted_duties)"
        }
        Verdict::Cleared => "the policy's own line refuses it: change that, or leave it out",
    }
}

/// The page of a code, in Markdown, where there is one.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    found(code).map(|(page, _)| page)
}

/// A page and the folder that it lies in.
fn found(code: &str) -> Option<(&'static str, &'static str)> {
    let reason = || code.parse::<Reason>().ok().map(|reason| (reason.page(), "reasons"));
    let paper = || code.parse::<PaperCode>().ok().map(|paper| (paper.page(), "papers"));
    code.parse::<GateCode>().ok().map(|gate| (gate.page(), "gate")).or_else(reason).or_else(paper)
}

/// The first paragraph of a page, on one line.
#[must_use]
pub fn summary(page: &str) -> String {
    let body = page.lines().skip_while(|line| line.is_empty() || line.starts_with('#'));
    body.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A text from outside: control characters and those that turn the direction of reading are shown as one sign, and it is cut.
#[must_use]
pub fn visible(text: &str, longest: usize) -> String {
    let seen = |c: char| match c {
        // A sheet's cells stay apart, each sign as wide as one.
        '\t' => ' ',
        c if is_hidden(c) => '\u{fffd}',
        c => c,
    };
    let mut shown: String = text.chars().take(longest).map(seen).collect();
    if text.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

/// A text inside HTML or XML, in an attribute too.
#[must_use]
pub fn escaped(text: &str, longest: usize) -> String {
    markup::escaped(&visible(text, longest))
}

/// Characters that a terminal or a page obeys instead of showing them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_obeyed() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\n", 20), "a\u{fffd}[31m\u{fffd}b\u{fffd}");
        assert_eq!((visible("abc", 2).as_str(), visible("a\tb", 3).as_str()), ("ab…", "a b"));
        assert_eq!(escaped("<a href='x'>&\u{ffff}\u{0}", 20), "&lt;a href=&#39;x&#39;&gt;&amp;\u{fffd}\u{fffd}");
    }

    #[test]
    fn every_code_has_its_page() {
        assert!(page("rights-reserved").is_some_and(|page| summary(page).ends_with('.')));
        assert!(page("clearance-drift").is_some() && page("no-such-code").is_none());
    }
}
