//! DVC files: `.dvc`, and the stages, artifacts and data sets of `dvc.lock` and `dvc.yaml`.
//!
//! Every output is an entry. DVC's MD5 names no document here, so an output is found by where it was imported from or by its
//! path as a name, and its MD5 stays a fact. Outputs and dependencies claim that files are there and how long they are. A stage
//! that stands for several (`foreach`, `matrix`) is read as it is written: what its `${...}` come to is not known here.

use super::entry::{Entry, FileClaim, Item, Origin, Stated};
use super::naming;
use super::texts::{no_text, stated, texts};
use super::tree::{Node, Tree};
use cleartitle_schema::lineage::Link;
use std::sync::Arc;

/// Ends of paths that are programs, which no data is made from in the sense of rights; each is told.
const PROGRAMS: &[&str] =
    &[".py", ".sh", ".bash", ".r", ".jl", ".ipynb", ".rs", ".js", ".ts", ".go", ".c", ".cpp", ".java", ".scala", ".pl"];

/// What stands for a dependency without any name.
const NAMELESS: &str = "(a dependency that is not named)";

/// Reads a paper.
#[must_use]
pub fn read(tree: &Tree, file: &Arc<str>) -> Vec<Item> {
    let root = &tree.root;
    let mut paper = Paper { file, items: Vec::new() };
    for (name, stage) in root.member("stages").map(Node::members).unwrap_or_default() {
        // What is said once for many stands below `do`, or beside `matrix`.
        paper.outputs(stage.member("do").unwrap_or(stage), Some(name));
    }
    paper.outputs(root, None);
    paper.artifacts(root);
    paper.data_sets(root);
    if paper.items.is_empty() {
        paper.items.push(Item::Damage {
            place: root.place(file),
            what: "neither `outs` nor `stages` with outputs stand in this paper".to_owned(),
        });
    }
    paper.items
}

struct Paper<'a> {
    file: &'a Arc<str>,
    items: Vec<Item>,
}

impl Paper<'_> {
    fn outputs(&mut self, stage: &Node, name: Option<&str>) {
        let file = self.file;
        let below =
            Below { folder: stage.text_of("wdir").unwrap_or_default(), imported: stage.member("cmd").is_none() };
        let deps = stage.member("deps").map(Node::items).unwrap_or_default();
        for out in stage.member("outs").map(Node::items).unwrap_or_default() {
            let Some((path, at)) = path_of(out) else {
                self.items.push(Item::Damage {
                    place: out.place(file).member("outs"),
                    what: "an output without `path`".to_owned(),
                });
                continue;
            };
            let path = below.whole(path);
            let mut entry = Entry { place: out.place(file), name: Some(path.clone()), ..Entry::default() };
            entry.in_collection(&path);
            entry.ids.push(path.clone());
            self.claims(out, &path, at, &mut entry);
            for name in ["md5", "etag", "hash", "nfiles", "desc", "version_id"] {
                if let Some(value) = out.member(name) {
                    entry.fact(name, value, file);
                }
            }
            if let Some(name) = name {
                entry.facts.push(("stage".to_owned(), Stated { text: name.to_owned(), place: stage.place(file) }));
            }
            self.meta(stage, &mut entry);
            self.meta(options(out), &mut entry);
            for dep in deps {
                self.dependency(dep, &below, &mut entry);
            }
            self.items.push(Item::Entry(Box::new(entry)));
        }
    }

    /// What people write beside it.
    fn meta(&mut self, node: &Node, entry: &mut Entry) {
        for (name, value) in node.member("meta").map(Node::members).unwrap_or_default() {
            if matches!(&**name, "license" | "licence" | "licenses") {
                for (text, at) in texts(Some(value), name, self.file, &mut self.items) {
                    entry.licenses.push(stated(text, at, name, self.file));
                }
            } else {
                entry.fact(&format!("meta.{name}"), value, self.file);
            }
        }
    }

    /// The file that a node claims, or those of its folder where they are listed.
    fn claims(&mut self, node: &Node, path: &str, at: &Node, entry: &mut Entry) {
        let file = self.file;
        if path.contains("${") {
            let what = format!("`{path}` stands for paths that are not known here; they were not checked");
            self.items.push(Item::NotChecked { place: at.place(file).member("path"), what });
            return;
        }
        let whole = node.member("nfiles").is_none() && !path.ends_with('/');
        let size = |node: &Node| node.text_of("size").and_then(|size| size.parse().ok());
        let claim = |path: String, bytes, at: &Node| {
            let place = at.place(file).member("path");
            FileClaim { path, digests: Vec::new(), bytes, within: None, place }
        };
        entry.files.push(claim(path.to_owned(), size(node).filter(|_| whole), at));
        for listed in node.member("files").map(Node::items).unwrap_or_default() {
            match listed.member("relpath").and_then(|path| Some((path.string()?, path))) {
                Some((below, at)) => entry.files.push(claim(format!("{path}/{below}"), size(listed), at)),
                None => self.items.push(no_text(listed, "relpath", file)),
            }
        }
    }

    fn dependency(&mut self, dep: &Node, below: &Below<'_>, entry: &mut Entry) {
        let file = self.file;
        if let Some(repo) = dep.member("repo") {
            for (name, value) in repo.members() {
                entry.fact(&format!("repo.{name}"), value, file);
            }
            let (of, at) = repo.member("url").and_then(|url| Some((url.string()?, url))).unwrap_or((NAMELESS, repo));
            let place = at.place(file).member("repo");
            entry.derived_from.push(Origin { link: Link::SameContent, of: of.to_owned(), place });
            return;
        }
        let url = dep.member("url").map(|url| (url.string().unwrap_or(NAMELESS), url));
        let (path, at) = url.or_else(|| path_of(dep)).unwrap_or((NAMELESS, dep));
        if naming::is_url(path) && below.imported {
            // What was imported is the output's own bytes.
            entry.fetched_from(path);
            return;
        }
        let lower = path.to_ascii_lowercase();
        let place = at.place(file).member("deps");
        if PROGRAMS.iter().any(|end| lower.ends_with(end)) {
            let what = format!("`{path}` is taken for a program by its name, and for no origin of the data");
            self.items.push(Item::NotChecked { place, what });
            return;
        }
        let of = if naming::is_other_address(path) || path == NAMELESS { path.to_owned() } else { below.whole(path) };
        if !naming::is_other_address(path) && path != NAMELESS {
            self.claims(dep, &of, at, entry);
        }
        entry.derived_from.push(Origin { link: Link::Adaptation, of, place });
    }

    /// What a `dvc.yaml` calls by name, unless it is a stage's output; a model is no data set.
    fn artifacts(&mut self, root: &Node) {
        for (name, artifact) in root.member("artifacts").map(Node::members).unwrap_or_default() {
            if artifact.text_of("type") == Some("model") {
                continue;
            }
            let Some(at) = artifact.member("path").filter(|path| path.string().is_some()) else {
                self.items.push(no_text(artifact, "path", self.file));
                continue;
            };
            let path = at.string().unwrap_or_default();
            let known = |item: &Item| matches!(item, Item::Entry(entry) if entry.ids.iter().any(|id| id == path));
            if self.items.iter().any(known) {
                continue;
            }
            let mut entry =
                Entry { place: artifact.place(self.file), name: Some(name.to_string()), ..Entry::default() };
            entry.in_collection(name);
            entry.in_collection(path);
            entry.ids.push(path.to_owned());
            self.claims(artifact, path, at, &mut entry);
            self.meta(artifact, &mut entry);
            self.items.push(Item::Entry(Box::new(entry)));
        }
    }

    /// Data sets that stages depend on as `ds://NAME`.
    fn data_sets(&mut self, root: &Node) {
        for set in root.member("datasets").map(Node::items).unwrap_or_default() {
            let Some(name) = set.member("name").and_then(Node::string) else {
                self.items.push(no_text(set, "name", self.file));
                continue;
            };
            let mut entry = Entry { place: set.place(self.file), name: Some(name.to_owned()), ..Entry::default() };
            entry.in_collection(name);
            entry.ids.push(format!("ds://{name}"));
            for (url, at) in texts(set.member("url"), "url", self.file, &mut self.items) {
                entry.fetched_from(url);
                if !naming::is_url(url) {
                    let place = at.place(self.file).member("url");
                    entry.derived_from.push(Origin { link: Link::SameContent, of: url.to_owned(), place });
                }
            }
            self.items.push(Item::Entry(Box::new(entry)));
        }
    }
}

/// Where the paths of a stage lie, and whether it only fetches.
struct Below<'n> {
    folder: &'n str,
    imported: bool,
}

impl Below<'_> {
    /// A path as it is from the paper on.
    fn whole(&self, path: &str) -> String {
        let folder = self.folder.trim_end_matches('/');
        if matches!(folder, "" | ".") || path.starts_with('/') || naming::is_other_address(path) {
            return path.to_owned();
        }
        // What leads up from the working folder and stays in the paper's leads nowhere out of it.
        let mut parts: Vec<&str> = Vec::new();
        for part in folder.split('/').chain(path.split('/')).filter(|part| !matches!(*part, "" | ".")) {
            match parts.last() {
                Some(last) if part == ".." && *last != ".." => {
                    parts.pop();
                }
                _ => parts.push(part),
            }
        }
        parts.join("/") + if path.ends_with('/') { "/" } else { "" }
    }
}

/// An output or dependency is a path, or an object with one, or (in `dvc.yaml`) an object that the path is a member of.
fn path_of(node: &Node) -> Option<(&str, &Node)> {
    if let Some(path) = node.text() {
        return Some((path, node));
    }
    if let Some(path) = node.member("path") {
        return Some((path.text()?, path));
    }
    match node.members() {
        [(path, _)] if !matches!(&**path, "url" | "repo") => Some((path, node)),
        // Its options stand beside it where somebody left out two spaces.
        [(path, value), ..] if value.members().is_empty() && value.text().is_none() => Some((path, node)),
        _ => None,
    }
}

/// What is said of an output, which stands below its path or beside it.
fn options(node: &Node) -> &Node {
    match node.members() {
        [(_, options)] if !options.members().is_empty() => options,
        _ => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tree;

    fn entries(text: &str) -> Vec<Entry> {
        let found = read(&tree::yaml(text, 1).unwrap(), &Arc::from("dvc.yaml"));
        found.into_iter().filter_map(|item| if let Item::Entry(entry) = item { Some(*entry) } else { None }).collect()
    }

    #[test]
    fn stages_that_stand_for_several_have_outputs_and_origins() {
        let text = "stages:\n  a:\n    foreach: [x, y]\n    do:\n      cmd: c\n      deps: ['raw/${item}', {}, make.py]\n      outs: ['out/${item}']\n  b:\n    matrix: {m: [1]}\n    cmd: c\n    deps: [https://press.example/a]\n    outs: [z]\n";
        let found = entries(text);
        let told: Vec<(Option<&str>, Vec<&str>)> = found
            .iter()
            .map(|it| (it.name.as_deref(), it.derived_from.iter().map(|it| it.of.as_str()).collect()))
            .collect();
        assert_eq!(
            told,
            [(Some("out/${item}"), vec!["raw/${item}", NAMELESS]), (Some("z"), vec!["https://press.example/a"])]
        );
    }

    #[test]
    fn paths_lie_in_the_working_folder() {
        let found = entries("wdir: ../raw\nouts:\n- path: a.csv\n  md5: x\n");
        assert_eq!(found[0].files[0].path, "../raw/a.csv");
        let up = entries("stages:\n  a:\n    wdir: a/b\n    cmd: c\n    outs: [../../../x, ../y, ./z/]\n");
        let paths: Vec<&str> = up.iter().map(|entry| entry.files[0].path.as_str()).collect();
        assert_eq!(paths, ["../x", "a/y", "a/b/z/"]);
        let listed = entries("outs:\n- path: data\n  files:\n  - relpath: x/a.csv\n    size: 3\n");
        assert_eq!(listed[0].files[1].path, "data/x/a.csv");
        assert_eq!(listed[0].files[1].bytes, Some(3));
    }
}
