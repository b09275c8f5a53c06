//! Section 3 of the summary: reservations of rights, illegal content.

use crate::disclosure::copyright::{protocols, reading};
use crate::disclosure::desk::Desk;
use crate::disclosure::document::{Answer, Section, Source};

/// All of section 3.
pub fn sections(desk: &mut Desk<'_>) -> Vec<Section> {
    let (signatory, _) = desk.yes_no("code-of-practice-signatory", 0);
    let measures = desk.required("tdm-measures");
    let reservations = Section::new("3.1", "Respect of reservation of rights from text and data mining exception or limitation")
        .field(
            "Are you a Signatory to the Code of Practice for general-purpose AI models that includes commitments to respect \
             reservations of rights from the TDM exception or limitation?",
            signatory,
        )
        .field("Measures implemented before model training, before and during data collection", measures)
        .field(
            "Opt-out protocols and solutions honoured",
            Answer::List { items: reading(desk.inputs.policy), from: Source::Policy },
        )
        .table("Marks found in the documents themselves", &["Standard", "Documents"], protocols(desk.inputs.facts))
        .field("Published copyright policy", desk.optional("copyright-policy-url"));
    let illegal = Section::new("3.2", "Removal of illegal content")
        .field("General description of measures taken", desk.required("illegal-content-measures"));
    let other = Section::new("3.3", "Other information (optional)")
        .field("Other relevant information about data processing", desk.optional("other-processing"));
    vec![Section::new("3", "Data processing aspects"), reservations, illegal, other]
}
