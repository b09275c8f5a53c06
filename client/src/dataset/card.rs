//! Hugging Face data set cards: the YAML between `---` lines at the head of a `README.md`, or a YAML file of the same members.
//!
//! A card does not say whose it is: it is found by its `pretty_name`, or else by the folder that it lies in, and by the id that
//! its folder has in a hub's cache (`datasets--owner--name`). Where `license` is `other`, `license_name` is what is stated.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::tree::{self, At, Complaint, Node, Tree};
use cleartitle_schema::lineage::Link;
use std::path::Path;
use std::sync::Arc;

/// Members that say nothing of rights, and are long.
const LEFT_OUT: &[&str] = &["configs", "dataset_info", "license", "license_name", "source_datasets", "pretty_name"];

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
    items.push(Item::Entry(Box::new(entry(&root, path, file))));
    items
}

fn entry(root: &Node, path: &Path, file: &Arc<str>) -> Entry {
    let mut entry = Entry { place: root.place(file), ..Entry::default() };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folders: Vec<String> = absolute
        .ancestors()
        .skip(1)
        .take(4)
        .filter_map(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let name = root.text_of("pretty_name").map(str::to_owned).or_else(|| folders.first().cloned());
    entry.in_collection(name.as_deref().unwrap_or("card"));
    entry.name = name;
    let cached = folders.iter().find_map(|folder| folder.strip_prefix("datasets--")?.split_once("--"));
    if let Some(collection) = cached.and_then(|(owner, name)| naming::hugging_face(&format!("hf:{owner}/{name}"))) {
        entry.in_collection(&collection);
    }
    entry.licenses = licenses(root, file);
    for source in root.member("source_datasets").map(Node::items).unwrap_or_default() {
        // `original`, `extended` say that there is one, `extended|squad` which.
        let Some(text) = source.text() else { continue };
        let of = text.strip_prefix("extended|").unwrap_or(text).trim();
        if matches!(of, "" | "original" | "extended" | "other") || of.starts_with("other-") {
            continue;
        }
        let of = if naming::is_hub_id(of) { format!("hf:{}", of.to_ascii_lowercase()) } else { of.to_owned() };
        entry.derived_from.push(Origin {
            link: Link::Adaptation,
            of,
            place: source.place(file).member("source_datasets"),
        });
    }
    for config in root.member("configs").map(Node::items).unwrap_or_default() {
        claims(config, file, &mut entry.files);
    }
    let sizes = root.member("dataset_info").map(Node::items).unwrap_or_default();
    for info in sizes {
        for name in ["dataset_size", "download_size"] {
            if let Some(size) = info.member(name) {
                entry.fact(&format!("dataset_info.{name}"), size, file);
            }
        }
    }
    for (name, node) in root.members() {
        if !LEFT_OUT.contains(&&&**name) {
            entry.fact(name, node, file);
        }
    }
    entry
}

fn licenses(root: &Node, file: &Arc<str>) -> Vec<Stated> {
    let stated = |node: &Node, member: &str| {
        Some(Stated { text: node.text()?.to_owned(), place: node.place(file).member(member) })
    };
    let named = root.member("license_name").and_then(|name| stated(name, "license_name"));
    let items = root.member("license").map(Node::items).unwrap_or_default();
    let mut found: Vec<Stated> = items
        .iter()
        .filter(|license| named.is_none() || license.text().is_none_or(|text| !text.eq_ignore_ascii_case("other")))
        .filter_map(|license| stated(license, "license"))
        .collect();
    found.extend(named);
    if found.is_empty() {
        // That nobody says it is said here, where it belongs.
        found.push(Stated { text: String::new(), place: root.place(file).member("license") });
    }
    found
}

/// Files that a configuration names outright; a pattern claims none.
fn claims(config: &Node, file: &Arc<str>, found: &mut Vec<FileClaim>) {
    let Some(files) = config.member("data_files") else { return };
    for one in files.items() {
        let paths = one.member("path").unwrap_or(one);
        for path in paths.items() {
            let Some(text) = path.text().filter(|text| !text.contains(['*', '?', '[', '{'])) else { continue };
            let place = path.place(file).member("data_files");
            found.push(FileClaim { path: text.to_owned(), digests: Vec::new(), bytes: None, within: None, place });
        }
    }
}
