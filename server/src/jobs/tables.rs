//! Loading provenance tables: one at a time, in the order in which their last bytes came; what nobody goes on with is forgotten.
//!
//! Who would attack: a publisher whose table breaks what loads it, to stop all behind it. One that fails is passed over and tried again.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cleartitle_schema::id::StatementId;
use tokio::runtime::Handle;

use crate::app::App;
use crate::documents::{self, Outcome};
use crate::log::now;
use crate::refusal::Refusal;
use crate::store::database::Duty;
use crate::store::uploads::Upload;

/// How often is looked, besides when a table's last bytes have come.
const PAUSE: Duration = Duration::from_secs(2);

/// How long after a failure of the store or the log the same is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(20);

/// How many seconds an upload may stand without a byte, or fail to be loaded, and how long its refusal is told; and how many one of which no
/// byte ever came: it has room that others could fill.
const FORGOTTEN_AFTER: i64 = 24 * 3600;
const ANNOUNCED_FOR: i64 = 3600;

/// What is known from one round to the next.
#[derive(Default)]
struct Rounds {
    /// What somebody who was killed left behind has been deleted.
    swept: bool,
    /// Tables that could not be loaded: when that was first, and last.
    failed: HashMap<StatementId, (Instant, Instant)>,
}

/// Loads for as long as the registry serves.
pub async fn run(app: Arc<App>) {
    let rounds = Arc::new(Mutex::new(Rounds::default()));
    loop {
        let (for_round, rounds, runtime) = (Arc::clone(&app), Arc::clone(&rounds), Handle::current());
        // Not among those whose turn is waited for: it takes minutes, and nobody waits for an answer.
        let round = tokio::task::spawn_blocking(move || {
            round(&for_round, &runtime, &mut rounds.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let pause = match round.await {
            Ok(Ok(())) => PAUSE,
            Ok(Err(error)) => failed(&error),
            Err(error) => failed(&error),
        };
        tokio::select! {
            () = app.tables_whole.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Duration {
    tracing::error!(%error, "a table could not be loaded; it is tried again");
    metrics::counter!("cleartitle_tables_total", "outcome" => "failed").increment(1);
    AFTER_FAILURE
}

/// Loads all that is whole, where this server has the duty.
fn round(app: &App, runtime: &Handle, rounds: &mut Rounds) -> Result<(), Refusal> {
    let store = &*app.registry.store;
    if !store.on_duty(Duty::Tables)? {
        return Ok(());
    }
    if !rounds.swept {
        store.sweep_tables()?;
        rounds.swept = true;
    }
    let mut uploads = store.uploads()?;
    metrics::gauge!("cleartitle_tables_coming").set(uploads.iter().filter(|it| it.refused.is_none()).count() as f64);
    // What failed lately waits; and what failed at all comes behind what did not.
    rounds.failed.retain(|id, _| uploads.iter().any(|upload| upload.statement == *id));
    uploads.retain(|it| rounds.failed.get(&it.statement).is_none_or(|(_, last)| last.elapsed() >= AFTER_FAILURE));
    uploads.sort_by_key(|upload| rounds.failed.contains_key(&upload.statement));
    for upload in uploads {
        // The one before took minutes.
        if app.readiness.is_ending() || !store.on_duty(Duty::Tables)? {
            break;
        }
        let broken = |_| Err(Refusal::Unavailable(format!("the loading of `{}` broke", upload.statement)));
        match catch_unwind(AssertUnwindSafe(|| attend(app, &upload, runtime))).unwrap_or_else(broken) {
            Ok(Some(outcome)) => metrics::counter!("cleartitle_tables_total", "outcome" => outcome).increment(1),
            Ok(None) => {}
            Err(error) => {
                let _ = failed(&error);
                let now = Instant::now();
                let (first, last) = rounds.failed.entry(upload.statement).or_insert((now, now));
                *last = now;
                if first.elapsed() > Duration::from_secs(FORGOTTEN_AFTER.unsigned_abs()) {
                    store.forget_upload(&upload)?;
                }
            }
        }
    }
    Ok(())
}

/// Does what is to be done about an upload, and says what came of it.
fn attend(app: &App, upload: &Upload, runtime: &Handle) -> Result<Option<&'static str>, Refusal> {
    if upload.refused.is_none() && upload.received == upload.bytes {
        return Ok(match documents::load(app, upload, runtime)? {
            Outcome::Registered => Some("registered"),
            Outcome::Refused => Some("refused"),
            Outcome::Stopped => None,
        });
    }
    let stands = if upload.received == 0 && upload.refused.is_none() { ANNOUNCED_FOR } else { FORGOTTEN_AFTER };
    if upload.touched_at.plus_seconds(stands) >= now() {
        return Ok(None);
    }
    app.registry.store.forget_upload(upload)?;
    Ok(Some("forgotten"))
}
