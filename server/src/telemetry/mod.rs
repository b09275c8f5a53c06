//! Telemetry: a span for each request and each commit, told to a collector of OpenTelemetry where the program was built with the feature
//! `otel` and the standard environment names a collector.
//!
//! Who would attack: whoever reads at the collector, which is often another company's. A span has a method, a route of ours, a status, numbers of
//! statements, and times. It never has a path, a query, a header, an address, an issuer or a word that anybody sent; a caller's `traceparent` is
//! not heard, so that no stranger decides what is recorded. A collector that is away costs the spans that it misses and nothing else: they wait in a
//! bounded queue for a thread of their own.

#[cfg(not(feature = "otel"))]
mod silent;
#[cfg(feature = "otel")]
mod spans;

#[cfg(not(feature = "otel"))]
pub use silent::{Asked, Committing, Ending, Origin, begin};
#[cfg(feature = "otel")]
pub use spans::{Asked, Committing, Ending, Origin, begin};

/// The variables that name a collector.
const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Whether the environment names a collector.
fn has_collector() -> bool {
    COLLECTOR.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
