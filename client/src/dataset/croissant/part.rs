//! A part of a distribution: a file, or a set of files of which none is listed.

use super::linked::Words;
use super::{Graph, origins, set};
use crate::dataset::entry::{Entry, FileClaim, Item};
use crate::dataset::naming;
use crate::dataset::texts::{no_text, texts};
use crate::dataset::tree::Node;
use cleartitle_schema::id::ContentName;
use std::sync::Arc;

/// What the hub writes where it knows no digest: the address of an issue about that.
const NO_DIGEST: &str = "https://github.com/mlcommons/croissant/issues/80";

/// What a part of the distribution comes to.
pub fn read(words: &Words, node: &Node, collections: &[String], file: &Arc<str>) -> Vec<Item> {
    if words.is_type(node, "FileObject") {
        return file_object(words, node, collections, file);
    }
    if words.is_type(node, "FileSet") {
        return Vec::new();
    }
    let what = "a part of the distribution that is neither a `FileObject` nor a `FileSet`".to_owned();
    vec![Item::Damage { place: node.place(file), what }]
}

/// The file or set of files that a part lies in.
pub fn container(words: &Words, node: &Node) -> Option<String> {
    let within = words.first(node, "containedIn")?;
    let inner = ["fileObject", "fileSet"].iter().find_map(|name| words.first(within, name)).unwrap_or(within);
    Some(words.said(inner).map_or("another file", |(name, _)| name).to_owned())
}

fn digests(words: &Words, node: &Node, file: &Arc<str>, items: &mut Vec<Item>) -> Vec<ContentName> {
    let mut found = Vec::new();
    for stated in words.all(node, "sha256") {
        let Some(text) = stated.string() else {
            items.push(no_text(stated, "sha256", file));
            continue;
        };
        if text == NO_DIGEST {
            continue;
        }
        match naming::digest("sha256", text) {
            Some(name) => found.push(name),
            None => items.push(Item::Damage {
                place: stated.place(file).member("sha256"),
                what: "`sha256` is no SHA-256 in 64 hex digits".to_owned(),
            }),
        }
    }
    found
}

fn file_object(words: &Words, node: &Node, collections: &[String], file: &Arc<str>) -> Vec<Item> {
    let mut items = Vec::new();
    let names = words.texts(node, "name");
    let name = names.first().map(|(name, _)| *name).or_else(|| node.text_of("@id"));
    let mut entry = Entry { place: node.place(file), name: name.map(str::to_owned), ..Entry::default() };
    entry.copy.collections = collections.to_vec();
    entry.ids.extend(node.text_of("@id").or(name).map(str::to_owned));
    let digests = digests(words, node, file, &mut items);
    digests.iter().for_each(|name| entry.named_by(*name));
    let within = container(words, node);
    let bytes = words.first(node, "contentSize").and_then(Node::text).and_then(size);
    let mut claimed = false;
    for value in words.all(node, "contentUrl") {
        for (url, at) in texts(Some(value), "contentUrl", file, &mut items) {
            claimed = true;
            entry.fetched_from(url);
            entry.files.push(FileClaim {
                path: url.to_owned(),
                digests: digests.clone(),
                bytes,
                within: within.clone(),
                place: at.place(file).member("contentUrl"),
            });
        }
    }
    if !claimed && within.is_none() {
        let what = "a `FileObject` without `contentUrl`: nobody can tell which file it is".to_owned();
        items.push(Item::Damage { place: node.place(file), what });
    }
    for value in words.all(node, "sameAs") {
        texts(Some(value), "sameAs", file, &mut items).iter().for_each(|(url, _)| entry.shown_at(url));
    }
    set::licenses(words, node, "license", file, &mut entry, &mut items);
    entry.derived_from = origins::of(words, node, &Graph::new(), file);
    for name in ["encodingFormat", "md5"] {
        if let Some(node) = words.first(node, name) {
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
