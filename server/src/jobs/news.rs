//! News: tells those who wait for changes that the log has grown, whichever process added to it.
//!
//! It looks beside the queue for the store: questions wait for it where it is late, and would be the ones that make it late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::App;

/// How often the store is asked. One question for all who wait, and the operator's commands beside the server are seen too.
const EVERY: Duration = Duration::from_millis(150);

/// Tells for as long as the registry serves.
pub async fn run(app: Arc<App>) {
    loop {
        let looking = Arc::clone(&app);
        let look = move || {
            let begun = Instant::now();
            // What fails is told by whoever asks the store next, and by readiness.
            if let Ok(Some(head)) = looking.store.head() {
                looking.news.looked(begun, head.size);
            }
        };
        let _ = tokio::task::spawn_blocking(look).await;
        tokio::time::sleep(EVERY).await;
    }
}
