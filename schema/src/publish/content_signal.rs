//! Content signals (contentsignals.org, policy of 2025-09-24): `Content-Signal` as a header and as a line of robots.txt.

use super::label::{Label, unsaid};
use super::{Loss, Notice, What};
use crate::vocab::Preference;
use crate::vocab::labels::content_signal;

const STANDARD: &str = "content-signal";

fn values(notice: &Notice, losses: &mut Vec<Loss>) -> Vec<(&'static str, Preference)> {
    let labels = Label::rows(content_signal::TABLE, &["search", "ai-input", "ai-train"]);
    unsaid(notice, STANDARD, &labels, losses);
    labels.iter().filter_map(|label| Some((label.word, label.value(notice, STANDARD, losses)?))).collect()
}

fn pairs(values: &[(&str, Preference)]) -> String {
    let pair = |(word, preference): &(&str, Preference)| {
        format!("{word}={}", if *preference == Preference::Allowed { "yes" } else { "no" })
    };
    values.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// The header's value; empty where there is nothing to say.
#[must_use]
pub fn header(notice: &Notice) -> (String, Vec<Loss>) {
    let mut losses = Vec::new();
    let values = values(notice, &mut losses);
    (pairs(&values), losses)
}

/// The line for one group of robots.txt, which speaks for the whole site: the published policy has no paths.
pub(super) fn line(notice: &Notice) -> (Option<String>, Vec<Loss>) {
    if !notice.area.is_whole() {
        let detail = format!("it speaks for a whole site; the header says it for {}", notice.area.in_words());
        return (None, vec![Loss::new(STANDARD, What::Path, detail)]);
    }
    let mut losses = Vec::new();
    let mut values = values(notice, &mut losses);
    if !notice.area.holes.is_empty() && !values.is_empty() {
        values.retain(|(_, preference)| *preference == Preference::Disallowed);
        let detail = format!("{}: denied too, and nothing is permitted", notice.area.holes.join(", "));
        losses.push(Loss::new(STANDARD, What::Exclusion, detail));
    }
    ((!values.is_empty()).then(|| format!("Content-Signal: {}", pairs(&values))), losses)
}
