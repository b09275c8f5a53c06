//! A run of our filter, as the benches time it: every output written and synced, and every check made that is not left out.

use cleartitle::crawl::store::Store;
use cleartitle::crawl::{FieldChoice, Options};
use cleartitle::filter::index::IndexRun;
use cleartitle::filter::{Asking, Checks, Identity, Job, OutputCoding, Plan, pipeline::Bounds};
use cleartitle::report::Report;
use cleartitle_schema::policy::{Disposition, Policy};
use cleartitle_schema::snapshot::VerifiedSnapshot;
use cleartitle_schema::time::Timestamp;
use std::path::{Path, PathBuf};

/// 2026-11-23.
const USED_AT: Timestamp = Timestamp(1_795_400_000);

/// Training is asked for, and what nobody speaks of is kept.
pub fn policy() -> Policy {
    let mut policy: Policy = serde_json::from_value(serde_json::json!({
        "version": 1, "use": "train-ai",
        "asker": {"domain": "lab.example", "class": "commercial", "territory": "US", "model": "lab-1"},
    }))
    .expect("a policy");
    policy.actions.unknown = Disposition::Keep;
    policy
}

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Way {
    pub threads: usize,
    pub checks: Checks,
    /// How kept lines are compressed.
    pub output_coding: OutputCoding,
    /// The inputs are indexes.
    pub index: Option<IndexRun>,
}

impl Way {
    /// The whole filter.
    pub const fn whole(threads: usize) -> Self {
        Self { threads, checks: Checks::ALL, output_coding: OutputCoding::Same, index: None }
    }
}

/// A run of the filter into a folder, outputs written and synced.
pub fn filter(
    snapshot: &VerifiedSnapshot<Vec<u8>>,
    policy: &Policy,
    paths: &[PathBuf],
    way: &Way,
    out: &Path,
) -> Report {
    let plan = Plan::new(snapshot, policy, USED_AT);
    let (asking, fields) = (Asking { checks: way.checks, ..Asking::crawl() }, FieldChoice::default());
    let word = || "bench".to_owned();
    let identity = Identity {
        version: word(),
        policy: word(),
        snapshot: word(),
        sealed: None,
        agents: word(),
        used_at: USED_AT,
        asking: asking.clone(),
        fields: fields.clone(),
        largest_record: 0,
        decisions: cleartitle::filter::DecisionsForm::default(),
        output_coding: way.output_coding,
        index: way.index.clone(),
    };
    let job = Job {
        plan: &plan,
        asking,
        identity,
        inputs: paths.iter().map(|path| path.as_path().into()).collect(),
        shard: None,
        store: &Store::new(),
        fields,
        out: out.to_owned(),
        options: Options::default(),
        bounds: Bounds::of(way.threads),
        resume: false,
        sign_key: None,
    };
    job.run(&mut ()).expect("a run")
}
