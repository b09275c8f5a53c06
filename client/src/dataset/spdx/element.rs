//! One element of SPDX 3 as an entry: its names, hashes, places and facts.

use crate::dataset::entry::{Entry, FileClaim, Item, Origin};
use crate::dataset::inventory::{COLLECTION, NOT_CARRIED, ORIGIN};
use crate::dataset::naming;
use crate::dataset::texts::{no_text, not_carried, texts};
use crate::dataset::tree::Node;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use std::sync::Arc;

/// What an element is called in short.
pub fn kind(node: &Node) -> &str {
    let kind = node
        .first_of(&["type", "@type"])
        .and_then(|kind| kind.items().first())
        .and_then(Node::text)
        .unwrap_or_default();
    kind.rsplit(['/', ':']).next().unwrap_or_default()
}

/// By what it is referred to.
pub fn id(node: &Node) -> Option<&str> {
    node.first_of(&["spdxId", "@id"]).and_then(Node::text)
}

/// Whether an element is a data set or a file.
pub fn is_data(node: &Node) -> bool {
    let purpose = || node.first_of(&["software_primaryPurpose", "primaryPurpose"]).and_then(Node::text);
    match kind(node) {
        "dataset_DatasetPackage" | "DatasetPackage" | "software_File" | "File" => true,
        "software_Package" | "Package" => purpose().is_some_and(|purpose| purpose.ends_with("data")),
        _ => false,
    }
}

fn is_file(node: &Node) -> bool {
    matches!(kind(node), "software_File" | "File")
}

/// Reads an element; what of it can't be read is told.
pub fn read(node: &Node, file: &Arc<str>, items: &mut Vec<Item>) -> Entry {
    let mut entry = Entry { place: node.place(file), ..Entry::default() };
    let names = texts(node.member("name"), "name", file, items);
    let name = names.first().map(|(name, _)| *name);
    entry.name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    if !is_file(node) {
        entry.in_collection(name.unwrap_or_default());
    }
    entry.ids.extend(id(node).map(str::to_owned));
    let digests = digests(node, &mut entry, file, items);
    digests.iter().for_each(|name| entry.named_by(*name));
    let location = node.first_of(&["software_downloadLocation", "downloadLocation"]);
    for (url, at) in texts(location, "software_downloadLocation", file, items) {
        entry.fetched_from(url);
        if !digests.is_empty() && naming::is_other_address(url) {
            let (path, place) = (url.to_owned(), at.place(file).member("software_downloadLocation"));
            entry.files.push(FileClaim { path, digests: digests.clone(), bytes: None, within: None, place });
        }
    }
    for (url, _) in texts(node.first_of(&["software_homePage", "homePage"]), "software_homePage", file, items) {
        entry.shown_at(url);
    }
    references(node, &mut entry, file, items);
    properties(node, &mut entry, file, items);
    // A file's name is its path; a package has no bytes of its own beside the paper.
    if is_file(node)
        && let Some((path, at)) = names.first()
    {
        let (path, place) = ((*path).to_owned(), at.place(file).member("name"));
        entry.files.push(FileClaim { path, digests, bytes: None, within: None, place });
    }
    for (member, value) in node.members() {
        let facts = member.starts_with("dataset_")
            || matches!(
                &**member,
                "builtTime"
                    | "releaseTime"
                    | "software_primaryPurpose"
                    | "software_packageVersion"
                    | "software_packageUrl"
                    | "originatedBy"
                    | "software_copyrightText"
            );
        if facts {
            entry.fact(member, value, file);
        }
    }
    entry
}

/// The hashes that name documents; others stay facts, a package's verification code among them: it is no hash of any bytes.
fn digests(node: &Node, entry: &mut Entry, file: &Arc<str>, items: &mut Vec<Item>) -> Vec<ContentName> {
    let mut found = Vec::new();
    for hash in node.member("verifiedUsing").map(Node::items).unwrap_or_default() {
        let Some(value) = hash.member("hashValue") else { continue };
        let Some(algorithm) = hash.text_of("algorithm") else {
            items.push(no_text(hash, "algorithm", file));
            continue;
        };
        let algorithm = algorithm.rsplit('/').next().unwrap_or_default();
        if kind(hash) == "PackageVerificationCode" {
            entry.fact("packageVerificationCode", value, file);
            continue;
        }
        match value.string().and_then(|text| naming::digest(algorithm, text)) {
            Some(name) => found.push(name),
            None if naming::names_documents(algorithm) => items.push(Item::Damage {
                place: value.place(file).member("hashValue"),
                what: format!("`hashValue` is no {} digest", algorithm.chars().take(20).collect::<String>()),
            }),
            None => entry.fact(&algorithm.to_ascii_lowercase(), value, file),
        }
    }
    found
}

/// What our own inventories say in properties.
fn properties(node: &Node, entry: &mut Entry, file: &Arc<str>, items: &mut Vec<Item>) {
    let extensions = node.member("extension").map(Node::items).unwrap_or_default().iter();
    for property in extensions.flat_map(|it| it.member("extension_cdxProperty").map(Node::items).unwrap_or_default()) {
        let of = |member: &str| property.member(member).and_then(Node::string);
        let (Some(name), Some(value)) = (of("extension_cdxPropName"), of("extension_cdxPropValue")) else { continue };
        match name {
            NOT_CARRIED => items.push(not_carried(value, node, file)),
            COLLECTION => entry.in_collection(value),
            _ => {
                if let Some(link) = name.strip_prefix(ORIGIN) {
                    let place = property.place(file).member("extension_cdxProperty");
                    let link = link.parse().unwrap_or(Link::Adaptation);
                    entry.derived_from.push(Origin { link, of: value.to_owned(), place });
                }
            }
        }
    }
}

/// Where else it is to be had, and the pages and identifiers that it has.
fn references(node: &Node, entry: &mut Entry, file: &Arc<str>, items: &mut Vec<Item>) {
    for reference in node.member("externalRef").map(Node::items).unwrap_or_default() {
        let kind = reference.text_of("externalRefType").unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let here = matches!(kind, "altDownloadLocation" | "binaryArtifact" | "sourceArtifact");
        for (url, _) in texts(reference.member("locator"), "locator", file, items) {
            if here { entry.fetched_from(url) } else { entry.shown_at(url) }
        }
    }
    for identifier in node.member("externalIdentifier").map(Node::items).unwrap_or_default() {
        let locators = texts(identifier.member("identifierLocator"), "identifierLocator", file, items);
        locators.iter().for_each(|(url, _)| entry.shown_at(url));
    }
}
