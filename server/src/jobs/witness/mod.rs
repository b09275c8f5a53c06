//! Witnesses: each newest checkpoint sent to those that the operator names, and their cosignatures checked and kept.
//!
//! `c2sp.org/tlog-witness` v1.1.0, the log's side. Registration never waits for it. One task a witness, so that a slow or
//! hostile one delays itself alone; what it answers is bounded and believed only by its key. Deliberately absent: a check that
//! addresses are public. The operator names them, and a witness of a peer may stand in the same network.

mod feed;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cleartitle_schema::tlog::cosignature::{WitnessPolicy, WitnessVerifier};
use cleartitle_schema::tlog::witness::ADD_CHECKPOINT;
use reqwest::{Client, Url};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::feed::Feed;
use crate::app::App;
use crate::store::database::Duty;
use crate::store::{SignedHead, StoreError};

/// How often the log is looked at for a newer checkpoint; also the shortest time between two requests to one witness.
const LOOK: Duration = Duration::from_millis(250);

/// How long the witnesses that a quorum can do without are waited for before the next checkpoint is sent.
const GRACE: Duration = Duration::from_secs(1);

/// How long a quorum is waited for before the next checkpoint is sent.
const ROUND: Duration = Duration::from_secs(10);

/// How long a witness may take for one answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Flags of `serve` about witnesses.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "witnesses")]
pub struct Flags {
    /// Have this witness cosign each newest checkpoint: its submission prefix, `=`, and its verifier key; again for another.
    #[arg(long, value_name = "URL=KEY", value_parser = Witness::parse)]
    witness: Vec<Witness>,
    /// Show only checkpoints that witnesses of so many operators have cosigned. Left out: the newest, cosigned or not.
    #[arg(long, value_name = "N", requires = "witness")]
    witness_quorum: Option<usize>,
}

/// A witness that the operator names.
#[derive(Debug, Clone)]
struct Witness {
    url: Url,
    key: WitnessVerifier,
}

impl Witness {
    fn parse(text: &str) -> Result<Self, String> {
        let form = "a witness is URL=KEY, such as https://witness.example=witness.example+0123abcd+BAAA...";
        let (url, key) = text.split_once('=').ok_or(form)?;
        let mut url = Url::parse(url).map_err(|error| format!("{error}; {form}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{url}` is no prefix to post to; {form}"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let url = url.join(ADD_CHECKPOINT).map_err(|error| error.to_string())?;
        Ok(Self { url, key: WitnessVerifier::parse(key).map_err(|error| format!("{error}; {form}"))? })
    }
}

/// A job that can be started.
#[derive(Debug)]
pub struct Job {
    witnesses: Vec<Witness>,
    quorum: Option<usize>,
    http: Client,
}

impl Flags {
    /// The quorum that is asked.
    ///
    /// # Errors
    /// A quorum that the witnesses can't give.
    pub fn quorum(&self) -> anyhow::Result<Option<usize>> {
        let Some(quorum) = self.witness_quorum else { return Ok(None) };
        let keys = self.witness.iter().map(|witness| witness.key.clone()).collect();
        WitnessPolicy::new(keys, quorum).context("--witness-quorum")?;
        Ok(Some(quorum))
    }

    /// The job, where there are witnesses.
    ///
    /// # Errors
    /// An HTTP client that can't be made.
    pub fn job(self) -> anyhow::Result<Option<Job>> {
        if self.witness.is_empty() {
            return Ok(None);
        }
        let client = Client::builder()
            .user_agent(concat!("cleartitle-server/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .no_gzip()
            .no_zstd();
        let http = client.build().context("the HTTP client for witnesses")?;
        Ok(Some(Job { witnesses: self.witness, quorum: self.witness_quorum, http }))
    }
}

impl Job {
    /// Sends checkpoints until it is dropped.
    ///
    /// All witnesses are sent the same ones: were each sent whatever is newest when it is ready, then on a log that grows all
    /// the time no checkpoint would ever have two cosignatures.
    pub async fn run(self, app: Arc<App>) {
        let (target, receiver) = watch::channel(None);
        let mut tasks = JoinSet::new();
        let keys: Arc<[String]> = self.witnesses.iter().map(|witness| witness.key.to_string()).collect();
        for witness in self.witnesses {
            let (app, http, target) = (Arc::clone(&app), self.http.clone(), receiver.clone());
            tasks.spawn(Feed { app, http, target, quorum: self.quorum, witness }.run());
        }
        let mut since = Instant::now();
        loop {
            let present = target.borrow().as_ref().map(|head: &SignedHead| head.size);
            let (app, keys, quorum, age) = (Arc::clone(&app), Arc::clone(&keys), self.quorum, since.elapsed());
            match tokio::task::spawn_blocking(move || next_target(&app, &keys, quorum, present, age)).await {
                Ok(Ok(Some(next))) => {
                    target.send_replace(Some(next));
                    since = Instant::now();
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the checkpoint for witnesses can't be read"),
                Err(error) => tracing::warn!(%error, "the checkpoint for witnesses can't be read"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The checkpoint to send next: the newest, once the present one is done with.
fn next_target(
    app: &App,
    keys: &[String],
    quorum: Option<usize>,
    present: Option<u64>,
    age: Duration,
) -> Result<Option<SignedHead>, StoreError> {
    if !app.registry.store.on_duty(Duty::Witnesses)? {
        return Ok(None);
    }
    let newest = app.store.latest_checkpoint()?.filter(|newest| newest.size > 0);
    let (Some(newest), Some(present)) = (&newest, present) else { return Ok(newest) };
    if newest.size == present {
        return Ok(None);
    }
    let cosigned = app.registry.store.cosignatures(present)?;
    let everybody = keys.iter().all(|key| cosigned.iter().any(|cosigned| cosigned.witness == *key));
    let operators: BTreeSet<&str> = cosigned.iter().map(|cosigned| cosigned.operator.as_str()).collect();
    let enough = quorum.is_some_and(|quorum| operators.len() >= quorum);
    Ok((everybody || age >= ROUND || (enough && age >= GRACE)).then(|| newest.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn witnesses_are_named_by_address_and_key() {
        let key = "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
        let witness = Witness::parse(&format!("http://127.0.0.1:8788={key}")).unwrap();
        assert_eq!(witness.url.as_str(), "http://127.0.0.1:8788/add-checkpoint");
        let below = Witness::parse(&format!("https://witness.example/w1={key}")).unwrap();
        assert_eq!((below.url.path(), below.key.to_string().as_str()), ("/w1/add-checkpoint", key));
        for bad in ["", key, "ftp://x=", "https://x", "https://x=abc", "file:///x=y"] {
            assert!(Witness::parse(bad).is_err(), "{bad}");
        }
    }
}
