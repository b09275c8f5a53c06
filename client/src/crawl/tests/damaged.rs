//! Damage of each kind, told at its place, and reading that goes on after it.
use super::*;

fn members() -> Vec<Vec<u8>> {
    small_crawl().iter().map(|record| gzip(&[record])).collect()
}

/// The small crawl's ids without those of damaged records.
fn ids_without(gone: &[u32]) -> Vec<String> {
    (1..=7).filter(|id| !gone.contains(id)).map(|id| format!("<urn:uuid:{id}>")).collect()
}

fn offset_of(parts: &[Vec<u8>], index: usize) -> u64 {
    parts[..index].iter().map(Vec::len).sum::<usize>() as u64
}

#[test]
fn a_broken_member_costs_its_record_and_no_other() {
    let sound = members();
    let (start, length) = (offset_of(&sound, 2), sound[2].len());
    for (at, what) in
        [(length / 2, None), (length - 6, Some(DamageKind::ChecksumMismatch)), (0, Some(DamageKind::NotAMember))]
    {
        let mut parts = sound.clone();
        parts[2][at] ^= 0x10;
        let read = read(&parts.concat(), "a.warc.gz");
        assert_eq!(read.ids(), ids_without(&[3]));
        assert_eq!(read.damage.len(), 1);
        assert_eq!(read.damage[0].range(), start..start + length as u64);
        assert!(at != length - 6 || read.damage[0].record_id.as_deref() == Some("<urn:uuid:3>"));
        assert!(what.is_none_or(|what| read.damage[0].what == what), "{:?}", read.damage);
    }
}

#[test]
fn a_checksum_is_damage_to_each_record_of_its_member() {
    let records = small_crawl();
    let mut shared = gzip(&[&records[1], &records[2], &records[3]]);
    let at = shared.len() - 2;
    shared[at] ^= 1;
    let bytes = [gzip(&[&records[0]]), shared, gzip(&[&records[4]])].concat();
    let read = read(&bytes, "a.warc.gz");
    assert_eq!(read.ids(), ["<urn:uuid:1>", "<urn:uuid:5>"]);
    let named: Vec<_> = read.damage.iter().map(|damage| damage.record_id.as_deref().unwrap()).collect();
    assert_eq!(named, ["<urn:uuid:2>", "<urn:uuid:3>", "<urn:uuid:4>"]);
}

#[test]
fn a_member_cut_short_does_not_swallow_the_next() {
    let mut parts = members();
    let cut = parts[2].len() / 2;
    parts[2].truncate(cut);
    let start = offset_of(&parts, 2);
    let read = read(&parts.concat(), "a.warc.gz");
    assert_eq!(read.ids(), ids_without(&[3]));
    assert_eq!(read.damage[0].range(), start..start + cut as u64);
}

#[test]
fn a_cut_file_ends_in_damage() {
    let parts = members();
    let bytes = parts.concat();
    let cut = read(&bytes[..bytes.len() - 5], "a.warc.gz");
    assert_eq!(
        (cut.ids(), cut.kinds()),
        (ids_without(&[7]).iter().map(String::as_str).collect(), vec![DamageKind::Truncated])
    );
    assert_eq!(cut.damage[0].record_id.as_deref(), Some("<urn:uuid:7>"));
    let bytes = small_crawl().concat();
    for count in [1, 4, 5, 100, 4400] {
        let cut = read(&bytes[..bytes.len() - count], "a.warc");
        assert_eq!(cut.ids(), ids_without(&[7]), "{count}");
        assert_eq!(cut.damage.len(), 1, "{count}");
    }
}

#[test]
fn frames_are_found_again_after_damage() {
    let frames: Vec<_> = small_crawl().iter().map(|record| zst(record, b"")).collect();
    let mut bytes = frames.concat();
    bytes[offset_of(&frames, 2) as usize + 20] ^= 0x55;
    let read = read(&bytes, "a.warc.zst");
    assert_eq!(read.ids(), ids_without(&[3]));
    assert_eq!(read.damage.len(), 1);
}

#[test]
fn frames_that_give_nothing_before_a_large_block_are_found_again() {
    // Texts that hardly compress, so that the first block of a frame is as long as blocks may be.
    let mut word = 7_u64;
    let mut letter = || {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (word >> 58) as u8)
    };
    let mut line = |id: u32| {
        let text: String = (0..200_000).map(|_| letter()).filter(|letter| *letter != '\\').collect();
        format!("{{\"id\":\"{id}\",\"text\":\"{text}\"}}\n")
    };
    let frames: Vec<_> = (1..=3).map(|id| zst(line(id).as_bytes(), b"")).collect();
    let mut bytes = frames.concat();
    bytes[1000] ^= 0x55;
    let lines = read(&bytes, "a.jsonl.zst");
    assert_eq!((lines.ids(), lines.damage.len()), (vec!["2", "3"], 1));
    assert_eq!(lines.damage[0].range(), 0..frames[0].len() as u64);

    let records: Vec<_> = (1..=3).map(|id| zst(&response(id, "", line(id).as_bytes()), b"")).collect();
    let mut bytes = records.concat();
    bytes[1000] ^= 0x55;
    let crawl = read(&bytes, "a.warc.zst");
    assert_eq!((crawl.ids(), crawl.damage.len()), (vec!["<urn:uuid:2>", "<urn:uuid:3>"], 1));
}

#[test]
fn a_wrong_length_costs_its_record_and_no_other() {
    let records = small_crawl();
    let text = String::from_utf8(records[2].clone()).unwrap();
    let length = text.split("Content-Length: ").nth(1).unwrap().split('\r').next().unwrap();
    for wrong in ["0", "12", "81", "85", "200", "9999999", "99999999999999999999", "-1", "0x10", ""] {
        assert_ne!(wrong, length);
        let mut parts = records.clone();
        parts[2] = text.replace(&format!("Content-Length: {length}"), &format!("Content-Length: {wrong}")).into_bytes();
        let plain = read(&parts.concat(), "a.warc");
        assert_eq!(plain.ids(), ids_without(&[3]), "{wrong} {:?}", plain.damage);
        let members: Vec<_> = parts.iter().map(|part| gzip(&[part])).collect();
        let own = read(&members.concat(), "a.warc.gz");
        assert_eq!(own.ids(), ids_without(&[3]), "{wrong} {:?}", own.damage);
        assert!(own.records.iter().all(|record| !record.after_damage));
        let shared = read(&gzip(&[&parts.concat()]), "a.warc.gz");
        assert_eq!(shared.ids(), ids_without(&[3]), "{wrong} {:?}", shared.damage);
    }
}

#[test]
fn what_stands_in_a_damaged_records_claim_is_suspect() {
    // A page that holds a record, in a record that lies about its length.
    let inner = response(66, "", b"mine");
    let page = [b"<pre>\n".as_slice(), &inner, b"</pre>".as_slice()].concat();
    let mut outer = response(3, "", &page);
    outer.truncate(outer.len() - 10);
    let bytes = [outer, response(4, "", b"next")].concat();
    let read = read(&bytes, "a.warc");
    let suspects: Vec<_> =
        read.records.iter().map(|record| (record.record_id.as_deref().unwrap(), record.after_damage)).collect();
    assert!(
        suspects.contains(&("<urn:uuid:66>", true)) || !suspects.iter().any(|(id, _)| *id == "<urn:uuid:66>"),
        "{suspects:?}"
    );
    assert!(!suspects.contains(&("<urn:uuid:3>", false)));
    // In a sound record the same page is nothing but a page.
    let bytes = [response(3, "", &page), response(4, "", b"next")].concat();
    assert_eq!(super::read(&bytes, "a.warc").ids(), ["<urn:uuid:3>", "<urn:uuid:4>"]);
}

#[test]
fn two_fields_that_disagree_are_damage() {
    let two = record(
        "response",
        1,
        "http://a.example/",
        "WARC-Target-URI: http://b.example/\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    );
    let none = b"WARC/1.0\r\nContent-Length: 2\r\n\r\nab\r\n\r\n".to_vec();
    let bare = b"WARC/1.0\r\nnonsense\r\nContent-Length: 2\r\n\r\nab\r\n\r\n".to_vec();
    for bytes in [two, none, bare] {
        let read = read(&[bytes, response(4, "", b"next")].concat(), "a.warc");
        assert_eq!((read.ids(), read.kinds()), (vec!["<urn:uuid:4>"], vec![DamageKind::MalformedHeader]));
    }
}

#[test]
fn what_is_too_large_is_passed_over() {
    let options =
        Options { limits: Limits { record: 3000, header: 600, line: 50, ..Limits::default() }, ..Options::default() };
    let mut records = small_crawl();
    records.push(response(8, "", b"after"));
    let members: Vec<_> = records.iter().map(|record| gzip(&[record])).collect();
    for (name, bytes) in [
        ("a.warc", records.concat()),
        ("a.warc.gz", members.concat()),
        ("one.warc.gz", gzip(&[&records.concat()])),
        ("a.warc.zst", zst(&records.concat(), b"")),
    ] {
        let read = read_with(&bytes, name, options.clone());
        assert_eq!((read.records.len(), read.kinds()), (7, vec![DamageKind::TooLarge]), "{name}");
        assert_eq!(read.damage[0].record_id.as_deref(), Some("<urn:uuid:7>"), "{name}");
    }
    let long = record("resource", 1, "http://a.example/", &format!("X: {}\r\n", "x".repeat(700)), b"ab");
    let read = read_with(&[long, records[0].clone()].concat(), "a.warc", options.clone());
    assert_eq!((read.ids(), read.kinds()), (vec!["<urn:uuid:1>"], vec![DamageKind::TooLarge]));
    let line = format!("{{\"text\":\"a\"}}\n{{\"text\":\"{}\"}}\n{{\"text\":\"b\"}}\n", "x".repeat(200_000));
    for (name, bytes) in [("a.jsonl", line.clone().into_bytes()), ("a.jsonl.gz", gzip(&[line.as_bytes()]))] {
        let read = read_with(&bytes, name, options.clone());
        assert_eq!((read.records.len(), read.kinds(), read.damage[0].line), (2, vec![DamageKind::TooLarge], Some(2)));
    }
}

#[test]
fn lines_around_a_broken_member_are_damage() {
    let parts = [
        gzip(&[b"{\"text\":\"1\"}\n{\"te"]),
        gzip(&[b"xt\":\"2\"}\n{\"text\":\"3\"}\n{\"text"]),
        gzip(&[b"\":\"4\"}\n{\"text\":\"5\"}\n"]),
    ];
    let sound = read(&parts.concat(), "a.jsonl.gz");
    assert_eq!((sound.records.len(), sound.damage.len()), (5, 0));
    let mut bytes = parts.concat();
    bytes[parts[0].len() + parts[1].len() - 3] ^= 1;
    let read = read(&bytes, "a.jsonl.gz");
    let texts: Vec<_> = read.records.iter().map(|record| record.document().unwrap()).collect();
    assert_eq!(texts, [b"1", b"5"]);
    assert_eq!(read.kinds(), [DamageKind::Truncated, DamageKind::ChecksumMismatch, DamageKind::Truncated]);
}

#[test]
fn nested_broken_members_do_not_make_the_search_quadratic() {
    // Each candidate begins as wanted and goes on through all that follow; only the end shows that it is none.
    let mut bytes = Vec::new();
    for _ in 0..20_000 {
        bytes.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        bytes.extend_from_slice(&[0, 15, 0, 0xf0, 0xff]);
        bytes.extend_from_slice(b"WARC/1.0\r\n\r\n   ");
    }
    let started = std::time::Instant::now();
    let read = read(&bytes, "a.warc.gz");
    assert_eq!(read.records.len(), 0);
    assert!(started.elapsed().as_secs() < 60);
}
