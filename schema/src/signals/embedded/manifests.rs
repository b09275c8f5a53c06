//! C2PA manifest stores (C2PA specification 2.2, May 2025): which manifest speaks for the file, and what its assertions say.
//!
//! The last manifest is the active one. Those of ingredients speak for the ingredients: a prohibition in one is complained
//! of and restricts nothing, since a collage is not reserved by each scrap in it, and a person should look.

use super::jumbf::{Parts, Superbox};
use super::training;
use super::value::Value;
use super::{Lint, Parsed, cbor, doubt};
use crate::signals::Complaint;
use crate::vocab::Preference;

/// Most training-and-data-mining assertions that are read of one store.
const MOST: usize = 64;

/// Most update manifests that may stand on each other.
const LONGEST_CHAIN: usize = 16;

/// Most ingredient manifests whose prohibitions are named.
const MOST_NAMED: usize = 16;

/// Purposes of superboxes, by the first four bytes of their UUID.
const STORE: [u8; 4] = *b"c2pa";
const UPDATE: [u8; 4] = *b"c2um";
const ASSERTIONS: [u8; 4] = *b"c2as";

/// Reads a store.
pub(super) fn read(bytes: &[u8], said: &mut Parsed) {
    let mut top = Parts::of(bytes);
    let stores: Vec<Superbox<'_>> =
        top.by_ref().filter_map(Superbox::read).filter(|found| found.purpose == STORE).take(MOST).collect();
    let mut whole = !top.torn();
    let mut left = MOST;
    for store in &stores {
        let mut parts = store.parts.clone();
        let manifests: Vec<Superbox<'_>> = parts.by_ref().filter_map(Superbox::read).collect();
        whole &= store.whole && !parts.torn();
        read_store(&manifests, &mut left, said);
    }
    if !whole {
        said.complaints.push(Complaint::at(0, Lint::Malformed, "the manifest store is cut off or damaged"));
        doubt(said, "a damaged manifest store permits nothing");
    }
    if stores.len() > 1 {
        doubt(said, "of two manifest stores in one place neither permits");
    }
}

fn read_store(manifests: &[Superbox<'_>], left: &mut usize, said: &mut Parsed) {
    let Some(last) = manifests.len().checked_sub(1) else { return };
    let (speaking, known) = speaking(manifests, last);
    let mut named = 0;
    for (place, manifest) in manifests.iter().enumerate() {
        let mut own = Parsed::default();
        assertions(manifest, left, &mut own);
        if manifest.content(*b"brob").is_some() {
            own.complaints.push(Complaint::at(0, Lint::TooMuch, "a compressed manifest is not read"));
        }
        if speaking.contains(&place) {
            said.join(own);
            continue;
        }
        if !known {
            // Any of them may be the one that was updated: what it forbids counts.
            own.signals.retain(|signal| signal.preference == Preference::Disallowed || signal.malformed);
            said.join(own);
            continue;
        }
        let restricts = |signal: &&super::Signal| signal.preference == Preference::Disallowed || signal.malformed;
        if let Some(signal) = own.signals.iter().find(restricts).filter(|_| named < MOST_NAMED) {
            named += 1;
            let detail = format!("an ingredient's manifest says `{}`, which is about the ingredient", signal.label);
            said.complaints.push(Complaint::at(0, Lint::Misplaced, detail));
        }
    }
    if !known {
        let detail = "the active manifest updates one that can't be told, so prohibitions of all of them count";
        said.complaints.push(Complaint::at(0, Lint::Malformed, detail));
        doubt(said, "an update of an unknown manifest permits nothing");
    }
}

/// The places of the manifests that speak for the file: the active one, and below an update manifest, which only adds to
/// another, that other. Whether all of them are known.
fn speaking(manifests: &[Superbox<'_>], last: usize) -> (Vec<usize>, bool) {
    let mut places = vec![last];
    let mut current = last;
    while manifests[current].purpose == UPDATE {
        let parent = parent(&manifests[current]);
        let place = parent.and_then(|label| manifests.iter().position(|manifest| manifest.label == label));
        match place.filter(|place| !places.contains(place) && places.len() < LONGEST_CHAIN) {
            Some(place) => {
                places.push(place);
                current = place;
            }
            None => return (places, false),
        }
    }
    (places, true)
}

/// The label of the manifest that an update manifest names as its parent.
fn parent(manifest: &Superbox<'_>) -> Option<String> {
    let stores = manifest.children().filter(|part| part.purpose == ASSERTIONS);
    let ingredients =
        stores.flat_map(|store| store.children().filter(|part| part.label.starts_with("c2pa.ingredient")));
    for body in ingredients.take(MOST).filter_map(|ingredient| body(&ingredient)) {
        let is_parent = body.all("relationship").any(|value| value.text() == Some("parentOf"));
        let named = body.all("activeManifest").chain(body.all("c2pa_manifest"));
        let url = named.flat_map(|reference| reference.all("url")).find_map(Value::text);
        // `self#jumbf=/c2pa/` and the label.
        if let (true, Some((_, label))) = (is_parent, url.and_then(|url| url.split_once("/c2pa/"))) {
            return label.split('/').next().map(str::to_owned);
        }
    }
    None
}

/// What the assertions of one manifest say.
fn assertions(manifest: &Superbox<'_>, left: &mut usize, said: &mut Parsed) {
    for store in manifest.children().filter(|part| part.purpose == ASSERTIONS) {
        for assertion in store.children() {
            let Some(name) = training::Name::read(&assertion.label) else { continue };
            let Some(fewer) = left.checked_sub(1) else {
                said.complaints.push(Complaint::at(0, Lint::TooMuch, "more assertions than are read"));
                training::unreadable(&name, &assertion.label, said);
                return;
            };
            *left = fewer;
            training::read(&name, &assertion.label, body(&assertion).as_ref(), said);
        }
    }
}

/// The body of an assertion, in CBOR as C2PA stores it, or in JSON as its first versions allowed.
fn body(assertion: &Superbox<'_>) -> Option<Value> {
    match assertion.content(*b"cbor") {
        Some(bytes) => cbor::read(bytes),
        None => assertion.content(*b"json").and_then(Value::from_json),
    }
}
