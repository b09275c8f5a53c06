//! Echoes: what HTTP, parsing and writing cost without a question: an answer of two bytes; lines parsed where they lie and answered
//! with the bytes of a real answer; tables read and answered with as many rows.

use arrow_array::{Array as _, RecordBatch};
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

/// What the real server answered one row of each kind with.
pub struct Answers {
    pub line: Vec<u8>,
    /// As many rows as a batch has.
    pub batch: RecordBatch,
}

pub fn router(answers: Answers) -> Router {
    let (line, batch) = (Arc::new(answers.line), Arc::new(answers.batch));
    Router::new()
        .route("/", get(async || "hi"))
        .route("/lines", post(move |body: Body| streamed(body, move |body, sender| lines(body, sender, line))))
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

async fn lines(body: Body, sender: Sender, line: Arc<Vec<u8>>) {
    let mut body = body.into_data_stream();
    let mut held: Vec<u8> = Vec::new();
    while let Some(Ok(piece)) = body.next().await {
        held.extend_from_slice(&piece);
        let Some(end) = memchr::memrchr(b'\n', &held) else { continue };
        let rest = held.split_off(end + 1);
        let block = std::mem::replace(&mut held, rest);
        let line = Arc::clone(&line);
        let answered = tokio::task::spawn_blocking(move || {
            let mut out = Vec::new();
            let mut from = 0;
            for end in memchr::memchr_iter(b'\n', &block) {
                let row = &block[from..end];
                from = end + 1;
                let parsed: Result<Row<'_>, _> = serde_json::from_slice(row);
                if std::hint::black_box(parsed).is_ok() {
                    out.extend_from_slice(&line);
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
            let answer = answer.slice(0, batch.num_rows());
            let (column, asked) = (answer.column(0).len(), batch.column(0).len());
            assert_eq!(column, asked, "an answer for each row");
            writer = tokio::task::spawn_blocking(move || {
                writer.write(&answer).expect("a batch");
                writer
            })
            .await
            .expect("written");
            if sender.send(Ok(std::mem::take(writer.get_mut()).into())).await.is_err() {
                return;
            }
        }
    }
    writer.finish().expect("an end");
    let _ = sender.send(Ok(std::mem::take(writer.get_mut()).into())).await;
}
