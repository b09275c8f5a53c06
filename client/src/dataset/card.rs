//! Hugging Face data set cards: the YAML between `---` lines at the head of a `README.md`, or a YAML file of the same members.
//!
//! A card does not say whose it is: it is found by its `pretty_name`, or else by the folder that it lies in, and by the id that
//! its folder has in a hub's cache (`datasets--owner--name`). Where `license` is `other`, `license_name` is what is stated.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::texts::{stated, texts};
use super::tree::{self, At, Complaint, Node, Tree};
use cleartitle_schema::lineage::Link;
use std::path::Path;
use std::sync::Arc;

/// Members that say nothing of rights, and are long.
const LEFT_OUT: &[&str] =
    &["configs", "dataset_info", "license", "licenses", "license_name", "source_datasets", "pretty_name"];

/// What stands for a source that a card speaks of and does not name.
const NAMELESS: &str = "(a data set that the card does not name)";

/// Whether a text begins as a card does.
pub(super) fn has_head(text: &str) -> bool {
    front_matter(text).is_some()
}

/// The front matter and the line that it begins in; none where the text has no such head.
fn front_matter(text: &str) -> Option<Result<&str, Complaint>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some(Ok(&rest[..at]));
        }
        at += line.len();
    }
    Some(Err(Complaint { at: At { line: 1, column: 1 }, what: "the head of the card has no closing `---`".to_owned() }))
}

/// Reads a card.
#[must_use]
pub fn read(text: &str, path: &Path, file: &Arc<str>) -> Vec<Item> {
    let markdown =
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("md") || end.eq_ignore_ascii_case("markdown"));
    let read = match front_matter(text) {
        Some(Ok(head)) => tree::yaml(head, 2),
        Some(Err(complaint)) => Err(complaint),
        None if markdown => Err(Complaint {
            at: At { line: 1, column: 1 },
            what: "the card has no head between `---` lines".to_owned(),
        }),
        None => tree::yaml(text, 1),
    };
    let Tree { root, complaints } = match read {
        Ok(tree) => tree,
        Err(complaint) => return vec![tree::damage(file, complaint)],
    };
    let mut items: Vec<Item> = complaints.into_iter().map(|complaint| tree::damage(file, complaint)).collect();
    let entry = entry(&root, path, file, &mut items);
    items.push(Item::Entry(Box::new(entry)));
    items
}

/// The texts of a member that is one, a list of them, or (in older cards) one such list for each configuration.
fn words<'n>(node: Option<&'n Node>, member: &str, file: &Arc<str>, told: &mut Vec<Item>) -> Vec<(&'n str, &'n Node)> {
    let mut found = Vec::new();
    for item in node.map(Node::items).unwrap_or_default() {
        let members = item.members();
        if members.is_empty() {
            found.extend(texts(Some(item), member, file, told));
        }
        for (_, of_config) in members {
            found.extend(texts(Some(of_config), member, file, told));
        }
    }
    found
}

fn entry(root: &Node, path: &Path, file: &Arc<str>, told: &mut Vec<Item>) -> Entry {
    let mut entry = Entry { place: root.place(file), ..Entry::default() };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folders: Vec<String> = absolute
        .ancestors()
        .skip(1)
        .take(4)
        .filter_map(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let titles = texts(root.member("pretty_name"), "pretty_name", file, told);
    let name = titles.first().map(|(title, _)| (*title).to_owned()).or_else(|| folders.first().cloned());
    entry.in_collection(name.as_deref().unwrap_or("card"));
    entry.name = name;
    let cached = folders.iter().find_map(|folder| folder.strip_prefix("datasets--")?.split_once("--"));
    if let Some(collection) = cached.and_then(|(owner, name)| naming::hugging_face(&format!("hf:{owner}/{name}"))) {
        entry.in_collection(&collection);
    }
    entry.licenses = licenses(root, file, told);
    for (text, at) in words(root.member("source_datasets"), "source_datasets", file, told) {
        if let Some(of) = source(text) {
            let place = at.place(file).member("source_datasets");
            entry.derived_from.push(Origin { link: Link::Adaptation, of, place });
        }
    }
    for config in root.member("configs").map(Node::items).unwrap_or_default() {
        claims(config, file, &mut entry.files, told);
    }
    let addresses: Vec<String> = entry.files.iter().map(|claim| claim.path.clone()).collect();
    addresses.iter().for_each(|path| entry.fetched_from(path));
    let sizes = root.member("dataset_info").map(Node::items).unwrap_or_default();
    for info in sizes {
        for name in ["dataset_size", "download_size"] {
            if let Some(size) = info.member(name) {
                entry.fact(&format!("dataset_info.{name}"), size, file);
            }
        }
    }
    for (name, node) in root.members() {
        if !LEFT_OUT.contains(&&**name) {
            entry.fact(name, node, file);
        }
    }
    entry
}

/// What a data set was made from, by one word of its card: `original` says that it was made from none, `extended|squad` from
/// which, `extended|other-memoirs` from one that the hub does not have, `extended` and `other` from one that nobody names.
fn source(text: &str) -> Option<String> {
    let text = text.trim();
    let of = text.strip_prefix("extended|").unwrap_or(text).trim();
    let of = of.strip_prefix("other-").unwrap_or(of).trim();
    match of {
        "original" => None,
        "" | "extended" | "other" => Some(NAMELESS.to_owned()),
        hub if naming::is_hub_id(hub) => Some(format!("hf:{}", hub.to_ascii_lowercase())),
        other => Some(other.to_owned()),
    }
}

fn licenses(root: &Node, file: &Arc<str>, told: &mut Vec<Item>) -> Vec<Stated> {
    let named = words(root.member("license_name"), "license_name", file, told);
    let mut found = Vec::new();
    for member in ["license", "licenses"] {
        for (text, at) in words(root.member(member), member, file, told) {
            if named.is_empty() || !text.eq_ignore_ascii_case("other") {
                found.push(stated(text, at, member, file));
            }
        }
    }
    found.extend(named.into_iter().map(|(text, at)| stated(text, at, "license_name", file)));
    if found.is_empty() {
        // That nobody says it is said here, where it belongs.
        found.push(Stated { text: String::new(), place: root.place(file).member("license") });
    }
    found
}

/// Files that a configuration names outright; a pattern claims none.
fn claims(config: &Node, file: &Arc<str>, found: &mut Vec<FileClaim>, told: &mut Vec<Item>) {
    let Some(files) = config.member("data_files") else { return };
    for one in files.items() {
        let paths = one.member("path").unwrap_or(one);
        for (text, path) in words(Some(paths), "data_files", file, told) {
            let place = path.place(file).member("data_files");
            if text.contains(['*', '?', '[', '{']) {
                let what = format!("the files `{text}` are not listed here, and were not checked");
                told.push(Item::NotChecked { place, what });
                continue;
            }
            found.push(FileClaim { path: text.to_owned(), digests: Vec::new(), bytes: None, within: None, place });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_none_only_where_the_card_says_so() {
        for (text, of) in [
            ("original", None),
            ("extended|squad", Some("squad")),
            ("extended|other-sts-b", Some("sts-b")),
            ("extended|Owner/Name", Some("hf:owner/name")),
            ("other-memoirs", Some("memoirs")),
            ("extended", Some(NAMELESS)),
            ("other", Some(NAMELESS)),
            ("extended|other", Some(NAMELESS)),
        ] {
            assert_eq!(source(text).as_deref(), of, "{text}");
        }
    }

    #[test]
    fn older_cards_say_it_for_each_configuration() {
        let text = "---\nlicenses:\n  cola:\n  - other\n  - mit\nsource_datasets:\n  cola:\n  - extended|a\n  sst: extended|b\n---\n";
        let found = read(text, Path::new("README.md"), &Arc::from("README.md"));
        let [Item::Entry(entry)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(entry.licenses.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["other", "mit"]);
        assert_eq!(entry.derived_from.iter().map(|it| it.of.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }
}
