//! Every framing read to the same records, and kept files written byte for byte.
use super::*;

/// The small crawl in every framing: a name, the bytes, how its records lie, and whether keeping all gives the same file.
fn framings() -> Vec<(&'static str, Vec<u8>, Framing, bool)> {
    let records = small_crawl();
    let all = records.concat();
    let each = |frame: &dyn Fn(&[u8]) -> Vec<u8>| records.iter().flat_map(|record| frame(record)).collect::<Vec<u8>>();
    let third = records[0].len() + records[1].len() + 40;
    let dictionary = b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:http://a.example/".repeat(3);
    let head =
        |content: &[u8]| [&[0x5d, 0x2a, 0x4d, 0x18][..], &(content.len() as u32).to_le_bytes(), content].concat();
    let with_dictionary = each(&|record| zst(record, &dictionary));
    vec![
        ("a.warc", all.clone(), Framing::Plain, true),
        ("a.warc.gz", each(&|record| gzip(&[record])), Framing::OwnMember, true),
        ("one-member.warc.gz", gzip(&[&all]), Framing::InsideMember, false),
        ("split.warc.gz", [gzip(&[&all[..third]]), gzip(&[&all[third..]])].concat(), Framing::InsideMember, false),
        ("a.warc.zst", each(&|record| zst(record, b"")), Framing::OwnMember, true),
        ("one-frame.warc.zst", zst(&all, b""), Framing::InsideMember, false),
        ("plain-dictionary.warc.zst", [head(&dictionary), with_dictionary.clone()].concat(), Framing::OwnMember, true),
        ("packed.warc.zst", [head(&zst(&dictionary, b"")), with_dictionary].concat(), Framing::OwnMember, true),
    ]
}

pub(super) fn kept(read: &Read) -> Vec<u8> {
    let mut writer = WarcWriter::new(Vec::new(), read.codec, read.dictionary.clone()).unwrap();
    read.records.iter().for_each(|record| assert!(writer.write(record).unwrap() > 0));
    writer.finish().unwrap()
}

#[test]
fn every_framing_gives_the_same_records() {
    for (name, bytes, framing, same) in framings() {
        let read = read(&bytes, name);
        assert_eq!(read.damage, [], "{name}");
        let plain: Vec<_> = read.records.iter().map(|record| record.plain_bytes().to_vec()).collect();
        assert_eq!(plain, small_crawl(), "{name}");
        assert!(read.records.iter().all(|record| record.raw.framing == framing), "{name}");
        for record in read.records.iter().filter(|_| framing != Framing::InsideMember) {
            let range = record.raw.range();
            assert_eq!(record.stored_bytes(), &bytes[range.start as usize..range.end as usize], "{name}");
        }
        let written = kept(&read);
        assert_eq!(written == bytes, same, "{name}");
        assert_eq!(written, kept(&read), "{name}: writing twice gives two files");
        let again = super::read(&written, name);
        assert_eq!(again.damage, [], "{name}");
        let plain: Vec<_> = again.records.iter().map(|record| record.plain_bytes().to_vec()).collect();
        assert_eq!(plain, small_crawl(), "{name}");
    }
}

#[test]
fn empty_members_and_blank_lines_are_padding() {
    let records = small_crawl();
    let parts =
        [gzip(&[b""]), gzip(&[&records[2]]), gzip(&[b""]), gzip(&[b"\r\n"]), gzip(&[&records[4]]), gzip(&[b""])];
    let read = read(&parts.concat(), "a.warc.gz");
    assert_eq!((read.records.len(), read.damage.len()), (2, 0));
    assert!(read.records.iter().all(|record| record.raw.framing == Framing::OwnMember));
    let frames =
        [b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), zst(&records[2], b""), b"\x5f\x2a\x4d\x18\0\0\0\0".to_vec()];
    let read = super::read(&frames.concat(), "a.warc.zst");
    assert_eq!((read.records.len(), read.damage.len()), (1, 0));
}

#[test]
fn a_member_over_the_held_size_is_read_twice_and_kept_whole() {
    // Over 16 MiB of content, and random-looking, so that the stored bytes are over it too.
    let mut body = Vec::new();
    let mut state = blake3::Hasher::new().update(b"body").finalize_xof();
    body.resize(18 * 1024 * 1024, 0);
    state.fill(&mut body);
    let large = response(8, "", &body);
    let small = response(9, "", b"small");
    for (bytes, framings) in [
        ([gzip(&[&large]), gzip(&[&small])].concat(), [Framing::OwnMember; 2]),
        (gzip(&[&large, &small]), [Framing::InsideMember; 2]),
    ] {
        let read = read(&bytes, "a.warc.gz");
        assert_eq!(read.damage, []);
        assert_eq!(read.records.iter().map(|record| record.raw.framing).collect::<Vec<_>>(), framings);
        assert!(read.records[0].document() == Some(&body[..]));
        assert_eq!(kept(&read) == bytes, framings[0] == Framing::OwnMember);
        let mut broken = bytes.clone();
        broken[9_000_000] ^= 4;
        let read = super::read(&broken, "a.warc.gz");
        assert_eq!(read.ids(), if framings[0] == Framing::OwnMember { vec!["<urn:uuid:9>"] } else { vec![] });
        assert_eq!(read.damage[0].record_id.as_deref(), Some("<urn:uuid:8>"));
    }
}

#[test]
fn lines_are_kept_as_they_were() {
    let lines = "{\"text\": \"a\",  \"x\":1.0}\r\n{\"text\":\"\\u00e9\"}\n{\"text\":\"last\"}".as_bytes();
    for (name, bytes) in [("a.jsonl", lines.to_vec()), ("a.jsonl.gz", gzip(&[lines])), ("a.jsonl.zst", zst(lines, b""))]
    {
        let read = read(&bytes, name);
        assert_eq!((read.records.len(), read.damage.len()), (3, 0), "{name}");
        let mut writer = JsonlWriter::new(Vec::new(), read.codec, None).unwrap();
        read.records.iter().for_each(|record| writer.write(record).unwrap());
        let written = writer.finish().unwrap();
        let plain: Vec<u8> =
            super::read(&written, name).records.iter().flat_map(|record| record.plain_bytes().to_vec()).collect();
        assert_eq!(plain, lines, "{name}");
        assert!(matches!(
            WarcWriter::new(Vec::new(), Codec::Plain, None).unwrap().write(&read.records[0]),
            Err(WriteError::Container { .. })
        ));
    }
}
