//! Attribution notices: everybody whom the terms of the documents ask to name, in the words and with the link that they ask for.

use super::desk::Desk;
use super::document::{Answer, Section};
use super::facts::Credit;

/// The notices, and what they can't hold.
pub fn sections(desk: &mut Desk<'_>) -> Vec<Section> {
    let facts = &*desk.inputs.facts;
    let row = |(credit, documents): (&Credit, &u64)| {
        let by = match (&credit.statement, credit.licenses.as_slice()) {
            (Some(statement), _) => statement.to_string(),
            (None, []) => "a license mark".to_owned(),
            (None, licenses) => licenses.join(", "),
        };
        let words = credit.text.clone().unwrap_or_else(|| format!("Source: {}", credit.to));
        vec![credit.to.clone(), words, credit.url.clone().unwrap_or_default(), by, documents.to_string()]
    };
    let rows: Vec<Vec<String>> = facts.credits.iter().map(row).collect();
    let mut section = Section::new("1", "Notices");
    if rows.is_empty() {
        let none = Answer::not_applicable("no document of the papers asks for attribution");
        section = section.field("Notices", none);
    }
    let section = section.table("Who is named", &["To", "Notice", "Link", "Asked for by", "Documents"], rows);
    let stated = facts.stated_licenses.told();
    let licenses = Section::new("2", "Licenses")
        .field(
            "Licenses that decided",
            Answer::list(super::document::Source::Data, facts.licenses.told(), "none decided on any document"),
        )
        .field(
            "Licenses as the papers state them",
            Answer::list(super::document::Source::Data, stated, "the papers state none"),
        )
        .note(
            "Where terms name no words, the notice names their rightsholder. Authors and titles of single works stand in the \
             documents; licenses that ask for them are met only with both.",
        );
    vec![section, licenses]
}
