//! The PLUS Data Mining property that IPTC photo metadata carries (IPTC Photo Metadata Standard 2023.1, PLUS LDF).
//!
//! The codes with `SEE` begin with `PROHIBITED`: they forbid unless the text that they point to is there, and then they are
//! unknown, since nothing here can judge that text.

use super::xmp::{Name, Packet, Place};
use super::{Lint, Parsed, signal};
use crate::signals::Complaint;
use crate::vocab::labels::find;
use crate::vocab::labels::plus::TABLE;
use crate::vocab::{Preference, Use};
use memchr::memmem;

const VERSION: &str = "2023.1";

/// Where the codes live.
const BASES: [&str; 2] = ["http://ns.useplus.org/ldf/vocab/", "https://ns.useplus.org/ldf/vocab/"];

const ALLOWED: &str = "DMI-ALLOWED";
const PROHIBITED: &str = "DMI-PROHIBITED";

/// Reads every value of the property. `bytes` are the packet's, for what stands behind a place that can't be read.
pub(super) fn read(packet: &Packet, bytes: &[u8], said: &mut Parsed) {
    for property in packet.properties.iter().filter(|property| property.name == Name::DataMining) {
        if property.place == Place::Ingredient {
            let detail = format!("`{}` is said of an ingredient", property.value);
            said.complaints.push(Complaint::at(0, Lint::Misplaced, detail));
            continue;
        }
        value(packet, &property.value, property.place == Place::Document, said);
    }
    let mut values: Vec<&str> = packet.all(Name::DataMining).map(|property| property.value.as_str()).collect();
    values.sort_unstable();
    values.dedup();
    if values.len() > 1 {
        said.complaints.push(Complaint::at(0, Lint::Contradiction, "Data Mining has several values; each counts"));
    }
    // A prohibition behind damage is still one, whichever it is.
    if packet.torn && memmem::find(bytes, PROHIBITED.as_bytes()).is_some() && !said.signals.iter().any(prohibits) {
        prohibit("DMI-PROHIBITED in XMP that can't be read", uses_of(PROHIBITED), true, said);
    }
}

fn prohibits(signal: &super::Signal) -> bool {
    signal.preference == Preference::Disallowed
}

fn uses_of(code: &str) -> Vec<Use> {
    find(TABLE, code).map(|label| label.uses(Preference::Disallowed)).unwrap_or_default()
}

/// One value: a code by itself or with its base, which is how the standard writes it.
fn value(packet: &Packet, written: &str, sure: bool, said: &mut Parsed) {
    let based = BASES.iter().find_map(|base| written.strip_prefix(base));
    let code = based.unwrap_or(written);
    match code {
        "DMI-UNSPECIFIED" => {}
        ALLOWED => {
            let mut own = signal("plus", VERSION, written, Preference::Allowed, uses_of(ALLOWED));
            own.malformed = !sure;
            if !sure {
                said.complaints.push(Complaint::at(0, Lint::Misplaced, format!("`{written}` permits nothing here")));
            }
            said.signals.push(own);
        }
        "DMI-PROHIBITED-SEECONSTRAINT" => elsewhere(packet, written, code, Name::OtherConstraints, said),
        "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR" => elsewhere(packet, written, code, Name::EmbeddedExpression, said),
        "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR" => elsewhere(packet, written, code, Name::LinkedExpression, said),
        _ if find(TABLE, code).is_some() => prohibit(written, uses_of(code), false, said),
        _ => unlisted(written, said),
    }
}

/// A code that points to a text: the text in the label, or the address in the policy.
fn elsewhere(packet: &Packet, written: &str, code: &str, name: Name, said: &mut Parsed) {
    let Some(text) = packet.all(name).map(|property| property.value.as_str()).next() else {
        said.complaints.push(Complaint::at(0, Lint::Malformed, format!("`{written}` points to nothing: it forbids")));
        return prohibit(written, uses_of(code), false, said);
    };
    let label = if name == Name::OtherConstraints { format!("{code} ({text})") } else { written.to_owned() };
    let mut own = signal("plus", VERSION, &label, Preference::Allowed, uses_of(code));
    own.malformed = true;
    own.policy = (name == Name::LinkedExpression).then(|| text.to_owned());
    said.complaints.push(Complaint::at(0, Lint::TermsElsewhere, label));
    said.signals.push(own);
}

/// A value that the vocabulary does not have. Prohibitions begin alike, and tools also write the words that explain them.
fn unlisted(written: &str, said: &mut Parsed) {
    let lower = written.to_ascii_lowercase();
    let last = lower.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let listed = TABLE.iter().find(|label| label.word.eq_ignore_ascii_case(last)).map(|label| label.word);
    let refers = listed.is_some_and(|code| code.contains("-SEE"));
    if last.contains("prohibit") || last.contains("not allowed") || last.contains("notallowed") {
        let code = listed.filter(|_| !refers).unwrap_or(PROHIBITED);
        said.complaints.push(Complaint::at(0, Lint::UnknownValue, format!("`{written}` read as `{code}`")));
        prohibit(written, uses_of(code), true, said);
    } else if listed != Some("DMI-UNSPECIFIED") {
        said.complaints.push(Complaint::at(0, Lint::UnknownValue, format!("`{written}` is no code of Data Mining")));
        let mut own = signal("plus", VERSION, written, Preference::Allowed, uses_of(ALLOWED));
        own.malformed = true;
        said.signals.push(own);
    }
}

fn prohibit(label: &str, uses: Vec<Use>, malformed: bool, said: &mut Parsed) {
    let mut own = signal("plus", VERSION, label, Preference::Disallowed, uses);
    own.malformed = malformed;
    said.signals.push(own);
}
