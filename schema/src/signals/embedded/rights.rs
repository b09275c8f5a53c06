//! Rights properties of XMP beside Data Mining: TDMRep, license marks, credits, prose, and where a manifest is kept.

use super::xmp::{Name, Packet, Place, Property};
use super::{LONGEST, Lint, Parsed, address, shown, signal};
use crate::signals::{Announced, Complaint, Credit, Mark};
use crate::vocab::{AppliesTo, CreditKind, Preference, Use};

/// Reads them all.
pub(super) fn read(packet: &Packet, said: &mut Parsed) {
    reservations(packet, said);
    for property in packet.all(Name::License).chain(packet.all(Name::WebStatement)) {
        let known = creative_commons(&property.value);
        // Half an expression may say less than the whole.
        let whole = known.is_some() || property.value.len() <= LONGEST;
        let license = known.unwrap_or_else(|| shown(&property.value));
        let sure = property.place == Place::Document && whole;
        let applies_to = if sure { AppliesTo::Item } else { AppliesTo::Unclear };
        said.marks.push(Mark { license, applies_to });
    }
    for property in packet.all(Name::Credit) {
        said.credits.push(Credit { kind: CreditKind::Credit, name: shown(&property.value) });
    }
    for property in packet.all(Name::Prose) {
        let detail = format!("rights in words, which nothing here can judge: {}", property.value);
        said.complaints.push(Complaint::at(0, Lint::NoStandard, detail));
    }
    // A manifest inside the file is read where it is found.
    let elsewhere = |property: &&Property| !property.value.starts_with("self#");
    for property in packet.all(Name::Provenance).filter(elsewhere) {
        said.announced.extend(address(&property.value).map(|url| Announced { standard: "c2pa", url }));
    }
}

/// TDMRep in XMP (W3C Community Group Final Report, 10 May 2024, section on PDF). It covers the whole file.
fn reservations(packet: &Packet, said: &mut Parsed) {
    let policy = packet.all(Name::Policy).map(|property| property.value.as_str()).next();
    let mut any = false;
    for property in packet.all(Name::Reservation) {
        any = true;
        let value = property.value.as_str();
        let sure = property.place == Place::Document;
        let (preference, malformed) = match value {
            "1" => (Preference::Disallowed, false),
            "0" => (Preference::Allowed, !sure),
            _ if matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "1.0") => {
                (Preference::Disallowed, true)
            }
            _ => {
                let detail = format!("`{value}` is no value of tdm:reservation, which counts as not set");
                said.complaints.push(Complaint::at(0, Lint::UnknownValue, detail));
                continue;
            }
        };
        let mut own = signal("tdmrep", "2024-05", &format!("tdm:reservation: {value}"), preference, mining());
        own.malformed = malformed;
        if preference == Preference::Disallowed {
            own.policy = policy.and_then(address);
        }
        said.signals.push(own);
    }
    if !any && policy.is_some() {
        said.complaints.push(Complaint::at(0, Lint::Misplaced, "tdm:policy means nothing without a reservation"));
    }
}

/// What TDMRep reserves.
fn mining() -> Vec<Use> {
    vec![Use::TrainAi, Use::TrainNongen, Use::AiIndex, Use::TdmOther]
}

/// The SPDX identifier of a Creative Commons address, as people write those: with or without `s`, `www`, `legalcode`, a
/// translation of the deed. A port to one country's law is another license, whose identifier SPDX has for a few alone.
fn creative_commons(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let rest = rest.strip_prefix("www.").unwrap_or(rest).strip_prefix("creativecommons.org/")?;
    let mut parts = rest.split(['?', '#']).next()?.split('/').filter(|part| !part.is_empty());
    let (kind, name, version) = (parts.next()?, parts.next()?, parts.next()?);
    let last = parts.next();
    if last.is_some_and(|last| !last.starts_with("legalcode") && !last.starts_with("deed")) || parts.next().is_some() {
        return None;
    }
    let licenses = ["by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"];
    let id = match (kind, name, version) {
        ("publicdomain", "zero", "1.0") => "CC0-1.0".to_owned(),
        ("licenses", name, "1.0" | "2.0" | "2.5" | "3.0" | "4.0") if licenses.contains(&name) => {
            format!("CC-{}-{version}", name.to_ascii_uppercase())
        }
        _ => return None,
    };
    crate::license::check_expression(&id).ok().map(|()| id)
}
