//! SPDX 3 (JSON-LD): data set packages, the files that they hold, and the licenses and origins that relationships give them.
//!
//! A `dataset_DatasetPackage` and a `software_File` are entries, found by their hashes, by where they are to be had, and by the
//! package that holds them. Declared and concluded licenses are both stated. SPDX 2 has no data sets and is told as unread.

mod element;
mod relations;

use super::entry::{Entry, Item, Origin, Stated};
use super::texts::{no_text, stated};
use super::tree::{Node, Tree};
use cleartitle_schema::license::check_expression;
use cleartitle_schema::lineage::Link;
use element::{id, kind};
use relations::Says;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where SPDX keeps what every document may refer to without holding it: `NoneElement`, listed licenses.
const KNOWN_ELSEWHERE: &[&str] =
    &["https://spdx.org/rdf/", "http://spdx.org/rdf/", "https://spdx.org/licenses/", "http://spdx.org/licenses/"];

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    if let Some(version) = root.text_of("spdxVersion") {
        let what = format!("{} has no data sets, only SPDX 3 does", version.chars().take(20).collect::<String>());
        return vec![Item::Damage { place: root.place(file), what }];
    }
    let graph = root.member("@graph").map_or_else(|| root.items(), Node::items);
    let mut paper = Paper { file, licenses: license_elements(graph), ..Paper::new(file) };
    for node in graph.iter().filter(|node| element::is_data(node)) {
        let entry = element::read(node, file, &mut paper.items);
        if let Some(id) = id(node) {
            paper.by_id.insert(id, paper.entries.len());
        }
        paper.entries.push(entry);
    }
    let borne = borne(graph);
    let relationships = || graph.iter().filter(|node| kind(node).ends_with("Relationship"));
    relationships().for_each(|node| paper.build(node));
    let mut refers = Vec::new();
    for node in relationships() {
        paper.relate(node);
        refers.extend(references(node, file).into_iter().filter(|to| !borne.contains(to.text.as_str())));
    }
    let Paper { mut items, mut entries, .. } = paper;
    if let Some(first) = entries.first_mut() {
        first.dead = refers;
    }
    if entries.is_empty() {
        items.push(Item::Damage {
            place: root.place(file),
            what: "no `dataset_DatasetPackage` stands in this paper".to_owned(),
        });
    }
    items.extend(entries.into_iter().map(finished));
    items
}

/// A file that no package holds and no hash names is asked for by its path, as a name.
fn finished(mut entry: Entry) -> Item {
    if !entry.is_named()
        && let Some(name) = entry.name.clone()
    {
        entry.in_collection(&name);
    }
    match entry.is_named() {
        true => Item::Entry(Box::new(entry)),
        false => Item::Damage { place: entry.place, what: "an element without name, hash and location".to_owned() },
    }
}

/// Whether an end of a relationship needs no element of the paper.
fn is_elsewhere(says: Option<Says>, id: &str) -> bool {
    KNOWN_ELSEWHERE.iter().any(|begin| id.starts_with(begin))
        || matches!(id, "NoAssertionElement" | "NoneElement")
        // A listed license by its bare name, as papers write it.
        || (says == Some(Says::Licensed) && check_expression(id).is_ok())
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

/// What a relationship names at its ends and that must stand in the paper.
fn references(node: &Node, file: &Arc<str>) -> Vec<Stated> {
    let says = relations::says(node.text_of("relationshipType").unwrap_or_default());
    let ends = ["from", "to"]
        .into_iter()
        .flat_map(|name| node.member(name).map(Node::items).unwrap_or_default().iter().map(move |end| (name, end)));
    ends.filter_map(|(name, end)| Some(stated(end.text()?, end, name, file)))
        .filter(|to| !is_elsewhere(says, &to.text))
        .collect()
}

/// What is read of a paper by now.
struct Paper<'n> {
    file: &'n Arc<str>,
    licenses: BTreeMap<&'n str, &'n Node>,
    entries: Vec<Entry>,
    by_id: BTreeMap<&'n str, usize>,
    /// What builds read.
    inputs: BTreeMap<&'n str, Vec<&'n str>>,
    items: Vec<Item>,
}

impl<'n> Paper<'n> {
    fn new(file: &'n Arc<str>) -> Self {
        Self {
            file,
            licenses: BTreeMap::new(),
            entries: Vec::new(),
            by_id: BTreeMap::new(),
            inputs: BTreeMap::new(),
            items: Vec::new(),
        }
    }

    /// The ends of a relationship by their ids; what names no element is told.
    fn ends(&mut self, node: &'n Node, member: &str) -> Vec<(&'n str, &'n Node)> {
        let mut found = Vec::new();
        for end in node.member(member).map(Node::items).unwrap_or_default() {
            match end.string().or_else(|| id(end)) {
                Some(id) => found.push((id, end)),
                None => self.items.push(no_text(end, member, self.file)),
            }
        }
        found
    }

    /// Remembers what a build reads, before it is asked what builds wrote.
    fn build(&mut self, node: &'n Node) {
        if relations::says(node.text_of("relationshipType").unwrap_or_default()) != Some(Says::Reads) {
            return;
        }
        let inputs: Vec<&str> = self.ends(node, "to").into_iter().map(|(id, _)| id).collect();
        for (build, _) in self.ends(node, "from") {
            self.inputs.entry(build).or_default().extend(&inputs);
        }
    }

    fn relate(&mut self, node: &'n Node) {
        let word = node.text_of("relationshipType").unwrap_or_default();
        let says = relations::says(word);
        if says == Some(Says::Reads) {
            return;
        }
        let (froms, tos) = (self.ends(node, "from"), self.ends(node, "to"));
        let Some(says) = says else {
            if froms.iter().chain(&tos).any(|(id, _)| self.by_id.contains_key(id)) {
                let what = format!(
                    "`{}` is no relationship of SPDX 3, and may say what the data was made from",
                    word.chars().take(60).collect::<String>()
                );
                self.items.push(Item::Damage { place: node.place(self.file).member("relationshipType"), what });
            }
            return;
        };
        let word = word.rsplit('/').next().unwrap_or_default();
        for (from, _) in &froms {
            for (to, at) in &tos {
                match says {
                    Says::ToCameFrom(link) => self.came_from(to, link, from, at, word),
                    Says::FromCameFrom(link) => self.came_from(from, link, to, at, word),
                    Says::FromNeeds(link) if self.by_id.contains_key(to) => self.came_from(from, link, to, at, word),
                    Says::Holds => self.holds(from, to),
                    Says::Licensed => self.licensed(from, to, at, word),
                    Says::Writes => {
                        let inputs = self.inputs.get(from).cloned().unwrap_or_else(|| vec![from]);
                        inputs.into_iter().for_each(|input| self.came_from(to, Link::Adaptation, input, at, word));
                    }
                    Says::FromNeeds(_) | Says::Reads | Says::Nothing => {}
                }
            }
        }
    }

    fn came_from(&mut self, child: &str, link: Link, parent: &str, at: &Node, word: &str) {
        let Some(entry) = self.by_id.get(child).and_then(|at| self.entries.get_mut(*at)) else { return };
        let place = at.place(self.file).member(word);
        entry.derived_from.push(Origin { link, of: parent.to_owned(), place });
    }

    /// What lies in a package is asked for by the package's names too.
    fn holds(&mut self, package: &str, part: &str) {
        let (Some(package), Some(part)) = (self.by_id.get(package).copied(), self.by_id.get(part).copied()) else {
            return;
        };
        if package == part {
            return;
        }
        let collections = self.entries[package].copy.collections.clone();
        collections.iter().for_each(|name| self.entries[part].in_collection(name));
    }

    fn licensed(&mut self, of: &str, license: &str, at: &Node, word: &str) {
        let words = self.licenses.get(license).copied();
        let file = self.file;
        if let Some(words) = words
            && words.string().is_none()
        {
            self.items.push(no_text(words, "licenseExpression", file));
            return;
        }
        let Some(entry) = self.by_id.get(of).and_then(|at| self.entries.get_mut(*at)) else { return };
        let (text, at) = words.and_then(|words| Some((words.string()?, words))).unwrap_or((listed(license), at));
        entry.licenses.push(stated(text, at, word, file));
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
