//! Measuring: what an operator watches and no request brings up, looked at every few seconds rather than whenever somebody reads
//! `/metrics`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::app::App;
use crate::log::now;
use crate::routes::{blocking, health};

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// How far webhooks that are behind are counted.
const MOST: usize = 1000;

/// How many files of the folder of snapshots are counted.
const MAX_FILES: usize = 10_000;

/// Measures for as long as the registry serves.
pub async fn run(app: Arc<App>) {
    loop {
        let ready = app.readiness.ask(&app.log).await.is_ok();
        metrics::gauge!("cleartitle_ready").set(if ready { 1.0 } else { 0.0 });
        metrics::gauge!("cleartitle_store_turns_free").set(app.at_work.available_permits() as f64);
        let measured = blocking(&app, |app| {
            files(app);
            if let Some(head) = app.store.head()? {
                metrics::gauge!("cleartitle_log_size").set(head.size as f64);
                metrics::gauge!("cleartitle_checkpoint_timestamp_seconds").set(head.registered_at.0 as f64);
                let due = app.registry.store.webhooks_due(head.size, now(), MOST)?;
                metrics::gauge!("cleartitle_webhooks_due").set(due.len() as f64);
            }
            let shown = app.registry.shown()?.map_or(0, |shown| shown.size);
            metrics::gauge!("cleartitle_log_size_shown").set(shown as f64);
            if app.registry.objects().is_some() {
                let behind = shown.saturating_sub(app.published.load(Ordering::Relaxed));
                metrics::gauge!("cleartitle_objects_behind").set(behind as f64);
            }
            Ok(())
        });
        if measured.await.is_err() {
            tracing::warn!("the registry could not be measured");
        }
        health::sum_up();
        tokio::time::sleep(EVERY).await;
    }
}

fn files(app: &App) {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len()) as f64;
    let database = app.registry.data.database();
    let mut log = database.clone().into_os_string();
    log.push("-wal");
    // On PostgreSQL there is none: its own exporter knows.
    if database.exists() {
        metrics::gauge!("cleartitle_store_bytes", "file" => "database").set(length(&database));
        metrics::gauge!("cleartitle_store_bytes", "file" => "write-ahead").set(length(Path::new(&log)));
    }
    let snapshots = fs::read_dir(app.registry.data.snapshots()).into_iter().flatten().take(MAX_FILES).flatten();
    metrics::gauge!("cleartitle_snapshots_bytes").set(snapshots.map(|file| length(&file.path())).sum::<f64>());
    match rustix::fs::statvfs(app.registry.data.snapshots()) {
        Ok(found) => {
            metrics::gauge!("cleartitle_disk_free_bytes").set(found.f_bavail as f64 * found.f_frsize as f64);
        }
        Err(error) => tracing::warn!(%error, "what is free of the disk is not known"),
    }
}
