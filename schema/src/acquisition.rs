//! Acquisition: one copy of a document as somebody got it, with its URLs, times, channel, access, marks and lineage.

use crate::id::ContentName;
use crate::issuer::Domain;
use crate::lineage::DerivedFrom;
use crate::signals::Signal;
use crate::surt::{UrlError, UrlKey};
use crate::time::Timestamp;
use crate::vocab::{Access, Channel, words};

pub use crate::signals::Credit;
pub use crate::vocab::{AppliesTo, CreditKind};

use serde::{Deserialize, Serialize};

/// A work's identifier with its scheme: `isbn:9780000000000`, `doi:10.1000/1`, `isrc:...`, `model:...`. Lower-case scheme,
/// at most 300 bytes of visible ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, example = "isbn:9780000000000"))]
#[serde(try_from = "String", into = "String")]
pub struct WorkId(String);

/// The text is not a work's identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a work's identifier such as `isbn:9780000000000`")]
pub struct WorkIdError(pub String);

impl TryFrom<String> for WorkId {
    type Error = WorkIdError;
    fn try_from(text: String) -> Result<Self, WorkIdError> {
        let fits = text.len() <= 300
            && text.bytes().all(|b| b.is_ascii_graphic())
            && text.split_once(':').is_some_and(|(scheme, rest)| {
                !scheme.is_empty() && !rest.is_empty() && scheme.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            });
        if fits { Ok(Self(text)) } else { Err(WorkIdError(text.chars().take(80).collect())) }
    }
}

impl From<WorkId> for String {
    fn from(id: WorkId) -> Self {
        id.0
    }
}

impl WorkId {
    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A work's identifier as it goes with a copy, and who says that it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WorkMention {
    /// The identifier.
    pub id: WorkId,
    /// Who says so: the licensor's delivery, the asker, a stranger. Left out: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub asserted_by: Option<Domain>,
}

words!(
    /// The part that a URL played for a copy.
    UrlRole {
        /// The bytes were fetched from it. Only this one may clear.
        Fetched = "fetched",
        /// It was asked for and led on by a redirect, or was passed through on the way.
        Requested = "requested",
        /// A page that shows the document.
        Embedding = "embedding",
        /// What the document names as its own address.
        Canonical = "canonical",
        /// What stands inside an archive, proxy, AMP or image CDN URL.
        Unwrapped = "unwrapped",
    }
);

/// One URL of a copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyUrl {
    /// What it was.
    pub role: UrlRole,
    /// The URL as recorded.
    pub url: String,
}

/// A license shown with a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LicenseMark {
    /// SPDX expression, or the text as written.
    pub license: String,
    /// What it applies to.
    pub applies_to: AppliesTo,
    /// The host that shows it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "blog.example"))]
    pub host: Domain,
    /// Since when it was seen there. Left out: at the capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub seen_from: Option<Timestamp>,
    /// When it was seen to be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub gone_at: Option<Timestamp>,
}

/// What the copy itself says of rights, as the asker read it: response headers, meta elements, links, embedded metadata.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct InRecord {
    /// Name and version of the parser.
    pub parser: String,
    /// What was found, sorted. None: read, and silent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub signals: Vec<Signal>,
}

/// One copy of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Acquisition {
    /// Its URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<CopyUrl>,
    /// Names of its bytes: BLAKE3, SHA-256, a crawl's own SHA-1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub content: Vec<ContentName>,
    /// Works that it carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub works: Vec<WorkMention>,
    /// Compilations that it came in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// When the bytes were fetched from their source. Left out: when the asker's copy was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub captured_at: Option<Timestamp>,
    /// When the asker's own copy was made. Left out: now, the moment of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub acquired_at: Option<Timestamp>,
    /// When the document was published, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub published_at: Option<Timestamp>,
    /// How it was got. Left out: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// By what access. Left out: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Signs of third parties' material.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credits: Vec<Credit>,
    /// License marks shown with it, as the asker read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<LicenseMark>,
    /// What the copy itself says, as the asker read it. Left out: nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_record: Option<InRecord>,
    /// What it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub lineage: Vec<DerivedFrom>,
}

impl Acquisition {
    /// A copy fetched from one URL.
    #[must_use]
    pub fn fetched(url: &str) -> Self {
        Self { urls: vec![CopyUrl { role: UrlRole::Fetched, url: url.to_owned() }], ..Self::default() }
    }

    /// The URL that the bytes were fetched from.
    #[must_use]
    pub fn fetched_url(&self) -> Option<&str> {
        self.urls.iter().find(|url| url.role == UrlRole::Fetched).map(|url| url.url.as_str())
    }

    /// The keys by which scopes may cover this copy, and the URLs that have none.
    #[must_use]
    pub fn keys(&self) -> (Keys, Vec<UrlError>) {
        let mut keys = Keys { content: self.content.clone(), ..Keys::default() };
        let mut complaints = Vec::new();
        complaints.extend(self.urls.iter().filter_map(|copy| keys.add(copy.role, &copy.url).err()));
        keys.urls.sort();
        keys.urls.dedup();
        keys.works = self.works.iter().map(|mention| mention.id.clone()).collect();
        keys.collections.clone_from(&self.collections);
        (keys, complaints)
    }
}

/// The URLs that stand inside a wrapper's URL: `https://web.archive.example/web/2020/https://press.example/a`. Every
/// embedded absolute URL counts; a wrong guess can only restrict.
fn unwrapped(outer: &UrlKey) -> Vec<UrlKey> {
    let mut found = Vec::new();
    // Hardly any address holds another one, and none does without a colon.
    let colon = outer.path.contains(':') || (outer.path.contains('%') && outer.path.contains("%3A"));
    if !colon {
        return found;
    }
    let path = outer.path.replace("%3A", ":").replace("%2F", "/");
    for scheme in ["http:/", "https:/"] {
        for (at, _) in path.match_indices(scheme).take(4) {
            let rest = path[at + scheme.len()..].trim_start_matches('/');
            if let Ok(inner) = UrlKey::parse(&format!("https://{rest}")) {
                found.push(inner);
            }
        }
    }
    found
}

/// The keys of one copy, ready for matching.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Keys {
    /// URLs by role, sorted.
    pub urls: Vec<(UrlRole, UrlKey)>,
    /// Names of the bytes.
    pub content: Vec<ContentName>,
    /// Works.
    pub works: Vec<WorkId>,
    /// Compilations.
    pub collections: Vec<String>,
    /// Of the URLs, only the one that the bytes were fetched from is looked for among what scopes leave out.
    pub left_out_as_fetched: bool,
}

impl Keys {
    /// The keys of a copy that was fetched from one URL, if from any, and has these names.
    ///
    /// # Errors
    /// The URL has none.
    pub fn of_fetched(url: Option<&str>, content: Vec<ContentName>) -> Result<Self, UrlError> {
        let mut keys = Self { content, ..Self::default() };
        if let Some(url) = url {
            keys.add(UrlRole::Fetched, url)?;
            keys.urls.sort();
            keys.urls.dedup();
        }
        Ok(keys)
    }

    fn add(&mut self, role: UrlRole, url: &str) -> Result<(), UrlError> {
        let key = UrlKey::parse(url)?;
        self.urls.extend(unwrapped(&key).into_iter().map(|inner| (UrlRole::Unwrapped, inner)));
        self.urls.push((role, key));
        Ok(())
    }

    /// The same copy with fewer reasons to be left out of anything: without names that can be collided, where what is heard leaves
    /// documents out by such (`weakly`), and without addresses that only accompany it, where it leaves out anything (`anything`).
    /// A verdict is at most what it is by each of them.
    #[must_use]
    pub fn less_left_out(&self, weakly: bool, anything: bool) -> Vec<Self> {
        let weakly = weakly && self.content.iter().any(|name| !name.may_clear());
        let beside = anything && self.urls.iter().any(|(role, _)| *role != UrlRole::Fetched);
        let ways = [(true, false), (false, true), (true, true)];
        let apply = |(strong, fetched): &(bool, bool)| (!strong || weakly) && (!fetched || beside);
        let less = |(strong, fetched): (bool, bool)| {
            let mut keys = Self { left_out_as_fetched: fetched, ..self.clone() };
            keys.content.retain(|name| !strong || name.may_clear());
            keys
        };
        ways.into_iter().filter(apply).map(less).collect()
    }

    /// The URL that the bytes were fetched from.
    #[must_use]
    pub fn fetched(&self) -> Option<&UrlKey> {
        self.urls.iter().find(|(role, _)| *role == UrlRole::Fetched).map(|(_, url)| url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_looked_at_in_every_way_that_may_leave_it_out_less() {
        let name = |text: &str| text.parse::<ContentName>().unwrap();
        let weak = name(&format!("warc-sha1:{}", "1".repeat(40)));
        let strong = name(&format!("blake3:{}", "2".repeat(64)));
        let mut copy = Acquisition::fetched("https://press.example/a");
        copy.urls.push(CopyUrl { role: UrlRole::Requested, url: "https://herald.example/b".to_owned() });
        copy.content = vec![strong, weak];
        let (keys, _) = copy.keys();
        let ways = |weakly, anything| {
            let less = keys.less_left_out(weakly, anything);
            less.iter().map(|keys| (keys.content.len() == 1, keys.left_out_as_fetched)).collect::<Vec<_>>()
        };
        assert_eq!(ways(true, true), [(true, false), (false, true), (true, true)]);
        assert_eq!((ways(true, false), ways(false, true)), (vec![(true, false)], vec![(false, true)]));
        assert!(ways(false, false).is_empty());
        assert!(Acquisition::fetched("https://press.example/a").keys().0.less_left_out(true, true).is_empty());
    }

    #[test]
    fn a_wrapped_url_is_seen_through() {
        let copy = Acquisition::fetched("https://web.archive.example/web/2020id_/https://press.example/a?b");
        let (keys, complaints) = copy.keys();
        assert!(complaints.is_empty());
        assert!(keys.urls.iter().any(|(role, url)| *role == UrlRole::Unwrapped && url.host == "press.example"));
        assert_eq!(keys.fetched().map(|url| url.host.as_str()), Some("web.archive.example"));
    }
}
