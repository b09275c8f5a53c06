//! Fields, roles and payloads of single records.
use super::*;

fn one(head: &str, body: &[u8]) -> Record {
    let read = read(&response(1, head, body), "a.warc");
    assert_eq!(read.damage, []);
    read.records.into_iter().next().unwrap()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlibbed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn codings_come_off() {
    let text = b"some page, some page, some page";
    // `brotli -q 11` of "some page" stored uncompressed: one metablock, written out by hand (RFC 7932 section 9.2).
    let brotli = [&[0x0b, 0x04, 0x80][..], b"some page", &[0x03]].concat();
    let whole = |head: &str, body: &[u8]| {
        let record = one(head, body);
        assert_eq!(record.payload_state, PayloadState::Ok, "{head}");
        record.document().unwrap().to_vec()
    };
    assert_eq!(whole("", text), text);
    assert_eq!(whole("Content-Encoding: gzip\r\n", &gzip(&[text])), text);
    assert_eq!(whole("content-encoding: X-GZIP\r\n", &[gzip(&[&text[..9]]), gzip(&[&text[9..]])].concat()), text);
    assert_eq!(whole("Content-Encoding: deflate\r\n", &zlibbed(text)), text);
    assert_eq!(whole("Content-Encoding: deflate\r\n", &deflated(text)), text);
    assert_eq!(whole("Content-Encoding: zstd\r\n", &zst(text, b"")), text);
    assert_eq!(whole("Content-Encoding: br\r\n", &brotli), b"some page");
    assert_eq!(whole("Content-Encoding: deflate, gzip\r\n", &gzip(&[&zlibbed(text)])), text);
    assert_eq!(
        whole("Transfer-Encoding: chunked\r\n", b"4;x=1\r\nsome\r\n5\r\n page\r\n0\r\nTrailer: 1\r\n\r\n"),
        b"some page"
    );
    let coded = gzip(&[text]);
    let chunks = [format!("{:X}\r\n", coded.len()).as_bytes(), &coded, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(whole("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", &chunks), text);
    assert_eq!(whole("Transfer-Encoding: gzip, chunked\r\n", &chunks), text);
    assert_eq!(whole("X-Crawler-Content-Encoding: gzip\r\nX-Crawler-Transfer-Encoding: chunked\r\n", text), text);
    assert_eq!(whole("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", b""), b"");
}

#[test]
fn what_is_not_coded_is_taken_as_it_is_with_a_note() {
    for head in ["Content-Encoding: gzip\r\n", "Transfer-Encoding: chunked\r\n", "Content-Encoding: zstd\r\n"] {
        let record = one(head, b"<p>plain</p>");
        assert_eq!(record.document(), Some(&b"<p>plain</p>"[..]));
        assert!(record.notes.iter().any(|note| note.contains("taken as it is")), "{:?}", record.notes);
    }
}

#[test]
fn a_payload_that_cannot_be_decoded_is_no_document() {
    let coded = gzip(&[&b"some page ".repeat(100)]);
    let mut wrong = coded.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let state = |head: &str, body: &[u8]| {
        let record = one(head, body);
        assert_eq!(record.document(), None, "{head}");
        assert!(record.is_document());
        record.payload_state
    };
    let truncated = |state| matches!(state, PayloadState::Truncated { .. });
    let damaged = |state| matches!(state, PayloadState::Damaged { .. });
    assert!(truncated(state("Content-Encoding: gzip\r\n", &coded[..coded.len() - 9])));
    assert!(damaged(state("Content-Encoding: gzip\r\n", &wrong)));
    assert!(truncated(state("Transfer-Encoding: chunked\r\n", b"9\r\nsome")));
    assert!(truncated(state("Transfer-Encoding: chunked\r\n", b"4\r\nsome\r\n")));
    assert!(damaged(state("Transfer-Encoding: chunked\r\n", b"4\r\nsome more\r\n")));
    assert!(damaged(state("Transfer-Encoding: chunked\r\n", b"4\r\nsome\r\nmore\r\n")));
    assert!(truncated(state("Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\nsome")));
    assert!(damaged(state("Content-Encoding: br\r\n", b"\xff\xff\xff\xff\xff")));
    assert_eq!(state("Content-Encoding: compress\r\n", b"x"), PayloadState::UnsupportedCoding("compress".into()));
    let layers = "Content-Encoding: gzip,gzip,gzip,gzip,gzip,gzip\r\n";
    assert!(matches!(state(layers, &coded), PayloadState::UnsupportedCoding(_)));
}

#[test]
fn a_decompression_bomb_stops_at_the_limit() {
    let options = Options { limits: Limits { payload: 1000, ..Limits::default() }, ..Options::default() };
    let bomb = gzip(&[&vec![b'0'; 5_000_000]]);
    for (head, body) in [("Content-Encoding: gzip\r\n", bomb), ("", vec![b'0'; 2000])] {
        let read = read_with(&response(1, head, &body), "a.warc", options.clone());
        assert!(matches!(&read.records[0].payload_state, PayloadState::Damaged { why } if why.contains("limit")));
    }
}

#[test]
fn roles_and_fields_are_read() {
    let read = read(&small_crawl().concat(), "a.warc");
    let roles: Vec<_> = read.records.iter().map(Record::role).collect();
    use Role::*;
    assert_eq!(roles, [Head, Companion, Document, Companion, Document, Other, Document]);
    assert_eq!(read.records[1].concurrent_to, ["<urn:uuid:3>"]);
    assert_eq!(read.records[3].refers_to.as_deref(), Some("<urn:uuid:3>"));
    assert_eq!(read.records[4].target_uri.as_deref(), Some("http://b.example/"));
    assert_eq!(read.records[4].document(), Some(&b"der Text\n"[..]));
    assert_eq!(read.records[2].http.as_ref().map(|head| head.status), Some(200));
    assert_eq!(read.records[2].date.as_deref(), Some("2024-05-18T01:58:10Z"));
}

#[test]
fn digests_are_compared_and_a_difference_is_no_damage() {
    // SHA-1 of `abc`, FIPS 180-4's example, in hex and in base32.
    let digests = [
        ("sha1:a9993e364706816aba3e25717850c26c9cd0d89d", DigestCheck::Agrees),
        ("sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE5", DigestCheck::Agrees),
        ("sha1:VGMT4NSHA2AWVOR6EVYXQUGCNSONBWE6", DigestCheck::Differs),
        ("sha256:00", DigestCheck::NotChecked),
        ("sha1:nonsense", DigestCheck::NotChecked),
    ];
    for (digest, check) in digests {
        let field = format!("WARC-Payload-Digest: {digest}\r\n");
        let read = read(&record("resource", 1, "http://a.example/", &field, b"abc"), "a.warc");
        assert_eq!(read.records[0].check_digest(), check, "{digest}");
        assert!(read.records[0].document().is_some());
    }
    let digests =
        read(&record("resource", 1, "http://a.example/", "", b"abc"), "a.warc").records[0].content_digests().unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&digests.blake3),
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    );
    assert_eq!(
        data_encoding::HEXLOWER.encode(&digests.sha256),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn jsonl_fields_are_found_by_path() {
    let options = Options {
        fields: JsonlFields { url: "metadata.url".into(), id: "metadata.n".into(), ..JsonlFields::default() },
        ..Options::default()
    };
    let line = br#"{"text":"a \u00e9\n\ud83d\ude00","metadata":{"n":17,"url":"http://a.example/"},"date":null}"#;
    let read = read_with(line, "a.jsonl", options);
    let record = &read.records[0];
    assert_eq!(record.document(), Some("a é\n😀".as_bytes()));
    assert_eq!(record.target_uri.as_deref(), Some("http://a.example/"));
    assert_eq!((record.record_id.as_deref(), record.date.as_deref(), record.line), (Some("17"), None, Some(1)));
}

#[test]
fn broken_lines_are_damage_with_their_place() {
    let lines: [(&[u8], DamageKind); 7] = [
        (b"{\"text\":\"a\"", DamageKind::MalformedLine),
        (b"[1]", DamageKind::MalformedLine),
        (b"{\"text\":\"\xff\"}", DamageKind::MalformedLine),
        (b"{\"text\":\"\\ud800\"}", DamageKind::MissingText),
        (b"{\"url\":\"http://a.example/\"}", DamageKind::MissingText),
        (b"{\"text\":\"a\",\"text\":\"b\"}", DamageKind::MissingText),
        (b"{\"text\":\"a\",\"url\":[]}", DamageKind::MissingText),
    ];
    for (line, what) in lines {
        let first: &[u8] = b"{\"text\":\"first\"}\n\n";
        let read = read(&[first, line, b"\n{\"text\":\"last\"}"].concat(), "a.jsonl");
        assert_eq!(read.kinds(), [what], "{}", String::from_utf8_lossy(line));
        assert_eq!((read.damage[0].offset, read.damage[0].line), (first.len() as u64, Some(3)));
        assert_eq!(read.records.len(), 2);
    }
}

#[test]
fn other_formats_are_refused_by_name() {
    let refused = |bytes: &[u8], name: &str| match open_source(Cursor::new(bytes), name, Options::default()) {
        Ok(_) => panic!("{name} was opened"),
        Err(error) => error.to_string(),
    };
    assert!(refused(b"filedesc://x.arc 0.0.0.0\n", "a.warc").contains("an ARC file"));
    assert!(refused(&gzip(&[b"filedesc://x.arc 0.0.0.0\n"]), "a.gz").contains("an ARC file"));
    assert!(refused(b"PAR1....", "a.parquet").contains("a Parquet file"));
    assert!(refused(b"[{\"text\":1}]", "a.json").contains("a JSON array"));
    assert!(refused(b"hello", "a.txt").contains("no known crawl format"));
    assert!(refused(b"\x5d\x2a\x4d\x18\xff\xff\xff\xff", "a.warc.zst").contains("dictionary"));
    assert_eq!(read(b"", "a.warc.gz").records.len(), 0);
    assert_eq!(read(&gzip(&[b""]), "a.warc.gz").records.len(), 0);
}
