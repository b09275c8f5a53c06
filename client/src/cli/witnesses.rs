//! Flags of verbs that rely on a log: which witnesses must have seen it.

use super::talk::Hint as _;
use anyhow::Context as _;
use cleartitle_schema::policy::Policy;
use cleartitle_schema::tlog::cosignature::{WitnessPolicy, WitnessVerifier};

/// Flags about witnesses.
#[derive(Debug, Default, clap::Args)]
pub struct Witnesses {
    /// Believe only checkpoints that this witness has seen too: its key, `name+hash+base64`; again for another. Left out: the
    /// policy's.
    #[arg(long = "witness", value_name = "WITNESS_KEY")]
    witness: Vec<String>,
    /// How many operators of these witnesses must have seen a checkpoint. Left out: more than half.
    #[arg(long, value_name = "N", requires = "witness")]
    witness_quorum: Option<usize>,
}

impl Witnesses {
    /// The witnesses that are pinned, here or else in the policy; `None` for none.
    ///
    /// # Errors
    /// A key that is none, and a quorum that the witnesses can't give.
    pub fn pinned(&self, policy: Option<&Policy>) -> anyhow::Result<Option<WitnessPolicy>> {
        let (keys, quorum) = match policy {
            Some(policy) if self.witness.is_empty() => (&policy.witnesses, policy.witness_quorum),
            _ => (&self.witness, self.witness_quorum),
        };
        if keys.is_empty() {
            return Ok(None);
        }
        let parse =
            |key: &String| WitnessVerifier::parse(key.trim()).with_context(|| format!("`{}`", super::talk::shown(key)));
        let witnesses = keys
            .iter()
            .map(parse)
            .collect::<anyhow::Result<Vec<_>>>()
            .hint("a witness's operator prints its key, and keeps it in the file witness.pub")?;
        let policy = match quorum {
            Some(quorum) => WitnessPolicy::new(witnesses, quorum),
            None => WitnessPolicy::majority(witnesses),
        };
        Ok(Some(policy?))
    }
}
