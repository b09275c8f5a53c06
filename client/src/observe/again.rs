//! Again: what was observed before, read from its evidence alone by the parsers of today.
//!
//! The time of what was seen stays; the name of the parser is the new one. Nothing is fetched: a source whose bytes were
//! kept is read anew, one that failed without bytes stays failed.

use super::ObserveError;
use super::carriers::{self, Carrier};
use super::conclusion::{Conclusion, Looked, look};
use super::desk::{Desk, Sent};
use super::output::{IndexRow, envelopes, read_blob};
use super::site::Site;
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::signals::{Sighting, Source, SourceOutcome};
use cleartitle_schema::statement::{Body, Statement};
use cleartitle_schema::time::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use url::Url;

/// What a sighting says, without when and by which parser.
fn said(sighting: &Sighting) -> [u8; 32] {
    let said = (&sighting.sources, &sighting.signals);
    let bytes = cleartitle_schema::canon::to_canonical_within(&said, usize::MAX).unwrap_or_default();
    *blake3::hash(&bytes).as_bytes()
}

/// Reads every observation of the desk's folder again; writes those that say something else now, or all. `told` hears of
/// observations whose evidence is not there.
///
/// # Errors
/// [`ObserveError`].
pub fn again(desk: &mut Desk<'_>, folder: &Path, all: bool, told: &mut dyn FnMut(String)) -> Result<(), ObserveError> {
    let rows: Vec<IndexRow> = match desk.folder() {
        Some(folder) => folder.notes("index.jsonl")?,
        None => super::output::notes(folder, "index.jsonl")?,
    };
    // A re-parse of an earlier run is what has to be compared with.
    let mut latest: HashMap<(String, Timestamp), [u8; 32]> = HashMap::new();
    for (row, sighting, _) in sightings(folder, &rows)? {
        latest.insert((row.place.clone(), row.observed_at), said(&sighting));
    }
    for (row, sighting, scope) in sightings(folder, &rows)? {
        if row.again {
            continue;
        }
        desk.tally.looked += 1;
        let Some(site) = site_of(&scope, &sighting) else { continue };
        let missing: Vec<String> = sighting
            .sources
            .iter()
            .filter_map(|source| source.evidence)
            .filter(|id| read_blob(folder, *id).is_none())
            .map(|id| id.to_string())
            .collect();
        if !missing.is_empty() {
            desk.tally.damage += 1;
            told(format!("{}: its evidence is missing: {}", row.statement, missing.join(", ")));
            continue;
        }
        let conclusion = read(folder, &site, &sighting);
        let fresh = conclusion.sighting(sighting.observed_at, sighting.fetched_as.clone());
        let fitted = match desk.folder() {
            Some(folder) => match folder.statement(&site, fresh)?.body {
                Body::Observation { sighting, .. } => sighting,
                _ => continue,
            },
            None => fresh,
        };
        if !all && latest.get(&(row.place.clone(), row.observed_at)) == Some(&said(&fitted)) {
            desk.tally.unchanged += 1;
            continue;
        }
        let (at, fetched_as) = (sighting.observed_at, sighting.fetched_as.as_deref());
        let sent = Sent { site: &site, place: &row.place, conclusion: &conclusion, at, fetched_as, again: true };
        desk.emit(sent)?;
        if desk.closed {
            break;
        }
    }
    desk.settle()
}

/// The observations of a folder as far as its index goes, in order.
fn sightings<'r>(
    folder: &Path,
    rows: &'r [IndexRow],
) -> Result<impl Iterator<Item = (&'r IndexRow, Sighting, Scope)>, ObserveError> {
    Ok(rows.iter().zip(envelopes(folder)?).filter_map(|(row, envelope)| {
        match Statement::parse(envelope.payload()).ok()?.body {
            Body::Observation { scope, sighting } => Some((row, sighting, scope)),
            _ => None,
        }
    }))
}

/// The site of an observation, with the scheme by which its files were asked for.
fn site_of(scope: &Scope, sighting: &Sighting) -> Option<Site> {
    let [Target::Url { host, port, .. }] = scope.include.as_slice() else { return None };
    let sites = sighting.sources.iter().filter_map(|source| Site::of(&Url::parse(&source.url).ok()?).ok());
    let mut own = sites.filter(|site| site.host == *host && site.port == *port);
    own.next()
}

fn read(folder: &Path, site: &Site, sighting: &Sighting) -> Conclusion {
    let mut get = |carrier: &'static Carrier, url: &Url, _: &Conclusion| {
        let Some(source) = source_of(carrier, url, sighting) else { return Looked::Skipped };
        match source.evidence.and_then(|id| read_blob(folder, id)) {
            Some(block) => {
                let answered = Url::parse(&source.url).unwrap_or_else(|_| url.clone());
                Looked::Answer { block, at: sighting.observed_at, answered }
            }
            None => Looked::Failed("it failed when it was looked at".to_owned()),
        }
    };
    let looked = carriers::SITE.iter().copied();
    let places: Vec<&'static Carrier> = looked
        .filter(|carrier| {
            let url = carrier.path.and_then(|path| site.base.join(path).ok());
            url.is_some_and(|url| source_of(carrier, &url, sighting).is_some())
        })
        .collect();
    look(site, &places, carriers::agents(), &mut get)
}

/// What the observation says of a place. A home page stands under the address that answered, by the standard that it
/// alone speaks.
fn source_of<'s>(carrier: &Carrier, url: &Url, sighting: &'s Sighting) -> Option<&'s Source> {
    let own = |source: &&Source| carrier.standards.first() == Some(&source.standard.as_str());
    if *carrier == carriers::HOME {
        return sighting.sources.iter().find(own);
    }
    let mut found = sighting.sources.iter().filter(|source| source.url == url.as_str());
    let first = found.next()?;
    // One with bytes is worth more than one that only says that there were none.
    if first.outcome == SourceOutcome::Failed {
        found.find(|it| it.evidence.is_some()).or(Some(first))
    } else {
        Some(first)
    }
}
