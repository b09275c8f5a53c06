//! DVC files: `.dvc`, and the stages of `dvc.lock` and `dvc.yaml`.
//!
//! Every output is an entry. DVC's MD5 names no document here, so an output is found by where it was imported from or by its
//! path as a name, and its MD5 stays a fact. Outputs and dependencies claim that files are there and how long they are.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::tree::{Node, Tree};
use cleartitle_schema::lineage::Link;
use std::sync::Arc;

/// Ends of paths that are programs, which no data is made from in the sense of rights.
const PROGRAMS: &[&str] =
    &[".py", ".sh", ".r", ".jl", ".ipynb", ".rs", ".js", ".ts", ".go", ".cfg", ".toml", ".yaml", ".yml", ".ini"];

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    let mut items = Vec::new();
    let stages = root.member("stages").map(Node::members).unwrap_or_default();
    for (name, stage) in stages {
        outputs(stage, Some(name), file, &mut items);
    }
    outputs(root, None, file, &mut items);
    if items.is_empty() {
        items.push(Item::Damage {
            place: root.place(file),
            what: "neither `outs` nor `stages` with outputs stand in this paper".to_owned(),
        });
    }
    items
}

fn outputs(stage: &Node, name: Option<&str>, file: &Arc<str>, items: &mut Vec<Item>) {
    let deps = stage.member("deps").map(Node::items).unwrap_or_default();
    for out in stage.member("outs").map(Node::items).unwrap_or_default() {
        let Some((path, at)) = path_of(out) else {
            items.push(Item::Damage {
                place: out.place(file).member("outs"),
                what: "an output without `path`".to_owned(),
            });
            continue;
        };
        let mut entry = Entry { place: out.place(file), name: Some(path.to_owned()), ..Entry::default() };
        entry.in_collection(path);
        entry.ids.push(path.to_owned());
        let whole = out.member("nfiles").is_none() && !path.ends_with('/');
        entry.files.push(claim(out, path, at, whole, file));
        for name in ["md5", "etag", "hash", "nfiles", "desc"] {
            if let Some(value) = out.member(name) {
                entry.fact(name, value, file);
            }
        }
        if let Some(name) = name {
            entry.facts.push(("stage".to_owned(), Stated { text: name.to_owned(), place: stage.place(file) }));
        }
        for (name, value) in stage.member("meta").map(Node::members).unwrap_or_default() {
            if &**name == "license" {
                let said = value.items().iter().filter_map(|one| {
                    Some(Stated { text: one.text()?.to_owned(), place: one.place(file).member(name) })
                });
                entry.licenses.extend(said);
            } else {
                entry.fact(&format!("meta.{name}"), value, file);
            }
        }
        for dep in deps {
            dependency(dep, file, &mut entry);
        }
        items.push(Item::Entry(Box::new(entry)));
    }
}

/// An output or dependency is a path, or an object with one, or (in `dvc.yaml`) an object whose one member is the path.
fn path_of(node: &Node) -> Option<(&str, &Node)> {
    if let Some(path) = node.text() {
        return Some((path, node));
    }
    if let Some(path) = node.member("path") {
        return Some((path.text()?, path));
    }
    match node.members() {
        [(path, _)] if !matches!(&**path, "url" | "repo") => Some((path, node)),
        _ => None,
    }
}

fn claim(node: &Node, path: &str, at: &Node, whole: bool, file: &Arc<str>) -> FileClaim {
    let bytes = node.text_of("size").filter(|_| whole).and_then(|size| size.parse().ok());
    FileClaim { path: path.to_owned(), digests: Vec::new(), bytes, within: None, place: at.place(file).member("path") }
}

fn dependency(dep: &Node, file: &Arc<str>, entry: &mut Entry) {
    if let Some(repo) = dep.member("repo") {
        for (name, value) in repo.members() {
            entry.fact(&format!("repo.{name}"), value, file);
        }
        if let Some(url) = repo.member("url") {
            let of = url.text().unwrap_or_default().to_owned();
            entry.derived_from.push(Origin { link: Link::SameContent, of, place: url.place(file).member("repo") });
        }
        return;
    }
    let address = dep.member("url").map(|url| (url.text().unwrap_or_default(), url)).or_else(|| path_of(dep));
    let Some((path, at)) = address else { return };
    if naming::is_url(path) {
        // What was imported is the output's own bytes.
        entry.fetched_from(path);
        return;
    }
    let lower = path.to_ascii_lowercase();
    if PROGRAMS.iter().any(|end| lower.ends_with(end)) {
        return;
    }
    if !naming::is_other_address(path) {
        let whole = dep.member("nfiles").is_none() && !path.ends_with('/');
        entry.files.push(claim(dep, path, at, whole, file));
    }
    entry.derived_from.push(Origin {
        link: Link::Adaptation,
        of: path.to_owned(),
        place: at.place(file).member("deps"),
    });
}
