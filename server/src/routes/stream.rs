//! Streams of questions, line by line: answered in blocks as they come in, in order, by the newest state of the log each.
//!
//! Who would attack: whoever sends and never reads, or reads and never sends. A stream holds one buffer of whole lines, one
//! answer and a few that wait to be sent, all bounded, and between blocks no view of the log: that of an hour ago is gone once
//! the log has grown, however many streams were begun on it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{NDJSON, StreamBegin, StreamEnd};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_stream::wrappers::ReceiverStream;

use super::decisions::QUESTION;
use super::extract::next_piece;
use super::lines::Lines;
use super::problem::{Code, Failure};
use super::{Shared, blocking, rows};
use crate::clearance::{AsOf, Following};
use crate::limits::Client;
use crate::log::now;
use crate::places::Place;

/// So many bytes of lines are gathered as long as they lie ready: work is handed to another thread block by block.
const GATHERED: usize = 256 << 10;

/// How many answers may wait to be sent.
const WAITING: usize = 2;

type Sender = mpsc::Sender<Result<Bytes, std::io::Error>>;

/// Answers a stream of lines.
pub(super) async fn answer(
    app: &Shared,
    client: Client,
    as_of: AsOf,
    explain: bool,
    body: Body,
) -> Result<Response, Failure> {
    let inside = app.stream_place(client)?;
    let following = blocking(app, move |app| Ok(Following::from(&app.clearance.at(as_of)?, as_of))).await?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let begun_at = following.begun_at;
    let answering =
        Answering { app: Arc::clone(app), following: Arc::new(following), explain, rows: 0, size: begun_at };
    tokio::spawn(answering.run(body.into_data_stream(), sender, inside));
    Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

fn line(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// What was answered of a block.
#[derive(Default)]
struct Done {
    /// The state that answered last.
    size: u64,
    /// Lines that were answered of the stream.
    rows: u64,
    /// Where in the block the next line begins.
    next: usize,
    /// An answer for which there was no place.
    waits: Option<Result<Bytes, std::io::Error>>,
    /// Why there are no more.
    failed: Option<Failure>,
}

struct Answering {
    app: Shared,
    following: Arc<Following>,
    explain: bool,
    /// Lines that were answered.
    rows: u64,
    /// The newest state that answered any.
    size: u64,
}

impl Answering {
    async fn run(mut self, mut body: BodyDataStream, sender: Sender, _inside: Place) {
        if sender.send(Ok(line(&StreamBegin { log_size: self.size }).into())).await.is_err() {
            return;
        }
        let mut lines = Lines::default();
        let mut asked = Instant::now();
        loop {
            let last = match gather(&mut body, &mut lines).await {
                Ok(last) => last,
                Err(failure) => return self.broken(&failure, &sender).await,
            };
            if lines.ready() > 0 {
                if !self.block(lines.lines(), &sender).await {
                    return;
                }
                asked = Instant::now();
            } else if asked.elapsed() > QUESTION && !last {
                let slow = Failure::new(Code::SlowClient, "no whole question came for a minute");
                return self.broken(&slow, &sender).await;
            }
            if last {
                let grown = (self.size != self.following.begun_at).then_some(self.size);
                let end = StreamEnd { end: true, rows: self.rows, log_size: grown };
                let _ = sender.send(Ok(line(&end).into())).await;
                return;
            }
        }
    }

    /// A body that breaks off gets no end line, so that nobody takes a part for the whole.
    async fn broken(&self, failure: &Failure, sender: &Sender) {
        let mut out = rows::wrong(failure, self.rows + 1);
        out.push(b'\n');
        let _ = sender.send(Ok(out.into())).await;
    }

    /// Answers whole lines, and sends the answers; `false` where nobody takes them any more.
    async fn block(&mut self, block: Vec<u8>, sender: &Sender) -> bool {
        let block = Arc::new(block);
        let mut from = 0;
        while from < block.len() {
            let (app, following, block) = (Arc::clone(&self.app), Arc::clone(&self.following), Arc::clone(&block));
            let (explain, rows, sender_too) = (self.explain, self.rows, sender.clone());
            let answered = tokio::task::spawn_blocking(move || {
                let mut done = Done { rows, next: from, ..Done::default() };
                while done.next < block.len() && done.waits.is_none() {
                    // By the newest state each time, and none is held in between.
                    let state = match following.state(&app.clearance) {
                        Ok(state) => state,
                        Err(error) => {
                            done.failed = Some(error.into());
                            break;
                        }
                    };
                    let answered = rows::answer(&state, now(), explain, &block, done.next, done.rows + 1);
                    (done.size, done.rows, done.next) = (state.size, done.rows + answered.rows, answered.next);
                    match sender_too.try_send(Ok(answered.out.into())) {
                        Ok(()) => {}
                        // Waited for beside the async threads, and by none of those that work.
                        Err(TrySendError::Full(out)) => done.waits = Some(out),
                        Err(TrySendError::Closed(_)) => return None,
                    }
                }
                Some(done)
            });
            let Ok(Some(done)) = answered.await else { return false };
            (self.size, self.rows, from) = (done.size.max(self.size), done.rows, done.next);
            if let Some(failure) = done.failed {
                self.broken(&failure, sender).await;
                return false;
            }
            if let Some(out) = done.waits
                && sender.send(out).await.is_err()
            {
                return false;
            }
        }
        true
    }
}

/// Waits for bytes, and takes what lies ready behind them; whether the body has ended.
async fn gather(body: &mut BodyDataStream, lines: &mut Lines) -> Result<bool, Failure> {
    let mut piece = Some(next_piece(body).await?);
    while let Some(next) = piece {
        let Some(bytes) = next else {
            lines.finish();
            return Ok(true);
        };
        lines.take(&bytes);
        piece = if lines.ready() < GATHERED { next_piece(body).now_or_never().transpose()? } else { None };
    }
    Ok(false)
}
