//! XMP packets, and RSL documents in them: what is cut out is found again in itself.
#![no_main]

use cleartitle_schema::signals::embedded::{parse_xmp, rsl_in_xmp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_xmp(bytes);
    if let Some(document) = rsl_in_xmp(bytes) {
        let again = rsl_in_xmp(&document).expect("a document by itself");
        assert_eq!(again, document);
    }
});
