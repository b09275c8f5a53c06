//! Where a component comes from, as its pedigree says: ancestors, what descends from it, and variants.
//!
//! An ancestor without any name is an ancestor all the same, and stays unresolved. A variant shares an ancestor with the
//! component, which nobody names: it stands for it.

use super::Reader;
use crate::dataset::entry::{Entry, Origin, Place};
use crate::dataset::inventory::LINK;
use crate::dataset::naming;
use crate::dataset::texts::no_text;
use crate::dataset::tree::Node;
use cleartitle_schema::lineage::Link;

/// What stands for an ancestor without any name.
const NAMELESS: &str = "(an ancestor that is not named)";

/// How deep the pedigrees of ancestors are followed.
const MAX_DEPTH: usize = 8;

/// That one component was made from another, said elsewhere than in its own pedigree.
pub struct Said {
    child: String,
    origin: Origin,
    between_data: bool,
}

impl Said {
    /// Of the component with this reference.
    pub fn new(child: &str, link: Link, parent: &str, place: Place) -> Self {
        Self { child: child.to_owned(), origin: Origin { link, of: parent.to_owned(), place }, between_data: false }
    }

    /// It counts only where the parent is data too.
    pub fn between_data(self) -> Self {
        Self { between_data: true, ..self }
    }
}

/// Gives what is said elsewhere to the entries that it is said of.
pub fn connect(entries: &mut [Entry], links: Vec<Said>) {
    let known = super::by_ref(entries);
    let found: Vec<(usize, Origin)> = links
        .into_iter()
        .filter(|said| !said.between_data || known.contains_key(said.origin.of.as_str()))
        .filter_map(|said| Some((*known.get(said.child.as_str())?, said.origin)))
        .collect();
    for (at, origin) in found {
        entries[at].derived_from.push(origin);
    }
}

impl Reader<'_> {
    /// Reads the pedigree of a component.
    pub(super) fn pedigree(&mut self, node: &Node, entry: &mut Entry) {
        self.ancestors(node, entry, 0);
        let Some(pedigree) = node.member("pedigree") else { return };
        let own = node.text_of("bom-ref").or(entry.name.as_deref()).unwrap_or(NAMELESS).to_owned();
        for descendant in pedigree.member("descendants").map(Node::items).unwrap_or_default() {
            if let Some(child) = descendant.text_of("bom-ref").or_else(|| descendant.text_of("name")) {
                let place = descendant.place(self.file).member("descendants");
                self.links.push(Said::new(child, Link::Adaptation, &own, place));
            }
        }
        if let Some(notes) = pedigree.member("notes") {
            entry.fact("pedigree.notes", notes, self.file);
        }
    }

    fn ancestors(&mut self, node: &Node, entry: &mut Entry, depth: usize) {
        let Some(pedigree) = node.member("pedigree") else { return };
        for member in ["ancestors", "variants"] {
            for ancestor in pedigree.member(member).map(Node::items).unwrap_or_default() {
                if ancestor.members().is_empty() {
                    self.items.push(no_text(ancestor, member, self.file));
                }
                self.borne.extend(ancestor.text_of("bom-ref").map(str::to_owned));
                let (of, at) = name_of(ancestor).unwrap_or_else(|| (NAMELESS.to_owned(), ancestor));
                let place = at.place(self.file).member(member);
                entry.derived_from.push(Origin { link: link_of(ancestor), of, place });
                if member == "ancestors" && depth < MAX_DEPTH {
                    self.ancestors(ancestor, entry, depth + 1);
                }
            }
        }
    }
}

/// How it was made from its ancestor: as our own inventories say, or adapted, of which an adapter may have rights.
fn link_of(ancestor: &Node) -> Link {
    let properties = ancestor.member("properties").map(Node::items).unwrap_or_default();
    let stated = properties.iter().find(|it| it.text_of("name") == Some(LINK));
    stated.and_then(|it| it.text_of("value")?.parse().ok()).unwrap_or(Link::Adaptation)
}

/// The best name of a component: its reference, what names its bytes, its package URL, its address, its name.
fn name_of(node: &Node) -> Option<(String, &Node)> {
    let of = |name: &str| node.member(name).and_then(|found| Some((found.string()?.to_owned(), found)));
    let hash = || {
        let hashes = node.member("hashes").map(Node::items).unwrap_or_default().iter();
        hashes
            .filter_map(|hash| {
                let content = hash.member("content")?;
                Some((naming::digest(hash.text_of("alg")?, content.text()?)?.to_string(), content))
            })
            .next()
    };
    let address = || {
        let references = node.member("externalReferences").map(Node::items).unwrap_or_default();
        references.iter().find_map(|reference| {
            let url = reference.member("url")?;
            Some((url.string()?.to_owned(), url))
        })
    };
    of("bom-ref").or_else(hash).or_else(|| of("purl")).or_else(address).or_else(|| of("name"))
}
