//! Handlers: extract, call, answer; one file for each noun of the API.
//!
//! Deliberately absent: the list of routes (`router`), SQL, and every judgement (`registration`, `standing`, `decide`).

pub mod atom;
pub mod blobs;
pub mod changes;
pub mod claims;
pub mod decisions;
pub mod documents;
pub mod extract;
pub mod health;
mod incoming;
pub mod issuers;
pub mod keys;
mod lines;
pub mod log;
pub mod problem;
pub mod range;
pub mod reasons;
mod rows;
pub mod sealed;
pub mod snapshots;
pub mod statements;
mod stream;
mod tables;
pub mod uploads;
pub mod usage;
pub mod webhooks;

use std::sync::Arc;

use crate::app::App;
use crate::request_span;

/// What every handler is given.
pub type Shared = Arc<App>;

/// Runs blocking work of the store beside the async threads, when it is its turn.
///
/// # Errors
/// What the work gives; a panic in it is an internal error.
pub async fn blocking<T: Send + 'static>(
    app: &Shared,
    work: impl FnOnce(&App) -> Result<T, problem::Failure> + Send + 'static,
) -> Result<T, problem::Failure> {
    let turn = Arc::clone(&app.at_work).acquire_owned().await.map_err(|_| problem::Failure::internal())?;
    let app = Arc::clone(app);
    let done = tokio::task::spawn_blocking(request_span::carried(move || {
        // Held by the work itself: whoever asked may have hung up.
        let _turn = turn;
        work(&app)
    }));
    done.await.unwrap_or_else(|_| Err(problem::Failure::internal()))
}
