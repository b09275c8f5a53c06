//! One component as an entry: its names, hashes, licenses, places and facts.

use super::Reader;
use crate::dataset::entry::{Entry, FileClaim, Item};
use crate::dataset::inventory::{BYTES, NOT_CARRIED};
use crate::dataset::naming;
use crate::dataset::texts::{no_text, not_carried, stated, texts};
use crate::dataset::tree::Node;
use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias};
use data_encoding::BASE64;
use sha2::Digest as _;

/// References that lead to the bytes themselves.
const HERE: &[&str] = &["distribution", "distribution-intake", "source-distribution"];

impl Reader<'_> {
    /// A component with all that is nested in it; `within`: the names of the data that it lies in.
    pub(super) fn component(&mut self, node: &Node, within: Option<&[String]>) {
        self.borne.extend(node.text_of("bom-ref").map(str::to_owned));
        let data = node.text_of("type") == Some("data");
        let mut names = None;
        if data || (within.is_some() && node.text_of("type") == Some("file")) {
            let entry = self.data(node, within.unwrap_or_default(), !data);
            names = Some(entry.copy.collections.clone());
            self.entries.push(entry);
        }
        // A model says by which data sets it was made.
        let model = node.member("modelCard").and_then(|card| card.member("modelParameters"));
        for data_set in model.and_then(|model| model.member("datasets")).map(Node::items).unwrap_or_default() {
            self.borne.extend(data_set.text_of("bom-ref").map(str::to_owned));
            if data_set.member("ref").is_some() {
                self.refs(data_set, "ref");
            } else {
                self.inlined(data_set);
            }
        }
        for inner in node.member("components").map(Node::items).unwrap_or_default() {
            self.component(inner, names.as_deref().or(within));
        }
    }

    /// A data set that is no component of its own.
    fn inlined(&mut self, node: &Node) {
        let mut entry = Entry { place: node.place(self.file), ..Entry::default() };
        let name = node.text_of("name").map(str::to_owned);
        entry.in_collection(name.as_deref().unwrap_or_default());
        entry.name = name;
        self.contents(node, &[], &mut entry);
        self.entries.push(entry);
    }

    fn data(&mut self, node: &Node, within: &[String], is_file: bool) -> Entry {
        let file = self.file;
        let mut entry = Entry { place: node.place(file), ..Entry::default() };
        let name = node.text_of("name").map(|name| match node.text_of("group") {
            Some(group) => format!("{group}/{name}"),
            None => name.to_owned(),
        });
        if !is_file {
            entry.in_collection(name.as_deref().unwrap_or_default());
        }
        within.iter().for_each(|name| entry.in_collection(name));
        entry.name = name;
        entry.ids.extend(node.text_of("bom-ref").map(str::to_owned));
        let digests = self.hashes(node, &mut entry);
        digests.iter().for_each(|name| entry.named_by(*name));
        self.licenses(node, "licenses", &mut entry);
        if let Some(evidence) = node.member("evidence") {
            self.licenses(evidence, "licenses", &mut entry);
        }
        if is_file && let Some(at) = node.member("name") {
            let bytes = property(node, BYTES).and_then(|bytes| bytes.parse().ok());
            let (path, place) = (at.text().unwrap_or_default().to_owned(), at.place(file).member("name"));
            entry.files.push(FileClaim { path, digests: digests.clone(), bytes, within: None, place });
        }
        for reference in node.member("externalReferences").map(Node::items).unwrap_or_default() {
            self.reference(reference, &mut entry);
        }
        for data in node.member("data").map(Node::items).unwrap_or_default() {
            self.borne.extend(data.text_of("bom-ref").map(str::to_owned));
            entry.in_collection(data.text_of("name").unwrap_or_default());
            self.contents(data, &digests, &mut entry);
        }
        self.pedigree(node, &mut entry);
        if let Some(lost) = property(node, NOT_CARRIED) {
            self.items.push(not_carried(lost, node, file));
        }
        for name in ["version", "purl", "publisher", "copyright"] {
            if let Some(value) = node.member(name) {
                entry.fact(name, value, file);
            }
        }
        entry
    }

    /// What a data object says of its contents, and who governs it.
    fn contents(&mut self, data: &Node, digests: &[ContentName], entry: &mut Entry) {
        let file = self.file;
        if let Some(contents) = data.member("contents") {
            for (url, at) in texts(contents.member("url"), "url", file, &mut self.items) {
                entry.fetched_from(url);
                let (path, place) = (url.to_owned(), at.place(file).member("url"));
                entry.files.push(FileClaim { path, digests: digests.to_vec(), bytes: None, within: None, place });
            }
            if let Some(attached) = contents.member("attachment") {
                self.attached(attached, entry);
            }
        }
        for name in ["type", "name", "classification", "sensitiveData", "description"] {
            if let Some(value) = data.member(name) {
                entry.fact(&format!("data.{name}"), value, file);
            }
        }
        for (role, parties) in data.member("governance").map(Node::members).unwrap_or_default() {
            for party in parties.items() {
                let named = ["organization", "contact"].iter().find_map(|kind| party.member(kind)?.member("name"));
                if let Some(named) = named {
                    entry.fact(&format!("data.governance.{role}"), named, file);
                }
            }
        }
    }

    /// Data that lies in the paper itself is named by its own bytes.
    fn attached(&mut self, node: &Node, entry: &mut Entry) {
        let text = node.member("content").and_then(Node::string);
        let bytes = match node.text_of("encoding") {
            Some("base64") => text.and_then(|text| BASE64.decode(text.as_bytes()).ok()),
            None => text.map(|text| text.as_bytes().to_vec()),
            Some(_) => None,
        };
        match bytes {
            Some(bytes) => {
                entry.named_by(ContentName::Blake3(ContentId(*blake3::hash(&bytes).as_bytes())));
                entry.named_by(ContentName::Sha256(Sha256Alias(sha2::Sha256::digest(&bytes).into())));
            }
            None => {
                let what = "data is attached that can't be read".to_owned();
                self.items.push(Item::Damage { place: node.place(self.file).member("attachment"), what });
            }
        }
    }

    fn licenses(&mut self, node: &Node, member: &str, entry: &mut Entry) {
        for license in node.member(member).map(Node::items).unwrap_or_default() {
            let inner = license.member("license").unwrap_or(license);
            let words = inner.first_of(&["expression", "id", "name", "url"]);
            match words.and_then(|words| Some((words.string()?, words))) {
                Some((text, at)) => entry.licenses.push(stated(text, at, "license", self.file)),
                None => self.items.push(no_text(license, "license", self.file)),
            }
        }
    }

    /// The hashes that name documents; others stay facts, and what is no digest is told.
    fn hashes(&mut self, node: &Node, entry: &mut Entry) -> Vec<ContentName> {
        let mut found = Vec::new();
        for hash in node.member("hashes").map(Node::items).unwrap_or_default() {
            let (Some(algorithm), Some(value)) = (hash.text_of("alg"), hash.member("content")) else {
                let what = "a hash without `alg` and `content`".to_owned();
                self.items.push(Item::Damage { place: hash.place(self.file).member("hashes"), what });
                continue;
            };
            match value.string().and_then(|text| naming::digest(algorithm, text)) {
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
        let file = self.file;
        for (text, url) in texts(node.member("url"), "url", file, &mut self.items) {
            let kind = node.text_of("type").unwrap_or_default();
            if kind == "license" && entry.licenses.is_empty() {
                entry.licenses.push(stated(text, url, "license", file));
            }
            if !HERE.contains(&kind) {
                entry.shown_at(text);
                continue;
            }
            entry.fetched_from(text);
            let digests = self.hashes(node, entry);
            digests.iter().for_each(|name| entry.named_by(*name));
            let (path, place) = (text.to_owned(), url.place(file).member("url"));
            entry.files.push(FileClaim { path, digests, bytes: None, within: None, place });
        }
    }
}

/// A property by its name.
fn property<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    let properties = node.member("properties").map(Node::items).unwrap_or_default();
    properties.iter().find(|it| it.text_of("name") == Some(name)).and_then(|it| it.text_of("value"))
}
