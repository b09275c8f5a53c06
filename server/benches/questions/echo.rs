//! Echoes: what HTTP, parsing and writing cost without a question: an answer of two bytes; lines parsed where they lie and answered
//! with the bytes of a real answer; tables read and answered with as many rows, written as a real answer's are.

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

type Sender = mpsc::Sender<Result<Bytes, std::io::Error>>;

/// What the real server answered the first questions with, one of each kind: they are repeated in turn, as the questions are.
pub struct Answers {
    pub lines: Vec<Vec<u8>>,
    /// The same of a table.
    pub batch: RecordBatch,
}

pub fn router(answers: Answers) -> Router {
    let (told, batch) = (Arc::new(answers.lines), Arc::new(answers.batch));
    Router::new()
        .route("/", get(async || "hi"))
        .route("/lines", post(move |body: Body| streamed(body, move |body, sender| lines(body, sender, told))))
        .route("/table", post(move |body: Body| streamed(body, move |body, sender| table(body, sender, batch))))
}

async fn streamed<F: Future<Output = ()> + Send + 'static>(body: Body, run: impl FnOnce(Body, Sender) -> F) -> Body {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(run(body, sender));
    Body::from_stream(ReceiverStream::new(receiver))
}

/// The usual question, its texts where they lie.
#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "parsed, and that is all")]
struct Row<'r> {
    url: &'r str,
    r#use: &'r str,
}

async fn lines(body: Body, sender: Sender, told: Arc<Vec<Vec<u8>>>) {
    let mut body = body.into_data_stream();
    let mut held: Vec<u8> = Vec::new();
    while let Some(Ok(piece)) = body.next().await {
        held.extend_from_slice(&piece);
        let Some(end) = memchr::memrchr(b'\n', &held) else { continue };
        let rest = held.split_off(end + 1);
        let block = std::mem::replace(&mut held, rest);
        let told = Arc::clone(&told);
        let answered = tokio::task::spawn_blocking(move || {
            let mut out = Vec::new();
            let mut from = 0;
            for (end, line) in memchr::memchr_iter(b'\n', &block).zip(told.iter().cycle()) {
                let row = &block[from..end];
                from = end + 1;
                let parsed: Result<Row<'_>, _> = serde_json::from_slice(row);
                if std::hint::black_box(parsed).is_ok() {
                    out.extend_from_slice(line);
                }
            }
            out
        });
        let Ok(out) = answered.await else { return };
        if sender.send(Ok(out.into())).await.is_err() {
            return;
        }
    }
}

async fn table(body: Body, sender: Sender, answer: Arc<RecordBatch>) {
    let mut body = body.into_data_stream();
    let mut decoder = StreamDecoder::new();
    let mut writer = StreamWriter::try_new(Vec::new(), &answer.schema()).expect("a writer");
    while let Some(Ok(piece)) = body.next().await {
        let mut buffer = Buffer::from(piece);
        while !buffer.is_empty() {
            let Some(batch) = decoder.decode(&mut buffer).expect("a table") else { continue };
            let answer = Arc::clone(&answer);
            writer = tokio::task::spawn_blocking(move || {
                writer.write(&written(&batch, &answer)).expect("a batch");
                writer
            })
            .await
            .expect("written");
            let bytes = std::mem::take(writer.get_mut());
            writer.get_mut().reserve(bytes.len());
            if sender.send(Ok(bytes.into())).await.is_err() {
                return;
            }
        }
    }
    writer.finish().expect("an end");
    let _ = sender.send(Ok(std::mem::take(writer.get_mut()).into())).await;
}

/// The columns of an answer written value by value, as any answer's are, with each question's text read and nothing looked up for it.
fn written(asked: &RecordBatch, answer: &RecordBatch) -> RecordBatch {
    let (urls, verdict) = (asked.column(0).as_string::<i32>(), answer.column(0).as_string::<i32>());
    let list = |column: usize, row: usize| answer.column(column).as_list::<i32>().value(row).as_string::<i32>().clone();
    let told: Vec<_> = (0..answer.num_rows()).map(|row| (verdict.value(row), [list(1, row), list(2, row)])).collect();
    // With room, as the answers have it.
    let rows = asked.num_rows();
    let texts = |bytes: usize| StringBuilder::with_capacity(rows, rows * bytes);
    let (mut verdicts, mut errors) = (texts(10), texts(0));
    let mut columns = [24, 48].map(|bytes| ListBuilder::with_capacity(texts(bytes), rows));
    for (url, (verdict, lists)) in urls.iter().zip(told.iter().cycle()) {
        std::hint::black_box(url);
        verdicts.append_value(verdict);
        for (column, values) in columns.iter_mut().zip(lists) {
            values.iter().for_each(|value| column.values().append_option(value));
            column.append(true);
        }
        errors.append_null();
    }
    let [mut reasons, mut statements] = columns;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(verdicts.finish()),
        Arc::new(reasons.finish()),
        Arc::new(statements.finish()),
        Arc::new(errors.finish()),
    ];
    RecordBatch::try_new(answer.schema(), columns).expect("a batch")
}
