//! What a data set or a part of one was made from, by every word that the vocabularies have for it.
//!
//! An origin that nothing names is an origin all the same, and stays unresolved; so is one that only the rows of the data name.

use super::Graph;
use super::linked::{Words, property};
use crate::dataset::entry::Origin;
use crate::dataset::inventory::LINK;
use crate::dataset::tree::Node;
use cleartitle_schema::lineage::Link;
use std::sync::Arc;

/// The words by which something is said to be made from something else, and how.
const ORIGINS: &[(&str, Link)] = &[
    ("isBasedOn", Link::Adaptation),
    ("isBasedOnUrl", Link::Adaptation),
    ("translationOfWork", Link::Translation),
    ("wasDerivedFrom", Link::Adaptation),
    ("hadPrimarySource", Link::Adaptation),
    ("wasRevisionOf", Link::Adaptation),
    ("wasQuotedFrom", Link::Excerpt),
    ("used", Link::Adaptation),
];

/// Those of Dublin Core, which are told from Croissant's own `source` by their prefix.
const DUBLIN_CORE: &[(&str, Link)] =
    &[("source", Link::Adaptation), ("isVersionOf", Link::Adaptation), ("isFormatOf", Link::SameContent)];

/// The prefixes that Dublin Core has.
const DUBLIN_CORE_PREFIXES: &[&str] = &["dct:", "dcterms:", "http://purl.org/dc/terms/", "https://purl.org/dc/terms/"];

/// What stands for an origin without any name.
const NAMELESS: &str = "(an origin that is not named)";

/// Finds the origins that a node states, in `graph` where it only refers to them.
pub fn of(words: &Words, node: &Node, graph: &Graph<'_>, file: &Arc<str>) -> Vec<Origin> {
    let mut found = Vec::new();
    gather(words, node, graph, file, 0, &mut found);
    found
}

fn link(words: &Words, word: &str) -> Option<Link> {
    let of = |table: &[(&str, Link)], word: &str| table.iter().find(|(known, _)| *known == word).map(|(_, link)| *link);
    let dublin = DUBLIN_CORE_PREFIXES.iter().find_map(|begin| word.strip_prefix(begin));
    dublin.map_or_else(|| words.local(word).and_then(|local| of(ORIGINS, local)), |local| of(DUBLIN_CORE, local))
}

fn gather(words: &Words, node: &Node, graph: &Graph<'_>, file: &Arc<str>, depth: usize, found: &mut Vec<Origin>) {
    for (word, value) in node.members() {
        // The activity that made it says what it used.
        if words.local(word) == Some("wasGeneratedBy") && depth < 8 {
            for activity in value.items() {
                gather(words, referred(activity, graph), graph, file, depth + 1, found);
            }
        }
        let Some(link) = link(words, word) else { continue };
        for origin in value.items() {
            let meant = referred(origin, graph);
            let (of, at) = words.said(meant).or_else(|| words.said(origin)).unwrap_or((NAMELESS, origin));
            let place = at.place(file).member(word);
            let link = property(words, meant, LINK).and_then(|link| link.parse().ok()).unwrap_or(link);
            found.push(Origin { link, of: of.to_owned(), place });
            // What it was made from is told here and nowhere else.
            if depth < 8 {
                gather(words, meant, graph, file, depth + 1, found);
            }
        }
    }
}

/// A node that stands elsewhere in the graph, where this one is only its id.
fn referred<'n>(node: &'n Node, graph: &Graph<'n>) -> &'n Node {
    match node.members() {
        [(name, id)] if &**name == "@id" => id.text().and_then(|id| graph.get(id)).copied().unwrap_or(node),
        _ => node,
    }
}

/// Origins that stand in the rows of the data: a field or annotation that is said to be what the row was derived from.
pub fn of_rows(words: &Words, field: &Node, file: &Arc<str>, found: &mut Vec<Origin>) {
    for property in words.all(field, "equivalentProperty") {
        let text = property.string().or_else(|| property.text_of("@id")).unwrap_or_default();
        if let Some(link) = link(words, text) {
            let of = format!("(what the rows of `{}` name)", words.id(field).unwrap_or("a field"));
            found.push(Origin { link, of, place: property.place(file).member("equivalentProperty") });
        }
    }
    for name in ["subField", "annotation"] {
        words.all(field, name).for_each(|below| of_rows(words, below, file, found));
    }
}
