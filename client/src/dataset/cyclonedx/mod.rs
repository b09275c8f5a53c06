//! CycloneDX (1.5 to 1.7): components of the type `data`, wherever they are nested, and the files below them.
//!
//! A component is found by its hashes and by what `data.contents.url` and references of the type `distribution` say it was
//! fetched from; other references are pages that show it. What depends on a `bom-ref` that nothing bears is told.
//!
//! Not here: what is no data. A model is read for the data sets that it names.

mod component;
mod pedigree;

use super::entry::{Entry, Item, Stated};
use super::texts::texts;
use super::tree::{Node, Tree};
use cleartitle_schema::lineage::Link;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    let mut reader = Reader { file, ..Reader::new(file) };
    let described = root.member("metadata").and_then(|metadata| metadata.member("component"));
    for component in described.into_iter().chain(root.member("components").map(Node::items).unwrap_or_default()) {
        reader.component(component, None);
    }
    for service in root.member("services").map(Node::items).unwrap_or_default() {
        reader.borne.extend(service.text_of("bom-ref").map(str::to_owned));
    }
    let mut links = std::mem::take(&mut reader.links);
    for dependency in root.member("dependencies").map(Node::items).unwrap_or_default() {
        reader.dependency(dependency, &mut links);
    }
    for formula in root.member("formulation").map(Node::items).unwrap_or_default() {
        reader.workflows(formula, &mut links, 0);
    }
    let Reader { mut items, mut entries, borne, mut refers, .. } = reader;
    pedigree::connect(&mut entries, links);
    // A BOM-Link leads into another paper.
    refers.retain(|to| !borne.contains(&to.text) && !to.text.starts_with("urn:cdx:"));
    match entries.first_mut() {
        Some(first) => first.dead = refers,
        None => items.push(Item::Damage {
            place: root.place(file),
            what: "no component of the type `data` stands in this paper".to_owned(),
        }),
    }
    items.extend(entries.into_iter().map(|entry| match entry.is_named() {
        true => Item::Entry(Box::new(entry)),
        false => Item::Damage { place: entry.place, what: "a component without name, hash and URL".to_owned() },
    }));
    items
}

/// What is read of a paper by now.
struct Reader<'a> {
    file: &'a Arc<str>,
    items: Vec<Item>,
    entries: Vec<Entry>,
    borne: BTreeSet<String>,
    refers: Vec<Stated>,
    links: Vec<pedigree::Said>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Arc<str>) -> Self {
        Self {
            file,
            items: Vec::new(),
            entries: Vec::new(),
            borne: BTreeSet::new(),
            refers: Vec::new(),
            links: Vec::new(),
        }
    }

    /// References in a member, which must be borne by something.
    fn refs<'n>(&mut self, node: &'n Node, member: &str) -> Vec<(&'n str, &'n Node)> {
        let found = texts(node.member(member), member, self.file, &mut self.items);
        let stated = found.iter().map(|(text, at)| super::texts::stated(text, at, member, self.file));
        self.refers.extend(stated);
        found
    }

    /// What needs something was made with it, where both are data.
    fn dependency(&mut self, node: &Node, links: &mut Vec<pedigree::Said>) {
        let of = self.refs(node, "ref");
        self.refs(node, "provides");
        for (parent, at) in self.refs(node, "dependsOn") {
            for (child, _) in &of {
                let place = at.place(self.file).member("dependsOn");
                links.push(pedigree::Said::new(child, Link::Adaptation, parent, place).between_data());
            }
        }
    }

    /// What a workflow or task wrote, it made from what it read.
    fn workflows(&mut self, node: &Node, links: &mut Vec<pedigree::Said>, depth: usize) {
        let ends = |member: &str| {
            let all = node.member(member).map(Node::items).unwrap_or_default().iter();
            all.filter_map(|end| end.member("resource").or_else(|| end.member("source"))?.member("ref"))
                .filter_map(|to| Some((to.string()?, to)))
                .collect::<Vec<_>>()
        };
        for (parent, at) in ends("inputs") {
            for (child, _) in ends("outputs") {
                let place = at.place(self.file).member("inputs");
                links.push(pedigree::Said::new(child, Link::Adaptation, parent, place));
            }
        }
        for member in ["workflows", "tasks"] {
            for below in node.member(member).map(Node::items).unwrap_or_default() {
                if depth < 4 {
                    self.workflows(below, links, depth + 1);
                }
            }
        }
    }
}

/// The entries of a paper by the names by which it refers to them.
fn by_ref(entries: &[Entry]) -> HashMap<&str, usize> {
    let named = entries.iter().enumerate().flat_map(|(at, entry)| entry.ids.iter().map(move |id| (id.as_str(), at)));
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tree;

    #[test]
    fn data_sets_of_a_models_card_are_entries() {
        let text = r#"{"bomFormat":"CycloneDX","components":[{"type":"data","bom-ref":"a","name":"a"},
            {"type":"machine-learning-model","name":"m","modelCard":{"modelParameters":{"datasets":[{"ref":"a"},
            {"type":"dataset","name":"b","contents":{"url":"https://reserved.example/books.zip"}},{"type":"dataset"}]}}}]}"#;
        let found = read(&tree::json(text).unwrap(), &Arc::from("bom.json"));
        let (entries, damage): (Vec<_>, Vec<_>) = found.iter().partition(|item| matches!(item, Item::Entry(_)));
        assert_eq!((entries.len(), damage.len()), (2, 1), "{found:?}");
        assert!(
            entries
                .iter()
                .any(|it| matches!(it, Item::Entry(it) if it.name.as_deref() == Some("b") && it.copy.urls.len() == 1))
        );
    }
}
