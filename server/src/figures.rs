//! Figures: every metric's name and meaning on one page, and the buckets of durations.
//!
//! Who would attack: whoever makes names or labels grow by what they send. Names stand here; labels are routes, codes, statuses and
//! outcomes of ours, and witnesses that the operator names. A test holds the page against what is counted, one the dashboard and the
//! alerts against what `/metrics` shows.

use metrics::Gauge;

/// The buckets of every duration, in seconds.
pub const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations by buckets.
    Histogram,
}

use Shape::{Counter, Gauge as Level, Histogram};

/// Every metric.
pub const ALL: &[(&str, Shape, &str)] = &[
    ("cleartitle_blobs_total", Counter, "Evidence brought."),
    ("cleartitle_build_info", Level, "Always 1; the version is its label."),
    ("cleartitle_certificates_total", Counter, "Certificates asked for by ACME, by outcome."),
    ("cleartitle_checkpoint_timestamp_seconds", Level, "When the newest leaf was registered."),
    ("cleartitle_commit_seconds", Histogram, "How long one batch took until it was durable."),
    ("cleartitle_connections_open", Level, "Connections open now."),
    (
        "cleartitle_connections_refused_total",
        Counter,
        "Connections closed at once: their address or the server had too many.",
    ),
    ("cleartitle_disk_free_bytes", Level, "What is free for the server where its data lie."),
    ("cleartitle_log_leaves_total", Counter, "Leaves added since the start."),
    ("cleartitle_log_size", Level, "Leaves of the log."),
    (
        "cleartitle_log_size_shown",
        Level,
        "Leaves under the checkpoint that is shown: behind the log's size while a quorum is awaited.",
    ),
    ("cleartitle_observe_failures_in_a_row", Level, "Failed runs of the observer since the last good one."),
    ("cleartitle_observe_last_duration_seconds", Level, "How long the observer's last run took."),
    ("cleartitle_observe_last_exit_code", Level, "The exit code of the observer's last run; -1 where it was killed."),
    ("cleartitle_observe_last_start_seconds", Level, "When the observer last began."),
    ("cleartitle_observe_running", Level, "Whether the observer runs now."),
    ("cleartitle_observe_runs_total", Counter, "Runs of the observer, by outcome."),
    ("cleartitle_problems_total", Counter, "Answers that were problems, by code."),
    ("cleartitle_proof_checks_total", Counter, "Looks at what domains publish, after the first."),
    ("cleartitle_ready", Level, "Whether /readyz said yes when it was last measured."),
    ("cleartitle_recheck_last_done_seconds", Level, "When a round of looking again at domains last ended well."),
    ("cleartitle_recheck_rounds_total", Counter, "Rounds of looking again at domains, by outcome."),
    (
        "cleartitle_replica_left_alone",
        Level,
        "Whether a replica of the database is left alone, since it failed or is another's.",
    ),
    (
        "cleartitle_replica_reads_total",
        Counter,
        "What replicas of the database were asked, by outcome; `answered` alone was not asked of the primary again.",
    ),
    ("cleartitle_request_seconds", Histogram, "How long requests took, by method, route and status."),
    ("cleartitle_requests_inside", Level, "Requests being worked on."),
    ("cleartitle_sequencer_waiting", Level, "What waits for the sequencer."),
    ("cleartitle_snapshots_bytes", Level, "What the folder of snapshots holds."),
    ("cleartitle_spans_total", Counter, "Spans for the collector of OpenTelemetry, by outcome."),
    ("cleartitle_store_bytes", Level, "The length of the store's files, by file."),
    ("cleartitle_store_turns_free", Level, "How many more may work on the store at once."),
    ("cleartitle_webhook_deliveries_total", Counter, "Deliveries to webhooks, by outcome."),
    (
        "cleartitle_webhooks_due",
        Level,
        "Webhooks that are behind and may be told now, of those that failed those whose pause is over; counted to 1,000.",
    ),
    ("cleartitle_webhooks_given_up_total", Counter, "Webhooks given up."),
    ("cleartitle_witness_answers_total", Counter, "Answers of this witness, by status."),
    ("cleartitle_witness_failures_in_a_row", Level, "Failed requests to a witness since its last cosignature."),
    ("cleartitle_witness_requests_total", Counter, "Requests to a witness, by outcome."),
    ("cleartitle_witness_size", Level, "The size that a witness cosigned last."),
];

/// Says what each metric means, and begins those that an alert waits for at nothing: what was never counted can't be seen to grow.
pub fn describe() {
    for (name, shape, meaning) in ALL {
        match shape {
            Counter => metrics::describe_counter!(*name, *meaning),
            Level => metrics::describe_gauge!(*name, *meaning),
            Histogram => metrics::describe_histogram!(*name, *meaning),
        }
    }
    for name in
        ["cleartitle_connections_refused_total", "cleartitle_log_leaves_total", "cleartitle_webhooks_given_up_total"]
    {
        metrics::counter!(name).increment(0);
    }
    for outcome in ["done", "failed"] {
        metrics::counter!("cleartitle_certificates_total", "outcome" => outcome).increment(0);
        metrics::counter!("cleartitle_recheck_rounds_total", "outcome" => outcome).increment(0);
    }
    for outcome in ["taken", "gone", "failed"] {
        metrics::counter!("cleartitle_webhook_deliveries_total", "outcome" => outcome).increment(0);
    }
    metrics::gauge!("cleartitle_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// One of those that a gauge counts, for as long as it lives, however it ends.
pub struct Inside(Gauge);

impl Inside {
    /// One more.
    #[must_use]
    pub fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
