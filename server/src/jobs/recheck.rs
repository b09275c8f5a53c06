//! Looking again: whether each domain still publishes the keys that were bound on its publication; one that no longer does loses
//! its voice after a time of grace, by a logged statement.

use std::sync::Arc;
use std::time::Duration;

use cleartitle_schema::bindings::Binding;
use cleartitle_schema::id::BlobId;
use cleartitle_schema::signed::parse_public_key;
use cleartitle_schema::statement::Proof;
use cleartitle_schema::time::Timestamp;

use crate::app::App;
use crate::domains::binding;
use crate::domains::{LookError, Sight};
use crate::log::now;
use crate::store::ProofCheck;
use crate::store::database::Duty;

/// How many bindings are read at once.
const PAGE: usize = 256;

/// What one look came to.
enum Seen {
    There,
    Missing(Sight),
    Unreachable,
}

/// Looks again for as long as the registry serves.
pub async fn run(app: Arc<App>) {
    let every = app.domains.flags.recheck_every;
    // Several rounds an interval, so that a look that failed is tried again soon and a restart loses little.
    let pause = (every / 8).clamp(Duration::from_millis(200), Duration::from_secs(600));
    loop {
        tokio::time::sleep(pause).await;
        if let Err(error) = round(&app).await {
            tracing::error!(error = %format!("{error:#}"), "domains were not looked at again");
            metrics::counter!("cleartitle_recheck_rounds_total", "outcome" => "failed").increment(1);
        } else {
            metrics::counter!("cleartitle_recheck_rounds_total", "outcome" => "done").increment(1);
            metrics::gauge!("cleartitle_recheck_last_done_seconds").set(now().0 as f64);
        }
    }
}

async fn round(app: &Arc<App>) -> anyhow::Result<()> {
    if !blocking(app, |app| Ok(app.registry.store.on_duty(Duty::Recheck)?)).await? {
        return Ok(());
    }
    let mut next = 0;
    loop {
        let page = blocking(app, move |app| Ok(app.store.bindings_from(next, PAGE)?)).await?;
        for binding in &page {
            next = binding.index + 1;
            if binding.proof != Proof::Operator {
                look_again(app, binding.clone()).await?;
            }
        }
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

async fn look_again(app: &Arc<App>, binding: Binding) -> anyhow::Result<()> {
    let id = binding.id;
    let before = blocking(app, move |app| Ok(app.store.proof_check(&id)?)).await?;
    let every = seconds(app.domains.flags.recheck_every);
    let last = before.map_or(binding.bound_at, |check| check.at);
    if last.plus_seconds(every) > now() {
        return Ok(());
    }
    let seen = match app.domains.look(&binding.domain, binding.proof, &app.registry.origin, now()).await {
        Ok(sight) if parse_public_key(&binding.key).is_ok_and(|key| sight.published.names(&key)) => Seen::There,
        Ok(sight) => Seen::Missing(sight),
        Err(LookError::Busy) => return Ok(()),
        Err(error) => {
            tracing::info!(domain = %binding.domain, %error, "a domain could not be looked at again");
            Seen::Unreachable
        }
    };
    let check = noted(before, &seen, now());
    metrics::counter!("cleartitle_proof_checks_total").increment(1);
    blocking(app, move |app| Ok(app.store.note_proof_check(&id, &check)?)).await?;
    if lapses(app, &check) { lapse(app, binding, seen).await } else { Ok(()) }
}

/// What is known after a look. Nobody at home says nothing of what is published, so that it does not end a time of absence.
fn noted(before: Option<ProofCheck>, seen: &Seen, at: Timestamp) -> ProofCheck {
    let missing = before.and_then(|check| check.missing_since);
    let unreachable = before.and_then(|check| check.unreachable_since);
    let (missing_since, unreachable_since) = match seen {
        Seen::There => (None, None),
        Seen::Missing(_) => (missing.or(Some(at)), None),
        Seen::Unreachable => (missing, unreachable.or(Some(at))),
    };
    ProofCheck { at, missing_since, unreachable_since }
}

fn lapses(app: &App, check: &ProofCheck) -> bool {
    let over = |since: Option<Timestamp>, grace: Duration| {
        since.is_some_and(|since| since.plus_seconds(seconds(grace)) <= check.at)
    };
    let flags = &app.domains.flags;
    over(check.missing_since, flags.lapse_missing) || over(check.unreachable_since, flags.lapse_unreachable)
}

async fn lapse(app: &Arc<App>, binding: Binding, seen: Seen) -> anyhow::Result<()> {
    let domain = binding.domain.clone();
    let candidate = blocking(app, move |app| {
        let sight = match &seen {
            Seen::Missing(sight) => Some(sight),
            Seen::There | Seen::Unreachable => None,
        };
        if let Some(sight) = sight {
            app.store.put_blob(&BlobId::of(&sight.bytes), &sight.bytes)?;
        }
        Ok(binding::lapsed(app.registry.operator(), &binding, sight, now())?)
    });
    let logged = app.log.add(candidate.await?).await?;
    tracing::warn!(%domain, index = logged.stored.registered.index, "a key lapsed: its domain no longer publishes it");
    Ok(())
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}

async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || work(&app)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_lasts_until_the_key_is_seen_again() {
        let at = Timestamp;
        let sight = || Sight {
            published: Default::default(),
            bytes: Vec::new(),
            media_type: String::new(),
            url: String::new(),
        };
        let first = noted(None, &Seen::Missing(sight()), at(10));
        assert_eq!((first.missing_since, first.unreachable_since), (Some(at(10)), None));
        let away = noted(Some(first), &Seen::Unreachable, at(20));
        assert_eq!((away.missing_since, away.unreachable_since), (Some(at(10)), Some(at(20))));
        let still = noted(Some(away), &Seen::Missing(sight()), at(30));
        assert_eq!((still.missing_since, still.unreachable_since), (Some(at(10)), None));
        let back = noted(Some(still), &Seen::There, at(40));
        assert_eq!((back.missing_since, back.unreachable_since, back.at), (None, None, at(40)));
    }
}
