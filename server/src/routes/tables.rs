//! Decisions over tables: an Arrow IPC stream of questions in, one of answers out, batch by batch while it is sent.
//!
//! What is wrong before the first batch is a problem like any other. Afterwards the answer has begun: a table that can't be read on
//! breaks the connection off, so that nobody takes a part for the whole; what is wrong with one row stands in that row. A stream holds
//! one thread, the batch that is answered and some pieces of the next, one answer that is made and a few that wait.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::Schema;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::ARROW;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::decisions::QUESTION;
use super::incoming::{self, Answered, Incoming, Piece, hand_on, malformed, slow};
use super::problem::{Code, Failure};
use super::{Shared, blocking};
use crate::clearance::table::{Answers, Common, Questions, answer_schema};
use crate::clearance::{AsOf, Following, Ruled, State, Told};
use crate::limits::Client;
use crate::log::now;
use crate::places::Place;

/// How many answers may wait to be sent, and how many pieces of the table to be read.
const WAITING: usize = 2;
const PIECES: usize = 8;

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
    let (incoming, first) = incoming::first(&mut body).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let schema = Arc::new(answer_schema(following.begun_at));
    let answered = Arc::default();
    let answering = Answering { app: Arc::clone(app), schema, following, common, sender, answered };
    tokio::spawn(answering.run(incoming, first, body, inside));
    Ok(([(header::CONTENT_TYPE, ARROW)], Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

/// One table's answering, on one thread of its own from begin to end: to go from thread to thread with each piece cost up to a tenth of
/// the rows a second (CAPACITY.md, "Questions").
struct Answering {
    app: Shared,
    schema: Arc<Schema>,
    following: Following,
    common: Common,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    answered: Arc<Answered>,
}

/// Why no more is answered.
enum Broken {
    /// Nobody takes the answers any more.
    Untaken,
    Failed(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Answering {
    async fn run(self, incoming: Incoming, first: Vec<RecordBatch>, body: BodyDataStream, _inside: Place) {
        let (sender, answered) = (self.sender.clone(), Arc::clone(&self.answered));
        let (pieces, coming) = mpsc::channel(PIECES);
        let mut answering = tokio::task::spawn_blocking(move || {
            let broken = match self.table(incoming, first, coming) {
                Ok(()) | Err(Broken::Untaken) => return,
                Err(Broken::Failed(failure)) => failure.detail,
            };
            // Said before the thread lets go of the answer, whatever becomes of the task. The connection breaks off: HTTP has no other
            // way left to say it, and an end would let a part pass for the whole.
            let _ = self.sender.blocking_send(Err(std::io::Error::other(broken)));
        });
        let ended = tokio::select! {
            ended = &mut answering => ended,
            () = hand_on(body, pieces, &answered) => answering.await,
        };
        if ended.is_err() {
            let _ = sender.send(Err(std::io::Error::other("the table can't be read"))).await;
        }
    }

    /// Answers a table to its end.
    fn table(
        &self,
        mut incoming: Incoming,
        mut batches: Vec<RecordBatch>,
        mut coming: mpsc::Receiver<Piece>,
    ) -> Result<(), Broken> {
        let mut writer =
            StreamWriter::try_new(Vec::new(), &self.schema).map_err(|error| malformed(error.to_string()))?;
        let mut asked = Instant::now();
        loop {
            self.answered.set(None);
            for batch in &batches {
                self.batch(&mut writer, batch)?;
                asked = Instant::now();
            }
            // Before the next is gathered: two would be twice as much memory.
            batches.clear();
            self.answered.set(Some(asked));
            if incoming.ended {
                break;
            }
            if asked.elapsed() > QUESTION {
                return Err(slow().into());
            }
            batches = match coming.blocking_recv() {
                Some(piece) => incoming.take(piece?)?,
                None => return Err(malformed("the body broke off").into()),
            };
        }
        writer.finish().map_err(|error| malformed(error.to_string()))?;
        self.send(&mut writer)
    }

    /// Answers the rows of a batch, and sends the answers.
    fn batch(&self, writer: &mut StreamWriter<Vec<u8>>, batch: &RecordBatch) -> Result<(), Broken> {
        let mut next = 0;
        // Once too where there is no row.
        loop {
            // By the newest state each time, and none is held in between.
            let state = self.following.state(&self.app.clearance).map_err(Failure::from)?;
            let answers = answers(&state, &self.common, batch, next);
            drop(state);
            next += answers.rows();
            let answers = answers.finish(&self.schema).map_err(malformed)?;
            writer.write(&answers).map_err(|error| malformed(error.to_string()))?;
            self.send(writer)?;
            if next >= batch.num_rows() {
                return Ok(());
            }
        }
    }

    fn send(&self, writer: &mut StreamWriter<Vec<u8>>) -> Result<(), Broken> {
        let bytes = std::mem::take(writer.get_mut());
        // The next will most likely be as long.
        writer.get_mut().reserve(bytes.len());
        self.sender.blocking_send(Ok(bytes.into())).map_err(|_| Broken::Untaken)
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
            !answers.full()
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
