//! CycloneDX 1.6: a bill of materials whose components are of type `data`, one a paper, with the files that it claims below.

use super::{Claimed, Input, Inventory, name_value};
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
        "properties": name_value(vec![
            ("cleartitle:policy".to_owned(), inventory.policy_digest.clone()),
            ("cleartitle:snapshot".to_owned(), inventory.snapshot.clone()),
        ]),
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
    properties.push(("cleartitle:bytes".to_owned(), input.bytes.to_string()));
    let mut component = json!({
        "type": "data",
        "bom-ref": input_ref(rank),
        "name": input.name,
        "hashes": [{ "alg": "SHA-256", "content": input.sha256 }, { "alg": "BLAKE3", "content": input.blake3 }],
        "data": [{ "type": "dataset", "name": input.name }],
        "properties": name_value(properties),
    });
    license(&mut component, input.declared(), input.concluded());
    if !input.files.is_empty() {
        let files = input.files.iter().enumerate().map(|(file, claimed)| file_of(rank, file, claimed));
        component["components"] = files.collect();
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
        let properties = vec![("cleartitle:bytes".to_owned(), bytes.to_string())];
        file.insert("properties".to_owned(), name_value(properties).into());
    }
    Value::Object(file)
}
