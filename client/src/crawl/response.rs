//! One HTTP response by itself, as a record's block or a blob of evidence holds it: head, payload, and whether it is whole.

use super::http::{self, HttpHead};
use super::warc::PayloadState;
use super::{Limits, coding};

/// A response with its codings taken off.
#[derive(Debug)]
pub struct Response {
    /// The status line and the header fields.
    pub head: HttpHead,
    /// The payload as far as it could be decoded.
    pub payload: Vec<u8>,
    /// Whether that is what the server sent.
    pub state: PayloadState,
}

impl Response {
    /// Reads a block of `application/http;msgtype=response`; `None` where it does not begin with a status line.
    #[must_use]
    pub fn read(block: &[u8], limits: &Limits) -> Option<Self> {
        let split = http::split(block, limits.header)?;
        let body = &block[split.body..];
        let decoded = coding::decode(&split.head, body, limits.payload);
        let payload = decoded.bytes.unwrap_or_else(|| body.to_vec());
        Some(Self { head: split.head, payload, state: decoded.state })
    }
}
