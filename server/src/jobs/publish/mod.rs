//! Publishing: what the registry shows is put down as objects that any web server or CDN can serve with no registry behind.
//!
//! Where to go on is read from the bucket's own checkpoint, so that a server that was killed, or another one, completes what was begun, and
//! two that race put down the same objects and one of them the checkpoint. Nobody who registers waits for a bucket: whoever reads there
//! is behind by this job. Who would attack: a bucket that is slow or gone (bounded, told, tried again ever later), and whoever writes
//! into it: what is there with other bytes stops the job for good, and `/readyz` says so.

mod round;
mod upload;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::interval;
use crate::app::App;
use round::Publisher;

/// How often the registry is asked what it shows: cosignatures come without news.
const EVERY: Duration = Duration::from_secs(2);

/// The least pause between two rounds: each leaves partial tiles of its size behind.
const LEAST: Duration = Duration::from_millis(500);

/// The longest pause after failures.
const MOST: Duration = Duration::from_secs(60);

/// Flags of `serve` about publishing.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Flags {
    /// With --objects, a snapshot of what is shown is published so often at most, where anything has changed; and at the start.
    #[arg(long, value_name = "INTERVAL", default_value = "5m", value_parser = interval)]
    objects_snapshot_every: Duration,
}

/// Publishes for as long as the registry serves; at once over where it has no object storage.
pub async fn run(app: Arc<App>, flags: Flags) {
    let Some(objects) = app.registry.objects().cloned() else { return };
    metrics::gauge!("cleartitle_objects_forked").set(0.0);
    metrics::counter!("cleartitle_objects_put_total").increment(0);
    for outcome in ["done", "failed"] {
        metrics::counter!("cleartitle_objects_rounds_total", "outcome" => outcome).increment(0);
    }
    let mut news = app.news.follow();
    let mut publisher = Publisher::new(Arc::clone(&app), objects, flags.objects_snapshot_every);
    let mut failures = 0_u32;
    loop {
        match publisher.round().await {
            Ok(()) => {
                if failures > 0 {
                    let size = app.published.load(Ordering::Relaxed);
                    tracing::info!(objects.size = size, "the object storage has caught up");
                }
                failures = 0;
                metrics::counter!("cleartitle_objects_rounds_total", "outcome" => "done").increment(1);
            }
            Err(error) if error.is_grave() => {
                metrics::gauge!("cleartitle_objects_forked").set(1.0);
                app.readiness.fork();
                tracing::error!(%error, "nothing is published as objects any more");
                return;
            }
            Err(error) => {
                metrics::counter!("cleartitle_objects_rounds_total", "outcome" => "failed").increment(1);
                let pause = LEAST.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(MOST);
                failures = failures.saturating_add(1);
                let size = app.published.load(Ordering::Relaxed);
                tracing::warn!(next_in = ?pause, objects.size = size, %error, "the object storage is behind");
                tokio::time::sleep(pause).await;
                continue;
            }
        }
        tokio::time::sleep(LEAST).await;
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
