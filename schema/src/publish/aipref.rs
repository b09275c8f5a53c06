//! AIPREF: `Content-Usage` as a header and as rules of robots.txt (draft-ietf-aipref-vocab-08 of 2026-09-14,
//! draft-ietf-aipref-attach-05 of 2026-08-19).

use super::label::{Label, unsaid};
use super::{Loss, Notice, What};
use crate::vocab::{Preference, Use};

const STANDARD: &str = "aipref";

/// `search` overrides the other two for processing that serves search alone, so that its denial touches them.
const LABELS: [Label; 3] = [
    Label { word: "train-ai", covers: &[Use::TrainAi], touches: &[], blanket: false },
    Label { word: "ai-use", covers: &[Use::AiUse], touches: &[Use::AiIndex], blanket: false },
    Label {
        word: "search",
        covers: &[Use::Search],
        touches: &[Use::TrainAi, Use::AiUse, Use::TrainNongen],
        blanket: false,
    },
];

fn values(notice: &Notice, losses: &mut Vec<Loss>) -> Vec<(&'static str, Preference)> {
    unsaid(notice, STANDARD, &LABELS, losses);
    LABELS.iter().filter_map(|label| Some((label.word, label.value(notice, STANDARD, losses)?))).collect()
}

fn dictionary(values: &[(&str, Preference)]) -> String {
    let member = |(word, preference): &(&str, Preference)| {
        format!("{word}={}", if *preference == Preference::Allowed { "y" } else { "n" })
    };
    values.iter().map(member).collect::<Vec<_>>().join(", ")
}

/// The header's value; empty where there is nothing to say.
#[must_use]
pub fn header(notice: &Notice) -> (String, Vec<Loss>) {
    let mut losses = Vec::new();
    let values = values(notice, &mut losses);
    (dictionary(&values), losses)
}

/// A rule of ours that says again which labels the site's own rules deny.
pub(super) fn with_denials(line: &str, denied: &[&str]) -> String {
    // `Content-Usage: /path members`: a path holds no space.
    let mut parts = line.splitn(3, ' ');
    let (Some(name), Some(path), Some(members)) = (parts.next(), parts.next(), parts.next()) else {
        return line.to_owned();
    };
    let label = |member: &str| member.split('=').next().unwrap_or_default().to_owned();
    let kept = members.split(", ").filter(|member| !denied.contains(&label(member).as_str())).map(str::to_owned);
    let all: Vec<String> = kept.chain(denied.iter().map(|label| format!("{label}=n"))).collect();
    format!("{name} {path} {}", all.join(", "))
}

/// The rules for one group of robots.txt. The longest path alone counts, so that a rule for an excluded path takes back
/// what was permitted and leaves the rest unsaid.
pub(super) fn lines(notice: &Notice) -> (Vec<String>, Vec<Loss>) {
    let mut losses = Vec::new();
    let values = values(notice, &mut losses);
    if values.is_empty() {
        return (Vec::new(), losses);
    }
    let rule = |path: &String, values: &[(&str, Preference)]| format!("Content-Usage: {path} {}", dictionary(values));
    let mut lines: Vec<String> = notice.area.paths.iter().map(|path| rule(path, &values)).collect();
    let back: Vec<(&str, Preference)> = values
        .iter()
        .filter(|(_, preference)| *preference == Preference::Allowed)
        .map(|(word, _)| (*word, Preference::Disallowed))
        .collect();
    for hole in &notice.area.holes {
        let detail = if back.is_empty() {
            format!("{hole}: the reservation is written for it too")
        } else {
            lines.push(rule(hole, &back));
            format!("{hole}: what is permitted elsewhere is denied there")
        };
        losses.push(Loss::new(STANDARD, What::Exclusion, detail));
    }
    (lines, losses)
}
