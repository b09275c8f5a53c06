//! Rights properties of XMP, IPTC/PLUS Data Mining before all: cases built into small files of every format that is read.

use cleartitle_schema::signals::embedded;

use crate::carriers::{Load, compare, file, packet};
use crate::cases::{self, Case};

/// A case gives the packet whole, or the attributes and children of its one description.
fn check(case: &Case) -> Result<(), String> {
    let given = |member: &str| case.text(member).unwrap_or_default();
    let packet = case.text("xmp").map_or_else(|| packet(given("attributes"), given("children")), |whole| whole.into());
    let mut bytes = file(case.text("carrier").unwrap_or("sidecar"), &Load::Packet(packet));
    if let Some(second) = case.text("second") {
        bytes.extend(self::packet("", second));
    }
    compare(&embedded::parse(&bytes), case)
}

#[test]
fn data_mining_says_what_it_should() {
    cases::run("plus", check);
}

#[test]
fn other_rights_properties_say_what_they_should() {
    cases::run("xmp", check);
}
