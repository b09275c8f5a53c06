//! Decisions over tables: an Arrow IPC stream of questions in, one of answers out, batch by batch while it is sent.
//!
//! What is wrong before the first batch is a problem like any other. Afterwards the answer has begun: a table that can't be read on
//! breaks the connection off, so that nobody takes a part for the whole; what is wrong with one row stands in that row.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{ARROW, DecisionRow, RowError};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::decisions::QUESTION;
use super::extract::next_piece;
use super::problem::{Code, Failure};
use super::{Shared, blocking};
use crate::clearance::table::{Answers, Common, MAX_ROWS, Questions, answer_schema, check};
use crate::clearance::{AsOf, State, row};
use crate::limits::Client;
use crate::log::now;
use crate::places::Place;

/// The most bytes of one batch.
const MAX_BATCH: usize = 32 << 20;

/// A table as it comes in: bytes cut anywhere, batches when they are whole.
#[derive(Default)]
struct Incoming {
    decoder: StreamDecoder,
    /// Bytes since the last batch.
    waiting: usize,
    checked: bool,
    ended: bool,
}

fn malformed(detail: impl Into<String>) -> Failure {
    Failure::new(Code::MalformedRequest, detail)
}

impl Incoming {
    /// Takes the next bytes, and gives the batches that they end.
    fn take(&mut self, bytes: Bytes) -> Result<Vec<RecordBatch>, Failure> {
        let mut buffer = Buffer::from(bytes);
        let mut batches = Vec::new();
        while !buffer.is_empty() {
            let before = buffer.len();
            let batch = self.decoder.decode(&mut buffer).map_err(|error| malformed(error.to_string()))?;
            self.waiting += before - buffer.len();
            if self.waiting > MAX_BATCH {
                return Err(Failure::new(Code::TooLong, format!("a batch is longer than {MAX_BATCH} bytes")));
            }
            if !self.checked
                && let Some(schema) = self.decoder.schema()
            {
                check(&schema).map_err(|error| Failure::new(Code::UnprocessableRequest, error))?;
                self.checked = true;
            }
            let Some(batch) = batch else { continue };
            self.waiting = 0;
            if batch.num_rows() > MAX_ROWS {
                return Err(Failure::new(Code::TooManyQuestions, format!("a batch has more than {MAX_ROWS} rows")));
            }
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The stream has ended: with a schema, and not within a batch.
    fn finish(&mut self) -> Result<(), Failure> {
        if !self.checked {
            return Err(malformed("the table ends before its schema"));
        }
        self.ended = true;
        self.decoder.finish().map_err(|error| malformed(error.to_string()))
    }
}

/// Lets a reader of foreign bytes run beside the async threads; should it panic, the bytes are malformed.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(malformed("the table can't be read")))
}

/// Answers a table.
pub(super) async fn answer(
    app: &Shared,
    client: Client,
    as_of: AsOf,
    common: Common,
    body: Body,
) -> Result<Response, Failure> {
    let inside = app.stream_place(client)?;
    let state = blocking(app, move |app| Ok(app.clearance.at(as_of)?)).await?;
    let mut body = body.into_data_stream();
    let mut incoming = Incoming::default();
    let mut first = Vec::new();
    let asked = Instant::now();
    // What is wrong with the table as a whole can still be said.
    while first.is_empty() && !incoming.ended {
        if asked.elapsed() > QUESTION {
            return Err(Failure::new(Code::SlowClient, "no whole batch came for a minute"));
        }
        (incoming, first) = match next_piece(&mut body).await? {
            Some(bytes) => apart(move || incoming.take(bytes).map(|batches| (incoming, batches))).await?,
            None => apart(move || incoming.finish().map(|()| (incoming, Vec::new()))).await?,
        };
    }
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    let answering = Answering { schema: Arc::new(answer_schema(state.size)), state, common: Arc::new(common), inside };
    tokio::spawn(answering.run(incoming, first, body, sender));
    Ok(([(header::CONTENT_TYPE, ARROW)], Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

struct Answering {
    schema: Arc<Schema>,
    state: State,
    common: Arc<Common>,
    inside: Place,
}

impl Answering {
    async fn run(
        self,
        mut incoming: Incoming,
        mut batches: Vec<RecordBatch>,
        mut body: BodyDataStream,
        sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    ) {
        let Ok(mut writer) = StreamWriter::try_new(Vec::new(), &self.schema) else { return };
        let mut rows = 0_u64;
        let mut asked = Instant::now();
        let ended: Result<(), Failure> = loop {
            for batch in batches.drain(..) {
                let (state, common, schema) = (self.state.clone(), Arc::clone(&self.common), Arc::clone(&self.schema));
                let (first, count) = (rows + 1, batch.num_rows() as u64);
                let done = apart(move || {
                    let answers = answers(&state, &common, &batch, first).finish(&schema).map_err(malformed)?;
                    writer.write(&answers).map_err(|error| malformed(error.to_string()))?;
                    Ok(writer)
                });
                let Ok(done) = done.await else { return };
                writer = done;
                rows += count;
                let bytes = std::mem::take(writer.get_mut());
                if sender.send(Ok(bytes.into())).await.is_err() {
                    return;
                }
                asked = Instant::now();
            }
            if incoming.ended {
                break Ok(());
            }
            if asked.elapsed() > QUESTION {
                break Err(Failure::new(Code::SlowClient, "no whole batch came for a minute"));
            }
            let next = match next_piece(&mut body).await {
                Ok(Some(bytes)) => apart(move || incoming.take(bytes).map(|batches| (incoming, batches))).await,
                Ok(None) => apart(move || incoming.finish().map(|()| (incoming, Vec::new()))).await,
                Err(failure) => Err(failure),
            };
            match next {
                Ok(next) => (incoming, batches) = next,
                Err(failure) => break Err(failure),
            }
        };
        let last = match ended {
            Ok(()) => writer.finish().map(|()| std::mem::take(writer.get_mut())).map_err(std::io::Error::other),
            // The connection breaks off: HTTP has no other way left to say it.
            Err(failure) => Err(std::io::Error::other(failure.detail)),
        };
        let _ = sender.send(last.map(Bytes::from)).await;
        drop(self.inside);
    }
}

fn answers(state: &State, common: &Common, batch: &RecordBatch, first: u64) -> Answers {
    let (now, questions) = (now(), Questions::of(batch, common));
    let mut answers = Answers::default();
    for place in 0..batch.num_rows() {
        let asked = questions.row(place).map_err(|detail| Failure::new(Code::UnprocessableRequest, detail));
        let answered = match asked.and_then(|question| Ok(state.answer(question, now)?)) {
            Ok(decision) => row(decision, false),
            Err(Failure { code, detail, .. }) => {
                let error = RowError { line: first + place as u64, code: code.word().to_owned(), detail };
                DecisionRow { error: Some(error), ..DecisionRow::default() }
            }
        };
        answers.add(&answered);
    }
    answers
}
