//! Signed requests: the first line is `Signature-Input`, or `Signature-Agent`, the second `Signature`, the third `Content-Digest`, the rest the body.
#![no_main]

use cleartitle_schema::http_signature::{Message, Rules, agent_domain, check_content_digest, signature_agent, verify};
use cleartitle_schema::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (input, signature, digest) = (text(), text(), text());
    let _ = check_content_digest(&digest, lines.next().unwrap_or_default());
    if let Ok(domain) = agent_domain(&input) {
        assert_eq!(agent_domain(&signature_agent(&domain)), Ok(domain));
    }
    let fields = [
        ("signature-input".to_owned(), input),
        ("signature".to_owned(), signature),
        ("content-digest".to_owned(), digest),
    ];
    let message = Message { method: "GET", scheme: "https", authority: "a.example", path: "/", query: None, fields: &fields };
    let rules = Rules { covered: &["@method"], tag: "t", now: Timestamp(1_795_000_000), longest: 300 };
    // Nobody has the key.
    assert!(verify(&message, rules, |_| None).is_err());
});
