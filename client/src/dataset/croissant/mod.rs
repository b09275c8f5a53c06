//! Croissant (MLCommons, 1.0 and 1.1): a data set and its files in JSON-LD.
//!
//! The data set is one entry, found by its titles and pages; each `FileObject` is one more, found by `sha256` and `contentUrl`, in
//! the data set's collections, and so is each part (`hasPart`). `license` is the data's; `sdLicense` is the description's own and
//! stays a fact. MD5 names nothing here.
//!
//! Not here: records and fields, of which only what they refer to is held against the paper; JSON-LD contexts that are not in
//! the paper. A paper may list a million files: they are made entries one by one, and what was read of them is given up on the way.

mod linked;
mod origins;
mod part;
mod set;

use super::entry::{Entry, Item};
use super::tree::{Node, Tree};
use linked::Words;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The nodes of a paper's graph by their ids.
type Graph<'n> = HashMap<&'n str, &'n Node>;

/// What is left to be told of a paper.
enum Step {
    Told(Item),
    /// A part of the distribution of the data set that bears these collections.
    Part(Node, Arc<[String]>),
}

/// What a paper says, in its order.
pub struct Items {
    words: Words,
    file: Arc<str>,
    steps: std::vec::IntoIter<Step>,
    waiting: VecDeque<Item>,
}

impl Iterator for Items {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Some(item);
            }
            match self.steps.next()? {
                Step::Told(item) => return Some(item),
                Step::Part(node, collections) => {
                    self.waiting.extend(part::read(&self.words, &node, &collections, &self.file));
                }
            }
        }
    }
}

/// Reads a paper.
#[must_use]
pub fn items(tree: Tree, file: &Arc<str>) -> Items {
    let Tree { mut root, complaints } = tree;
    let words = Words::of(root.member("@context"));
    let mut steps = Vec::new();
    let sets = sets(&words, &root);
    if sets.is_empty() {
        let what = "no `Dataset` stands in this paper".to_owned();
        steps.push(Step::Told(Item::Damage { place: root.place(file), what }));
    }
    let elsewhere = elsewhere(&words, &root, &sets);
    let read: Vec<(Vec<usize>, set::Read)> = {
        let graph = root.member("@graph").map(Node::items).unwrap_or_default();
        let graph: Graph<'_> = graph.iter().filter_map(|node| Some((node.text_of("@id")?, node))).collect();
        sets.into_iter().map(|at| (at.clone(), set::read(&words, at_path(&root, &at), &graph, file))).collect()
    };
    for (at, set::Read { entry, mut told, parts }) in read {
        let collections: Arc<[String]> = entry.copy.collections.clone().into();
        steps.push(Step::Told(if entry.is_named() {
            Item::Entry(Box::new(entry))
        } else {
            Item::Damage { place: entry.place, what: "a data set without `name` and `url`".to_owned() }
        }));
        steps.extend(told.drain(..).map(Step::Told));
        steps.extend(parts.into_iter().map(|part| Step::Told(in_collections(part, &collections))));
        for node in distribution(&words, at_path_mut(&mut root, &at)) {
            let node = meant(&words, node, &elsewhere);
            steps.push(Step::Part(node, Arc::clone(&collections)));
        }
    }
    steps.extend(complaints.into_iter().map(|complaint| Step::Told(super::tree::damage(file, complaint))));
    Items { words, file: Arc::clone(file), steps: steps.into_iter(), waiting: VecDeque::new() }
}

fn in_collections(mut entry: Entry, collections: &[String]) -> Item {
    collections.iter().for_each(|name| entry.in_collection(name));
    Item::Entry(Box::new(entry))
}

/// The data sets of a paper, each by its way from the root: one, alone or in a graph, with those that are its parts.
fn sets(words: &Words, root: &Node) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(at) = open.pop() {
        let node = at_path(root, &at);
        let is_set = words.is_type(node, "Dataset");
        if is_set {
            found.push(at.clone());
        }
        for (place, (name, value)) in node.members().iter().enumerate() {
            let graph = at.is_empty() && &**name == "@graph";
            if graph || (is_set && words.local(name) == Some("hasPart")) {
                let below = value.items().iter().enumerate().filter(|(_, item)| words.is_type(item, "Dataset"));
                open.extend(below.map(|(item, _)| [at.as_slice(), &[place, item]].concat()).rev());
            }
        }
    }
    found
}

fn at_path<'n>(root: &'n Node, at: &[usize]) -> &'n Node {
    at.chunks(2).fold(root, |node, step| {
        let value = node.members().get(step[0]).map(|(_, value)| value);
        value.and_then(|value| value.items().get(step[1])).unwrap_or(node)
    })
}

fn at_path_mut<'n>(root: &'n mut Node, at: &[usize]) -> &'n mut Node {
    let mut node = root;
    for step in at.chunks(2) {
        node = node.below(step[0], step[1]);
    }
    node
}

/// Takes the parts of a data set's distribution out of it, by whatever prefix they are given.
fn distribution(words: &Words, set: &mut Node) -> Vec<Node> {
    let mut found = Vec::new();
    for (name, value) in set.members_mut() {
        if words.local(name) == Some("distribution") {
            found.extend(value.take_items());
        }
    }
    found
}

/// The nodes that a distribution names and that stand elsewhere in the graph.
fn elsewhere(words: &Words, root: &Node, sets: &[Vec<usize>]) -> HashMap<String, Node> {
    let mut wanted: HashMap<String, Option<Node>> = HashMap::new();
    for set in sets {
        let parts = words.all(at_path(root, set), "distribution");
        wanted.extend(parts.filter(|part| !words.is_typed(part)).filter_map(|part| {
            let id = part.text_of("@id").or_else(|| part.string())?;
            Some((id.to_owned(), None))
        }));
    }
    for node in root.member("@graph").map(Node::items).unwrap_or_default() {
        if let Some(place) = node.text_of("@id").and_then(|id| wanted.get_mut(id)) {
            place.get_or_insert_with(|| node.clone());
        }
    }
    wanted.into_iter().filter_map(|(id, node)| Some((id, node?))).collect()
}

/// A part, or what it stands for.
fn meant(words: &Words, node: Node, elsewhere: &HashMap<String, Node>) -> Node {
    if words.is_typed(&node) {
        return node;
    }
    let known = node.text_of("@id").or_else(|| node.string()).and_then(|id| elsewhere.get(id));
    known.cloned().unwrap_or(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tree;

    fn read_text(text: &str) -> Vec<Item> {
        items(tree::json(text).unwrap(), &Arc::from("c.json")).collect()
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
            Item::Damage { .. } | Item::NotChecked { .. } => None,
        };
        for named in [r#"{"@id":"f1"}"#, r#""f1""#] {
            let found = read_text(&part(named, ""));
            assert_eq!(
                found.iter().filter_map(url).collect::<Vec<_>>(),
                ["https://reserved.example/x.zip"],
                "{found:?}"
            );
        }
        for unknown in
            [r#"{"@type":"DataDownload","contentUrl":"https://reserved.example/x"}"#, r#"{"@id":"gone"}"#, "7"]
        {
            let found = read_text(&part(unknown, ""));
            assert!(found.iter().any(|item| matches!(item, Item::Damage { .. })), "{unknown}: {found:?}");
        }
        assert_eq!(read_text(&part(r#"{"@type":"cr:FileSet"}"#, "")).len(), 1);
    }
}
