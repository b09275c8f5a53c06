//! California's AB 2013 (Civil Code section 3111(a)): twelve items about the data sets behind a generative system.

use super::desk::{Desk, Need, extent, extents};
use super::document::{Answer, Section, Source};
use super::sizes::Share;
use cleartitle_schema::decide::Reason;
use std::io;

/// Most sources that item 1 shows; how many there are beside them is said.
const SOURCES: usize = 100;

/// All items.
///
/// # Errors
/// What reading temporary files gives.
pub fn sections(desk: &mut Desk<'_>) -> io::Result<Vec<Section>> {
    desk.unverified(
        "The twelve items follow the statute's list in our words; the statute sets no form and no schedule of figures.",
    );
    let head = Section::new("0", "System")
        .field("Developer", desk.required("provider-name"))
        .field("System or service", desk.required("model-names"));
    let mut sections = vec![head, sources(desk)?];
    sections.push(
        Section::new("2", "How the data sets further the intended purpose")
            .field("Description", desk.required("dataset-purpose")),
    );
    sections.extend(points(desk));
    sections.extend(rights(desk));
    sections.extend(people(desk));
    sections.extend(making(desk));
    Ok(sections)
}

fn sources(desk: &mut Desk<'_>) -> io::Result<Section> {
    let mut rows = Vec::new();
    let mut beyond = 0_u64;
    for (kind, what) in [("domain", true), ("collection", false)] {
        let facts = &mut *desk.inputs.facts;
        let table = if what { &mut facts.domains } else { &mut facts.collections };
        for (modality, largest) in table.largest(Share::All)? {
            beyond += largest.names.saturating_sub(SOURCES as u64);
            let shown = largest.listed.into_iter().take(SOURCES);
            rows.extend(shown.map(|(name, of)| vec![kind.to_owned(), name, modality.to_string(), extent(of)]));
        }
    }
    let voices = desk.inputs.facts.voices.told();
    let none = "nobody spoke for any document of the papers";
    let mut section = Section::new("1", "Sources or owners of the data sets")
        .field("Owners", desk.optional("dataset-owners"))
        .field("Rightsholders that state terms for documents", Answer::list(Source::Data, voices, none))
        .table("The largest sources", &["Source", "Name", "Modality", "Extent"], rows);
    if beyond > 0 {
        section = section.note(format!("And {beyond} smaller sources."));
    }
    Ok(section)
}

fn points(desk: &mut Desk<'_>) -> Vec<Section> {
    let facts = &*desk.inputs.facts;
    let number = Answer::counted(extent(facts.all()));
    let kinds = Answer::list(Source::Data, extents(&facts.modalities), "the papers list no documents");
    let count = Section::new("3", "Number of data points").field("Documents", number);
    let types = Section::new("4", "Types of data points")
        .field("By modality", kinds)
        .field("Types of labels, or general characteristics", desk.required("data-point-types"));
    vec![count, types]
}

fn rights(desk: &mut Desk<'_>) -> Vec<Section> {
    let facts = &*desk.inputs.facts;
    let verdicts: Vec<String> =
        facts.verdicts.iter().rev().map(|(verdict, count)| format!("{verdict}: {count} documents")).collect();
    let bases = [
        (Reason::AgreementInForce, "under an agreement in force"),
        (Reason::OfferAccepted, "under an accepted offer"),
        (Reason::GrantInForce, "under a grant"),
        (Reason::LicenseApplies, "under a public license"),
        (Reason::RightsReserved, "reserved by their rightsholder"),
        (Reason::NoStatement, "for which nobody spoke, so that protection is not known"),
    ];
    let by_basis: Vec<String> = bases
        .iter()
        .filter(|(reason, _)| facts.with(*reason) > 0)
        .map(|(reason, words)| format!("{} documents {words}", facts.with(*reason)))
        .collect();
    let none = "the papers list no documents";
    let protected = Section::new("5", "Protection by copyright, trademark or patent, or public domain")
        .field("By what permits or forbids", Answer::list(Source::Data, by_basis, none))
        .field("By verdict for the use", Answer::list(Source::Data, verdicts, none))
        .field("Licenses", Answer::list(Source::Data, facts.licenses.told(), "no license decided on any document"))
        .note("A license such as CC0-1.0 dedicates to the public domain; others, and every agreement, speak of protected works.");
    let licensed = facts.licensed.clone();
    let protected = protected.field("Trademarks and patents", desk.required("trademarks-and-patents"));
    let (answer, _) = desk.yes_no("commercial-licenses", licensed.values().map(|of| of.documents).sum());
    let bought = Section::new("6", "Purchased or licensed")
        .field("Were data sets purchased or licensed?", answer)
        .field("Licensed", Answer::list(Source::Data, extents(&licensed), "the papers list none"));
    vec![protected, bought]
}

fn people(desk: &mut Desk<'_>) -> Vec<Section> {
    let (personal, _) = desk.yes_no("personal-information", 0);
    let (consumer, _) = desk.yes_no("consumer-information", 0);
    vec![
        Section::new("7", "Personal information").field("Do the data sets include personal information?", personal),
        Section::new("8", "Aggregate consumer information")
            .field("Do the data sets include aggregate consumer information?", consumer),
    ]
}

fn making(desk: &mut Desk<'_>) -> Vec<Section> {
    let runs = super::copyright::runs(desk.inputs.facts);
    let cleaning = Section::new("9", "Cleaning, processing and other modification")
        .field("Description and purpose", desk.required("cleaning"))
        .field("Filter runs", Answer::list(Source::Data, runs, "no receipt of a run was given (--run)"));
    let span = desk.inputs.facts.captured;
    let period = match (span.first, span.last) {
        (Some(first), Some(last)) => Answer::counted(format!("{first} to {last}")),
        _ => Answer::not_applicable("no document says when it was captured"),
    };
    if span.unknown > 0 {
        desk.incomplete(format!("{} documents don't say when they were captured", span.unknown));
    }
    let (ongoing, _) = desk.yes_no("continuous-collection", 0);
    let collected =
        Section::new("10", "Period of collection").field("Collected", period).field("Is collection ongoing?", ongoing);
    let used = Section::new("11", "First use in development").field("Dates", desk.required("first-used"));
    let synthetic = desk.inputs.facts.synthetic.clone();
    let (answer, yes) = desk.yes_no("synthetic-data-used", synthetic.values().map(|of| of.documents).sum());
    let made = Section::new("12", "Synthetic data generation")
        .field("Does the system use synthetic data generation in its development?", answer)
        .field("Synthetic", Answer::list(Source::Data, extents(&synthetic), "the papers list none"))
        .field("What it is needed for", desk.follows(yes, "synthetic-need", Need::May));
    vec![cleaning, collected, used, made]
}
