//! RSL documents and feeds, as sites and files carry them.
#![no_main]

use cleartitle_schema::signals::{MAX_SIGNALS, rsl};
use cleartitle_schema::vocab::{AuthorityKind, Preference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let document = "https://press.example/license.xml";
    for authority in [AuthorityKind::SiteFile, AuthorityKind::Page, AuthorityKind::ContentUnsigned] {
        let parsed = rsl::parse(bytes, document, authority);
        assert!(parsed.signals.len() <= MAX_SIGNALS);
        assert!(parsed.signals.iter().all(|signal| !signal.uses.is_empty()));
        let restricts = parsed.signals.iter().filter(|signal| signal.preference == Preference::Disallowed);
        assert!(restricts.clone().all(|signal| signal.duties.is_empty()));
        if rsl::read(bytes).0.is_some_and(|rsl| rsl.defective) {
            assert!(parsed.signals.iter().all(|it| it.preference == Preference::Disallowed || it.malformed));
        }
    }
    let _ = rsl::parse_feed(bytes, document);
});
