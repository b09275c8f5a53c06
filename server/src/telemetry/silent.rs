//! A program that was built without the feature: it tells nobody, and says so to whoever asks for it.

/// What is told at the end: nothing.
pub struct Ending;

/// Begins.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps, reason = "the other build can fail here")]
pub fn begin() -> anyhow::Result<Ending> {
    if super::has_collector() {
        tracing::warn!("OTEL_EXPORTER_OTLP_ENDPOINT is set, and this program was built without the feature `otel`");
    }
    Ok(Ending)
}

impl Ending {
    /// The end.
    pub const fn end(self) {}
}

/// A request.
pub struct Asked;

impl Asked {
    /// It came.
    #[must_use]
    pub const fn with(_method: &str) -> Self {
        Self
    }

    /// What is done for it.
    pub fn around<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        work
    }

    /// It was answered.
    pub const fn answered(self, _method: &str, _route: &str, _status: u16) {}
}

/// Which request a statement came by.
pub struct Origin;

impl Origin {
    /// This one.
    #[must_use]
    pub const fn here() -> Self {
        Self
    }
}

/// A commit.
pub struct Committing;

impl Committing {
    /// It began.
    #[must_use]
    pub fn of(_origins: &[Origin]) -> Self {
        Self
    }

    /// It is through.
    pub const fn ended(self, _new: usize, _known: usize, _refused: usize) {}
}
