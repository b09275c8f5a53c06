//! Tables through the filter: the same rulings as lines of the same documents get, rows unchanged, damage taken back.

use super::made::{Made, Run, files, keeping, policy, registered, reservation, snapshot};
use crate::crawl::FieldChoice;
use crate::filter::DamageRow;
use crate::filter::Watch;
use cleartitle_schema::id::ContentId;
use cleartitle_schema::manifest::Row;
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::time::Timestamp;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SCHEMA: &str = "message schema {
    required binary text (UTF8); optional binary id (UTF8); optional binary url (UTF8); optional binary date (UTF8);
}";

pub type Doc = [Option<String>; 4];

fn doc(number: usize, host: &str) -> Doc {
    let date = (number % 9 != 5).then(|| "2024-05-18T01:58:10Z".to_owned());
    [
        Some(format!("the text {}", number % 13)),
        Some(format!("<{number}>")),
        (number % 10 != 7).then(|| format!("https://{host}/page/{number}")),
        date,
    ]
}

pub fn docs(count: usize) -> Vec<Doc> {
    let hosts = ["press.example", "open.example", "site.example"];
    (0..count).map(|number| doc(number, hosts[number % 3])).collect()
}

pub fn table(path: &Path, docs: &[Doc], in_group: usize) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    for docs in docs.chunks(in_group) {
        let mut group = writer.next_row_group().unwrap();
        for at in 0..4 {
            let levels: Vec<i16> = docs.iter().map(|doc| i16::from(doc[at].is_some())).collect();
            let values: Vec<ByteArray> =
                docs.iter().filter_map(|doc| doc[at].clone()).map(|text| text.into_bytes().into()).collect();
            let mut column = group.next_column().unwrap().unwrap();
            let levels = (at > 0).then_some(levels.as_slice());
            column.typed::<ByteArrayType>().write_batch(&values, levels, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn lines(path: &Path, docs: &[Doc]) {
    let line =
        |[text, id, url, date]: &Doc| json!({"text": text, "id": id, "url": url, "date": date}).to_string() + "\n";
    std::fs::write(path, docs.iter().map(line).collect::<String>()).unwrap();
}

pub fn run<'a>(snapshot: &'a Made, policy: &'a Policy, out: &Path, input: PathBuf) -> Run<'a> {
    let fields = FieldChoice { without_url: true, ..FieldChoice::default() };
    Run { fields, ..Run::over(snapshot, policy, out, &[input]) }
}

pub fn rows_of(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What was decided of each document, by its id, without its place.
fn decisions(out: &Path, name: &str) -> Vec<(String, String)> {
    let mut rows = rows_of(&out.join("manifest.jsonl"));
    rows.extend(rows_of(&out.join(format!("excluded/{name}.decisions.jsonl"))));
    let mut found: Vec<(String, String)> = rows
        .into_iter()
        .map(|mut row| {
            let fields = row.as_object_mut().unwrap();
            for place in ["container", "source", "offset", "length", "line", "row_group", "row"] {
                fields.remove(place);
            }
            // A dropped row's text may not have been read: then nothing hung on it.
            if fields.get("action").is_some_and(|action| action == "drop") {
                fields.remove("content");
            }
            (fields["record"].as_str().unwrap().to_owned(), row.to_string())
        })
        .collect();
    found.sort();
    found
}

fn kept_texts(path: &Path) -> Vec<Vec<String>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let groups = (0..reader.num_row_groups()).map(|group| reader.get_row_group(group).unwrap());
    groups.map(|group| group.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect()).collect()
}

fn grant(issuer: &str) -> Value {
    let mut grant = reservation(issuer);
    grant["body"]["kind"] = "grant".into();
    grant["body"]["terms"]["clauses"][0]["rules"][0]["preference"] = "allowed".into();
    grant
}

fn of_text(number: usize) -> Value {
    json!({"target": "content", "ids": [ContentId::of(format!("the text {number}").as_bytes())]})
}

/// Statements by URL, by bytes, and by URL with bytes left out.
fn statements() -> Vec<Value> {
    let mut by_bytes = reservation("agency.example");
    by_bytes["body"]["scope"] = json!({"include": [of_text(4)]});
    let mut but_for = grant("open.example");
    but_for["body"]["scope"]["exclude"] = json!([of_text(1), of_text(7)]);
    vec![reservation("press.example"), grant("open.example"), by_bytes, but_for]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn rows_get_the_rulings_of_lines(
        chosen in prop::collection::vec(any::<bool>(), 4),
        in_group in 1_usize..50,
        actions in prop::collection::vec(0_usize..3, 3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let statements = statements().into_iter().zip(&chosen).filter(|(_, chosen)| **chosen).map(|(it, _)| it);
        let snapshot = snapshot(
            statements.enumerate().filter_map(|(at, it)| registered(at as u64, Timestamp(1_600_000_000), it)));
        let action = |at: usize| [Disposition::Keep, Disposition::Review, Disposition::Drop][actions[at]];
        let mut policy = keeping();
        policy.actions.unknown = action(0);
        policy.actions.reserved = action(1);
        policy.actions.cleared = action(2);
        let docs = docs(45);
        let (as_rows, as_lines) = (folder.path().join("d.parquet"), folder.path().join("d.jsonl"));
        table(&as_rows, &docs, in_group);
        lines(&as_lines, &docs);
        let (rows, text) = (folder.path().join("rows"), folder.path().join("lines"));
        let one = run(&snapshot, &policy, &rows, as_rows).run(&mut ()).unwrap();
        let other = run(&snapshot, &policy, &text, as_lines).run(&mut ()).unwrap();
        prop_assert_eq!(one.verdict_line(), other.verdict_line());
        prop_assert_eq!(decisions(&rows, "d.parquet"), decisions(&text, "d.jsonl"));
        prop_assert_eq!(one.bill, other.bill);
        // Every manifest row names a kept row that holds its document.
        let kept = kept_texts(&rows.join("kept/d.parquet"));
        let manifest = std::fs::read_to_string(rows.join("manifest.jsonl")).unwrap();
        for line in manifest.lines() {
            let row: Row = serde_json::from_str(line).unwrap();
            let at = |place: Option<u64>| usize::try_from(place.unwrap()).unwrap();
            let shown = &kept[at(row.container.row_group)][at(row.container.row)];
            prop_assert!(shown.contains(&row.record.clone().unwrap()), "{} {:?}", shown, row);
            let (group, in_it) = (at(row.source.as_ref().unwrap().row_group), at(row.source.as_ref().unwrap().row));
            let number = group * in_group + in_it;
            prop_assert_eq!(row.record.unwrap(), format!("<{number}>"));
            prop_assert_eq!(row.content, ContentId::of(docs[number][0].as_deref().unwrap().as_bytes()));
        }
        prop_assert_eq!(kept.iter().map(Vec::len).sum::<usize>(), manifest.lines().count());
    }
}

#[derive(Default)]
struct Seen(Vec<DamageRow>);

impl Watch for Seen {
    fn damage(&mut self, row: &DamageRow) {
        self.0.push(row.clone());
    }
}

#[test]
fn a_damaged_row_group_is_told_taken_back_and_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("d.parquet");
    table(&input, &docs(30), 10);
    let mut bytes = std::fs::read(&input).unwrap();
    // A date of the second row group: read only after its URLs and some of its texts were written about.
    let place = |bytes: &[u8], text: &str, nth: usize| {
        let found = (0..bytes.len() - text.len()).filter(|&at| bytes[at..].starts_with(text.as_bytes()));
        found.clone().nth(nth).unwrap()
    };
    let at = place(&bytes, "the text 8", 1);
    // The text's length says that it goes on beyond its page.
    bytes[at - 4..at].copy_from_slice(&0x7fff_u32.to_le_bytes());
    std::fs::write(&input, &bytes).unwrap();
    let (snapshot, keeping) = (snapshot([]), keeping());
    let out = folder.path().join("out");
    let mut seen = Seen::default();
    let report = run(&snapshot, &keeping, &out, input).run(&mut seen).unwrap();
    assert!(!report.clean());
    assert_eq!(seen.0.len(), 1, "{:?}", seen.0);
    assert_eq!((seen.0[0].row_group, seen.0[0].row, seen.0[0].what.as_str()), (Some(2), None, "damaged-row-group"));
    assert!(seen.0[0].end > seen.0[0].offset && seen.0[0].detail.contains("text"), "{:?}", seen.0[0]);
    assert_eq!(report.verdict_line(), "filter: 20 kept, 0 for review, 0 excluded, 1 damaged");
    assert_eq!(kept_texts(&out.join("kept/d.parquet")).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10]);
    let listed = rows_of(&out.join("manifest.jsonl"));
    assert_eq!(listed.len(), 20);
    assert!(listed.iter().all(|row| row["source"]["row_group"] != 2));
    assert!(report.tally.stored.damage > 0 && report.tally.stored.records > 0);
}

#[test]
fn texts_are_read_only_where_they_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("d.parquet");
    table(&input, &docs(30), 10);
    // Every text is damaged; the URLs alone drop all rows, so that nobody looks.
    let mut bytes = std::fs::read(&input).unwrap();
    for at in 0..bytes.len() - 8 {
        if bytes[at..].starts_with(b"the text") {
            bytes[at] = 0xff;
        }
    }
    std::fs::write(&input, &bytes).unwrap();
    let dropping = policy();
    let out = folder.path().join("out");
    let report = run(&snapshot([]), &dropping, &out, input.clone()).run(&mut ()).unwrap();
    assert_eq!(report.verdict_line(), "filter: 0 kept, 0 for review, 30 excluded, 0 damaged");
    assert!(kept_texts(&out.join("kept/d.parquet")).is_empty());
    let keeping = keeping();
    let out = folder.path().join("kept");
    let report = run(&snapshot([]), &keeping, &out, input).run(&mut ()).unwrap();
    assert_eq!(report.verdict_line(), "filter: 0 kept, 0 for review, 0 excluded, 30 damaged");
}

#[test]
fn a_resumed_run_over_tables_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("d.parquet");
    table(&input, &docs(30), 7);
    let (snapshot, keeping) =
        (snapshot(registered(0, Timestamp(1_600_000_000), reservation("press.example"))), keeping());
    let out = folder.path().join("out");
    run(&snapshot, &keeping, &out, input.clone()).run(&mut ()).unwrap();
    let first = files(&out);
    assert!(first.iter().all(|(path, _)| path.extension().is_none_or(|it| it != "partial")));
    Run { resume: true, ..run(&snapshot, &keeping, &out, input.clone()) }.run(&mut ()).unwrap();
    assert_eq!(files(&out), first);
    let again = folder.path().join("again");
    run(&snapshot, &keeping, &again, input).run(&mut ()).unwrap();
    assert_eq!(files(&again), first);
}
