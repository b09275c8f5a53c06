//! Webhooks: changes are posted to who subscribed, each subscription's in order and at least once, signed by the operator's key.
//!
//! Who would attack: a subscriber whose host leads inside (the guard of `domains` looks every name up itself), who never answers (a
//! delivery has fifteen seconds, failures are tried again ever later, and given up), or who subscribes for somebody else (only hosts
//! of the asker's own house are taken); and whoever forges a delivery (RFC 9421, over address and body, for five minutes).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cleartitle_schema::changes::{DELIVERY_TAG, Delivery};
use cleartitle_schema::http_signature::{
    Claims, Message, SIGNATURE_AGENT, content_digest, sign, signature_agent, thumbprint,
};
use cleartitle_schema::time::Timestamp;
use tokio::task::JoinSet;

use super::interval;
use crate::app::App;
use crate::changes::{self, Asked};
use crate::domains::Post;
use crate::log::now;
use crate::routes::blocking;
use crate::store::StoreError;
use crate::store::database::Duty;
use crate::store::webhooks::{Progress, Webhook};

/// How many deliveries are on their way at once.
const AT_ONCE: usize = 32;

/// The most entries of one delivery, and its most bytes.
const MAX_ENTRIES: usize = 100;
const MAX_BODY: usize = 1 << 20;

/// How long the signature of a delivery holds, in seconds.
const HOLDS: i64 = 300;

/// The longest pause between two attempts, in seconds.
const LONGEST_PAUSE: i64 = 3600;

/// How long to sleep where nothing happens: what failed before may be due.
const PAUSE: Duration = Duration::from_millis(500);

/// Flags of `serve` about webhooks.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Flags {
    /// A webhook that took no delivery for so long is given up; its owner sees that, and may subscribe again from there.
    #[arg(long, value_name = "INTERVAL", default_value = "3d", value_parser = interval)]
    webhook_patience: Duration,
}

/// Delivers for as long as the registry serves.
pub async fn run(app: Arc<App>, flags: Flags) {
    let mut news = app.news.follow();
    let mut under_way: HashSet<String> = HashSet::new();
    let mut deliveries: JoinSet<String> = JoinSet::new();
    loop {
        let due = blocking(&app, |app| {
            if !app.registry.store.on_duty(Duty::Webhooks)? {
                return Ok(Vec::new());
            }
            let size = app.store.head()?.map_or(0, |head| head.size);
            // As many more as are under way, since those are due too until they are noted.
            Ok(app.registry.store.webhooks_due(size, now(), 2 * AT_ONCE)?)
        });
        for webhook in due.await.unwrap_or_default() {
            if deliveries.len() < AT_ONCE && under_way.insert(webhook.id.clone()) {
                let (app, patience) = (Arc::clone(&app), flags.webhook_patience);
                deliveries.spawn(async move {
                    let id = webhook.id.clone();
                    if let Err(error) = deliver(&app, webhook, patience).await {
                        tracing::error!(webhook.id = id, %error, "a delivery could not be made or noted");
                        tokio::time::sleep(PAUSE).await;
                    }
                    id
                });
            }
        }
        tokio::select! {
            Some(done) = deliveries.join_next() => match done {
                Ok(id) => _ = under_way.remove(&id),
                // Which one panicked is not known; those that still run are noted when they end.
                Err(_) => under_way.clear(),
            },
            changed = news.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// What an attempt came to.
enum Outcome {
    Taken,
    Gone,
    Failed(String),
}

impl Outcome {
    const fn word(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Gone => "gone",
            Self::Failed(_) => "failed",
        }
    }
}

/// One delivery, and the note of what it came to.
async fn deliver(app: &Arc<App>, webhook: Webhook, patience: Duration) -> Result<(), StoreError> {
    let asked = Asked {
        filter: webhook.filter.clone(),
        after: webhook.told.next.checked_sub(1),
        limit: MAX_ENTRIES,
        ..Asked::default()
    };
    let read = move |app: &App| -> Result<Delivery, StoreError> {
        let page = changes::page(&*app.store, &app.registry.origin, &asked)?;
        Ok(Delivery { webhook: String::new(), page })
    };
    let held = Arc::clone(app);
    let read = tokio::task::spawn_blocking(move || read(&held)).await;
    let mut delivery = read.unwrap_or_else(|error| Err(StoreError::Backend(error.to_string())))?;
    delivery.webhook.clone_from(&webhook.id);
    let outcome = match body_of(&mut delivery) {
        None => Outcome::Taken,
        Some(body) => send(app, &webhook, body).await,
    };
    metrics::counter!("cleartitle_webhook_deliveries_total", "outcome" => outcome.word()).increment(1);
    let behind = delivery.page.next.map_or(webhook.told.next, |next| next + 1);
    let told = told_after(&webhook.told, &outcome, behind, now(), patience);
    if told.given_up {
        let failure = told.failure.as_deref().unwrap_or_default();
        tracing::warn!(webhook.id = webhook.id, issuer = %webhook.domain, failure, "a webhook was given up");
        metrics::counter!("cleartitle_webhooks_given_up_total").increment(1);
    }
    let held = Arc::clone(app);
    let noted = tokio::task::spawn_blocking(move || held.registry.store.note_told(&webhook.id, &told)).await;
    noted.unwrap_or_else(|error| Err(StoreError::Backend(error.to_string())))
}

/// The bytes of a delivery, made shorter where they are too many; `None` where there is nothing to tell.
fn body_of(delivery: &mut Delivery) -> Option<Vec<u8>> {
    loop {
        let body = serde_json::to_vec(delivery).unwrap_or_default();
        let page = &mut delivery.page;
        let many = page.changes.len();
        if many == 0 || body.len() <= MAX_BODY || many == 1 {
            return (many > 0).then_some(body);
        }
        page.changes.truncate(many / 2);
        page.more = true;
        page.next = page.changes.last().map(|last| last.index);
    }
}

async fn send(app: &App, webhook: &Webhook, body: Vec<u8>) -> Outcome {
    let url = match app.domains.target(&webhook.url) {
        Ok(url) => url,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let Some(post) = signed(app, &url, body) else {
        return Outcome::Failed("the delivery could not be signed".to_owned());
    };
    match app.domains.post(&url, post).await {
        Ok(200..=299) => Outcome::Taken,
        Ok(410) => Outcome::Gone,
        Ok(status) => Outcome::Failed(format!("it answered {status}")),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// The request with its signature, over everything that tells where it goes and what it says.
fn signed(app: &App, url: &url::Url, body: Vec<u8>) -> Option<Post> {
    let operator = app.registry.operator();
    let host = url.host_str()?;
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).ok()?;
    let created = now();
    let claims = Claims {
        key_id: thumbprint(&operator.key.verifying_key()),
        created,
        expires: created.plus_seconds(HOLDS),
        nonce: nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        tag: DELIVERY_TAG.to_owned(),
    };
    let mut fields = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("content-digest".to_owned(), content_digest(&body)),
        (SIGNATURE_AGENT.to_owned(), signature_agent(operator.domain)),
    ];
    let mut covered = vec!["@method", "@authority", "@path", "content-type", "content-digest", SIGNATURE_AGENT];
    covered.extend(url.query().map(|_| "@query"));
    let message = Message {
        method: "POST",
        scheme: "https",
        authority: &authority,
        path: url.path(),
        query: url.query(),
        fields: &fields,
    };
    let signature = sign(&message, &covered, &claims, operator.key).ok()?;
    fields.push(("signature-input".to_owned(), signature.input));
    fields.push(("signature".to_owned(), signature.signature));
    Some(Post { fields, body })
}

/// How far a subscription has been told after an attempt.
fn told_after(before: &Progress, outcome: &Outcome, behind: u64, at: Timestamp, patience: Duration) -> Progress {
    let failure = match outcome {
        Outcome::Taken => return Progress { next: behind, due_at: at, ..Progress::default() },
        Outcome::Gone => "it answered 410: it is gone".to_owned(),
        Outcome::Failed(why) => why.chars().filter(|letter| !letter.is_control()).take(300).collect(),
    };
    let since = before.failing_since.unwrap_or(at);
    let patience = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX / 4);
    let pause = 1_i64.checked_shl(before.failures.min(20)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
    Progress {
        next: before.next,
        due_at: at.plus_seconds(pause),
        failures: before.failures.saturating_add(1),
        failing_since: Some(since),
        failure: Some(failure),
        given_up: matches!(outcome, Outcome::Gone) || since.plus_seconds(patience) <= at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cleartitle_schema::changes::{Change, ChangeList};

    #[test]
    fn failures_are_tried_again_ever_later_and_given_up() {
        let patience = Duration::from_secs(3 * 86_400);
        let (mut told, mut at, mut attempts) = (Progress { next: 5, ..Progress::default() }, Timestamp(1000), 0);
        while !told.given_up {
            told = told_after(&told, &Outcome::Failed("no\n".to_owned()), 9, at, patience);
            assert_eq!((told.next, told.failure.as_deref()), (5, Some("no")));
            assert!(told.due_at > at && told.due_at <= at.plus_seconds(LONGEST_PAUSE));
            (at, attempts) = (told.due_at, attempts + 1);
        }
        assert!((72..100).contains(&attempts), "{attempts}");
        let taken = told_after(&Progress { failures: 3, ..told.clone() }, &Outcome::Taken, 9, at, patience);
        assert_eq!((taken.next, taken.failures, taken.failing_since), (9, 0, None));
        assert!(told_after(&Progress::default(), &Outcome::Gone, 9, at, patience).given_up);
    }

    #[test]
    fn a_long_delivery_is_parted_without_a_gap() {
        let mut change = Change::of(0, Timestamp(0));
        change.names = (0..300)
            .map(|_| cleartitle_schema::changes::NamedStatement {
                statement: cleartitle_schema::id::StatementId([7; 32]),
                relation: "supersedes".to_owned(),
            })
            .collect();
        let changes = (0..100).map(|index| Change { index, ..change.clone() }).collect();
        let page = ChangeList { log: "log.example".to_owned(), changes, next: Some(99), more: false };
        let mut delivery = Delivery { webhook: "1".to_owned(), page };
        let body = body_of(&mut delivery).unwrap();
        assert!(body.len() <= MAX_BODY);
        let last = delivery.page.changes.last().unwrap().index;
        assert!(last < 99 && delivery.page.more && delivery.page.next == Some(last));
        delivery.page.changes.clear();
        assert_eq!(body_of(&mut delivery), None);
    }
}
