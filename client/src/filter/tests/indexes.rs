//! Index first: what is kept of a crawl is what the full filter keeps, whatever the terms; false rows keep nothing.

use super::drawn::{Dice, HOSTS, TEXTS, URLS, statements};
use super::made::{Made, Run, files, gzip_placed, keeping, policy, record, registered, reservation, snapshot};
use super::plan::asking;
use crate::crawl::{self, Item};
use crate::filter::index::{IndexRun, Root};
use crate::report::Report;
use cleartitle_schema::evidence::Registered;
use cleartitle_schema::id::ContentId;
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::time::Timestamp;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One row of an index, as both formats have it.
#[derive(Debug, Clone)]
pub struct Row {
    url: String,
    captured_at: Timestamp,
    digest: Option<String>,
    file: String,
    offset: u64,
    length: u64,
}

fn digits(moment: Timestamp) -> String {
    moment.to_string().chars().filter(char::is_ascii_digit).collect()
}

fn cdxj(path: &Path, rows: &[Row]) {
    let line = |row: &Row| {
        let mut object = json!({"url": row.url, "mime": "text/html", "status": "200", "length": row.length.to_string(),
            "offset": row.offset.to_string(), "filename": row.file});
        if let Some(digest) = &row.digest {
            object["digest"] = json!(digest);
        }
        format!("key {} {object}\n", digits(row.captured_at))
    };
    std::fs::write(path, rows.iter().map(line).collect::<String>()).unwrap();
}

const SCHEMA: &str = "message schema {
    required binary url (UTF8); optional binary content_digest (UTF8); required int64 fetch_time (TIMESTAMP_MILLIS);
    required binary warc_filename (UTF8); optional int32 warc_record_offset; required int32 warc_record_length;
}";

fn columns(path: &Path, rows: &[Row], in_group: usize) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    for rows in rows.chunks(in_group.max(1)) {
        let mut group = writer.next_row_group().unwrap();
        let texts = |of: &dyn Fn(&Row) -> Option<String>| -> Vec<ByteArray> {
            rows.iter().filter_map(of).map(|text| text.into_bytes().into()).collect()
        };
        let numbers = |of: &dyn Fn(&Row) -> u64| -> Vec<i32> { rows.iter().map(|row| of(row) as i32).collect() };
        let levels: Vec<i16> = rows.iter().map(|row| i16::from(row.digest.is_some())).collect();
        let present = vec![1_i16; rows.len()];
        for at in 0..6 {
            let mut column = group.next_column().unwrap().unwrap();
            match at {
                0 => column.typed::<ByteArrayType>().write_batch(&texts(&|row| Some(row.url.clone())), None, None),
                1 => {
                    column.typed::<ByteArrayType>().write_batch(&texts(&|row| row.digest.clone()), Some(&levels), None)
                }
                2 => {
                    let moments: Vec<i64> = rows.iter().map(|row| row.captured_at.0 * 1000).collect();
                    column.typed::<Int64Type>().write_batch(&moments, None, None)
                }
                3 => column.typed::<ByteArrayType>().write_batch(&texts(&|row| Some(row.file.clone())), None, None),
                4 => column.typed::<Int32Type>().write_batch(&numbers(&|row| row.offset), Some(&present), None),
                _ => column.typed::<Int32Type>().write_batch(&numbers(&|row| row.length), None, None),
            }
            .unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

/// What a page says of itself, from silence to leave.
fn page(dice: &mut Dice, number: usize) -> (String, Timestamp, String, Vec<u8>) {
    let (url, moment) = (dice.one(&URLS).to_owned(), dice.moment());
    let text = dice.one(&TEXTS);
    let canonical = format!("<link rel=canonical href={}>", dice.one(&URLS));
    let body = match dice.roll(9) {
        0 => format!("<meta name=robots content=noai>{text}"),
        1 => format!("{canonical}{text}"),
        2 => format!("<link rel=license href=https://creativecommons.org/licenses/by/4.0/>{text}"),
        3 => format!("<meta name=tdm-reservation content=0>{text}"),
        4 => format!("<meta name=tdm-reservation content=1>{text}"),
        _ => text.to_owned(),
    };
    let header = match dice.roll(6) {
        0 => "X-Robots-Tag: noai\r\n",
        1 => "Content-Usage: train-ai=y\r\n",
        2 => "Content-Usage: train-ai=n\r\n",
        _ => "",
    };
    let http =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len());
    let digest = format!("sha1:{}", format!("{:02x}", text.len()).repeat(20));
    let date = moment.to_string();
    let fields = [
        ("WARC-Target-URI", url.as_str()),
        ("WARC-Date", &date),
        ("Content-Type", "application/http; msgtype=response"),
        ("WARC-Payload-Digest", &digest),
    ];
    let record = record("response", &format!("{number:08}-0000"), &fields, http.as_bytes());
    (url, moment, digest, record)
}

/// A crawl of pages as they come, its file and its index.
pub fn crawl(dice: &mut Dice, pages: usize, root: &Path) -> (PathBuf, Vec<Row>) {
    let made: Vec<_> = (0..pages).map(|number| page(dice, number)).collect();
    let mut records = vec![record("warcinfo", "head", &[], b"software: test\r\n")];
    records.extend(made.iter().map(|(.., record)| record.clone()));
    let (bytes, places) = gzip_placed(&records);
    std::fs::create_dir_all(root.join("crawl/a")).unwrap();
    let path = root.join("crawl/a/x.warc.gz");
    std::fs::write(&path, bytes).unwrap();
    let rows = made.into_iter().zip(places.into_iter().skip(1)).map(|((url, captured_at, digest, _), place)| Row {
        url,
        captured_at,
        digest: Some(digest),
        file: "a/x.warc.gz".to_owned(),
        offset: place.0,
        length: place.1,
    });
    (path, rows.collect())
}

fn run(snapshot: &Made, policy: &Policy, input: &Path, out: &Path, index: Option<IndexRun>) -> Report {
    let run = Run { index, ..Run::over(snapshot, policy, out, &[input.to_owned()]) };
    run.run(&mut ()).unwrap()
}

fn fetching(root: &Path) -> Option<IndexRun> {
    Some(IndexRun { fetch: Some(Root::of(&root.join("crawl").display().to_string()).unwrap()) })
}

pub fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What became of each record, by its offset; of kept and reviewed ones also all that was written about them.
pub fn fates(out: &Path, name: &str) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    for mut row in lines(&out.join("manifest.jsonl")) {
        let offset = row["source"]["offset"].as_u64().unwrap();
        row["container"] = Value::Null;
        row["source"]["file"] = Value::Null;
        assert!(found.insert(offset, format!("keep {row}")).is_none());
    }
    for mut row in lines(&out.join(format!("excluded/{name}.decisions.jsonl"))) {
        let offset = row["offset"].as_u64().unwrap();
        row["file"] = Value::Null;
        let told = if row["action"] == "drop" { "drop".to_owned() } else { format!("review {row}") };
        assert!(found.insert(offset, told).is_none());
    }
    found
}

/// The documents of an output, as they are stored.
fn stored(path: &Path) -> Vec<Vec<u8>> {
    let Ok(mut reader) = crawl::open(path, crawl::Options::default()) else { return Vec::new() };
    std::iter::from_fn(|| reader.next_item().unwrap())
        .filter_map(|item| match item {
            Item::Record(record) if record.is_document() => Some(record.stored_bytes().to_vec()),
            _ => None,
        })
        .collect()
}

/// Statements of every kind, and a lab's policy.
pub fn terms(dice: &mut Dice) -> (Made, Policy) {
    let mut statements = statements(dice);
    if !dice.chance(3) {
        // Permissions that may reach any record leave nothing for an index to exclude; others do.
        statements.retain(|registered| {
            let text = serde_json::to_string(&registered.statement).unwrap();
            let permits = !["reservation", "observation", "dispute"].contains(&registered.statement.kind().word());
            !(text.contains("any_copy") || permits && text.contains("blake3:"))
        });
    }
    let mut policy = asking(dice);
    let action = [Disposition::Drop, Disposition::Drop, Disposition::Drop, Disposition::Review, Disposition::Keep];
    policy.actions.unknown = dice.one(&action);
    policy.actions.disputed = dice.one(&action[..4]);
    policy.actions.conditional = dice.one(&action[2..]);
    if dice.chance(3) {
        policy.reading.trusted_mark_hosts = vec![dice.one(&HOSTS).parse().unwrap()];
    }
    if dice.chance(5) {
        let rule = json!({"reason": "signal-reserved", "action": "review", "because": "look"});
        policy.actions.by_reason = vec![serde_json::from_value(rule).unwrap()];
    }
    (snapshot(statements), policy)
}

/// One crawl under one set of terms: by its records, and by an index of either kind. Returns kept, and excluded by the index.
fn agrees(seed: u64) -> Result<(usize, u64), TestCaseError> {
    let mut dice = Dice(seed);
    let (snapshot, policy) = terms(&mut dice);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (crawl, rows) = crawl(&mut dice, 40, root);
    let full = root.join("full");
    run(&snapshot, &policy, &crawl, &full, None);
    let wanted = fates(&full, "x.warc.gz");
    cdxj(&root.join("i.cdxj"), &rows);
    columns(&root.join("i.parquet"), &rows, 1 + usize::try_from(dice.roll(50)).unwrap());
    let mut excluded = 0;
    for name in ["i.cdxj", "i.parquet"] {
        let out = root.join(format!("by-{name}"));
        let report = run(&snapshot, &policy, &root.join(name), &out, fetching(root));
        prop_assert_eq!(&fates(&out, name), &wanted, "seed {} {}", seed, name);
        prop_assert_eq!(report.tally.damaged(), 0);
        for part in ["kept", "review"] {
            let ours = stored(&out.join(part).join(format!("{name}.warc.gz")));
            prop_assert_eq!(ours, stored(&full.join(part).join("x.warc.gz")), "seed {} {}", seed, name);
        }
        // Without fetching, what the index excludes is no more than the full filter drops.
        let out = root.join(format!("rows-of-{name}"));
        let report = run(&snapshot, &policy, &root.join(name), &out, Some(IndexRun { fetch: None }));
        let gone = lines(&out.join(format!("excluded/{name}.decisions.jsonl")));
        let left = lines(&out.join(format!("not-checked/{name}.decisions.jsonl")));
        prop_assert_eq!(gone.len() + left.len(), rows.len());
        prop_assert_eq!(report.tally.candidates, left.len() as u64);
        for row in &gone {
            prop_assert_eq!(&wanted[&row["offset"].as_u64().unwrap()], "drop", "seed {} {}", seed, row);
        }
        for row in gone.iter().chain(&left) {
            prop_assert_eq!(&row["record_signals"], "not-checked");
            let verdict = row["verdict"].as_str().unwrap();
            prop_assert!(row["action"] == "drop" || ["reserved", "disputed", "unknown"].contains(&verdict), "{}", row);
        }
        excluded = gone.len() as u64;
        if name == "i.cdxj" {
            let text = std::fs::read_to_string(root.join(name)).unwrap();
            let kept: Vec<u64> = left.iter().map(|row| row["line"].as_u64().unwrap()).collect();
            let candidates = text.split_inclusive('\n').zip(1_u64..).filter(|(_, at)| kept.contains(at));
            let candidates: String = candidates.map(|(line, _)| line).collect();
            prop_assert_eq!(std::fs::read_to_string(out.join("candidates").join(name)).unwrap(), candidates);
        }
    }
    Ok((wanted.values().filter(|fate| fate.starts_with("keep")).count(), excluded))
}

/// `CLEARTITLE_CASES=5000` looks longer.
pub fn cases() -> u32 {
    std::env::var("CLEARTITLE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn an_index_with_its_records_keeps_what_the_full_filter_keeps(seed in any::<u64>()) {
        agrees(seed)?;
    }
}

#[test]
fn the_property_is_not_held_by_keeping_or_excluding_nothing() {
    let (mut kept, mut excluded) = (0, 0);
    for seed in 0..16 {
        let (some, gone) = agrees(seed).unwrap();
        kept += some;
        excluded += gone;
    }
    assert!(kept > 30 && excluded > 60, "{kept} kept, {excluded} excluded by rows alone");
}

/// A root with two pages and rows that tell the truth of them.
fn small() -> (tempfile::TempDir, Vec<Row>) {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let (_, rows) = crawl(&mut dice, 12, folder.path());
    (folder, rows)
}

#[test]
fn a_false_row_keeps_nothing_and_the_run_goes_on() {
    type Lie = fn(&mut Row, &[Row]);
    let lies: [(&str, Lie); 12] = [
        ("beyond-the-file", |row, _| row.offset = 1 << 30),
        ("beyond-the-file", |row, _| row.length = 1 << 30),
        ("index-mismatch", |row, all| row.url = format!("{}/other", all[0].url)),
        ("index-mismatch", |row, _| row.digest = Some("sha1:SHT7O3DTT6IGX5BFFRU3QPMZMR62T7FY".to_owned())),
        ("index-mismatch", |row, all| row.offset = all[3].offset),
        ("truncated", |row, _| row.length -= 5),
        ("index-mismatch", |row, _| row.length += 5),
        ("index-mismatch", |row, all| row.length += all[2].length),
        ("not-a-member", |row, _| row.offset += 3),
        ("unsafe-filename", |row, _| row.file = "../secret.warc.gz".to_owned()),
        ("unsafe-filename", |row, _| row.file = "/etc/passwd".to_owned()),
        ("missing-file", |row, _| row.file = "a/none.warc.gz".to_owned()),
    ];
    let (folder, rows) = small();
    let root = folder.path();
    std::fs::copy(root.join("crawl/a/x.warc.gz"), root.join("secret.warc.gz")).unwrap();
    let mut keeping = keeping();
    for action in [&mut keeping.actions.reserved, &mut keeping.actions.disputed, &mut keeping.actions.conditional] {
        *action = Disposition::Keep;
    }
    let snapshot = snapshot([]);
    for (at, (what, lie)) in lies.into_iter().enumerate() {
        let mut rows = rows.clone();
        let all = rows.clone();
        // Another row's URL may be equal by chance; the lie is about one whose neighbours differ.
        lie(&mut rows[1], &all);
        for format in ["cdxj", "parquet"] {
            let (index, out) = (root.join(format!("{at}.{format}")), root.join(format!("out-{at}-{format}")));
            if format == "cdxj" {
                cdxj(&index, &rows)
            } else {
                columns(&index, &rows, 5)
            }
            let report = run(&snapshot, &keeping, &index, &out, fetching(root));
            let damage = lines(&out.join("damage.jsonl"));
            let told: Vec<&str> = damage.iter().map(|row| row["what"].as_str().unwrap()).collect();
            assert!(told.contains(&what), "lie {at} {format}: {damage:?}");
            let detail = damage[0]["detail"].as_str().unwrap();
            assert!(detail.contains("named by"), "{detail}");
            assert!(!report.clean());
            let fates = fates(&out, &format!("{at}.{format}"));
            let others = rows.iter().enumerate().filter(|(place, _)| *place != 1).map(|(_, row)| row.offset);
            assert!(others.clone().all(|offset| offset == rows[1].offset || fates.contains_key(&offset)), "lie {at}");
            assert!(fates.len() <= 11, "lie {at} {format}");
            assert!(!report.to_string().contains("12 kept"));
        }
    }
}

#[test]
fn a_bad_row_is_told_with_its_line_and_never_kept() {
    let (folder, rows) = small();
    let root = folder.path();
    let index = root.join("i.cdxj");
    cdxj(&index, &rows);
    let text = std::fs::read_to_string(&index).unwrap();
    let mut lines_of: Vec<String> = text.lines().map(str::to_owned).collect();
    lines_of[4] = lines_of[4].replace("\"offset\"", "\"url\"");
    lines_of.insert(0, "!meta {\"format\": \"cdxj\"}".to_owned());
    std::fs::write(&index, lines_of.join("\r\n")).unwrap();
    let out = root.join("out");
    let report = run(&snapshot([]), &keeping(), &index, &out, Some(IndexRun { fetch: None }));
    let damage = lines(&out.join("damage.jsonl"));
    assert_eq!(damage.len(), 1);
    assert_eq!((&damage[0]["what"], &damage[0]["line"]), (&json!("malformed-row"), &json!(6)));
    assert_eq!(report.tally.candidates, 11);
    assert!(report.verdict_line().ends_with("1 damaged, 11 candidates"), "{}", report.verdict_line());
    lines_of.remove(5);
    let candidates = std::fs::read_to_string(out.join("candidates/i.cdxj")).unwrap();
    assert_eq!(candidates, lines_of.join("\r\n"));
}

#[test]
fn a_compressed_index_is_read_and_filtered_as_a_plain_one() {
    let (folder, rows) = small();
    let root = folder.path();
    cdxj(&root.join("i.cdxj"), &rows);
    let plain = std::fs::read(root.join("i.cdxj")).unwrap();
    let members: Vec<Vec<u8>> = plain.chunks(700).map(<[u8]>::to_vec).collect();
    std::fs::write(root.join("i.cdxj.gz"), super::made::gzip(&members)).unwrap();
    std::fs::write(root.join("i.cdxj.zst"), zstd::encode_all(plain.as_slice(), 3).unwrap()).unwrap();
    for name in ["i.cdxj.gz", "i.cdxj.zst"] {
        let out = root.join(format!("out-{name}"));
        let report = run(&snapshot([]), &keeping(), &root.join(name), &out, Some(IndexRun { fetch: None }));
        assert_eq!((report.tally.candidates, report.tally.damaged()), (12, 0), "{name}");
        let mut text = Vec::new();
        let kept = File::open(out.join("candidates").join(name)).unwrap();
        let copied = if name.ends_with("gz") {
            std::io::copy(&mut flate2::read::MultiGzDecoder::new(kept), &mut text)
        } else {
            std::io::copy(&mut zstd::Decoder::new(kept).unwrap(), &mut text)
        };
        copied.unwrap();
        assert_eq!(text, plain, "{name}");
    }
    // A member that is broken in the middle: its lines and the two that it cuts are told, no other is lost.
    let mut bytes = super::made::gzip(&members);
    let second = super::made::gzip(&members[..1]).len();
    let at = second + 40;
    bytes[at] ^= 0x55;
    std::fs::write(root.join("b.cdxj.gz"), bytes).unwrap();
    let out = root.join("out-broken");
    let report = run(&snapshot([]), &keeping(), &root.join("b.cdxj.gz"), &out, Some(IndexRun { fetch: None }));
    assert!(report.tally.damaged() > 0 && report.tally.candidates < 12 && report.tally.candidates > 5, "{report}");
    let kept = File::open(out.join("candidates/b.cdxj.gz")).unwrap();
    let text = std::io::read_to_string(flate2::read::MultiGzDecoder::new(kept)).unwrap();
    let whole = String::from_utf8(plain).unwrap();
    assert!(text.lines().all(|line| whole.lines().any(|known| known == line)), "{text}");
}

/// The registry's statement that it saw all that a claim lists.
fn proof_of(claim: &Registered) -> Registered {
    let content: Vec<_> = claim.statement.claimed().collect();
    let body = json!({"kind": "claim-proof", "claim": claim.id, "content": content, "url": "https://agency.example/"});
    registered(1, Timestamp(1_600_000_000), json!({"issuer": {"domain": "registry.example"}, "body": body})).unwrap()
}

#[test]
fn sha1_reserves_and_never_clears() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (_, rows) = crawl(&mut Dice(3), 30, root);
    cdxj(&root.join("i.cdxj"), &rows);
    let sha1 = |text: &str| format!("warc-sha1:{}", format!("{:02x}", text.len()).repeat(20));
    let listing = |kind: &str, preference: &str| {
        let mut statement = reservation("agency.example");
        statement["body"]["kind"] = kind.into();
        statement["body"]["scope"] = json!({"include": [{"target": "content", "ids": [sha1("three")]}]});
        statement["body"]["terms"]["clauses"][0]["rules"][0]["preference"] = preference.into();
        let claim = registered(0, Timestamp(1_600_000_000), statement).unwrap();
        let proof = proof_of(&claim);
        snapshot([claim, proof])
    };
    let named = format!("sha1:{}", "05".repeat(20));
    let of = rows.iter().filter(|row| row.digest.as_deref() == Some(&named)).count();
    assert!(of > 3);
    let out = root.join("reserved");
    run(&listing("reservation", "disallowed"), &keeping(), &root.join("i.cdxj"), &out, Some(IndexRun { fetch: None }));
    let excluded = lines(&out.join("excluded/i.cdxj.decisions.jsonl"));
    assert_eq!(excluded.len(), of);
    assert!(excluded.iter().all(|row| row["verdict"] == "reserved"), "{excluded:?}");
    let out = root.join("granted");
    let report = run(&listing("grant", "allowed"), &policy(), &root.join("i.cdxj"), &out, fetching(root));
    assert_eq!(report.tally.of(Disposition::Keep).documents, 0, "{report}");
    assert_eq!(report.tally.of(Disposition::Drop).documents, 30);
    // The same bytes by their real name do clear, once they are read.
    let mut statement = reservation("agency.example");
    statement["body"]["kind"] = "grant".into();
    statement["body"]["scope"] = json!({"include": [{"target": "content", "ids": [ContentId::of(b"three")]}]});
    statement["body"]["terms"]["clauses"][0]["rules"][0]["preference"] = "allowed".into();
    let granted = registered(0, Timestamp(1_600_000_000), statement).unwrap();
    let proof = proof_of(&granted);
    let out = root.join("by-bytes");
    let report = run(&snapshot([granted, proof]), &policy(), &root.join("i.cdxj"), &out, fetching(root));
    assert!(report.tally.of(Disposition::Keep).documents > 0, "{report}");
    assert!(files(&out).iter().any(|(path, bytes)| path.ends_with("i.cdxj.warc.gz") && !bytes.is_empty()));
}

#[test]
fn an_address_inside_another_speaks_for_its_own_row_alone() {
    let (folder, mut rows) = small();
    let root = folder.path();
    rows.truncate(3);
    let of = |path: &str| format!("https://cache.example/{path}");
    for (row, path) in rows.iter_mut().zip(["https://agency.example/a", "b", "c"]) {
        (row.url, row.digest) = (of(path), None);
    }
    cdxj(&root.join("i.cdxj"), &rows);
    let reserved = registered(0, Timestamp(1_600_000_000), reservation("agency.example")).unwrap();
    let out = root.join("out");
    run(&snapshot([reserved]), &keeping(), &root.join("i.cdxj"), &out, Some(IndexRun { fetch: None }));
    let excluded = lines(&out.join("excluded/i.cdxj.decisions.jsonl"));
    assert_eq!(excluded.len(), 1, "{excluded:?}");
    assert_eq!(excluded[0]["url"], json!(of("https://agency.example/a")));
}
