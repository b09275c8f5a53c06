//! Loading provenance tables: one at a time, in the order in which their last bytes came; what nobody goes on with is forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::app::App;
use crate::documents::{self, Outcome};
use crate::log::now;
use crate::refusal::Refusal;
use crate::store::database::Duty;

/// How often is looked, besides when a table's last bytes have come.
const PAUSE: Duration = Duration::from_secs(2);

/// How long after a failure of the store or the log the same is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(20);

/// How many seconds an upload may stand without a byte, and how long its refusal is told.
const FORGOTTEN_AFTER: i64 = 24 * 3600;

/// Loads for as long as the registry serves.
pub async fn run(app: Arc<App>) {
    let mut swept = false;
    loop {
        let (for_round, runtime) = (Arc::clone(&app), Handle::current());
        // Not among those whose turn is waited for: it takes minutes, and nobody waits for an answer.
        let round = tokio::task::spawn_blocking(move || round(&for_round, &runtime, swept)).await;
        let pause = match round {
            Ok(Ok(done)) => {
                swept |= done;
                PAUSE
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "a table could not be loaded; it is tried again");
                metrics::counter!("cleartitle_tables_total", "outcome" => "failed").increment(1);
                AFTER_FAILURE
            }
            Err(_) => return,
        };
        tokio::select! {
            () = app.tables_whole.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Loads all that is whole. The flag says that this server has the duty, and has swept.
fn round(app: &App, runtime: &Handle, swept: bool) -> Result<bool, Refusal> {
    let store = &*app.registry.store;
    if !store.on_duty(Duty::Tables)? {
        return Ok(false);
    }
    if !swept {
        store.sweep_tables()?;
    }
    let uploads = store.uploads()?;
    metrics::gauge!("cleartitle_tables_coming").set(uploads.iter().filter(|it| it.refused.is_none()).count() as f64);
    for upload in uploads {
        if upload.refused.is_none() && upload.received == upload.bytes {
            let outcome = match documents::load(app, &upload, runtime)? {
                Outcome::Registered => "registered",
                Outcome::Refused => "refused",
                Outcome::Stopped => return Ok(true),
            };
            metrics::counter!("cleartitle_tables_total", "outcome" => outcome).increment(1);
        } else if upload.touched_at.plus_seconds(FORGOTTEN_AFTER) < now() {
            store.end_upload(&upload.statement)?;
            metrics::counter!("cleartitle_tables_total", "outcome" => "forgotten").increment(1);
        }
    }
    Ok(true)
}
