//! CycloneDX 1.6: a bill of materials whose components are of type `data`, one a paper, with the files that it claims below.

use super::listed::{self, Listed};
use super::{Claimed, Input, Inventory, name_value};
use crate::dataset::inventory;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::lineage::Link;
use serde_json::{Map, Value, json};

/// The bill.
pub fn export(inventory: &Inventory<'_>) -> Value {
    let components: Vec<Value> =
        inventory.inputs.iter().enumerate().map(|(rank, input)| component(rank, input)).collect();
    let mut whole = json!({
        "type": "data",
        "bom-ref": "dataset",
        "name": inventory.name,
        "description": inventory.description(),
        "data": [{ "type": "dataset", "name": inventory.name, "governance": {
            "custodians": [{ "organization": { "name": inventory.originator } }] } }],
        "properties": name_value(
            [
                ("cleartitle:policy".to_owned(), inventory.policy_digest.clone()),
                ("cleartitle:snapshot".to_owned(), inventory.snapshot.clone()),
            ]
            .into_iter()
            .chain(inventory.damaged())
            .collect(),
        ),
    });
    license(&mut whole, inventory.declared(), inventory.concluded());
    let refs: Vec<String> = (0..inventory.inputs.len()).map(input_ref).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", inventory.serial()),
        "version": 1,
        "metadata": {
            "timestamp": inventory.as_of,
            "tools": { "components": [{
                "type": "application", "name": "cleartitle", "version": env!("CARGO_PKG_VERSION") }] },
            "component": whole,
        },
        "components": components,
        "dependencies": [{ "ref": "dataset", "dependsOn": refs }],
    })
}

fn input_ref(rank: usize) -> String {
    format!("paper-{}", rank + 1)
}

/// A license as stated, or as it decided; the form takes one expression.
fn license(component: &mut Value, declared: Option<String>, concluded: Option<String>) {
    let found = declared.map(|text| (text, "declared")).or(concluded.map(|text| (text, "concluded")));
    if let Some((expression, acknowledgement)) = found {
        component["licenses"] = json!([{ "expression": expression, "acknowledgement": acknowledgement }]);
    }
}

fn component(rank: usize, input: &Input) -> Value {
    let mut properties = input.properties();
    properties.push((inventory::BYTES.to_owned(), input.bytes.to_string()));
    let mut component = json!({
        "type": "data",
        "bom-ref": input_ref(rank),
        "name": input.name,
        "hashes": [{ "alg": "SHA-256", "content": input.sha256 }, { "alg": "BLAKE3", "content": input.blake3 }],
        "data": [{ "type": "dataset", "name": input.name }],
        "properties": name_value(properties),
    });
    license(&mut component, input.declared(), input.concluded());
    let files = input.files.iter().enumerate().map(|(file, claimed)| file_of(rank, file, claimed));
    let entries = input.listed.iter().enumerate().map(|(entry, listed)| entry_of(rank, entry, listed));
    let below: Vec<Value> = files.chain(entries).collect();
    if !below.is_empty() {
        component["components"] = below.into();
    }
    component
}

/// An entry: what the form has no other place for is a property.
fn entry_of(paper: usize, rank: usize, listed: &Listed) -> Value {
    let hash = |name: &ContentName| {
        let (algorithm, hex) = listed::digest(name);
        let algorithm = match algorithm {
            "blake3" => "BLAKE3",
            "sha256" => "SHA-256",
            _ => "SHA-1",
        };
        json!({ "alg": algorithm, "content": hex })
    };
    let reference = |kind: &str, url: &String| json!({ "type": kind, "url": url });
    let references = listed.fetched.iter().map(|url| reference("distribution", url));
    let references: Vec<Value> = references.chain(listed.shown.iter().map(|url| reference("website", url))).collect();
    let origin = |(link, of): &(Link, String)| {
        let link = vec![(inventory::LINK.to_owned(), link.word().to_owned())];
        json!({ "type": "data", "name": of, "properties": name_value(link) })
    };
    let data = listed.collections.iter().map(|name| json!({ "type": "dataset", "name": name }));
    let mut component = json!({
        "type": "data",
        "bom-ref": format!("{}-entry-{}", input_ref(paper), rank + 1),
        "name": listed.name,
    });
    let lost = listed.lost().map(|lost| vec![(inventory::NOT_CARRIED.to_owned(), lost)]).unwrap_or_default();
    let members: [(&str, Vec<Value>); 5] = [
        ("hashes", listed.content.iter().map(hash).collect()),
        ("licenses", listed.licenses.iter().map(|name| json!({ "license": { "name": name } })).collect()),
        ("externalReferences", references),
        ("data", data.collect()),
        ("properties", name_value(lost)),
    ];
    for (name, values) in members.into_iter().filter(|(_, values)| !values.is_empty()) {
        component[name] = values.into();
    }
    if !listed.origins.is_empty() {
        component["pedigree"] = json!({ "ancestors": listed.origins.iter().map(origin).collect::<Vec<_>>() });
    }
    component
}

fn file_of(paper: usize, rank: usize, claimed: &Claimed) -> Value {
    let mut file = Map::new();
    file.insert("type".to_owned(), json!("file"));
    file.insert("bom-ref".to_owned(), json!(format!("{}-file-{}", input_ref(paper), rank + 1)));
    file.insert("name".to_owned(), json!(claimed.path));
    let hash = |alg: &str, content: &Option<String>| content.as_ref().map(|it| json!({ "alg": alg, "content": it }));
    let hashes: Vec<Value> =
        hash("SHA-256", &claimed.sha256).into_iter().chain(hash("BLAKE3", &claimed.blake3)).collect();
    if !hashes.is_empty() {
        file.insert("hashes".to_owned(), hashes.into());
    }
    if let Some(bytes) = claimed.bytes {
        let properties = vec![(inventory::BYTES.to_owned(), bytes.to_string())];
        file.insert("properties".to_owned(), name_value(properties).into());
    }
    Value::Object(file)
}
