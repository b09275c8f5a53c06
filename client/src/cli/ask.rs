//! `cleartitle ask`: may this document be used so? The verdict with its reasons, from a registry or from a snapshot.

use super::seen::Seen;
use super::talk::{Exit, Format, Hint as _, Talk, advised, data, json, shown};
use crate::explain;
use crate::registry::Registry;
use crate::snapshot::{AsOf, Mapped};
use crate::trust::PinnedLog;
use crate::{clock, policy_file, question};
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::DecisionRequest;
use cleartitle_schema::decide::{Asker, Decision, Question, Verdict, decide};
use cleartitle_schema::evidence::gather;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::policy::{AskerHalf, Disposition, Outcome, Policy, Reading, act};
use cleartitle_schema::signals::is_territory;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, AskerClass, Channel, Use};
use std::path::PathBuf;

/// Flags of `ask`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A registry is taken at its word; a snapshot is checked against the log's key. Exit: 0 all are cleared (or kept, by the
policy), 1 some are not, 2 the question could not be answered.

Examples:
  cleartitle ask --registry https://registry.example https://press.example/article
  cleartitle ask --snapshot terms.snapshot --policy cleartitle.toml --captured 2024-05-01 https://press.example/article
  cleartitle ask --snapshot terms.snapshot --use ai-use --asker biglab.example --format json isbn:9780000000000")]
pub struct Args {
    /// Ask this registry.
    #[arg(long, value_name = "URL", required_unless_present = "snapshot", conflicts_with = "snapshot")]
    registry: Option<String>,
    /// Allow plain http to another machine.
    #[arg(long)]
    allow_http: bool,
    /// Ask this snapshot.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// A folder of sealed deals of yours, which only you can read: their terms join the snapshot's, here and nowhere else.
    #[arg(long, value_name = "DIR", requires = "snapshot")]
    sealed: Option<PathBuf>,
    /// The log's key. Left out: the policy's, or the one that the snapshot was pulled with.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// The policy: who asks, for what, whose evidence counts, what is done with a verdict.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// For what. Left out: as the policy says; without one, train-ai.
    #[arg(long = "use", value_name = "USE")]
    category: Option<Use>,
    /// Who asks: the domain that agreements name.
    #[arg(long, value_name = "DOMAIN")]
    asker: Option<Domain>,
    /// What the asker is.
    #[arg(long, value_name = "CLASS")]
    asker_class: Option<AskerClass>,
    /// Where copies are made, ISO 3166-1 alpha-2.
    #[arg(long, value_name = "CODE", value_parser = territory)]
    territory: Option<String>,
    /// For which model.
    #[arg(long)]
    model: Option<String>,
    /// When the bytes were fetched from their source. Left out: at --acquired.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    captured: Option<Timestamp>,
    /// When your own copy was made. Left out: at the use.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    acquired: Option<Timestamp>,
    /// When the document was published.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    published: Option<Timestamp>,
    /// How the copy was got.
    #[arg(long)]
    channel: Option<Channel>,
    /// By what access.
    #[arg(long)]
    access: Option<Access>,
    /// When the use takes place. Left out: at --as-of, or now.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    used_at: Option<Timestamp>,
    /// As it was registered by then.
    #[arg(long, value_name = "TIME", value_parser = clock::parse_moment)]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    seen: Seen,
    /// In which form; json is one object a line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// URLs, content ids (blake3:, sha256:, warc-sha1:) or works (isbn:, doi: ...).
    #[arg(required = true, value_name = "URL-or-id")]
    about: Vec<String>,
}

/// Where answers come from.
enum Source {
    Registry(Registry),
    Snapshot(Box<Mapped>),
}

/// One answer.
struct Answer<'a> {
    asked: &'a str,
    question: Question,
    decision: Decision,
    outcome: Option<Outcome>,
    log_size: u64,
}

fn territory(text: &str) -> Result<String, String> {
    let told = || "no country's code: ISO 3166-1 alpha-2, two upper-case letters such as DE".to_owned();
    is_territory(text).then(|| text.to_owned()).ok_or_else(told)
}

/// Runs the verb.
///
/// # Errors
/// Whatever stands in the way of any answer.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    let now = clock::now();
    let given = args.policy.as_deref().map(policy_file::load).transpose()?;
    let has_policy = given.is_some();
    let policy = policy(args, given);
    let copies: Vec<Acquisition> = args.about.iter().map(|about| copy(args, about)).collect::<anyhow::Result<_>>()?;
    let source = source(args, has_policy.then_some(&policy), now, talk)?;
    let used_at = args.used_at.or(args.as_of).unwrap_or(now);
    let mut exit = Exit::Clean;
    for (asked, copy) in args.about.iter().zip(copies) {
        let question = policy.question(copy, used_at);
        let (decision, log_size) = source.decide(&question, &policy.reading, args.as_of)?;
        let outcome = has_policy.then(|| act(&policy.actions, &question, &decision));
        let good = match &outcome {
            Some(outcome) => outcome.action == Disposition::Keep,
            None => decision.verdict == Verdict::Cleared,
        };
        if !good {
            exit = Exit::Refused;
        }
        let answer = Answer { asked, question, decision, outcome, log_size };
        match args.format {
            Format::Human => data(answer.in_words())?,
            Format::Json => json(&answer.in_json())?,
        }
    }
    Ok(exit)
}

/// The policy with what the command line says besides.
fn policy(args: &Args, given: Option<Policy>) -> Policy {
    let mut policy = given.unwrap_or_else(|| Policy {
        version: policy_file::VERSION,
        category: Use::TrainAi,
        asker: AskerHalf::default(),
        log_key: None,
        witnesses: Vec::new(),
        witness_quorum: None,
        max_snapshot_age_days: None,
        reading: Reading::default(),
        actions: cleartitle_schema::policy::Actions::default(),
    });
    policy.category = args.category.unwrap_or(policy.category);
    let AskerHalf { domain, class, territory, model } = policy.asker;
    policy.asker = AskerHalf {
        domain: args.asker.clone().or(domain),
        class: args.asker_class.or(class),
        territory: args.territory.clone().or(territory),
        model: args.model.clone().or(model),
    };
    policy
}

fn copy(args: &Args, about: &str) -> anyhow::Result<Acquisition> {
    let copy = question::named(about).map_err(|error| {
        advised(error, "ask about https://..., blake3:..., sha256:..., warc-sha1:..., or a work such as isbn:...")
    })?;
    Ok(Acquisition {
        captured_at: args.captured,
        acquired_at: args.acquired,
        published_at: args.published,
        channel: args.channel,
        access: args.access,
        ..copy
    })
}

fn source(args: &Args, policy: Option<&Policy>, now: Timestamp, talk: Talk) -> anyhow::Result<Source> {
    if let Some(path) = &args.snapshot {
        let asked = super::open_with_deals(path, args.sealed.as_deref(), args.log_key.as_deref(), policy, now)?;
        return Ok(Source::Snapshot(Box::new(asked.snapshot)));
    }
    let Some(address) = &args.registry else { anyhow::bail!("neither a registry nor a snapshot is named") };
    let registry = super::registry_at(address, args.allow_http)?;
    if args.seen.file.is_some() {
        let key = args.log_key.as_deref().or_else(|| policy?.log_key.as_deref());
        let key = key
            .ok_or_else(|| advised("--seen needs the log's key", format!("--log-key KEY; {}", super::LOG_KEY_HINT)))?;
        let witnesses = super::witnesses::Witnesses::default().pinned(policy)?;
        args.seen.look(&registry, &PinnedLog::parse(key)?.with_witnesses(witnesses), talk)?;
    }
    talk.say("answers are at the registry's word; a pulled snapshot can be checked");
    Ok(Source::Registry(registry))
}

impl Source {
    fn decide(
        &self,
        question: &Question,
        reading: &Reading,
        as_of: Option<Timestamp>,
    ) -> anyhow::Result<(Decision, u64)> {
        match self {
            Self::Registry(registry) => {
                let as_of = as_of.map(|moment| moment.to_string());
                let answer = registry.decide(&request(question, reading), as_of.as_deref())?;
                Ok((answer.decision, answer.log_size))
            }
            Self::Snapshot(snapshot) => {
                let size = snapshot.header().size;
                let evidence = match as_of {
                    None => snapshot.gather(&question.acquisition),
                    Some(moment) => {
                        let gathered = gather(&AsOf { snapshot, moment }, &question.acquisition);
                        snapshot.damage().map_or(Ok(gathered), Err)
                    }
                };
                let evidence = evidence.hint("pull the snapshot again")?;
                Ok((decide(question, &evidence, reading), size))
            }
        }
    }
}

fn request(question: &Question, reading: &Reading) -> DecisionRequest {
    let question = question.clone();
    DecisionRequest {
        url: None,
        acquisition: Some(question.acquisition),
        asker: Asker { domain: question.asker.domain, class: question.asker.class },
        category: question.category,
        used_at: Some(question.used_at),
        territory: question.territory,
        model: question.model,
        artefact: question.artefact,
        reading: Some(reading.clone()),
    }
}

impl Answer<'_> {
    fn in_words(&self) -> String {
        let Self { asked, question, decision, outcome, log_size } = self;
        let mut text = format!("{}\n", shown(asked));
        text.push_str(&format!("  {} for {}, at log size {log_size}\n", decision.verdict, question.category));
        text.push_str(&explain::decision(decision));
        if let Some(outcome) = outcome {
            text.push_str(&format!("  policy: {} ({})\n", outcome.action, shown(&outcome.because)));
        }
        text
    }

    fn in_json(&self) -> serde_json::Value {
        serde_json::json!({
            "asked": self.asked,
            "question": self.question,
            "log_size": self.log_size,
            "verdict": self.decision.verdict,
            "decision": self.decision,
            "missing": explain::missing(&self.decision),
            "action": self.outcome.as_ref().map(|outcome| outcome.action),
            "because": self.outcome.as_ref().map(|outcome| &outcome.because),
        })
    }
}
