//! Croissant: a data set in schema.org's vocabulary with its own; a `FileObject` for each paper and for each file that it claims.

use super::listed::Listed;
use super::{Claimed, Input, Inventory};
use crate::dataset::inventory;
use cleartitle_schema::lineage::Link;
use serde_json::{Map, Value, json};

/// The data set.
pub fn export(inventory: &Inventory<'_>) -> Value {
    let mut distribution = Vec::new();
    for (rank, input) in inventory.inputs.iter().enumerate() {
        distribution.push(paper(rank, input));
        let files = input.files.iter().enumerate().filter_map(|(file, claimed)| file_of(rank, file, claimed));
        distribution.extend(files);
    }
    let properties = [
        ("cleartitle:policy".to_owned(), inventory.policy_digest.clone()),
        ("cleartitle:snapshot".to_owned(), inventory.snapshot.clone()),
    ];
    let of_papers = inventory.inputs.iter().flat_map(|input| {
        input.properties().into_iter().map(|(name, value)| (name, format!("{value} ({})", input.name)))
    });
    let properties: Vec<Value> = properties
        .into_iter()
        .chain(inventory.damaged())
        .chain(of_papers)
        .map(|(name, value)| property(&name, &value))
        .collect();
    let entries: Vec<Value> = inventory.inputs.iter().flat_map(|input| &input.listed).map(entry_of).collect();
    let mut dataset = json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": inventory.name,
        "description": inventory.description(),
        "creator": { "@type": "sc:Organization", "name": inventory.originator },
        "datePublished": inventory.as_of,
        "version": "1.0.0",
        "url": format!("urn:uuid:{}", inventory.serial()),
        "identifier": format!("urn:uuid:{}", inventory.serial()),
        "additionalProperty": properties,
        "distribution": distribution,
    });
    // What no expression holds is stated as it was written; a reader that knows only SPDX ids is told no less.
    let stated: Vec<&String> = inventory.inputs.iter().flat_map(|input| input.stated.counts.keys()).collect();
    if !stated.is_empty() {
        dataset["license"] = json!(stated);
    }
    if !entries.is_empty() {
        dataset["hasPart"] = entries.into();
    }
    dataset
}

fn paper(rank: usize, input: &Input) -> Value {
    json!({
        "@type": "cr:FileObject",
        "@id": format!("paper-{}", rank + 1),
        "name": input.name,
        "description": format!("{} entries", input.entries),
        "contentUrl": input.name,
        "contentSize": format!("{} B", input.bytes),
        "encodingFormat": if input.name.ends_with(".jsonl") { "application/jsonlines" } else { "application/octet-stream" },
        "sha256": input.sha256,
    })
}

/// A claimed file; without a SHA-256 the form has no place for it, and the paper that claims it is named by its own.
fn file_of(paper: usize, rank: usize, claimed: &Claimed) -> Option<Value> {
    let sha256 = claimed.sha256.as_ref()?;
    let mut file = Map::new();
    file.insert("@type".to_owned(), json!("cr:FileObject"));
    file.insert("@id".to_owned(), json!(format!("paper-{}-file-{}", paper + 1, rank + 1)));
    file.insert("name".to_owned(), json!(claimed.path.rsplit('/').next().unwrap_or(&claimed.path)));
    file.insert("contentUrl".to_owned(), json!(claimed.path));
    file.insert("encodingFormat".to_owned(), json!("application/octet-stream"));
    file.insert("sha256".to_owned(), json!(sha256));
    if let Some(bytes) = claimed.bytes {
        file.insert("contentSize".to_owned(), json!(format!("{bytes} B")));
    }
    Some(Value::Object(file))
}

fn property(name: &str, value: &str) -> Value {
    json!({ "@type": "sc:PropertyValue", "name": name, "value": value })
}

/// An entry: no file of the distribution, which lists what there is to load, but a part of the data set.
fn entry_of(listed: &Listed) -> Value {
    let mut part = json!({ "@type": "sc:MediaObject", "name": listed.name });
    let origin = |(link, of): &(Link, String)| json!({ "@type": "sc:CreativeWork", "name": of, "additionalProperty": property(inventory::LINK, link.word()) });
    let lost: Vec<Value> = listed.lost().map(|lost| property(inventory::NOT_CARRIED, &lost)).into_iter().collect();
    let texts = |all: &[String]| all.iter().map(|text| json!(text)).collect::<Vec<_>>();
    let members: [(&str, Vec<Value>); 7] = [
        ("alternateName", texts(&listed.collections)),
        ("identifier", listed.content.iter().map(|name| json!(name.to_string())).collect()),
        ("contentUrl", texts(&listed.fetched)),
        ("url", texts(&listed.shown)),
        ("license", texts(&listed.licenses)),
        ("isBasedOn", listed.origins.iter().map(origin).collect()),
        ("additionalProperty", lost),
    ];
    for (name, values) in members.into_iter().filter(|(_, values)| !values.is_empty()) {
        part[name] = values.into();
    }
    part
}

/// The context that every Croissant file carries.
fn context() -> Value {
    json!({
        "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/", "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
        "data": { "@id": "cr:data", "@type": "@json" }, "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "examples": { "@id": "cr:examples", "@type": "@json" }, "extract": "cr:extract", "field": "cr:field",
        "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
        "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
        "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
        "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
        "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
    })
}
