//! Extract: queries, media types and bodies, each refused with a problem; bodies are bounded in size and in idle time.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio_stream::StreamExt as _;

use super::problem::{Code, Failure};

/// How long a client may leave a body without a byte.
pub const IDLE: Duration = Duration::from_secs(30);

/// How many bytes a second a body brings at least, once [`IDLE`] is over. A byte every few seconds is not idle, and would hold
/// one of few places for months.
const PACE: usize = 128 << 10;

/// How many bytes of a refused body are still read.
const DISCARDED: usize = 64 << 20;

/// How long a refused body is still read.
const DISCARDING: Duration = Duration::from_secs(5);

/// A query string read strictly: a parameter that is unknown or given twice is refused.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // The reader that notes where it is copies each name for it: it is asked only where something is wrong.
        if let Ok(asked) = serde_urlencoded::from_str(parts.uri.query().unwrap_or_default()) {
            return Ok(Self(asked));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Failure::new(Code::MalformedRequest, rejection.body_text())),
        }
    }
}

/// No query at all: parameters that nobody reads are refused, so that a misspelled one is noticed.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The media type of a request, without its parameters, in lower case.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a request of another media type.
///
/// # Errors
/// [`Code::UnsupportedMediaType`].
pub fn require_media_type(headers: &HeaderMap, wanted: &str) -> Result<(), Failure> {
    if media_type(headers) == wanted {
        return Ok(());
    }
    Err(Failure::new(Code::UnsupportedMediaType, format!("this takes `{wanted}`")))
}

/// The next piece of a body; `None` at its end.
///
/// # Errors
/// [`Code::SlowClient`] after [`IDLE`], [`Code::MalformedRequest`] for a body that breaks off.
pub async fn next_piece(stream: &mut BodyDataStream) -> Result<Option<Bytes>, Failure> {
    next_piece_within(stream, IDLE).await
}

/// As [`next_piece`], for a client that has some of its time left.
///
/// # Errors
/// As [`next_piece`].
pub async fn next_piece_within(stream: &mut BodyDataStream, time: Duration) -> Result<Option<Bytes>, Failure> {
    match tokio::time::timeout(time, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(_))) => Err(Failure::new(Code::MalformedRequest, "the body broke off")),
        Err(_) => Err(Failure::new(Code::SlowClient, "no byte of the body came for 30 seconds")),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Whether a request says that its body is small enough to need no place among the large ones.
#[must_use]
pub fn is_small(headers: &HeaderMap) -> bool {
    declared_length(headers).is_some_and(|length| length <= 1 << 20)
}

/// Reads on past a refusal, keeping nothing: closing on unread bytes resets the connection, and a client that is still
/// sending would never see why. Bounded in bytes and in time, since whoever sends too much may send for ever.
pub async fn discard(stream: &mut BodyDataStream) {
    let all = async {
        let mut left = DISCARDED;
        while let Ok(Some(piece)) = next_piece(stream).await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARDING, all).await;
}

/// A whole body of at most `limit` bytes, within the time that so many take at a modest pace.
///
/// # Errors
/// [`Code::TooLong`], [`Code::SlowClient`], and those of [`next_piece`].
pub async fn whole_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    let time = IDLE + Duration::from_secs((limit / PACE) as u64);
    let slow = || Failure::new(Code::SlowClient, format!("the body was not whole after {} seconds", time.as_secs()));
    tokio::time::timeout(time, read_whole(headers, body, limit)).await.unwrap_or_else(|_| Err(slow()))
}

async fn read_whole(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Failure> {
    let too_long = || Failure::new(Code::TooLong, format!("the body is longer than {limit} bytes"));
    let mut stream = body.into_data_stream();
    if declared_length(headers).is_some_and(|length| length > limit as u64) {
        discard(&mut stream).await;
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    while let Some(piece) = next_piece(&mut stream).await? {
        if bytes.len() + piece.len() > limit {
            discard(&mut stream).await;
            return Err(too_long());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
