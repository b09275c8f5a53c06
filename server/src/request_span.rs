//! Request spans: what a line that is told within a request says of it: its id, method and path.
//!
//! Nearly no request tells a line, and a span took 0.4 µs, where a question's ruling from memory takes 0.5. So it is made when a line is told, which
//! names it: `tracing::error!(parent: &request_span::current(), ...)`.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri};
use tracing::Span;

/// What lines say of a request.
#[derive(Clone)]
pub struct Told {
    id: HeaderValue,
    method: Method,
    uri: Uri,
}

tokio::task_local! {
    static REQUEST: Told;
}

impl Told {
    /// What is said of this one.
    #[must_use]
    pub fn of(request: &Request, id: HeaderValue) -> Self {
        Self { id, method: request.method().clone(), uri: request.uri().clone() }
    }

    /// Does what is done for the request.
    pub fn within<T>(self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        REQUEST.scope(self, work)
    }
}

/// Work for another thread, which is done for the same request there.
pub fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let told = REQUEST.try_with(Clone::clone).ok();
    move || match told {
        Some(told) => REQUEST.sync_scope(told, work),
        None => work(),
    }
}

/// The span of the request that this is done for; none outside of one. Never the query, which may name what a lab holds, nor who asks.
#[must_use]
pub fn current() -> Span {
    let span = |told: &Told| {
        // A caller may bring its own id; a long one must not fill the log.
        let id = told.id.to_str().ok().and_then(|id| id.get(..64.min(id.len()))).unwrap_or_default();
        tracing::error_span!("request", id, method = %told.method, path = told.uri.path())
    };
    REQUEST.try_with(span).unwrap_or_else(|_| Span::none())
}

#[cfg(test)]
mod tests {
    /// Who tells a line without its request's span leaves an operator without the request's id.
    #[test]
    fn every_line_that_is_told_within_a_request_names_its_span() {
        let routes = concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes");
        let files = std::fs::read_dir(routes).unwrap().map(|file| file.unwrap().path());
        let mut lines = 0;
        for path in files.chain([concat!(env!("CARGO_MANIFEST_DIR"), "/src/door.rs").into()]) {
            let text = std::fs::read_to_string(&path).unwrap();
            for (number, line) in text.lines().enumerate().filter(|(_, line)| line.contains("tracing::")) {
                assert!(line.contains("!(parent: &request_span::current(), "), "{path:?}:{}: {line}", number + 1);
                lines += 1;
            }
        }
        assert!(lines > 5);
    }
}
