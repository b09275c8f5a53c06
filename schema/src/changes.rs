//! Changes: what was registered, in log order, as labs follow it: one entry a leaf, the leaf's index as the cursor.

use crate::id::StatementId;
use crate::issuer::Domain;
use crate::scope::{Scope, Target};
use crate::statement::Kind;
use crate::time::Timestamp;
use crate::vocab::words;
use serde::{Deserialize, Serialize};

/// The most entries of one page.
pub const MAX_CHANGES: u64 = 500;

/// The longest time in seconds for which an answer waits for something new.
pub const MAX_WAIT: u64 = 30;

/// The most hosts of one entry; a statement that touches more says how many are left off.
pub const MAX_HOSTS: usize = 64;

/// The tag of signed requests that make, list and end subscriptions.
pub const WEBHOOK_TAG: &str = "cleartitle-webhook";

/// The tag of the registry's signed deliveries.
pub const DELIVERY_TAG: &str = "cleartitle-changes";

words!(
    /// Why an entry tells no more than its index and time.
    Withheld {
        /// The parties hold what it says.
        Sealed = "sealed",
        /// What it said had to be erased by law; the operator's `erasure` that names its commitment says when and why.
        Erased = "erased",
    }
);

/// What one leaf of the log changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// The leaf's index: this entry's name for ever.
    pub index: u64,
    /// When it was registered.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// Why nothing else is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
    /// The statement's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub statement: Option<StatementId>,
    /// Its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Who spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub issuer: Option<Domain>,
    /// The statements that it names, and how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NamedStatement>,
    /// The hosts that its own scope, or that of what it names, touches; sorted, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<TouchedHost>,
    /// How many hosts are left off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hosts_left_off: u64,
    /// It, or what it names, covers documents by their bytes, works or compilations, wherever they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anywhere: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A statement that another one names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedStatement {
    /// Which.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub statement: StatementId,
    /// `supersedes`, `withdraws`, `accepts`, `discharges`, `disputes` or `erases`.
    pub relation: String,
}

/// A host that a statement touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TouchedHost {
    /// The host.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub host: Domain,
    /// Hosts below it too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subdomains: bool,
}

/// One page of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeList {
    /// The log's origin.
    pub log: String,
    /// The entries, in log order.
    pub changes: Vec<Change>,
    /// The `after` that goes on behind this page, today or in years; left out where nothing is behind it yet and none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// There is more already.
    pub more: bool,
}

impl Change {
    /// An entry that tells its place and time alone.
    #[must_use]
    pub const fn of(index: u64, registered_at: Timestamp) -> Self {
        Self {
            index,
            registered_at,
            withheld: None,
            statement: None,
            kind: None,
            issuer: None,
            names: Vec::new(),
            hosts: Vec::new(),
            hosts_left_off: 0,
            anywhere: false,
        }
    }

    /// Adds what these scopes touch.
    pub fn touch<'s>(&mut self, scopes: impl Iterator<Item = &'s Scope>) {
        let mut hosts: Vec<TouchedHost> = std::mem::take(&mut self.hosts);
        for target in scopes.flat_map(|scope| &scope.include) {
            match target {
                Target::Host { host, subdomains } => {
                    hosts.push(TouchedHost { host: host.clone(), subdomains: *subdomains });
                }
                Target::Url { host, .. } => hosts.push(TouchedHost { host: host.clone(), subdomains: false }),
                _ => self.anywhere = true,
            }
        }
        hosts.sort();
        hosts.dedup();
        self.hosts_left_off += hosts.len().saturating_sub(MAX_HOSTS) as u64;
        hosts.truncate(MAX_HOSTS);
        self.hosts = hosts;
    }
}

/// What a subscription is asked for with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// The log's origin, so that the request can't be sent on to another registry.
    pub log: String,
    /// Where deliveries go: https, on a host of the asker's own registrable domain.
    pub url: String,
    /// What is delivered; left out: everything.
    #[serde(default, skip_serializing_if = "ChangeFilter::is_open")]
    pub filter: ChangeFilter,
    /// Behind which leaf it begins; left out: with what is registered next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// Which changes are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeFilter {
    /// Only by this issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub issuer: Option<Domain>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

impl ChangeFilter {
    /// Whether everything is wanted.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

words!(
    /// How a subscription stands.
    WebhookState {
        /// It is delivered to.
        Active = "active",
        /// The last deliveries failed; the next is tried later.
        Failing = "failing",
        /// Nothing is delivered any more: too long nobody took it, or the receiver said that it is gone.
        GivenUp = "given-up",
    }
);

/// A subscription as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookView {
    /// Its id, 32 hex digits.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// What is delivered.
    pub filter: ChangeFilter,
    /// How it stands.
    pub state: WebhookState,
    /// The last leaf that was delivered or not wanted; a new subscription goes on from here with it as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Since when deliveries fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub failing_since: Option<Timestamp>,
    /// What the last failure was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The asker's subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookList {
    /// Those that are there, the oldest first.
    pub webhooks: Vec<WebhookView>,
}

/// The body of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// The subscription's id.
    pub webhook: String,
    /// The changes, exactly as the feed tells them.
    #[serde(flatten)]
    pub page: ChangeList,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_once_and_bounded() {
        let mut change = Change::of(3, Timestamp(0));
        let host =
            |number: usize| Target::Host { host: format!("h{number:03}.example").parse().unwrap(), subdomains: false };
        let scope = Scope { include: (0..100).chain(0..100).map(host).collect(), exclude: Vec::new() };
        let named = Scope { include: vec![Target::Collection { name: "books3".to_owned() }], exclude: Vec::new() };
        change.touch([&scope, &named].into_iter());
        assert_eq!((change.hosts.len(), change.hosts_left_off, change.anywhere), (MAX_HOSTS, 36, true));
        assert_eq!(change.hosts[0].host.as_str(), "h000.example");
        let text = serde_json::to_string(&Change::of(4, Timestamp(0))).unwrap();
        assert_eq!(text, r#"{"index":4,"registered_at":"1970-01-01T00:00:00Z"}"#);
    }
}
