//! What the registry keeps of subscriptions to changes: who, where, and how far each has been told.

use cleartitle_schema::changes::ChangeFilter;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;

use super::StoreError;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id, 32 hex digits.
    pub id: String,
    /// Whose it is.
    pub domain: Domain,
    /// Where deliveries go.
    pub url: String,
    /// What is delivered.
    pub filter: ChangeFilter,
    /// When it was made.
    pub made_at: Timestamp,
    /// How far it has been told.
    pub told: Progress,
}

/// How far a subscription has been told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The first leaf that is not yet delivered.
    pub next: u64,
    /// Not before then.
    pub due_at: Timestamp,
    /// How many deliveries failed in a row.
    pub failures: u32,
    /// Since when.
    pub failing_since: Option<Timestamp>,
    /// What the last failure was.
    pub failure: Option<String>,
    /// Nothing is delivered any more.
    pub given_up: bool,
}

impl Default for Progress {
    fn default() -> Self {
        let (failing_since, failure) = (None, None);
        Self { next: 0, due_at: Timestamp(0), failures: 0, failing_since, failure, given_up: false }
    }
}

/// What the registry keeps of subscriptions. The contract of [`super::Store`] holds here too: durable when it returns, each
/// call whole or not at all, any number of threads.
pub trait Webhooks: Send + Sync {
    /// Keeps a subscription; false, and nothing is kept, where its registrable domain has `most_each` or there are `most` in all.
    ///
    /// # Errors
    /// [`StoreError`], as for every method.
    fn put_webhook(&self, webhook: &Webhook, most_each: usize, most: usize) -> Result<bool, StoreError>;

    /// The subscriptions of a domain, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    fn webhooks_of(&self, domain: &Domain) -> Result<Vec<Webhook>, StoreError>;

    /// Ends a domain's subscription; false where it has no such.
    ///
    /// # Errors
    /// [`StoreError`].
    fn remove_webhook(&self, id: &str, domain: &Domain) -> Result<bool, StoreError>;

    /// Subscriptions that were not yet told of all of `size` leaves and may be told now, those first that wait longest.
    ///
    /// # Errors
    /// [`StoreError`].
    fn webhooks_due(&self, size: u64, now: Timestamp, limit: usize) -> Result<Vec<Webhook>, StoreError>;

    /// Notes how far a subscription has been told; of one that has ended meanwhile, nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn note_told(&self, id: &str, told: &Progress) -> Result<(), StoreError>;
}
