//! Section 2 of the summary: where the data is from.

use super::share;
use crate::disclosure::desk::{Desk, Need, extents, modalities};
use crate::disclosure::document::{Answer, Section, Source};
use crate::disclosure::modality::Modality;
use crate::disclosure::sizes::{Extent, LISTED, Largest, Share};
use cleartitle_schema::vocab::Channel;
use std::collections::BTreeMap;
use std::io;

/// All of section 2.
pub fn sections(desk: &mut Desk<'_>) -> io::Result<Vec<Section>> {
    Ok(vec![
        Section::new("2", "List of data sources"),
        public(desk)?,
        Section::new("2.2", "Private non-publicly available datasets obtained from third parties"),
        licensed(desk),
        private(desk)?,
        crawled(desk)?,
        users(desk),
        synthetic(desk),
        other(desk),
    ])
}

fn documents(of: &BTreeMap<Modality, Extent>) -> u64 {
    of.values().map(|extent| extent.documents).sum()
}

/// Named collections, those that were said to be private apart.
fn collections(desk: &mut Desk<'_>, private: bool) -> io::Result<Vec<(Modality, String, Extent, Extent)>> {
    let named = desk.names("private-collections");
    let mut found = Vec::new();
    for (kind, largest) in desk.inputs.facts.collections.largest(Share::All)? {
        let Largest { listed, names, .. } = largest;
        if names > LISTED {
            desk.incomplete(format!("{names} collections of {kind} are named; the {LISTED} largest are listed"));
        }
        let wanted: Vec<(String, Extent)> =
            listed.into_iter().filter(|(name, _)| named.contains(name) == private).collect();
        let mut all = Extent::default();
        wanted.iter().for_each(|(_, extent)| all.add(*extent));
        found.extend(wanted.into_iter().map(|(name, extent)| (kind, name, extent, all)));
    }
    Ok(found)
}

fn rows(of: &[(Modality, String, Extent, Extent)]) -> Vec<Vec<String>> {
    let share = |part: u64, all: u64| match all {
        0 => "unknown".to_owned(),
        all => format!("{}.{} %", part.saturating_mul(100) / all, part.saturating_mul(1_000) / all % 10),
    };
    let row = |(kind, name, extent, all): &(Modality, String, Extent, Extent)| {
        let (documents, bytes) = (extent.documents.to_string(), extent.bytes.to_string());
        vec![kind.to_string(), name.clone(), documents, bytes, share(extent.bytes, all.bytes)]
    };
    of.iter().map(row).collect()
}

const COLLECTION_COLUMNS: &[&str] = &["Modality", "Dataset", "Documents", "Bytes", "Share of these bytes"];

fn public(desk: &mut Desk<'_>) -> io::Result<Section> {
    let found = collections(desk, false)?;
    let shown = found.iter().map(|(_, _, extent, _)| extent.documents).sum();
    let (answer, yes) = desk.yes_no("public-datasets-used", shown);
    let of: BTreeMap<Modality, Extent> = found.iter().map(|(kind, _, _, all)| (*kind, *all)).collect();
    let section = Section::new("2.1", "Publicly available datasets")
        .field("Have you used publicly available datasets to train the model?", answer)
        .field("Modality(ies) of the content covered by the datasets concerned", modalities(&of))
        .field(
            "List of large publicly available datasets",
            desk.follows(yes, "public-datasets-large", if found.is_empty() { Need::Must } else { Need::May }),
        )
        .field(
            "General description of other publicly available datasets not listed above",
            desk.follows(yes, "public-datasets-other", Need::May),
        );
    Ok(section.table("Collections that the papers name", COLLECTION_COLUMNS, rows(&found)))
}

fn licensed(desk: &mut Desk<'_>) -> Section {
    let of = desk.inputs.facts.licensed.clone();
    let (answer, yes) = desk.yes_no("commercial-licenses", documents(&of));
    let shown = if yes == Some(false) { Answer::not_applicable("answered with no above") } else { modalities(&of) };
    Section::new("2.2.1", "Datasets commercially licensed by rightsholders or their representatives")
        .field(
            "Have you concluded transactional commercial licensing agreement(s) with rightsholder(s) or with their \
             representatives?",
            answer,
        )
        .field("Modality(ies) of the content covered by the datasets concerned", shown)
        .field("Documents under such agreements", Answer::list(Source::Data, extents(&of), "the papers list none"))
}

fn private(desk: &mut Desk<'_>) -> io::Result<Section> {
    let found = collections(desk, true)?;
    let shown = found.iter().map(|(_, _, extent, _)| extent.documents).sum();
    let (answer, yes) = desk.yes_no("private-datasets-used", shown);
    let of: BTreeMap<Modality, Extent> = found.iter().map(|(kind, _, _, all)| (*kind, *all)).collect();
    let section = Section::new("2.2.2", "Private datasets obtained from other third parties")
        .field(
            "Have you obtained private datasets from third parties that are not licensed as described in Section 2.2.1?",
            answer,
        )
        .field("Modality(ies) of the content covered by the datasets concerned", modalities(&of))
        .field("General description", desk.follows(yes, "private-datasets-description", Need::Must));
    Ok(section.table("Collections said to be private", COLLECTION_COLUMNS, rows(&found)))
}

fn crawled(desk: &mut Desk<'_>) -> io::Result<Section> {
    let of = desk.inputs.facts.by_channel(&[Channel::Crawl]);
    let (part, words) = share(desk.template);
    let domains = desk.inputs.facts.domains.largest(part)?;
    let (answer, yes) = desk.yes_no("crawlers-used", documents(&of));
    let own = desk.inputs.policy.reading.own_agents.clone();
    let own = (!own.is_empty()).then_some(Answer::List { items: own, from: Source::Policy });
    let names = match yes {
        Some(true) => desk.given_or("crawler-names", own),
        _ => desk.follows(yes, "crawler-names", Need::May),
    };
    let span = desk.inputs.facts.crawled;
    let period = match (span.first, span.last) {
        (Some(first), Some(last)) => Answer::counted(format!("{first} to {last}")),
        _ => Answer::not_applicable("no crawled document says when it was captured"),
    };
    if span.unknown > 0 {
        desk.incomplete(format!("{} crawled documents don't say when they were captured", span.unknown));
    }
    let mut section = Section::new("2.3", "Data crawled and scraped from online sources")
        .field("Were crawlers used by the provider or on behalf of?", answer)
        .field("Crawler name(s)/identifier(s)", names)
        .field("Purposes of the crawler(s)", desk.follows(yes, "crawler-purposes", Need::Must))
        .field("General description of crawler behaviour", desk.follows(yes, "crawler-behaviour", Need::Must))
        .field("Period of data collection", period)
        .field(
            "Comprehensive description of the type of content and online sources crawled",
            desk.follows(yes, "crawled-content", Need::Must),
        )
        .field("Modality(ies) covered", modalities(&of));
    if domains.is_empty() {
        let none = Answer::not_applicable("no document of the papers was, or may have been, crawled");
        return Ok(section.field(&format!("Summary of the most relevant domain names ({words})"), none));
    }
    let facts = &*desk.inputs.facts;
    if facts.channelless > 0 {
        section = section.note(format!(
            "{} documents have a URL and no paper says how they were got: they are counted here, so that no domain is left out.",
            facts.channelless
        ));
    }
    if facts.hostless > 0 {
        let hostless = facts.hostless;
        desk.incomplete(format!("{hostless} crawled documents have a URL that can't be read, and so no domain"));
    }
    for (kind, largest) in domains {
        section = listed(desk, section, words, kind, largest);
    }
    Ok(section)
}

fn listed(desk: &mut Desk<'_>, section: Section, words: &str, kind: Modality, largest: Largest) -> Section {
    let Largest { names, wanted, listed, all } = largest;
    if wanted > listed.len() as u64 {
        desk.incomplete(format!("{wanted} domains of {kind} have to be listed, {} are", listed.len()));
    }
    if all.unsized_documents > 0 {
        let unsized_documents = all.unsized_documents;
        desk.incomplete(format!(
            "{unsized_documents} crawled documents of {kind} don't say how many bytes they have: the order of their domains may differ"
        ));
    }
    let caption = format!(
        "{kind}: {words} by size of the content, {} of {names} domains, representative of all {} documents",
        listed.len(),
        all.documents
    );
    let rows = listed.into_iter().map(|(name, of)| vec![name, of.bytes.to_string(), of.documents.to_string()]);
    section.table(caption, &["Domain", "Bytes", "Documents"], rows.collect())
}

fn users(desk: &mut Desk<'_>) -> Section {
    let of = desk.inputs.facts.by_channel(&[Channel::Upload]);
    let (model, with_model) = desk.yes_no("user-data-model", 0);
    let (services, with_services) = desk.yes_no("user-data-services", documents(&of));
    let either = match (with_model, with_services) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    };
    Section::new("2.4", "User data")
        .field("Was data from user interactions with the AI model (e.g. user input and prompts) used to train the model?", model)
        .field(
            "Was data collected from user interactions with the provider's other services or products used to train the model?",
            services,
        )
        .field("Description of the services or products and of the data", desk.follows(either, "user-data-description", Need::Must))
        .field("Modality(ies) covered", modalities(&of))
}

fn synthetic(desk: &mut Desk<'_>) -> Section {
    let of = desk.inputs.facts.synthetic.clone();
    let (answer, yes) = desk.yes_no("synthetic-data-used", documents(&of));
    let generators = desk.inputs.facts.generators.told();
    let counted = (!generators.is_empty()).then_some(Answer::List { items: generators, from: Source::Data });
    let models = match yes {
        Some(true) => desk.given_or("synthetic-models", counted),
        _ => desk.follows(yes, "synthetic-models", Need::May),
    };
    Section::new("2.5", "Synthetic data")
        .field("Was synthetic AI-generated data created by the provider or on their behalf to train the model?", answer)
        .field("Modality(ies) of the synthetic data", modalities(&of))
        .field("General-purpose AI model(s) used to generate it, if available on the market", models)
        .field("Other AI models used to generate it", desk.follows(yes, "synthetic-other-models", Need::May))
}

fn other(desk: &mut Desk<'_>) -> Section {
    let of = desk.inputs.facts.by_channel(&[Channel::Annotation, Channel::Expert]);
    let (answer, yes) = desk.yes_no("other-sources-used", documents(&of));
    Section::new("2.6", "Other sources of data")
        .field(
            "Have data sources other than those described in Sections 2.1 to 2.5 been used to train the model?",
            answer,
        )
        .field("Description", desk.follows(yes, "other-sources-description", Need::Must))
        .field("Human-made for the provider", Answer::list(Source::Data, extents(&of), "the papers list none"))
}
