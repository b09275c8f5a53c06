//! Training-and-data-mining assertions in C2PA manifests: cases built into small files, and real files where they are at hand.

use cleartitle_schema::signals::embedded;
use serde_json::Value;

use crate::carriers::{Load, boxed, cbor, compare, file, lines, superbox};
use crate::cases;
use crate::parsed_cases::real_bytes;

/// An assertion: its body in CBOR or JSON from a value, or in bytes as written.
fn assertion(value: &Value) -> Vec<u8> {
    let label = value["label"].as_str().expect("a label");
    if let Some(body) = value.get("cbor") {
        superbox("cbor", label, &boxed("cbor", &cbor(body)))
    } else if let Some(text) = value.get("json_text").and_then(Value::as_str) {
        superbox("json", label, &boxed("json", text.as_bytes()))
    } else if let Some(digits) = value.get("cbor_hex").and_then(Value::as_str) {
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hexadecimal"));
        let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect();
        superbox("cbor", label, &boxed("cbor", &bytes))
    } else {
        superbox("bidb", label, &boxed("bidb", b"something else"))
    }
}

fn manifest(value: &Value) -> Vec<u8> {
    let purpose = value.get("purpose").and_then(Value::as_str).unwrap_or("c2ma");
    let assertions = value["assertions"].as_array().expect("a list of assertions");
    let inside: Vec<u8> = assertions.iter().flat_map(assertion).collect();
    let claim = superbox("c2cl", "c2pa.claim", &boxed("cbor", b"\xa0"));
    let inside = [superbox("c2as", "c2pa.assertions", &inside), claim].concat();
    superbox(purpose, value["label"].as_str().expect("a label"), &inside)
}

#[test]
fn cases_say_what_they_should() {
    cases::run("cawg", |case| {
        let manifests = case.value["manifests"].as_array().expect("a list of manifests");
        let mut store = superbox("c2pa", "c2pa", &manifests.iter().flat_map(manifest).collect::<Vec<_>>());
        if let Some(cut) = case.value.get("cut").and_then(Value::as_u64) {
            store.truncate(store.len() - usize::try_from(cut).expect("small"));
        }
        let bytes = file(case.text("carrier").unwrap_or("sidecar"), &Load::Store(store));
        compare(&embedded::parse(&bytes), case)
    });
}

/// Real files: one that forbids all four, and two manifests that say nothing of training.
#[test]
fn real_files_say_what_other_readers_find_in_them() {
    let said = |name: &str| Some(embedded::parse(&real_bytes(&format!("c2pa-cawg/{name}"))?));
    let forbids = [
        "cawg c2pa-1.4 | c2pa.ai_generative_training: notAllowed | disallowed train-ai",
        "cawg c2pa-1.4 | c2pa.ai_inference: notAllowed | disallowed ai-use,train-nongen,ai-index,ai-user-fetch",
        "cawg c2pa-1.4 | c2pa.ai_training: notAllowed | disallowed train-nongen",
        "cawg c2pa-1.4 | c2pa.data_mining: notAllowed | disallowed ai-index,tdm-other",
    ];
    let Some(forbidding) = said("datadiligence-sample_c2pa.png") else { return };
    assert_eq!(lines(&forbidding), forbids);
    for silent in ["c2pa-public-adobe-20220124-C.jpg", "c2pa-public-adobe-20240110-single_manifest_store.pdf"] {
        let said = said(silent).expect("the folder of the file before");
        assert_eq!(said.signals, [], "{silent}");
        assert_eq!(said.complaints, [], "{silent}");
    }
}
