//! Headers: the lines of an HTTP response that say the terms, for whoever configures the server.

use super::label::{Label, unsaid};
use super::tdmrep::Reserved;
use super::{Loss, Notice, aipref, content_signal, rsl, tdmrep};
use crate::vocab::{Preference, Use};

/// `noai` (DeviantArt, November 2022) is all or nothing.
const NOAI: Label = Label {
    word: "noai",
    covers: &[Use::TrainAi, Use::AiUse, Use::TrainNongen, Use::AiIndex, Use::TdmOther],
    touches: &[],
    blanket: true,
};

/// Whether `noai` is true, for headers and meta elements.
pub(super) fn noai(notice: &Notice, losses: &mut Vec<Loss>) -> bool {
    let mut own = Vec::new();
    unsaid(notice, "x-robots-tag", &[NOAI], &mut own);
    let value = NOAI.value(notice, "x-robots-tag", &mut own);
    losses.append(&mut own);
    value == Some(Preference::Disallowed)
}

/// The header lines for responses in the area, below a comment that says for which; empty where there is nothing to say.
#[must_use]
pub fn headers(notice: &Notice) -> (String, Vec<Loss>) {
    let mut lines = Vec::new();
    let (usage, mut losses) = aipref::header(notice);
    if !usage.is_empty() {
        lines.push(format!("Content-Usage: {usage}"));
    }
    let (signal, own) = content_signal::header(notice);
    losses.extend(own);
    if !signal.is_empty() {
        lines.push(format!("Content-Signal: {signal}"));
    }
    match tdmrep::reserved(notice, &mut losses) {
        Some(Reserved::Plain) => lines.push("tdm-reservation: 1".to_owned()),
        Some(Reserved::Policy) => {
            lines.push("tdm-reservation: 1".to_owned());
            lines.push(format!("tdm-policy: {}", notice.places.policy));
        }
        Some(Reserved::Not) => lines.push("tdm-reservation: 0".to_owned()),
        None => {}
    }
    if noai(notice, &mut losses) {
        lines.push("X-Robots-Tag: noai".to_owned());
    }
    if !rsl::rsl(notice).0.is_empty() {
        lines.push(format!("Link: <{}>; rel=\"license\"; type=\"application/rsl+xml\"", notice.places.rsl));
    }
    if lines.is_empty() {
        return (String::new(), losses);
    }
    let (site, area) = (&notice.site, notice.area.in_words());
    (format!("# With every response of {site} for {area}:\n{}\n", lines.join("\n")), losses)
}
