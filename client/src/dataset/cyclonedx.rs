//! CycloneDX (1.5 and 1.6): components of the type `data`, wherever they are nested.
//!
//! A component is found by its hashes and by what `data.contents.url` and references of the type `distribution` say it was
//! fetched from; other references are pages that show it. What depends on a `bom-ref` that nothing bears is told.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::tree::{Node, Tree};
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    let mut reader =
        Reader { file, items: Vec::new(), entries: Vec::new(), borne: BTreeSet::new(), refers: Vec::new() };
    let described = root.member("metadata").and_then(|metadata| metadata.member("component"));
    for component in described.into_iter().chain(root.member("components").map(Node::items).unwrap_or_default()) {
        reader.component(component);
    }
    for service in root.member("services").map(Node::items).unwrap_or_default() {
        reader.borne.extend(service.text_of("bom-ref").map(str::to_owned));
    }
    for dependency in root.member("dependencies").map(Node::items).unwrap_or_default() {
        for name in ["ref", "dependsOn", "provides"] {
            reader.refers.extend(
                dependency
                    .member(name)
                    .map(Node::items)
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|to| stated(to, name, file)),
            );
        }
    }
    let Reader { mut items, mut entries, borne, mut refers, .. } = reader;
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

fn stated(node: &Node, member: &str, file: &Arc<str>) -> Option<Stated> {
    Some(Stated { text: node.text()?.to_owned(), place: node.place(file).member(member) })
}

struct Reader<'a> {
    file: &'a Arc<str>,
    items: Vec<Item>,
    entries: Vec<Entry>,
    borne: BTreeSet<String>,
    refers: Vec<Stated>,
}

impl Reader<'_> {
    fn component(&mut self, node: &Node) {
        self.borne.extend(node.text_of("bom-ref").map(str::to_owned));
        if node.text_of("type") == Some("data") {
            self.data(node);
        }
        // A model says by which data sets it was made.
        let model = node.member("modelCard").and_then(|card| card.member("modelParameters"));
        for data_set in model.and_then(|model| model.member("datasets")).map(Node::items).unwrap_or_default() {
            self.borne.extend(data_set.text_of("bom-ref").map(str::to_owned));
            match data_set.member("ref") {
                Some(to) => self.refers.extend(stated(to, "ref", self.file)),
                None => self.inlined(data_set),
            }
        }
        for inner in node.member("components").map(Node::items).unwrap_or_default() {
            self.component(inner);
        }
    }

    /// A data set that is no component of its own.
    fn inlined(&mut self, node: &Node) {
        let mut entry = Entry { place: node.place(self.file), ..Entry::default() };
        let name = node.text_of("name").map(str::to_owned);
        entry.in_collection(name.as_deref().unwrap_or_default());
        entry.name = name;
        if let Some(url) = node.member("contents").and_then(|contents| contents.text_of("url")) {
            entry.fetched_from(url);
        }
        self.items.push(if entry.copy == cleartitle_schema::acquisition::Acquisition::default() {
            let what = "a data set of a model that is neither named nor has an address".to_owned();
            Item::Damage { place: entry.place, what }
        } else {
            Item::Entry(Box::new(entry))
        });
    }

    fn data(&mut self, node: &Node) {
        let file = self.file;
        let mut entry = Entry { place: node.place(file), ..Entry::default() };
        let name = node.text_of("name").map(|name| match node.text_of("group") {
            Some(group) => format!("{group}/{name}"),
            None => name.to_owned(),
        });
        entry.in_collection(name.as_deref().unwrap_or_default());
        entry.name = name;
        entry.ids.extend(node.text_of("bom-ref").map(str::to_owned));
        let digests = self.hashes(node, &mut entry);
        for name in &digests {
            entry.named_by(*name);
        }
        for license in node.member("licenses").map(Node::items).unwrap_or_default() {
            let inner = license.member("license").unwrap_or(license);
            let words = inner.first_of(&["expression", "id", "name", "url"]);
            entry.licenses.extend(words.and_then(|words| stated(words, "license", file)));
        }
        for reference in node.member("externalReferences").map(Node::items).unwrap_or_default() {
            self.reference(reference, &mut entry);
        }
        for data in node.member("data").map(Node::items).unwrap_or_default() {
            self.borne.extend(data.text_of("bom-ref").map(str::to_owned));
            if let Some(url) = data.member("contents").and_then(|contents| contents.member("url"))
                && let Some(text) = url.text()
            {
                entry.fetched_from(text);
                entry.files.push(FileClaim {
                    path: text.to_owned(),
                    digests: digests.clone(),
                    bytes: None,
                    place: url.place(file).member("url"),
                });
            }
            for name in ["type", "name", "classification", "sensitiveData", "description"] {
                if let Some(value) = data.member(name) {
                    entry.fact(&format!("data.{name}"), value, file);
                }
            }
        }
        for ancestor in node
            .member("pedigree")
            .and_then(|pedigree| pedigree.member("ancestors"))
            .map(Node::items)
            .unwrap_or_default()
        {
            let of = ancestor.first_of(&["bom-ref", "purl", "name"]);
            self.borne.extend(ancestor.text_of("bom-ref").map(str::to_owned));
            if let Some((of, at)) = of.and_then(|of| Some((of.text()?, of))) {
                entry.derived_from.push(Origin {
                    link: Link::Adaptation,
                    of: of.to_owned(),
                    place: at.place(file).member("ancestors"),
                });
            }
        }
        for name in ["version", "purl", "publisher", "copyright"] {
            if let Some(value) = node.member(name) {
                entry.fact(name, value, file);
            }
        }
        self.entries.push(entry);
    }

    /// The hashes that name documents; others stay facts, and what is no digest is told.
    fn hashes(&mut self, node: &Node, entry: &mut Entry) -> Vec<ContentName> {
        let mut found = Vec::new();
        for hash in node.member("hashes").map(Node::items).unwrap_or_default() {
            let (Some(algorithm), Some(value)) = (hash.text_of("alg"), hash.member("content")) else { continue };
            match naming::digest(algorithm, value.text().unwrap_or_default()) {
                Some(name) => found.push(name),
                None if naming::names_documents(algorithm) => self.items.push(Item::Damage {
                    place: value.place(self.file).member("content"),
                    what: format!("`content` is no {} digest", algorithm.chars().take(20).collect::<String>()),
                }),
                None => entry.fact(&algorithm.to_ascii_lowercase(), value, self.file),
            }
        }
        found
    }

    fn reference(&mut self, node: &Node, entry: &mut Entry) {
        let Some((text, url)) = node.member("url").and_then(|url| Some((url.text()?, url))) else { return };
        if !matches!(node.text_of("type"), Some("distribution" | "distribution-intake")) {
            entry.shown_at(text);
            return;
        }
        entry.fetched_from(text);
        let digests = self.hashes(node, entry);
        for name in &digests {
            entry.named_by(*name);
        }
        entry.files.push(FileClaim {
            path: text.to_owned(),
            digests,
            bytes: None,
            place: url.place(self.file).member("url"),
        });
    }
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
