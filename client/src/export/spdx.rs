//! SPDX 3.0.1 as JSON-LD: one `DatasetPackage` that contains a `File` for each paper and for each file that a paper claims.

use super::listed::{self, Listed};
use super::{Claimed, Input, Inventory};
use crate::dataset::inventory;
use crate::disclosure::modality::Modality;
use cleartitle_schema::id::ContentName;
use serde_json::{Value, json};

/// What stands where nobody can say which license.
const NO_ASSERTION: &str = "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense";
/// The blank node that all elements share.
const CREATION: &str = "_:creationinfo";

/// The document.
pub fn export(inventory: &Inventory<'_>) -> Value {
    let mut graph = Graph { base: format!("urn:uuid:{}", inventory.serial()), elements: Vec::new(), relations: 0 };
    let (organisation, tool, package) = (graph.id("Organization"), graph.id("Tool"), graph.id("Dataset"));
    graph.elements.push(json!({
        "type": "CreationInfo", "@id": CREATION, "specVersion": "3.0.1", "created": inventory.as_of,
        "createdBy": [organisation], "createdUsing": [tool],
    }));
    graph.element("Organization", &organisation, json!({ "name": inventory.originator }));
    let version = concat!("cleartitle ", env!("CARGO_PKG_VERSION"));
    graph.element("Tool", &tool, json!({ "name": version }));
    let all = inventory.facts.all();
    let personal = match inventory.personal {
        Some(true) => "yes",
        Some(false) => "no",
        None => "noAssertion",
    };
    let mut members = json!({
        "name": inventory.name,
        "description": inventory.description(),
        "originatedBy": [organisation],
        "builtTime": inventory.as_of,
        "releaseTime": inventory.as_of,
        "software_packageVersion": &inventory.serial()[..8],
        "software_primaryPurpose": "data",
        "software_downloadLocation": "urn:cleartitle:not-published",
        "dataset_datasetType": types(inventory),
        "dataset_hasSensitivePersonalInformation": personal,
        "dataset_dataCollectionProcess": collection(inventory),
        "comment": format!("policy {}; {}", inventory.policy_digest, inventory.snapshot),
    });
    if all.unsized_documents == 0 && all.documents > 0 {
        members["dataset_datasetSize"] = json!(all.bytes);
    }
    if let Some(damaged) = inventory.damaged() {
        members["extension"] = extension(vec![damaged]);
    }
    graph.element("dataset_DatasetPackage", &package, members);
    graph.licenses(&package, inventory.declared(), inventory.concluded(), "Dataset");
    let mut contained = Vec::new();
    for (rank, input) in inventory.inputs.iter().enumerate() {
        contained.push(graph.paper(rank, input));
    }
    graph.relation("contains", &package, &contained);
    let root = graph.id("Document");
    let ids: Vec<Value> = graph.elements.iter().filter_map(|element| element.get("spdxId").cloned()).collect();
    graph.element(
        "SpdxDocument",
        &root,
        json!({
            "name": inventory.name, "rootElement": [package], "element": ids,
            "profileConformance": ["core", "software", "dataset", "simpleLicensing", "extension"],
        }),
    );
    json!({ "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph.elements })
}

fn types(inventory: &Inventory<'_>) -> Vec<&'static str> {
    let words = [
        (Modality::Text, "text"),
        (Modality::Image, "image"),
        (Modality::Audio, "audio"),
        (Modality::Video, "video"),
        (Modality::Other, "other"),
    ];
    let found: Vec<&str> = words.iter().filter(|(kind, _)| inventory.holds(*kind)).map(|(_, word)| *word).collect();
    if found.is_empty() { vec!["noAssertion"] } else { found }
}

fn collection(inventory: &Inventory<'_>) -> String {
    let channels = inventory.facts.channels.iter().map(|((channel, kind), of)| {
        let channel = channel.map_or("channel not stated", cleartitle_schema::vocab::Channel::word);
        format!("{channel}, {kind}: {} documents", of.documents)
    });
    channels.collect::<Vec<_>>().join("; ")
}

struct Graph {
    base: String,
    elements: Vec<Value>,
    relations: usize,
}

impl Graph {
    fn id(&self, name: &str) -> String {
        format!("{}#{name}", self.base)
    }

    fn element(&mut self, kind: &str, id: &str, members: Value) {
        let mut element = json!({ "type": kind, "spdxId": id, "creationInfo": CREATION });
        if let (Some(into), Value::Object(members)) = (element.as_object_mut(), members) {
            into.extend(members);
        }
        self.elements.push(element);
    }

    fn relation(&mut self, kind: &str, from: &str, to: &[String]) {
        if to.is_empty() {
            return;
        }
        self.relations += 1;
        let id = self.id(&format!("Relationship{}", self.relations));
        self.element("Relationship", &id, json!({ "relationshipType": kind, "from": from, "to": to }));
    }

    /// Both license relations of an element, each with an expression of its own or no assertion.
    fn licenses(&mut self, of: &str, declared: Option<String>, concluded: Option<String>, name: &str) {
        for (kind, expression) in [("hasDeclaredLicense", declared), ("hasConcludedLicense", concluded)] {
            let to = match expression {
                None => NO_ASSERTION.to_owned(),
                Some(expression) => {
                    let id = self.id(&format!("{name}-{kind}"));
                    let members = json!({ "simplelicensing_licenseExpression": expression });
                    self.element("simplelicensing_LicenseExpression", &id, members);
                    id
                }
            };
            self.relation(kind, of, &[to]);
        }
    }

    /// A paper with its digests, counts, licenses and files; its id.
    fn paper(&mut self, rank: usize, input: &Input) -> String {
        let name = format!("Paper{}", rank + 1);
        let id = self.id(&name);
        let mut properties = input.properties();
        properties.push((inventory::BYTES.to_owned(), input.bytes.to_string()));
        let members = json!({
            "name": input.name,
            "software_primaryPurpose": "manifest",
            "verifiedUsing": hashes(Some(&input.sha256), Some(&input.blake3)),
            "extension": extension(properties),
        });
        self.element("software_File", &id, members);
        self.licenses(&id, input.declared(), input.concluded(), &name);
        let files: Vec<String> =
            input.files.iter().enumerate().map(|(file, claimed)| self.file(&name, file, claimed)).collect();
        let entries: Vec<String> =
            input.listed.iter().enumerate().map(|(entry, listed)| self.entry(&name, entry, listed)).collect();
        self.relation("contains", &id, &[files, entries].concat());
        id
    }

    /// An entry: a package of data, since its name is no path. What the form has no other place for is a property.
    fn entry(&mut self, paper: &str, rank: usize, listed: &Listed) -> String {
        let name = format!("{paper}-Entry{}", rank + 1);
        let id = self.id(&name);
        let mut members = json!({ "name": listed.name, "software_primaryPurpose": "data" });
        let hashes: Vec<Value> = listed.content.iter().map(hash).collect();
        if !hashes.is_empty() {
            members["verifiedUsing"] = hashes.into();
        }
        let (first, more) = listed.fetched.split_at(listed.fetched.len().min(1));
        if let [first] = first {
            members["software_downloadLocation"] = json!(first);
        }
        let reference = |kind: &str, urls: &[String]| {
            (!urls.is_empty()).then(|| json!({ "type": "ExternalRef", "externalRefType": kind, "locator": urls }))
        };
        let references: Vec<Value> =
            reference("altDownloadLocation", more).into_iter().chain(reference("altWebPage", &listed.shown)).collect();
        if !references.is_empty() {
            members["externalRef"] = references.into();
        }
        let collections = listed.collections.iter().map(|name| (inventory::COLLECTION.to_owned(), name.clone()));
        let origins = listed.origins.iter().map(|(link, of)| (format!("{}{link}", inventory::ORIGIN), of.clone()));
        let lost = listed.lost().map(|lost| (inventory::NOT_CARRIED.to_owned(), lost));
        let properties: Vec<(String, String)> = collections.chain(origins).chain(lost).collect();
        if !properties.is_empty() {
            members["extension"] = extension(properties);
        }
        self.element("software_Package", &id, members);
        for (rank, license) in listed.licenses.iter().enumerate() {
            let of = self.id(&format!("{name}-License{}", rank + 1));
            self.element("simplelicensing_SimpleLicensingText", &of, json!({ "simplelicensing_licenseText": license }));
            self.relation("hasDeclaredLicense", &id, &[of]);
        }
        id
    }

    fn file(&mut self, paper: &str, rank: usize, claimed: &Claimed) -> String {
        let id = self.id(&format!("{paper}-File{}", rank + 1));
        let mut members = json!({ "name": claimed.path, "software_primaryPurpose": "data" });
        let hashes = hashes(claimed.sha256.as_ref(), claimed.blake3.as_ref());
        if !hashes.is_empty() {
            members["verifiedUsing"] = hashes.into();
        }
        if let Some(bytes) = claimed.bytes {
            members["comment"] = json!(format!("{bytes} bytes, as the paper claims"));
        }
        self.element("software_File", &id, members);
        id
    }
}

/// Names and values, as CycloneDX has them and SPDX borrows them.
fn extension(properties: Vec<(String, String)>) -> Value {
    let property = |(name, value): (String, String)| json!({ "type": "extension_CdxPropertyEntry", "extension_cdxPropName": name, "extension_cdxPropValue": value });
    let properties: Vec<Value> = properties.into_iter().map(property).collect();
    json!([{ "type": "extension_CdxPropertiesExtension", "extension_cdxProperty": properties }])
}

fn hash(name: &ContentName) -> Value {
    let (algorithm, hex) = listed::digest(name);
    json!({ "type": "Hash", "algorithm": algorithm, "hashValue": hex })
}

fn hashes(sha256: Option<&String>, blake3: Option<&String>) -> Vec<Value> {
    let hash = |algorithm: &str, value: &String| json!({ "type": "Hash", "algorithm": algorithm, "hashValue": value });
    let sha256 = sha256.map(|value| hash("sha256", value));
    sha256.into_iter().chain(blake3.map(|value| hash("blake3", value))).collect()
}
