//! Serving: a look at a URL that is said to serve claimed bytes, and the operator's statement that it did.

use cleartitle_schema::id::{BlobId, ContentName};
use cleartitle_schema::issuer::Authority;
use cleartitle_schema::served::{MEDIA_TYPE, Served};
use cleartitle_schema::statement::{Body, Exhibit};
use cleartitle_schema::surt::UrlKey;
use cleartitle_schema::time::Timestamp;

use crate::domains::binding::{self, BindError, Operator};
use crate::log::Candidate;
use crate::store::Stored;

/// Why what a URL serves proves no claim.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServingError {
    /// The URL can't be read.
    #[error("`{0}` is no URL that could be looked at")]
    Url(String),
    /// The URL is another authority's.
    #[error("`{url}` is not under `{authority}`, whose claim it is")]
    OutsideAuthority {
        /// The URL.
        url: String,
        /// The claimant's registrable domain.
        authority: Authority,
    },
    /// Something else is there.
    #[error("`{url}` answered {status} with {length} bytes, which are `{found}`")]
    OtherBytes {
        /// The URL that answered.
        url: String,
        /// Its status.
        status: u16,
        /// How many bytes came.
        length: u64,
        /// Their name.
        found: ContentName,
    },
    /// The evidence or the statement could not be made.
    #[error("{0}")]
    Statement(String),
}

/// Refuses URLs that are not under the claimant's registrable domain.
///
/// # Errors
/// [`ServingError::Url`], [`ServingError::OutsideAuthority`].
pub fn check_url(url: &str, claim: &Stored) -> Result<UrlKey, ServingError> {
    let shown = || url.chars().filter(|letter| !letter.is_control()).take(200).collect::<String>();
    let key = UrlKey::parse(url).map_err(|_| ServingError::Url(shown()))?;
    let authority = claim.registered.authority();
    if key.authority() == authority { Ok(key) } else { Err(ServingError::OutsideAuthority { url: shown(), authority }) }
}

/// The operator's statement that a URL served bytes of the claim, as a candidate for the log, with the evidence to keep first.
///
/// # Errors
/// [`ServingError`]: other bytes than the ones that were asked for, or another site.
pub fn proven(
    operator: Operator<'_>,
    claim: &Stored,
    name: &ContentName,
    served: &Served,
    now: Timestamp,
) -> Result<(Candidate, Vec<u8>), ServingError> {
    check_url(&served.url, claim)?;
    if served.status != 200 || !served.content.contains(name) {
        let Served { url, status, length, .. } = served.clone();
        let found = served.content.first().copied().unwrap_or(*name);
        return Err(ServingError::OtherBytes { url, status, length, found });
    }
    let bytes = served.to_bytes().map_err(|error| ServingError::Statement(error.to_string()))?;
    let body = Body::ClaimProof {
        claim: claim.registered.id,
        content: served.content.clone(),
        url: served.url.clone(),
        tenure_from: claim.registered.tenure_from,
    };
    let exhibit =
        Exhibit { blob: BlobId::of(&bytes), media_type: MEDIA_TYPE.to_owned(), url: Some(served.url.clone()) };
    let candidate = binding::statement(operator, body, vec![exhibit], now);
    let candidate = candidate.map_err(|error: BindError| ServingError::Statement(error.to_string()))?;
    Ok((candidate, bytes))
}
