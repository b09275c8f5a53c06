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
use cleartitle_schema::api::ARROW;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::decisions::QUESTION;
use super::extract::next_piece;
use super::problem::{Code, Failure};
use super::{Shared, blocking};
use crate::clearance::table::{Answers, Common, MAX_ROWS, Questions, answer_schema, check};
use crate::clearance::{AsOf, Following, Ruled, State, Told};
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
    let following = blocking(app, move |app| Ok(Following::from(&app.clearance.at(as_of)?, as_of))).await?;
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
    let schema = Arc::new(answer_schema(following.begun_at));
    let (app, following, common) = (Arc::clone(app), Arc::new(following), Arc::new(common));
    let answering = Answering { app, schema, following, common, inside };
    tokio::spawn(answering.run(incoming, first, body, sender));
    Ok(([(header::CONTENT_TYPE, ARROW)], Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

struct Answering {
    app: Shared,
    schema: Arc<Schema>,
    following: Arc<Following>,
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
        let mut asked = Instant::now();
        let ended: Result<StreamWriter<Vec<u8>>, Failure> = 'table: loop {
            for batch in batches.drain(..) {
                let mut from = 0;
                // Once too where there is no row.
                loop {
                    let (app, following) = (Arc::clone(&self.app), Arc::clone(&self.following));
                    let (common, schema, asked) = (Arc::clone(&self.common), Arc::clone(&self.schema), batch.clone());
                    let done = apart(move || {
                        // By the newest state each time, and none is held in between.
                        let state = following.state(&app.clearance)?;
                        let answers = answers(&state, &common, &asked, from);
                        let rows = answers.rows();
                        let answers = answers.finish(&schema).map_err(malformed)?;
                        writer.write(&answers).map_err(|error| malformed(error.to_string()))?;
                        Ok((writer, rows))
                    });
                    match done.await {
                        Ok((done, rows)) => (writer, from) = (done, from + rows),
                        // Not ended as if that were all: then a part would pass for the whole.
                        Err(failure) => break 'table Err(failure),
                    }
                    let bytes = std::mem::take(writer.get_mut());
                    // The next will most likely be as long.
                    writer.get_mut().reserve(bytes.len());
                    if sender.send(Ok(bytes.into())).await.is_err() {
                        return;
                    }
                    if from >= batch.num_rows() {
                        break;
                    }
                }
                asked = Instant::now();
            }
            if incoming.ended {
                break Ok(writer);
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
            Ok(mut writer) => writer.finish().map(|()| std::mem::take(writer.get_mut())).map_err(std::io::Error::other),
            // The connection breaks off: HTTP has no other way left to say it.
            Err(failure) => Err(std::io::Error::other(failure.detail)),
        };
        let _ = sender.send(last.map(Bytes::from)).await;
        drop(self.inside);
    }
}

/// How many rows are looked up together.
const TOGETHER: usize = 256;

/// Answers the rows of a batch from a place on, until there are no more or there is enough to send.
fn answers(state: &State, common: &Common, batch: &RecordBatch, first: usize) -> Answers {
    let (now, questions, known) = (now(), Questions::of(batch, common), state.known(&common.asking()));
    let mut answers = Answers::for_rows(batch.num_rows() - first.min(batch.num_rows()));
    let mut asked = Vec::new();
    for from in (first..batch.num_rows()).step_by(TOGETHER) {
        if answers.enough() {
            break;
        }
        let rows = from..batch.num_rows().min(from + TOGETHER);
        let question = |row: usize| questions.asked(row, known.as_ref()?, now).filter(|_| state.remembers());
        asked.clear();
        let whole: Vec<bool> = rows
            .clone()
            .map(|row| {
                let question = question(row);
                let whole = question.is_none();
                asked.extend(question);
                whole
            })
            .collect();
        let found = state.find(&asked);
        let request =
            |row: usize| questions.row(row).map_err(|detail| Failure::new(Code::UnprocessableRequest, detail));
        let mut tell = |ruled: Result<&Ruled, Failure>| {
            match ruled {
                Ok(ruled) => answers.add(ruled),
                Err(Failure { code, detail, .. }) => answers.add_error(&format!("{}: {detail}", code.word())),
            }
            !answers.enough()
        };
        match &found {
            Ok(found) if asked.len() == rows.len() => {
                state.ruled_each(&asked, found, Told::Columns, |place| request(from + place), tell);
            }
            found => {
                let mut place = 0;
                for (row, whole) in rows.zip(whole) {
                    let ruled = match found {
                        _ if whole => request(row).and_then(|request| Ok(state.rule(request, now)?)),
                        Err(error) => Err(error.clone().into()),
                        Ok(found) => {
                            place += 1;
                            state.ruled(&asked[place - 1], found, place - 1, || request(row))
                        }
                    };
                    let more = match ruled {
                        Ok(ruled) => tell(Ok(&ruled)),
                        Err(failure) => tell(Err(failure)),
                    };
                    if !more {
                        break;
                    }
                }
            }
        }
    }
    answers
}
