//! Croissant (MLCommons, 1.0 and 1.1): a data set and its files in JSON-LD.
//!
//! The data set is one entry, found by its title and page; each `FileObject` is one more, found by `sha256` and `contentUrl`,
//! in the data set's collection. `license` is the data's; `sdLicense` is the description's own and stays a fact. MD5 names
//! nothing here.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::tree::{Node, Tree};
use cleartitle_schema::lineage::Link;
use std::sync::Arc;

/// What the hub writes where it knows no digest: the address of an issue about that.
const NO_DIGEST: &str = "https://github.com/mlcommons/croissant/issues/80";

/// Members that stay facts, where they are plain texts.
const FACTS: &[&str] = &[
    "sdLicense",
    "isLiveDataset",
    "version",
    "datePublished",
    "dateCreated",
    "dateModified",
    "inLanguage",
    "conformsTo",
    "citeAs",
    "usageInfo",
    "isAccessibleForFree",
    "rai:dataCollection",
    "rai:dataCollectionType",
    "rai:dataCollectionTimeframe",
    "rai:personalSensitiveInformation",
    "rai:dataLicense",
];

/// The prefixes of the vocabularies, short and whole.
const PREFIXES: [&str; 7] =
    ["", "sc:", "schema:", "cr:", "https://schema.org/", "http://schema.org/", "http://mlcommons.org/croissant/"];

/// A member by its name, with or without the prefix of its vocabulary.
fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    PREFIXES.iter().find_map(|prefix| node.member(&format!("{prefix}{name}")))
}

/// The parts of a data set, by whatever prefix they are given.
fn distribution(set: &Node) -> impl Iterator<Item = &Node> {
    PREFIXES.iter().filter_map(|prefix| set.member(&format!("{prefix}distribution"))).flat_map(Node::items)
}

/// What a value says: its text, or its address, title or id.
fn said(node: &Node) -> Option<(&str, &Node)> {
    let inner = node.text().map(|text| (text, node));
    inner.or_else(|| {
        ["url", "name", "@id", "@value"]
            .iter()
            .find_map(|name| member(node, name).and_then(|found| Some((found.text()?, found))))
    })
}

fn is_type(node: &Node, wanted: &str) -> bool {
    let types = node.first_of(&["@type", "type"]).map(Node::items).unwrap_or_default();
    types.iter().filter_map(Node::text).any(|found| found.rsplit([':', '/', '#']).next() == Some(wanted))
}

fn id_of(node: &Node) -> Option<&str> {
    node.text_of("@id").or_else(|| member(node, "name").and_then(Node::text))
}

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    // One data set, alone or in a graph.
    let graph = root.member("@graph").map(Node::items).unwrap_or_default();
    let sets: Vec<&Node> = std::iter::once(root).chain(graph).filter(|node| is_type(node, "Dataset")).collect();
    if sets.is_empty() {
        return vec![Item::Damage { place: root.place(file), what: "no `Dataset` stands in this paper".to_owned() }];
    }
    let mut items = Vec::new();
    for set in sets {
        let whole = data_set(set, file);
        let parts: Vec<Item> = distribution(set)
            .flat_map(|node| {
                // A part may stand elsewhere in the graph.
                let meant =
                    graph.iter().find(|it| node.text_of("@id").is_some() && it.text_of("@id") == node.text_of("@id"));
                let node = if node.first_of(&["@type", "type"]).is_some() { node } else { meant.unwrap_or(node) };
                if is_type(node, "FileObject") {
                    return file_object(node, &whole, file);
                }
                let what = "a part of the distribution that is neither a `FileObject` nor a `FileSet`".to_owned();
                if is_type(node, "FileSet") { Vec::new() } else { vec![Item::Damage { place: node.place(file), what }] }
            })
            .collect();
        if whole.is_named() {
            items.push(Item::Entry(Box::new(whole)));
        } else {
            items.push(Item::Damage { place: set.place(file), what: "a data set without `name` and `url`".to_owned() });
        }
        items.extend(parts);
    }
    items
}

fn data_set(set: &Node, file: &Arc<str>) -> Entry {
    let mut entry = Entry { place: set.place(file), ..Entry::default() };
    if let Some(name) = member(set, "name").and_then(Node::text) {
        entry.name = Some(name.to_owned());
        entry.in_collection(name);
    }
    for url in member(set, "url").map(Node::items).unwrap_or_default().iter().filter_map(Node::text) {
        entry.shown_at(url);
    }
    entry.ids.extend(set.text_of("@id").map(str::to_owned));
    for license in member(set, "license").map(Node::items).unwrap_or_default() {
        if let Some((text, at)) = said(license) {
            entry.licenses.push(Stated { text: text.to_owned(), place: at.place(file).member("/license") });
        }
    }
    for name in FACTS {
        if let Some(node) = member(set, name) {
            entry.fact(name, node, file);
        }
    }
    for name in ["prov:wasDerivedFrom", "wasDerivedFrom", "isBasedOn", "http://www.w3.org/ns/prov#wasDerivedFrom"] {
        for origin in member(set, name).map(Node::items).unwrap_or_default() {
            if let Some((of, at)) = said(origin) {
                entry.derived_from.push(Origin {
                    link: Link::Adaptation,
                    of: of.to_owned(),
                    place: at.place(file).member(name),
                });
            }
        }
    }
    for part in member(set, "distribution").map(Node::items).unwrap_or_default() {
        // Files are entries and bear their own; a set of files or records has no entry.
        if !is_type(part, "FileObject") {
            entry.ids.extend(id_of(part).map(str::to_owned));
        }
        refers(part, &["containedIn"], file, &mut entry.dead);
    }
    for records in member(set, "recordSet").map(Node::items).unwrap_or_default() {
        entry.ids.extend(id_of(records).map(str::to_owned));
        for field in member(records, "field").map(Node::items).unwrap_or_default() {
            entry.ids.extend(id_of(field).map(str::to_owned));
            let source = member(field, "source");
            for source in source.map(Node::items).unwrap_or_default() {
                refers(source, &["fileObject", "fileSet", "distribution"], file, &mut entry.dead);
            }
        }
    }
    let files = member(set, "distribution").map(Node::items).unwrap_or_default();
    let borne: Vec<&str> = files.iter().filter_map(id_of).chain(entry.ids.iter().map(String::as_str)).collect();
    entry.dead.retain(|to| !borne.contains(&to.text.as_str()));
    entry
}

/// References of a node to others of its paper.
fn refers(node: &Node, names: &[&str], file: &Arc<str>, found: &mut Vec<Stated>) {
    for name in names {
        for to in member(node, name).map(Node::items).unwrap_or_default() {
            let id =
                to.text().map(|text| (text, to)).or_else(|| to.member("@id").and_then(|id| Some((id.text()?, id))));
            if let Some((id, at)) = id {
                found.push(Stated { text: id.to_owned(), place: at.place(file).member(name) });
            }
        }
    }
}

fn file_object(node: &Node, whole: &Entry, file: &Arc<str>) -> Vec<Item> {
    let mut items = Vec::new();
    let name = member(node, "name").and_then(Node::text).or_else(|| node.text_of("@id"));
    let mut entry = Entry { place: node.place(file), name: name.map(str::to_owned), ..Entry::default() };
    entry.copy.collections.clone_from(&whole.copy.collections);
    entry.ids.extend(node.text_of("@id").or(name).map(str::to_owned));
    let mut digests = Vec::new();
    if let Some(stated) = member(node, "sha256")
        && let Some(text) = stated.text().filter(|text| *text != NO_DIGEST)
    {
        match naming::digest("sha256", text) {
            Some(name) => digests.push(name),
            None => items.push(Item::Damage {
                place: stated.place(file).member("sha256"),
                what: "`sha256` is no SHA-256 in 64 hex digits".to_owned(),
            }),
        }
    }
    for name in &digests {
        entry.named_by(*name);
    }
    let url = member(node, "contentUrl").and_then(|url| Some((url.text()?, url)));
    if let Some((url, at)) = url {
        entry.fetched_from(url);
        let bytes = member(node, "contentSize").and_then(Node::text).and_then(size);
        // A file inside an archive lies in no folder.
        if member(node, "containedIn").is_none() {
            entry.files.push(FileClaim {
                path: url.to_owned(),
                digests,
                bytes,
                place: at.place(file).member("contentUrl"),
            });
        }
    }
    for license in member(node, "license").map(Node::items).unwrap_or_default() {
        if let Some((text, at)) = said(license) {
            entry.licenses.push(Stated { text: text.to_owned(), place: at.place(file).member("license") });
        }
    }
    for name in ["encodingFormat", "md5"] {
        if let Some(node) = member(node, name) {
            entry.fact(name, node, file);
        }
    }
    items.push(Item::Entry(Box::new(entry)));
    items
}

/// A size in bytes: `1024`, `1024 B`. Rounded ones (`1.2 MB`) claim no length.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim().trim_end_matches(['B', 'b']).trim_end();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tree;

    fn read_text(text: &str) -> Vec<Item> {
        read(&tree::json(text).unwrap(), &Arc::from("c.json"))
    }

    #[test]
    fn every_part_is_an_entry_or_damage() {
        let part = |part: &str, graph: &str| {
            format!(
                r#"{{"@graph":[{{"@type":"Dataset","name":"ok","http://schema.org/distribution":[{part}]}},{graph}
                {{"@type":"cr:FileObject","@id":"f1","contentUrl":"https://reserved.example/x.zip"}}]}}"#
            )
        };
        let url = |item: &Item| match item {
            Item::Entry(entry) => entry.copy.urls.first().map(|it| it.url.clone()),
            Item::Damage { .. } => None,
        };
        let found = read_text(&part(r#"{"@id":"f1"}"#, ""));
        assert_eq!(found.iter().filter_map(url).collect::<Vec<_>>(), ["https://reserved.example/x.zip"], "{found:?}");
        for unknown in
            [r#"{"@type":"DataDownload","contentUrl":"https://reserved.example/x"}"#, r#"{"@id":"gone"}"#, "7"]
        {
            let found = read_text(&part(unknown, ""));
            assert!(found.iter().any(|item| matches!(item, Item::Damage { .. })), "{unknown}: {found:?}");
        }
        assert_eq!(read_text(&part(r#"{"@type":"cr:FileSet"}"#, "")).len(), 1);
    }
}
