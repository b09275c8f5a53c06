//! A data set as a whole: its names, pages, licenses and origins, what refers to nothing, and the parts that are no files.

use super::linked::{Words, property};
use super::{Graph, origins, part};
use crate::dataset::entry::{Entry, Item, Stated};
use crate::dataset::inventory::NOT_CARRIED;
use crate::dataset::texts::{no_text, not_carried, stated, texts};
use crate::dataset::tree::Node;
use std::collections::HashSet;
use std::sync::Arc;

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
    "conditionsOfAccess",
    "isAccessibleForFree",
    "rai:dataCollection",
    "rai:dataCollectionType",
    "rai:dataCollectionTimeframe",
    "rai:personalSensitiveInformation",
    "rai:dataLicense",
];

/// What is read of a data set.
pub struct Read {
    /// The whole.
    pub entry: Entry,
    /// What of it can't be read.
    pub told: Vec<Item>,
    /// Parts that are works of their own.
    pub parts: Vec<Entry>,
}

/// Reads a data set, in the graph of its paper.
pub fn read(words: &Words, set: &Node, graph: &Graph<'_>, file: &Arc<str>) -> Read {
    let mut told = Vec::new();
    let mut entry = work(words, set, graph, file, &mut told);
    for name in FACTS {
        if let Some(node) = set.member(name).or_else(|| words.first(set, name)) {
            entry.fact(name, node, file);
        }
    }
    let files = files(words, set, file, &mut entry, &mut told);
    records(words, set, file, &mut entry);
    let borne: HashSet<&str> = files.into_iter().chain(entry.ids.iter().map(String::as_str)).collect();
    let dead = std::mem::take(&mut entry.dead).into_iter().filter(|to| !borne.contains(to.text.as_str())).collect();
    entry.dead = dead;
    let parts = words.all(set, "hasPart").filter(|part| !words.is_type(part, "Dataset"));
    let mut found = Vec::new();
    for part in parts {
        let read = match part.string() {
            Some(url) => {
                let mut named = Entry { place: part.place(file), name: Some(url.to_owned()), ..Entry::default() };
                named.fetched_from(url);
                named
            }
            None => work(words, part, graph, file, &mut told),
        };
        found.push(read);
    }
    Read { entry, told, parts: found }
}

/// What any work says of itself: how it is called, where it is shown, under which license, from what it was made.
fn work(words: &Words, node: &Node, graph: &Graph<'_>, file: &Arc<str>, told: &mut Vec<Item>) -> Entry {
    let mut entry = Entry { place: node.place(file), ..Entry::default() };
    let names = words.texts(node, "name");
    entry.name = names.first().map(|(name, _)| (*name).to_owned());
    names.iter().chain(&words.texts(node, "alternateName")).for_each(|(name, _)| entry.in_collection(name));
    for member in ["url", "sameAs"] {
        for value in words.all(node, member) {
            match value.text_of("@id").or_else(|| value.string()) {
                Some(url) => entry.shown_at(url),
                None => told.push(no_text(value, member, file)),
            }
        }
    }
    for value in words.all(node, "identifier") {
        let text = value.string().or_else(|| words.first(value, "value")?.string()).unwrap_or_default();
        match text.parse() {
            Ok(name) => entry.named_by(name),
            Err(_) => entry.shown_at(text),
        }
    }
    for value in words.all(node, "contentUrl") {
        texts(Some(value), "contentUrl", file, told).iter().for_each(|(url, _)| entry.fetched_from(url));
    }
    if let Some(lost) = property(words, node, NOT_CARRIED) {
        told.push(not_carried(lost, node, file));
    }
    entry.ids.extend(node.text_of("@id").map(str::to_owned));
    licenses(words, node, "/license", file, &mut entry, told);
    entry.derived_from = origins::of(words, node, graph, file);
    entry
}

/// Licenses as a node states them; one that says nothing that can be read is told.
pub fn licenses(words: &Words, node: &Node, member: &str, file: &Arc<str>, entry: &mut Entry, told: &mut Vec<Item>) {
    for license in words.all(node, "license") {
        match words.said(license) {
            Some((text, at)) => entry.licenses.push(stated(text, at, member, file)),
            None => told.push(no_text(license, "license", file)),
        }
    }
}

/// The ids of the files, and what sets of files say: files are entries of their own, a set has none.
fn files<'n>(words: &Words, set: &'n Node, file: &Arc<str>, entry: &mut Entry, told: &mut Vec<Item>) -> Vec<&'n str> {
    let mut ids = Vec::new();
    for node in words.all(set, "distribution") {
        ids.extend(words.id(node));
        refers(words, node, &["containedIn"], file, &mut entry.dead);
        if words.is_type(node, "FileObject") {
            continue;
        }
        entry.ids.extend(words.id(node).map(str::to_owned));
        licenses(words, node, "/license", file, entry, told);
        let of_set = origins::of(words, node, &Graph::new(), file);
        entry.derived_from.extend(of_set);
        for value in words.all(node, "includes") {
            let within = part::container(words, node).unwrap_or_else(|| "a set of files".to_owned());
            for (pattern, at) in texts(Some(value), "includes", file, told) {
                let what = format!("the files `{pattern}` of `{within}` are not listed here, and were not checked");
                told.push(Item::NotChecked { place: at.place(file).member("includes"), what });
            }
        }
    }
    ids
}

/// The ids of records and fields, and what they refer to.
fn records(words: &Words, set: &Node, file: &Arc<str>, entry: &mut Entry) {
    for records in words.all(set, "recordSet") {
        entry.ids.extend(words.id(records).map(str::to_owned));
        for annotation in words.all(records, "annotation") {
            origins::of_rows(words, annotation, file, &mut entry.derived_from);
        }
        for field in words.all(records, "field") {
            entry.ids.extend(words.id(field).map(str::to_owned));
            origins::of_rows(words, field, file, &mut entry.derived_from);
            for source in words.all(field, "source") {
                refers(words, source, &["fileObject", "fileSet", "distribution"], file, &mut entry.dead);
            }
        }
    }
}

/// References of a node to others of its paper, by their ids or as `{"fileObject": {"@id": ...}}`.
fn refers(words: &Words, node: &Node, names: &[&str], file: &Arc<str>, found: &mut Vec<Stated>) {
    for name in names {
        for to in words.all(node, name) {
            let inner = ["fileObject", "fileSet"].iter().find_map(|name| words.first(to, name)).unwrap_or(to);
            let id = inner.string().map(|text| (text, inner));
            let id = id.or_else(|| inner.member("@id").and_then(|id| Some((id.text()?, id))));
            found.extend(id.map(|(id, at)| stated(id, at, name, file)));
        }
    }
}
