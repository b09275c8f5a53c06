//! URLs, path patterns, license expressions, dates and digests as the world writes them.
#![no_main]

use cleartitle_schema::id::{ContentName, WarcSha1Alias};
use cleartitle_schema::license;
use cleartitle_schema::surt::{PathPattern, UrlKey, normalise_path, normalise_pattern};
use cleartitle_schema::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let once = normalise_path(text);
    assert_eq!(normalise_path(&once), once);
    let rule = normalise_pattern(text);
    assert_eq!(normalise_pattern(&rule), rule);
    assert!(!PathPattern::new(text).matches(&once) || PathPattern::restricting(text).matches(&once));
    if let Ok(key) = UrlKey::parse(text) {
        let _ = (key.surt(), key.folded(), key.authority());
        assert!(PathPattern::new("/").matches(&key.path));
        let _ = PathPattern::new(text).matches(&key.path);
    }
    let _ = license::choose(text, &[]);
    if let Some(time) = Timestamp::from_warc_date(text) {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
    let _ = WarcSha1Alias::from_warc(text);
    if let Ok(name) = text.parse::<ContentName>() {
        assert_eq!(name.to_string(), text);
    }
});
