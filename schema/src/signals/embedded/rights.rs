//! Rights properties of XMP beside Data Mining: TDMRep, license marks, credits, prose, and where a manifest is kept.

use super::xmp::{Name, Packet, Place, Property};
use super::{LONGEST, Lint, Parsed, address, shown, signal};
use crate::signals::{Announced, Complaint, Credit, Mark, license_uri};
use crate::vocab::{AppliesTo, CreditKind, Preference, Use};

/// Reads them all.
pub(super) fn read(packet: &Packet, said: &mut Parsed) {
    reservations(packet, said);
    for property in packet.all(Name::License).chain(packet.all(Name::WebStatement)) {
        let known = license_uri::spdx(&property.value);
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
