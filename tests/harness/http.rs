//! Plain HTTP for the tests: a request, its status, its problem code.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// After how many seconds to ask again, where it says so.
    pub retry_after: Option<u64>,
    /// The media type, without parameters.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails unless the answer has this status.
    ///
    /// # Panics
    /// With the body.
    #[track_caller]
    #[must_use]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Fails unless the answer is this problem, whole: status, media type, members and the page of its type.
    ///
    /// # Panics
    /// With the body.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{}", self.text());
        assert_eq!(self.media_type, "application/problem+json");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("/reasons/{code}"), "{problem}");
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
    }
}

/// The client of this process.
///
/// # Panics
/// When it can't be built.
#[must_use]
pub fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        Client::builder().no_proxy().timeout(Duration::from_secs(120)).build().expect("a client can be built")
    })
}

/// Sends a request.
///
/// # Errors
/// Whatever the transport gives: a server that was killed, say.
pub fn send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send()?;
    let media_type = response.headers().get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
    let retry_after = response.headers().get("retry-after").and_then(|it| it.to_str().ok()?.parse().ok());
    Ok(Answer { status: response.status().as_u16(), retry_after, media_type, body: response.bytes()?.to_vec() })
}
