//! The public summary of training content after article 53(1)(d) of the EU AI Act, section by section of the Commission's template.
//!
//! Checked against a form that a provider has filled in (Apertus, September 2025) and three independent transcriptions of the
//! annex to C(2025) 5235: the sections, the size bands of all modalities, the tenth of all domain names by size, and for small
//! and medium-sized providers the twentieth or a thousand. What stayed unchecked is said in every report.

mod general;
mod processing;
mod sources;

use super::Template;
use super::desk::Desk;
use super::document::Section;
use super::sizes::Share;
use std::io;

/// All sections.
///
/// # Errors
/// What reading temporary files gives.
pub fn sections(desk: &mut Desk<'_>) -> io::Result<Vec<Section>> {
    desk.unverified(
        "The text of C(2025) 8311 itself was not at hand: sections, size bands and shares of domain names are those of independent \
         transcriptions of the annex to C(2025) 5235, which agree with each other.",
    );
    desk.unverified(
        "That a public data set is large from more than 3 % of all public data of its modality on was found in no \
         transcription; the share that each collection has is shown, and none is left out.",
    );
    desk.unverified(
        "The tenth (twentieth) of domain names is read as that part of their number, the largest by bytes first. Domains are \
         registrable ones by the public suffix list, its private part included.",
    );
    let mut sections = vec![head(desk)];
    sections.extend(general::sections(desk));
    sections.extend(sources::sections(desk)?);
    sections.extend(processing::sections(desk));
    Ok(sections)
}

/// What part of all domain names is shown.
const fn share(template: Template) -> (Share, &'static str) {
    match template {
        Template::EuSme => (Share::Twentieth, "top 5 % of all domain names or 1,000, whichever is fewer"),
        _ => (Share::Tenth, "top 10 % of all domain names"),
    }
}

fn head(desk: &mut Desk<'_>) -> Section {
    let update = super::document::Answer::counted(desk.inputs.as_of.to_string()[..10].to_owned());
    Section::new("0", "Summary")
        .field("Version of the Summary", desk.required("summary-version"))
        .field("Last update", update)
}
