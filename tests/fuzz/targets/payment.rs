//! Answers that ask for payment: the first line names a header, the second is its value, the rest is the body.
#![no_main]

use cleartitle_schema::signals::payment;
use cleartitle_schema::vocab::Use;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let header = (text(), text());
    let body = parts.next().unwrap_or_default();
    let known = ["crawler-price", "payment-required", "www-authenticate", "link", "location"];
    let each = known.iter().map(|name| ((*name).to_owned(), header.1.clone()));
    let headers: Vec<(String, String)> = each.chain([header.clone()]).collect();
    for status in [302, 401, 402, 403] {
        for headers in [&headers[..], &headers[5..]] {
            let parsed = payment::parse_response(status, headers, body);
            let of_fetching = parsed.signals.iter().filter(|signal| signal.standard != "rsl");
            assert!(of_fetching.clone().all(|signal| signal.uses == [Use::Crawl]));
        }
    }
});
