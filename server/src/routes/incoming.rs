//! Incoming: a table of questions as it comes in, cut anywhere, and its batches as they are whole.
//!
//! Who would attack: whoever sends lengths that lie, batches without end, or nothing at all. A batch is bounded while it is gathered, its
//! schema is checked before a row is read, a reader that panics takes nobody along, and silence has an end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use axum::body::{BodyDataStream, Bytes};
use tokio::sync::mpsc;

use super::decisions::QUESTION;
use super::extract::{IDLE, next_piece, next_piece_within};
use super::problem::{Code, Failure};
use crate::clearance::table::{MAX_ROWS, check};

/// The most bytes of one batch.
const MAX_BATCH: usize = 32 << 20;

/// A part of a body, its end, or what is wrong with it.
pub(super) type Piece = Result<Option<Bytes>, Failure>;

/// A table as it comes in: bytes cut anywhere, batches when they are whole.
#[derive(Default)]
pub(super) struct Incoming {
    decoder: StreamDecoder,
    /// Bytes since the last batch.
    waiting: usize,
    checked: bool,
    pub(super) ended: bool,
}

pub(super) fn malformed(detail: impl Into<String>) -> Failure {
    Failure::new(Code::MalformedRequest, detail)
}

impl Incoming {
    /// Takes the next bytes, or the end, and gives the batches that they end.
    pub(super) fn take(&mut self, piece: Option<Bytes>) -> Result<Vec<RecordBatch>, Failure> {
        let Some(bytes) = piece else { return self.finish().map(|()| Vec::new()) };
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

/// When everything that had come was answered; not yet while there is no time.
#[derive(Default)]
pub(super) struct Answered(Mutex<Option<Instant>>);

impl Answered {
    /// Everything was answered at a time, or is not yet.
    pub(super) fn set(&self, time: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }

    fn since(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map_or(Duration::ZERO, |time| time.elapsed())
    }
}

/// The first batches of a table, which may be all, and the rest of it: as long as nothing was answered, what is wrong can still be said.
pub(super) async fn first(body: &mut BodyDataStream) -> Result<(Incoming, Vec<RecordBatch>), Failure> {
    let (mut incoming, mut batches) = (Incoming::default(), Vec::new());
    let asked = Instant::now();
    while batches.is_empty() && !incoming.ended {
        if asked.elapsed() > QUESTION {
            return Err(slow());
        }
        let piece = next_piece(body).await?;
        let read = move || incoming.take(piece).map(|batches| (incoming, batches));
        // Beside the async threads; should the reader of foreign bytes panic, they are malformed.
        let read = tokio::task::spawn_blocking(read).await;
        (incoming, batches) = read.unwrap_or_else(|_| Err(malformed("the table can't be read")))?;
    }
    Ok((incoming, batches))
}

pub(super) fn slow() -> Failure {
    Failure::new(Code::SlowClient, "no whole batch came for a minute")
}

/// Hands a body on, piece by piece, to its end or to what is wrong with it.
pub(super) async fn hand_on(mut body: BodyDataStream, pieces: mpsc::Sender<Piece>, answered: &Answered) {
    let mut time = IDLE;
    loop {
        let piece = match next_piece_within(&mut body, time).await {
            // A client may await its answers before it sends more: its time runs from then.
            Err(failure) if failure.code == Code::SlowClient && answered.since() < IDLE => {
                time = IDLE.saturating_sub(answered.since());
                continue;
            }
            piece => piece,
        };
        time = IDLE;
        let last = !matches!(piece, Ok(Some(_)));
        if pieces.send(piece).await.is_err() || last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_time_runs_from_its_answers_on() {
        let long_ago = Instant::now().checked_sub(2 * QUESTION).expect("a clock that runs for a while");
        let answered = Answered::default();
        assert_eq!(answered.since(), Duration::ZERO);
        answered.set(Some(long_ago));
        assert!(answered.since() > QUESTION);
        answered.set(Some(Instant::now()));
        assert!(answered.since() < IDLE && answered.0.lock().unwrap().is_some());
    }
}
