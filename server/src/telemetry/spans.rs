//! Spans by OpenTelemetry's own library, sent over HTTP as protobuf; configured by its standard environment alone.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::Either;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{
    Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter};

/// How long the last spans may take at the end.
const LAST: Duration = Duration::from_secs(2);

/// The most requests that a commit names: as many links as the library keeps.
const MOST_LINKS: usize = 128;

/// Who makes spans, once a collector was named.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Sends the last spans when it is dropped.
pub struct Ending(Option<SdkTracerProvider>);

impl Ending {
    /// Sends the last spans, or gives them up.
    pub fn end(self) {}
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take()
            && provider.shutdown_with_timeout(LAST).is_err()
        {
            tracing::warn!("the last spans were not told");
        }
    }
}

/// A variable of the environment, where it is set to something.
fn said(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Begins, where the environment names a collector.
///
/// # Errors
/// Settings that can't be used. No message repeats a value: an address may hold a password.
pub fn begin() -> anyhow::Result<Ending> {
    let off = said("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let exporter = said("OTEL_TRACES_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
    if off || exporter == "none" || !super::has_collector() {
        return Ok(Ending(None));
    }
    anyhow::ensure!(
        exporter == "otlp",
        "OTEL_TRACES_EXPORTER is another than `otlp`\n\nhint: `otlp`, or `none` to tell nothing"
    );
    for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        if let Some(protocol) = said(name) {
            let spoken = protocol == "http/protobuf";
            anyhow::ensure!(
                spoken,
                "{name} is another than `http/protobuf`\n\nhint: leave it out, and name the collector's port for HTTP, 4318"
            );
            break;
        }
    }
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
    let exporter = exporter.ok().context(
        "OTEL_EXPORTER_OTLP_ENDPOINT and its kin can't be used\n\nhint: http://127.0.0.1:4318, the collector's address",
    )?;
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let named = said("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|value| value.contains("service.name="));
    if said("OTEL_SERVICE_NAME").is_none() && !named {
        resource = resource.with_service_name("cleartitle-server");
    }
    let exporter = Told { exporter, failing: AtomicBool::new(false) };
    for outcome in ["told", "lost"] {
        metrics::counter!("cleartitle_spans_total", "outcome" => outcome).increment(0);
    }
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    let _ = TRACER.set(provider.tracer("cleartitle-server"));
    tracing::info!("spans are told to a collector");
    Ok(Ending(Some(provider)))
}

/// An exporter whose failures are counted, and told when they begin and end.
#[derive(Debug)]
struct Told {
    exporter: opentelemetry_otlp::SpanExporter,
    failing: AtomicBool,
}

impl SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let done = self.exporter.export(batch).await;
        let outcome = if done.is_ok() { "told" } else { "lost" };
        metrics::counter!("cleartitle_spans_total", "outcome" => outcome).increment(count);
        // Without the error's own words: they may hold the collector's address with a password.
        match (self.failing.swap(done.is_err(), Ordering::Relaxed), done.is_err()) {
            (false, true) => tracing::warn!("the collector takes no spans; those of this time are lost"),
            (true, false) => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        done
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// A request.
pub struct Asked(Option<Context>);

impl Asked {
    /// It came, with one of the methods that are known.
    #[must_use]
    pub fn with(method: &str) -> Self {
        Self(TRACER.get().map(|tracer| {
            let span = tracer.span_builder(method.to_owned()).with_kind(SpanKind::Server);
            // Nobody's child: what callers say of a trace of theirs is not heard.
            Context::new().with_span(span.start_with_context(tracer, &Context::new()))
        }))
    }

    /// What is done for it.
    pub fn around<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        match &self.0 {
            Some(context) => Either::Left(work.with_context(context.clone())),
            None => Either::Right(work),
        }
    }

    /// It was answered on a route of ours.
    pub fn answered(self, method: &str, route: &str, status: u16) {
        let Some(context) = self.0 else { return };
        let span = context.span();
        span.update_name(format!("{method} {route}"));
        span.set_attributes([
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ]);
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// Which request a statement came by.
pub struct Origin(Option<SpanContext>);

impl Origin {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        if TRACER.get().is_none() {
            return Self(None);
        }
        let context = Context::current();
        Self(Some(context.span().span_context().clone()).filter(SpanContext::is_valid))
    }
}

/// A commit.
pub struct Committing(Option<Span>);

impl Committing {
    /// It began, for statements that came by these requests.
    #[must_use]
    pub fn of(origins: &[Origin]) -> Self {
        Self(TRACER.get().map(|tracer| {
            let links = origins.iter().filter_map(|origin| origin.0.clone()).take(MOST_LINKS);
            let links = links.map(|origin| Link::new(origin, Vec::new(), 0)).collect();
            let span = tracer.span_builder("commit").with_kind(SpanKind::Internal).with_links(links);
            span.start_with_context(tracer, &Context::new())
        }))
    }

    /// It is through: so many statements are new, were there before, or were refused.
    pub fn ended(self, new: usize, known: usize, refused: usize) {
        let Some(mut span) = self.0 else { return };
        for (name, count) in [("new", new), ("known", known), ("refused", refused)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            span.set_attribute(KeyValue::new(format!("cleartitle.statements.{name}"), count));
        }
        span.end();
    }
}
