//! News: tells those who wait for changes that the log has grown, whichever process added to it.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::routes::blocking;

/// How often the store is asked. One question for all who wait, and the operator's commands beside the server are seen too.
const EVERY: Duration = Duration::from_millis(150);

/// Tells for as long as the registry serves.
pub async fn run(app: Arc<App>) {
    loop {
        if let Ok(Some(head)) = blocking(&app, |app| Ok(app.store.head()?)).await {
            app.news.tell(head.size);
        }
        tokio::time::sleep(EVERY).await;
    }
}
