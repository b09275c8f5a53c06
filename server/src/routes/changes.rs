//! Changes over HTTP: the log as JSON by cursor, waited for if asked, and the same as an Atom feed.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::Problem;
use cleartitle_schema::canon::MAX_INTEGER;
use cleartitle_schema::changes::{ChangeFilter, ChangeList, MAX_CHANGES, MAX_WAIT};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::statement::Kind;
use serde::Deserialize;
use utoipa::IntoParams;

use super::atom;
use super::extract::Asked;
use super::problem::{Code, Failure};
use super::{Shared, blocking};
use crate::changes::{self, Asked as Wanted};
use crate::limits::Client;
use crate::refusal::Refusal;

/// How many entries a page has where nobody says how many.
const USUAL: u64 = 100;

/// Which changes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// Only behind this leaf: the `next` of the page before, however long ago.
    #[param(maximum = 9007199254740991_u64)]
    after: Option<u64>,
    /// At most so many; 100 where left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// Only by this issuer.
    #[param(value_type = Option<String>, example = "press.example", max_length = 253, pattern = r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?[.])+(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")]
    issuer: Option<Domain>,
    /// Only of this kind.
    kind: Option<Kind>,
    /// Where there is nothing yet, wait so many seconds for it.
    #[param(maximum = 30, example = 0)]
    wait: Option<u64>,
}

/// Follow what is registered, in log order, one entry a leaf.
///
/// Sealed leaves are an index and a time, and so are erased ones of which nothing remains. `next` is the index of a leaf: asked with it as `after`,
/// today or in years, the list goes on exactly behind. With `wait` an empty page is held back until something comes.
#[utoipa::path(
    get, path = "/v1/changes", tag = "labs", operation_id = "listChanges", params(ChangesQuery),
    responses(
        (status = 200, description = "One page.", body = ChangeList),
        (status = 304, description = "As `If-None-Match` has it."),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, too many wait, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<Shared>,
    Asked(query): Asked<ChangesQuery>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let wait = query.wait.unwrap_or(0);
    if wait > MAX_WAIT {
        return Err(Failure::new(Code::MalformedRequest, format!("`wait` is at most {MAX_WAIT} seconds")));
    }
    check_index(query.after)?;
    let filter = ChangeFilter { issuer: query.issuer, kind: query.kind };
    let mut wanted = Wanted { filter, after: query.after, limit: limit_of(query.limit)?, ..Wanted::default() };
    let mut news = app.news.follow();
    let mut page = read(&app, &wanted).await?;
    if wait > 0 && page.changes.is_empty() {
        let _place = app.limits.waiter(client).ok_or(Refusal::Busy)?;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(wait);
        // Not marked as seen here: what is told between reading and waiting must wake.
        while page.changes.is_empty() && !news.borrow().over {
            if !matches!(tokio::time::timeout_at(deadline, news.changed()).await, Ok(Ok(()))) {
                break;
            }
            wanted.after = page.next;
            page = read(&app, &wanted).await?;
        }
    }
    let body = serde_json::to_vec(&page).map_err(|_| Failure::internal())?;
    Ok(tagged(&headers, "application/json", body))
}

async fn read(app: &Shared, wanted: &Wanted) -> Result<ChangeList, Failure> {
    let wanted = wanted.clone();
    blocking(app, move |app| Ok(changes::page(&*app.store, &app.registry.origin, &wanted)?)).await
}

fn limit_of(limit: Option<u64>) -> Result<usize, Failure> {
    let limit = limit.unwrap_or(USUAL);
    if (1..=MAX_CHANGES).contains(&limit) {
        return Ok(usize::try_from(limit).unwrap_or(0));
    }
    Err(Failure::new(Code::MalformedRequest, format!("`limit` is 1 to {MAX_CHANGES}")))
}

/// An index that JSON can't carry whole is refused, as everywhere.
fn check_index(index: Option<u64>) -> Result<(), Failure> {
    if index.is_some_and(|index| index > MAX_INTEGER) {
        return Err(Failure::new(Code::MalformedRequest, "an index is at most 2^53 - 1"));
    }
    Ok(())
}

/// A body under a tag made of its bytes; nothing but the tag for whoever has them.
fn tagged(headers: &HeaderMap, media_type: &'static str, body: Vec<u8>) -> Response {
    let tag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..32]);
    let told = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(|it| it.trim().trim_start_matches("W/"));
    if known.any(|it| it == tag || it == "*") {
        return (StatusCode::NOT_MODIFIED, told).into_response();
    }
    (told, [(header::CONTENT_TYPE, media_type)], body).into_response()
}

/// Which entries of the feed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedQuery {
    /// Only behind this leaf.
    #[param(maximum = 9007199254740991_u64)]
    after: Option<u64>,
    /// Only before this leaf.
    #[param(maximum = 9007199254740991_u64)]
    before: Option<u64>,
    /// At most so many; 100 where left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
    /// Only by this issuer.
    #[param(value_type = Option<String>, example = "press.example", max_length = 253, pattern = r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?[.])+(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")]
    issuer: Option<Domain>,
    /// Only of this kind.
    kind: Option<Kind>,
}

/// Follow what is registered as an Atom feed (RFC 4287), the newest first.
///
/// Without `after` or `before` it is the newest page. `rel="next"` leads to older entries, `rel="previous"` to newer ones (RFC 5005).
#[utoipa::path(
    get, path = "/v1/changes.atom", tag = "everybody", operation_id = "readChangesFeed", params(FeedQuery),
    responses(
        (status = 200, description = "One page.", body = String, content_type = "application/atom+xml"),
        (status = 304, description = "As `If-None-Match` has it."),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn feed(
    State(app): State<Shared>,
    Asked(query): Asked<FeedQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    [query.after, query.before].into_iter().try_for_each(check_index)?;
    let filter = ChangeFilter { issuer: query.issuer, kind: query.kind };
    let limit = limit_of(query.limit)?;
    // The entries just behind `after`, shown like all others with the newest first.
    let forward = query.after.is_some();
    let wanted = Wanted { filter, after: query.after, before: query.before, newest_first: !forward, limit };
    let mut page = read(&app, &wanted).await?;
    if forward {
        page.changes.reverse();
    }
    let xml = atom::feed(app.registry.operator().domain, &page, &wanted).map_err(|_| Failure::internal())?;
    Ok(tagged(&headers, "application/atom+xml", xml))
}
