//! trust.txt (JournalList, `datatrainingallowed` since 2024-04-04): one line for the whole site.

use super::label::{Label, unsaid};
use super::{Loss, Notice, What};
use crate::vocab::{Preference, Use};

const STANDARD: &str = "trust-txt";

const LABEL: Label =
    Label { word: "datatrainingallowed", covers: &[Use::TrainAi, Use::TrainNongen], touches: &[], blanket: false };

/// The line for trust.txt; empty where there is nothing to say.
#[must_use]
pub fn trust_txt(notice: &Notice) -> (String, Vec<Loss>) {
    let mut losses = Vec::new();
    if !notice.area.is_whole() {
        losses.push(Loss::new(
            STANDARD,
            What::Path,
            format!("only a whole site can be told; {}", notice.area.in_words()),
        ));
        return (String::new(), losses);
    }
    unsaid(notice, STANDARD, &[LABEL], &mut losses);
    let value = LABEL.value(notice, STANDARD, &mut losses);
    let told = match value {
        Some(Preference::Disallowed) => "no",
        // A yes would reach what the scope excludes.
        Some(Preference::Allowed) if notice.area.holes.is_empty() => "yes",
        _ => "",
    };
    if value.is_some() && !notice.area.holes.is_empty() {
        let detail = format!("{}: a denial reaches it too, a permission is not written", notice.area.holes.join(", "));
        losses.push(Loss::new(STANDARD, What::Exclusion, detail));
    }
    let text = if told.is_empty() { String::new() } else { format!("datatrainingallowed={told}\n") };
    (text, losses)
}
