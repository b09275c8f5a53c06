//! The table of common content, made from the bytes; `UPDATE=1 cargo test --test tables` rewrites it.

use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias, WarcSha1Alias};
use cleartitle_schema::ubiquitous::{Common, TABLE, is_common};
use sha1::Digest as _;
use std::path::Path;

/// What is served everywhere as it stands here.
const PLAIN: &[(&str, &[u8])] = &[
    ("the empty body", b""),
    ("a newline", b"\n"),
    ("a newline of two bytes", b"\r\n"),
    ("a space", b" "),
    ("a byte of zero", b"\0"),
    ("an empty JSON object", b"{}"),
    ("an empty JSON object and a newline", b"{}\n"),
    ("an empty JSON array", b"[]"),
    ("an empty JSON array and a newline", b"[]\n"),
    ("JSON null", b"null"),
    ("JSON null and a newline", b"null\n"),
    ("JSON true", b"true"),
    ("JSON false", b"false"),
    ("an empty JSON text", b"\"\""),
    ("a zero", b"0"),
    ("a one", b"1"),
    ("OK", b"OK"),
    ("OK and a newline", b"OK\n"),
    ("ok", b"ok"),
    ("ok and a newline", b"ok\n"),
    ("Not Found", b"Not Found"),
    ("not found", b"not found"),
    ("404 Not Found", b"404 Not Found"),
    ("404 page not found and a newline", b"404 page not found\n"),
    ("Forbidden", b"Forbidden"),
    ("Unauthorized", b"Unauthorized"),
    ("Bad Request", b"Bad Request"),
    ("Too Many Requests", b"Too Many Requests"),
    ("Internal Server Error", b"Internal Server Error"),
    ("Service Unavailable", b"Service Unavailable"),
    ("an empty HTML document", b"<html></html>"),
    ("an empty HTML document with its parts", b"<html><head></head><body></body></html>"),
    ("a doctype alone", b"<!DOCTYPE html>"),
    ("a byte order mark alone", b"\xef\xbb\xbf"),
    ("robots.txt: everything allowed", b"User-agent: *\nDisallow:"),
    ("robots.txt: everything allowed, with a newline", b"User-agent: *\nDisallow:\n"),
    ("robots.txt: everything allowed, by Allow", b"User-agent: *\nAllow: /"),
    ("robots.txt: everything allowed, by Allow, with a newline", b"User-agent: *\nAllow: /\n"),
    ("robots.txt: nothing allowed", b"User-agent: *\nDisallow: /"),
    ("robots.txt: nothing allowed, with a newline", b"User-agent: *\nDisallow: /\n"),
    ("robots.txt: everything allowed, lines of two bytes", b"User-agent: *\r\nDisallow:\r\n"),
    ("robots.txt: nothing allowed, lines of two bytes", b"User-agent: *\r\nDisallow: /\r\n"),
    (
        "robots.txt: a blog's administration closed",
        b"User-agent: *\nDisallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n",
    ),
];

/// Pictures of one pixel, in hexadecimal.
const PIXELS: &[(&str, &str)] = &[
    (
        "a GIF of one transparent pixel, with a palette of two",
        "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b",
    ),
    (
        "a GIF of one transparent pixel, written short",
        "47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b",
    ),
    (
        "a GIF of one transparent pixel, without a palette",
        "4749463839610100010000000021f904010a0001002c00000000010001000002024c01003b",
    ),
    (
        "a PNG of one transparent pixel, grey with alpha",
        "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364600000000600023081d02f0000000049454e44ae426082",
    ),
    (
        "a PNG of one pixel, in colour with alpha",
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da636460f85f0f0002870180eb47ba920000000049454e44ae426082",
    ),
];

/// The pages that nginx makes by itself where it is told to keep its version to itself.
const NGINX: &[&str] = &[
    "301 Moved Permanently",
    "302 Found",
    "400 Bad Request",
    "401 Authorization Required",
    "403 Forbidden",
    "404 Not Found",
    "405 Not Allowed",
    "410 Gone",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "502 Bad Gateway",
    "503 Service Temporarily Unavailable",
    "504 Gateway Time-out",
];

fn row(what: String, bytes: &[u8]) -> Common {
    let sha256 = Sha256Alias(sha2::Sha256::digest(bytes).into());
    let sha1 = WarcSha1Alias(sha1::Sha1::digest(bytes).into());
    let names = [ContentName::Blake3(ContentId::of(bytes)), ContentName::Sha256(sha256), ContentName::WarcSha1(sha1)];
    Common { what, names: names.to_vec() }
}

fn rows() -> Vec<Common> {
    let plain = PLAIN.iter().map(|(what, bytes)| row((*what).to_owned(), bytes));
    let pixels = PIXELS.iter().map(|(what, digits)| {
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("a byte");
        row((*what).to_owned(), &digits.as_bytes().chunks(2).map(byte).collect::<Vec<u8>>())
    });
    let nginx = NGINX.iter().map(|title| {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        row(format!("nginx: {title}"), page.as_bytes())
    });
    plain.chain(pixels).chain(nginx).collect()
}

#[test]
fn the_table_is_what_the_bytes_give() {
    let made = format!("{}\n", serde_json::to_string_pretty(&rows()).expect("JSON"));
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/data/common_content.json");
        std::fs::write(path, &made).expect("the table");
        return;
    }
    assert!(TABLE == made, "schema/data/common_content.json is stale; run `UPDATE=1 cargo test --test tables`");
    assert!(rows().iter().flat_map(|row| &row.names).all(is_common));
    assert!(!is_common(&ContentName::Blake3(ContentId::of(b"an article"))));
}
