//! SPDX 3 (JSON-LD): data set packages, the files that they hold, and the licenses that relationships give them.
//!
//! A `dataset_DatasetPackage` and a `software_File` are entries, found by their hashes and `software_downloadLocation`. Declared
//! and concluded licenses are both stated. SPDX 2 has no data sets and is told as unread.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::tree::{Node, Tree};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where SPDX keeps what every document may refer to without holding it: `NoneElement`, listed licenses.
const KNOWN_ELSEWHERE: &[&str] =
    &["https://spdx.org/rdf/", "http://spdx.org/rdf/", "https://spdx.org/licenses/", "http://spdx.org/licenses/"];

/// What an element is called in short.
fn kind(node: &Node) -> &str {
    let kind = node
        .first_of(&["type", "@type"])
        .and_then(|kind| kind.items().first())
        .and_then(Node::text)
        .unwrap_or_default();
    kind.rsplit(['/', ':']).next().unwrap_or_default()
}

fn id(node: &Node) -> Option<&str> {
    node.first_of(&["spdxId", "@id"]).and_then(Node::text)
}

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    if let Some(version) = root.text_of("spdxVersion") {
        let what = format!("{} has no data sets, only SPDX 3 does", version.chars().take(20).collect::<String>());
        return vec![Item::Damage { place: root.place(file), what }];
    }
    let graph = root.member("@graph").map_or_else(|| root.items(), Node::items);
    let licenses = license_elements(graph);
    let mut entries: Vec<Entry> = Vec::new();
    let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
    let mut items = Vec::new();
    for node in graph {
        if !matches!(kind(node), "dataset_DatasetPackage" | "DatasetPackage" | "software_File") {
            continue;
        }
        let entry = element(node, file, &mut items);
        if let Some(id) = id(node) {
            by_id.insert(id, entries.len());
        }
        entries.push(entry);
    }
    let borne = borne(graph);
    let mut refers = Vec::new();
    for node in graph.iter().filter(|node| matches!(kind(node), "Relationship" | "LifecycleScopedRelationship")) {
        relate(node, file, &by_id, &licenses, &mut entries);
        refers.extend(
            references(node, file)
                .into_iter()
                .filter(|to| !is_elsewhere(&to.text) && !borne.contains(to.text.as_str())),
        );
    }
    if let Some(first) = entries.first_mut() {
        first.dead = refers;
    }
    if entries.is_empty() {
        items.push(Item::Damage {
            place: root.place(file),
            what: "no `dataset_DatasetPackage` stands in this paper".to_owned(),
        });
    }
    items.extend(entries.into_iter().map(|entry| match entry.is_named() {
        true => Item::Entry(Box::new(entry)),
        false => Item::Damage { place: entry.place, what: "an element without name, hash and location".to_owned() },
    }));
    items
}

fn is_elsewhere(id: &str) -> bool {
    KNOWN_ELSEWHERE.iter().any(|begin| id.starts_with(begin)) || matches!(id, "NoAssertionElement" | "NoneElement")
}

/// The ids that the paper bears: its elements', and those that it says to import.
fn borne(graph: &[Node]) -> BTreeSet<&str> {
    let imported =
        graph.iter().flat_map(|node| node.first_of(&["import", "imports"]).map(Node::items).unwrap_or_default());
    let imported = imported
        .filter_map(|map| map.first_of(&["externalSpdxId", "spdxId"]).and_then(Node::text).or_else(|| map.text()));
    graph.iter().filter_map(id).chain(imported).collect()
}

/// The words of each license element by its id.
fn license_elements(graph: &[Node]) -> BTreeMap<&str, &Node> {
    let mut found = BTreeMap::new();
    for node in graph {
        let words =
            node.first_of(&["simplelicensing_licenseExpression", "licenseExpression", "simplelicensing_licenseText"]);
        let words = words.or_else(|| kind(node).contains("License").then(|| node.member("name")).flatten());
        if let (Some(id), Some(words)) = (id(node), words) {
            found.insert(id, words);
        }
    }
    found
}

fn element(node: &Node, file: &Arc<str>, items: &mut Vec<Item>) -> Entry {
    let mut entry = Entry { place: node.place(file), ..Entry::default() };
    let name = node.text_of("name");
    entry.name = name.map(str::to_owned);
    if kind(node) != "software_File" {
        entry.in_collection(name.unwrap_or_default());
    }
    entry.ids.extend(id(node).map(str::to_owned));
    let mut digests: Vec<ContentName> = Vec::new();
    for hash in node.member("verifiedUsing").map(Node::items).unwrap_or_default() {
        let (Some(algorithm), Some(value)) = (hash.text_of("algorithm"), hash.member("hashValue")) else { continue };
        let text = value.text().unwrap_or_default();
        match naming::digest(algorithm, text) {
            Some(name) => digests.push(name),
            None if naming::names_documents(algorithm) => items.push(Item::Damage {
                place: value.place(file).member("hashValue"),
                what: format!("`hashValue` is no {} digest", algorithm.chars().take(20).collect::<String>()),
            }),
            None => entry.fact(&algorithm.to_ascii_lowercase(), value, file),
        }
    }
    for name in &digests {
        entry.named_by(*name);
    }
    for member in ["software_downloadLocation", "downloadLocation"] {
        if let Some(url) = node.text_of(member) {
            entry.fetched_from(url);
        }
    }
    if let Some(url) = node.first_of(&["software_homePage", "homePage"]).and_then(Node::text) {
        entry.shown_at(url);
    }
    // A file's name is its path; a package has no bytes of its own beside the paper.
    if kind(node) == "software_File"
        && let Some(path) = name
        && !digests.is_empty()
    {
        let place = node.member("name").unwrap_or(node).place(file).member("name");
        entry.files.push(FileClaim { path: path.to_owned(), digests, bytes: None, place });
    }
    for (member, value) in node.members() {
        let facts = member.starts_with("dataset_")
            || matches!(
                member.as_str(),
                "builtTime"
                    | "releaseTime"
                    | "software_primaryPurpose"
                    | "software_packageVersion"
                    | "originatedBy"
                    | "software_copyrightText"
            );
        if facts {
            entry.fact(member, value, file);
        }
    }
    entry
}

/// What a relationship names at its other end.
fn references(node: &Node, file: &Arc<str>) -> Vec<Stated> {
    let ends = ["from", "to"]
        .into_iter()
        .flat_map(|name| node.member(name).map(Node::items).unwrap_or_default().iter().map(move |end| (name, end)));
    let told =
        |(name, end): (&str, &Node)| Some(Stated { text: end.text()?.to_owned(), place: end.place(file).member(name) });
    ends.filter_map(told).collect()
}

fn relate(
    node: &Node,
    file: &Arc<str>,
    by_id: &BTreeMap<&str, usize>,
    licenses: &BTreeMap<&str, &Node>,
    entries: &mut [Entry],
) {
    let how = node.text_of("relationshipType").unwrap_or_default();
    let how = how.rsplit('/').next().unwrap_or_default();
    let from = node.member("from").and_then(|from| from.text().or_else(|| id(from)));
    for to in node.member("to").map(Node::items).unwrap_or_default() {
        let Some(target) = to.text().or_else(|| id(to)) else { continue };
        match how {
            "hasDeclaredLicense" | "hasConcludedLicense" => {
                let Some(entry) = from.and_then(|from| by_id.get(from)).and_then(|at| entries.get_mut(*at)) else {
                    continue;
                };
                let (text, at) = match licenses.get(target) {
                    Some(words) => (words.text().unwrap_or_default(), *words),
                    None => (listed(target), to),
                };
                entry.licenses.push(Stated { text: text.to_owned(), place: at.place(file).member(how) });
            }
            "descendantOf" | "copiedTo" | "ancestorOf" => {
                let Some(from) = from else { continue };
                let (child, parent) = if how == "descendantOf" { (from, target) } else { (target, from) };
                let Some(entry) = by_id.get(child).and_then(|at| entries.get_mut(*at)) else { continue };
                let link = if how == "copiedTo" { Link::SameContent } else { Link::Adaptation };
                entry.derived_from.push(Origin { link, of: parent.to_owned(), place: to.place(file).member(how) });
            }
            _ => {}
        }
    }
}

/// A listed license by its address; the two words for not knowing.
fn listed(id: &str) -> &str {
    match id.rsplit('/').next().unwrap_or_default() {
        "NoAssertionLicense" | "NoAssertionElement" => "NOASSERTION",
        "NoneLicense" | "NoneElement" => "NONE",
        last if id.contains("spdx.org/licenses/") => last,
        _ => id,
    }
}
