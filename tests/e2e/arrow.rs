//! Decisions over Arrow: the answers of JSON as columns, by our reader and by others'; tables that lie, break off or come drop by drop.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, Int64Array, NullArray, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use harness::{Registry, independent};
use serde_json::{Value, json};

const ARROW: &str = "application/vnd.apache.arrow.stream";
const ASKED: &str = "/v1/decisions?use=train-ai&asker=lab.example&used_at=2027-01-01T00:00:00Z";

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("a batch")
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("a batch"));
    writer.into_inner().expect("bytes")
}

fn urls(from: usize, rows: usize) -> Vec<String> {
    let hosts = ["press.example", "nobody.example", "open.example"];
    (from..from + rows).map(|n| format!("https://{}/{n}", hosts[n % 3])).collect()
}

/// Rows as JSON has them.
fn rows(bytes: &[u8]) -> Vec<Value> {
    let reader = StreamReader::try_new(bytes, None).expect("a stream");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.expect("a batch");
        let column = |name: &str| batch.column_by_name(name).expect("a column").clone();
        let (verdicts, errors) = (column("verdict"), column("error"));
        let (reasons, statements) = (column("reasons"), column("statements"));
        let texts = |lists: &ArrayRef, row: usize| -> Vec<String> {
            let list = lists.as_list::<i32>().value(row);
            list.as_string::<i32>().iter().map(|text| text.expect("a text").to_owned()).collect()
        };
        let one = |column: &ArrayRef, row: usize| {
            let texts = column.as_string::<i32>();
            (!texts.is_null(row)).then(|| texts.value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            rows.push(json!({
                "verdict": one(&verdicts, row), "error": one(&errors, row),
                "reasons": texts(&reasons, row), "statements": texts(&statements, row),
            }));
        }
    }
    rows
}

#[test]
fn a_table_is_answered_as_lines_are() {
    let registry = Registry::with_press_and_open();
    let captured = Some(1_790_000_000_000_i64);
    let batch = |from: usize, count: usize| {
        let times: Vec<_> = (0..count).map(|n| captured.filter(|_| n % 2 == 0)).collect();
        table(vec![
            ("url", Arc::new(StringArray::from(urls(from, count)))),
            ("captured_at", Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC"))),
        ])
    };
    let answer = registry.post(ASKED, ARROW, stream(&[batch(0, 1000), batch(1000, 0), batch(1000, 2000)])).is(200);
    assert_eq!(answer.media_type, ARROW);
    let told = rows(&answer.body);
    let line = |(n, url): (usize, &String)| {
        let mut copy = json!({"urls": [{"url": url, "role": "fetched"}]});
        if (if n < 1000 { n } else { n - 1000 }) % 2 == 0 {
            copy["captured_at"] = "2026-09-21T14:13:20Z".into();
        }
        json!({"acquisition": copy, "use": "train-ai", "asker": {"domain": "lab.example"}, "used_at": "2027-01-01T00:00:00Z"})
            .to_string()
    };
    let lines: Vec<String> = urls(0, 3000).iter().enumerate().map(line).collect();
    let by_line = registry.post("/v1/decisions", "application/x-ndjson", lines.join("\n")).is(200).text();
    let by_line: Vec<Value> = by_line.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((told.len(), by_line.len()), (3000, 3002));
    for (n, (row, line)) in told.iter().zip(&by_line[1..]).enumerate() {
        let list = |name: &str| line.get(name).cloned().unwrap_or(json!([]));
        let expected = json!({"verdict": line["verdict"], "error": null, "reasons": list("reasons"), "statements": list("statements")});
        assert_eq!(*row, expected, "row {n}: {line}");
    }
    let verdicts: std::collections::BTreeSet<_> = told.iter().map(|row| row["verdict"].to_string()).collect();
    assert_eq!(verdicts.len(), 3, "{verdicts:?}");
    let schema = StreamReader::try_new(answer.body.as_slice(), None).expect("a stream").schema();
    assert_eq!(schema.metadata().get("cleartitle.log_size").cloned(), Some(by_line[0]["log_size"].to_string()));
}

#[test]
fn a_long_batch_is_answered_in_batches_that_are_sent_before_it_is_done() {
    let registry = Registry::with_press_and_open();
    let batch = table(vec![("url", Arc::new(StringArray::from(urls(0, 120_000))) as ArrayRef)]);
    let answer = registry.post(ASKED, ARROW, stream(&[batch])).is(200);
    let batches = StreamReader::try_new(answer.body.as_slice(), None).expect("a stream").count();
    assert!((20..200).contains(&batches), "{batches}");
    let told = rows(&answer.body);
    assert_eq!(told.len(), 120_000);
    for (n, row) in told.iter().enumerate() {
        assert_eq!(row["verdict"] == "reserved", n % 3 == 0, "row {n}: {row}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let registry = Registry::with_press_and_open();
    let url: ArrayRef =
        Arc::new(StringArray::from(vec![Some("https://press.example/1"), None, Some("https://open.example/2")]));
    let times: ArrayRef = Arc::new(StringArray::from(vec![Some("2026-01-01T00:00:00Z"), None, Some("yesterday")]));
    let told = rows(
        &registry.post(ASKED, ARROW, stream(&[table(vec![("url", url.clone()), ("captured_at", times)])])).is(200).body,
    );
    assert_eq!(told[0]["verdict"], "reserved");
    for (row, why) in [(1, "neither"), (2, "yesterday")] {
        assert_eq!(told[row]["verdict"], Value::Null, "a row with an error has no verdict");
        assert!(told[row]["error"].as_str().is_some_and(|error| error.contains(why)), "{}", told[row]);
    }
    let refused = |path: &str, columns: Vec<(&str, ArrayRef)>, status: u16, code: &str| {
        registry.post(path, ARROW, stream(&[table(columns)])).is_problem(status, code);
    };
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    refused(ASKED, vec![("url", url.clone()), ("licence", url.clone())], 422, "unprocessable-request");
    refused(ASKED, vec![("url", number.clone())], 422, "unprocessable-request");
    refused(ASKED, vec![("captured_at", url.clone())], 422, "unprocessable-request");
    refused(ASKED, vec![("url", Arc::new(NullArray::new(1 << 40)))], 422, "unprocessable-request");
    refused("/v1/decisions", vec![("url", url.clone())], 400, "malformed-request");
    refused("/v1/decisions?use=train-ai&explain=true", vec![("url", url.clone())], 400, "malformed-request");
    registry.post("/v1/decisions?use=train-ai", "application/json", "{}").is_problem(400, "malformed-request");
    let whole = stream(&[table(vec![("url", url)])]);
    for bytes in [&b""[..], b"{}", &whole[..20], &whole[..whole.len() / 2], &[0xff; 4000], &[0; 8]] {
        registry.post(ASKED, ARROW, bytes).is_problem(400, "malformed-request");
    }
    registry.audit();
}

#[test]
fn a_table_that_breaks_off_has_no_end() {
    let registry = Registry::with_press_and_open();
    let batch = |from: usize| table(vec![("url", Arc::new(StringArray::from(urls(from, 100))) as ArrayRef)]);
    let whole = stream(&[batch(0), batch(100)]);
    let mut garbled = whole.clone();
    let at = garbled.len() * 3 / 4;
    garbled[at..at + 64].fill(0xff);
    for body in [&whole[..whole.len() - 200], garbled.as_slice()] {
        let mut connection = TcpStream::connect(registry.socket()).expect("a connection");
        let head = format!(
            "POST {ASKED} HTTP/1.1\r\nhost: registry.example\r\ncontent-type: {ARROW}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).expect("a head");
        connection.write_all(body).expect("a body");
        let mut told = Vec::new();
        let _ = connection.set_read_timeout(Some(Duration::from_secs(60)));
        let _ = connection.read_to_end(&mut told);
        let text = String::from_utf8_lossy(&told);
        // Told as a problem where nothing was answered yet; else the chunks have no last one.
        let begun = text.starts_with("HTTP/1.1 200") && !told.ends_with(b"0\r\n\r\n");
        assert!(begun || text.starts_with("HTTP/1.1 400"), "{text}");
    }
    registry.audit();
}

#[test]
fn a_table_is_answered_before_more_of_it_is_sent_and_broken_off_where_it_breaks() {
    let registry = Registry::with_press_and_open();
    let batch = |from: usize| table(vec![("url", Arc::new(StringArray::from(urls(from, 100))) as ArrayRef)]);
    let (whole, one) = (stream(&[batch(0), batch(100)]), stream(&[batch(0)]));
    // Without the mark of its end.
    let first = &one[..one.len() - 8];
    assert!(whole.starts_with(first));
    for (rest, ends) in [(&whole[first.len()..], true), (&[0xff; 4000], false)] {
        let mut connection = TcpStream::connect(registry.socket()).expect("a connection");
        connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let head = format!(
            "POST {ASKED} HTTP/1.1\r\nhost: a\r\ncontent-type: {ARROW}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).expect("a head");
        let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        connection.write_all(&chunk(first)).expect("a batch");
        let mut told = Vec::new();
        while !String::from_utf8_lossy(&told).contains("reserved") {
            let mut piece = [0; 4096];
            let read = connection.read(&mut piece).expect("an answer");
            assert!(read > 0, "{}", String::from_utf8_lossy(&told));
            told.extend_from_slice(&piece[..read]);
        }
        assert!(told.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&told));
        let _ = connection.write_all(&[chunk(rest).as_slice(), b"0\r\n\r\n"].concat());
        let _ = connection.read_to_end(&mut told);
        assert_eq!(told.ends_with(b"0\r\n\r\n"), ends, "{}", String::from_utf8_lossy(&told));
    }
    registry.audit();
}

#[test]
fn a_table_is_not_answered_where_an_answer_has_no_end() {
    let registry = Registry::with_press_and_open();
    let body = stream(&[table(vec![("url", Arc::new(StringArray::from(urls(0, 3))) as ArrayRef)])]);
    let mut connection = TcpStream::connect(registry.socket()).expect("a connection");
    let head =
        format!("POST {ASKED} HTTP/1.0\r\nhost: a\r\ncontent-type: {ARROW}\r\ncontent-length: {}\r\n\r\n", body.len());
    connection.write_all(&[head.as_bytes(), &body].concat()).expect("a table");
    let mut told = Vec::new();
    connection.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let _ = connection.read_to_end(&mut told);
    let text = String::from_utf8_lossy(&told);
    assert!(text.contains(" 400 ") && text.contains("HTTP/1.1"), "{text}");
}

#[test]
fn the_readers_of_others_ask_and_read_tables() {
    let Some(python) = independent::python("tables of questions, by pyarrow") else { return };
    let registry = Registry::with_press_and_open();
    let script = independent::script("ask_table.py");
    let ran = independent::run(&python, &[&script, &registry.url("")]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(told["rows"], json!(30_000), "{told}");
    assert_eq!(told["verdicts"]["press.example"], json!({"reserved": 10_002}), "{told}");
    assert_eq!(told["verdicts"]["nobody.example"], json!({"unknown": 9_999}), "{told}");
}
