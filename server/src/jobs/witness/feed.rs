//! One witness being fed: each checkpoint sent with its proof, the answer bounded, checked and kept, failures tried again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cleartitle_schema::tlog::hash::MAX_SIZE;
use cleartitle_schema::tlog::note::{Note, NoteSignature};
use cleartitle_schema::tlog::proof::consistency;
use cleartitle_schema::tlog::witness::{AddCheckpoint, SIZE_MEDIA_TYPE};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use tokio::sync::watch;

use super::Witness;
use crate::app::App;
use crate::log::tile_reader;
use crate::store::witnessed::Cosigned;
use crate::store::{SignedHead, StoreError};

/// How old a cosignature of a quiet log's newest checkpoint may get before a fresh one is asked for, so that readers who bound
/// the age of what they take need not distrust a quiet log.
const FRESH: Duration = Duration::from_secs(3600);

/// The wait after a first failure; each further one doubles it, up to [`SLOWEST`].
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait between two attempts.
const SLOWEST: Duration = Duration::from_secs(60);

/// The longest answer that is read: a few signature lines.
const MAX_ANSWER: usize = 16 << 10;

/// Why a witness gave no cosignature.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    #[error("the proof can't be made: {0}")]
    Proof(String),
    #[error("no answer: {0}")]
    Unreachable(String),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("the answer can't be read")]
    Answer,
    #[error("no line of the answer is by the witness's key")]
    OtherKey,
    #[error("it says that the checkpoint does not continue what it saw before")]
    Inconsistent,
    #[error("it has seen {seen} leaves of this log, which has {size}")]
    Ahead { seen: u64, size: u64 },
}

impl Failure {
    const fn word(&self) -> &'static str {
        match self {
            Self::Store(_) | Self::Proof(_) => "store",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "status",
            Self::Answer | Self::OtherKey => "answer",
            Self::Inconsistent => "inconsistent",
            Self::Ahead { .. } => "ahead",
        }
    }

    /// Whether the witness holds another past of this log than the log itself: a matter for people.
    const fn is_alarm(&self) -> bool {
        matches!(self, Self::Inconsistent | Self::Ahead { .. })
    }
}

/// What a witness answered.
enum Answer {
    Lines(Vec<NoteSignature>),
    Conflict(u64),
}

/// One witness being fed.
pub(super) struct Feed {
    pub(super) app: Arc<App>,
    pub(super) http: Client,
    pub(super) target: watch::Receiver<Option<SignedHead>>,
    pub(super) quorum: Option<usize>,
    pub(super) witness: Witness,
}

/// How long to wait after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => RETRY.saturating_mul(2_u32.saturating_pow(doublings)).min(SLOWEST),
    }
}

/// Whether a checkpoint is to be sent: a newer one than was cosigned last, or the same one again after a while.
fn is_due(target: &SignedHead, last: Option<&Cosigned>, asked: Option<Instant>) -> bool {
    last.is_none_or(|last| last.size != target.size || asked.is_none_or(|asked| asked.elapsed() >= FRESH))
}

impl Feed {
    /// Feeds the witness until it is dropped.
    pub(super) async fn run(mut self) {
        let (mut failures, mut asked) = (0_u32, None);
        let name = self.witness.key.name().to_owned();
        loop {
            match self.once(asked).await {
                Ok(None) => {}
                Ok(Some(size)) => {
                    (failures, asked) = (0, Some(Instant::now()));
                    metrics::counter!("cleartitle_witness_requests_total", "witness" => name.clone(), "outcome" => "cosigned")
                        .increment(1);
                    metrics::gauge!("cleartitle_witness_size", "witness" => name.clone()).set(size as f64);
                }
                Err(failure) => {
                    failures = failures.saturating_add(1);
                    let word = failure.word();
                    metrics::counter!("cleartitle_witness_requests_total", "witness" => name.clone(), "outcome" => word)
                        .increment(1);
                    if failure.is_alarm() {
                        tracing::error!(witness = name, %failure, "a witness knows another past of this log: was an old \
                            backup put back, or does another server sign with its key?");
                    } else {
                        tracing::warn!(witness = name, %failure, failures, "a witness did not cosign");
                    }
                }
            }
            metrics::gauge!("cleartitle_witness_failures_in_a_row", "witness" => name.clone()).set(f64::from(failures));
            let wait = pause(failures);
            if failures > 0 {
                tokio::time::sleep(wait).await;
            } else {
                // Until there is something to send, or the last cosignature may have grown old.
                let _ = tokio::time::timeout(FRESH / 60, self.target.changed()).await;
            }
        }
    }

    /// Blocking work of the store, beside the async threads.
    async fn with_app<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let app = Arc::clone(&self.app);
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.unwrap_or_else(|error| Err(Failure::Proof(error.to_string())))
    }

    /// Has the present checkpoint cosigned, if it is due; gives its size then.
    async fn once(&self, asked: Option<Instant>) -> Result<Option<u64>, Failure> {
        let Some(target) = self.target.borrow().clone() else { return Ok(None) };
        let key = self.witness.key.to_string();
        let last = self.with_app(move |app| Ok(app.registry.store.last_cosigned(&key)?)).await?;
        if !is_due(&target, last.as_ref(), asked) {
            return Ok(None);
        }
        let mut old = last.map_or(0, |last| last.size).min(target.size);
        // A second time where the witness is elsewhere than believed; elsewhere still, and it is not answering sense.
        for _ in 0..2 {
            match self.send(&target, old).await? {
                Answer::Lines(lines) => return self.keep(target, &lines).await.map(Some),
                Answer::Conflict(seen) if seen > target.size => return self.beyond(seen).await.map(|()| None),
                Answer::Conflict(seen) => old = seen,
            }
        }
        Err(Failure::Status(StatusCode::CONFLICT))
    }

    /// The witness is further than the checkpoint that was sent: by another of this log's servers, or by a past that was lost.
    async fn beyond(&self, seen: u64) -> Result<(), Failure> {
        let newest = self.with_app(|app| Ok(app.store.latest_checkpoint()?.map_or(0, |newest| newest.size))).await?;
        if seen > newest { Err(Failure::Ahead { seen, size: newest }) } else { Ok(()) }
    }

    async fn send(&self, newest: &SignedHead, old: u64) -> Result<Answer, Failure> {
        let size = newest.size;
        let proof = self
            .with_app(move |app| {
                consistency(old, size, tile_reader(&*app.store)).map_err(|error| Failure::Proof(error.to_string()))
            })
            .await?;
        let body = AddCheckpoint { old, proof, note: newest.note.clone() }.to_text();
        let request =
            self.http.post(self.witness.url.clone()).header(CONTENT_TYPE, "text/plain; charset=utf-8").body(body);
        let unreachable = |error: reqwest::Error| Failure::Unreachable(error.without_url().to_string());
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let media_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let tells_size = media_type.split(';').next().unwrap_or_default().trim() == SIZE_MEDIA_TYPE;
        match status {
            StatusCode::OK => {
                let lines = NoteSignature::parse_lines(&bounded(answer).await?).map_err(|_| Failure::Answer)?;
                Ok(Answer::Lines(lines))
            }
            StatusCode::CONFLICT if tells_size => {
                told_size(&bounded(answer).await?).map(Answer::Conflict).ok_or(Failure::Answer)
            }
            // v1.0.0 of the protocol had a bare 409 where another root of the same size was sent.
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => Err(Failure::Inconsistent),
            other => Err(Failure::Status(other)),
        }
    }

    /// Keeps the witness's line, once it has been checked against the very checkpoint that was sent.
    async fn keep(&self, newest: SignedHead, lines: &[NoteSignature]) -> Result<u64, Failure> {
        let note = Note::parse(newest.note.as_bytes()).map_err(|error| Failure::Proof(error.to_string()))?;
        let key = &self.witness.key;
        let mut found = None;
        for line in lines {
            if let Some(time) = key.verify(note.text(), line).map_err(|_| Failure::Answer)? {
                found = Some(Cosigned {
                    size: newest.size,
                    witness: key.to_string(),
                    operator: key.operator(),
                    time,
                    line: line.to_line(),
                });
            }
        }
        let (cosigned, quorum) = (found.ok_or(Failure::OtherKey)?, self.quorum);
        self.with_app(move |app| Ok(app.registry.store.put_cosignature(&cosigned, quorum)?)).await?;
        Ok(newest.size)
    }
}

/// Reads an answer that may not be long.
async fn bounded(mut answer: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) =
        answer.chunk().await.map_err(|error| Failure::Unreachable(error.without_url().to_string()))?
    {
        if bytes.len() + piece.len() > MAX_ANSWER {
            return Err(Failure::Answer);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The size in the body of a conflict: a decimal and a newline.
fn told_size(body: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    let plain = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
    digits.parse().ok().filter(|size| plain && *size <= MAX_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_one_form() {
        assert_eq!(told_size(b"0\n"), Some(0));
        assert_eq!(told_size(b"20852014\n"), Some(20_852_014));
        for bad in [&b"7"[..], b"", b"\n", b"07\n", b"+7\n", b"7\n\n", b"9223372036854775808\n", b"\xff\n"] {
            assert_eq!(told_size(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn failures_are_tried_again_ever_later() {
        let waits: Vec<u64> = [1, 2, 5, 9, 10, 4000].into_iter().map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(waits, [1, 2, 16, 60, 60, 60]);
        assert_eq!(pause(0), Duration::ZERO);
    }
}
