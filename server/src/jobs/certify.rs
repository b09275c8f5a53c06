//! Certifying: certificates fetched from a certificate authority by ACME (RFC 8555), and fetched again before they end.
//!
//! Names are proven by tls-alpn-01 (RFC 8737) on the very port that serves, so that no second door is opened. What the
//! authority says is foreign: it is bounded in time, cut and cleaned before it is told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use cleartitle_schema::issuer::Domain;
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use crate::data_dir::{DataDir, private};
use crate::tls::Certificate;

/// The file of the certificate, its chain and its key.
const FILE: &str = "certificate.pem";

/// How long one certificate may take.
const ORDER: Duration = Duration::from_secs(300);

/// The wait after a failure; each further one doubles it, up to [`MOST`]. Authorities count failures by the hour.
const RETRY: Duration = Duration::from_secs(60);

/// The longest wait after failures, and between two looks at the end of a certificate.
const MOST: Duration = Duration::from_secs(6 * 3600);

/// The wait after a success: a certificate that is due at once must not be fetched in a circle.
const LEAST: Duration = Duration::from_secs(5);

/// Flags of `serve` about fetched certificates.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Flags {
    /// Fetch a certificate for this name by ACME and serve https with it; agrees to the authority's terms. The name must
    /// lead to --listen by port 443. Several times for several names.
    #[arg(long, value_name = "DOMAIN", conflicts_with = "tls_cert")]
    acme: Vec<Domain>,
    /// A mail address that the authority may write to.
    #[arg(long, value_name = "MAIL", requires = "acme")]
    acme_contact: Vec<String>,
    /// The authority.
    #[arg(
        long,
        value_name = "URL",
        requires = "acme",
        default_value = "https://acme-v02.api.letsencrypt.org/directory"
    )]
    acme_directory: String,
}

/// The job: names, the authority, and the certificate that it keeps fresh.
#[derive(Debug, Clone)]
pub struct Job {
    names: Vec<Domain>,
    contact: Vec<String>,
    directory: String,
    data: DataDir,
    certificate: Arc<Certificate>,
}

impl Flags {
    /// The job that the flags ask for; `None` where they ask for none.
    #[must_use]
    pub fn job(self, data: &DataDir) -> Option<Job> {
        let mut names = self.acme;
        names.sort();
        names.dedup();
        let contact = self.acme_contact.iter().map(|mail| format!("mailto:{}", mail.trim_start_matches("mailto:")));
        let certificate = Arc::new(Certificate::fetched(data.tls_file(FILE)));
        let (contact, data) = (contact.collect(), data.clone());
        (!names.is_empty()).then_some(Job { names, contact, directory: self.acme_directory, data, certificate })
    }
}

fn since_epoch(time: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time).unwrap_or_default())
}

/// Foreign text, fit for the log.
fn plain(error: &anyhow::Error) -> String {
    format!("{error:#}").chars().filter(|letter| !letter.is_control()).take(500).collect()
}

impl Job {
    /// The certificate that it keeps fresh.
    #[must_use]
    pub fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.certificate)
    }

    /// When the present certificate is to be fetched again: when two thirds of its time are over. `None`: now, since there is
    /// none, or one for other names.
    fn due(&self) -> Option<SystemTime> {
        let leaf = self.certificate.leaf()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).ok()?;
        let names = parsed.subject_alternative_name().ok().flatten()?;
        let mut names: Vec<&str> = names
            .value
            .general_names
            .iter()
            .filter_map(|name| if let GeneralName::DNSName(name) = name { Some(*name) } else { None })
            .collect();
        names.sort_unstable();
        if !names.iter().copied().eq(self.names.iter().map(Domain::as_str)) {
            return None;
        }
        let (from, to) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
        Some(since_epoch(from + to.saturating_sub(from).max(0) / 3 * 2))
    }

    /// Fetches whenever it is due, until it is dropped.
    pub async fn run(self) {
        // Both kinds of TLS in one program would leave rustls to choose, which it refuses.
        let _ = aws_lc_rs::default_provider().install_default();
        let mut failures = 0_u32;
        loop {
            let wait = self.due().and_then(|due| due.duration_since(SystemTime::now()).ok());
            if let Some(wait) = wait {
                tokio::time::sleep(wait.min(MOST)).await;
                if wait > MOST {
                    continue;
                }
            }
            let outcome = match tokio::time::timeout(ORDER, self.fetch()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(anyhow::anyhow!("the authority took longer than {} seconds", ORDER.as_secs())),
            };
            self.certificate.answer_nothing();
            metrics::counter!("cleartitle_certificates_total", "outcome" => if outcome.is_ok() { "done" } else { "failed" })
                .increment(1);
            if let Err(error) = outcome {
                let wait = RETRY.saturating_mul(2_u32.saturating_pow(failures)).min(MOST);
                failures = failures.saturating_add(1);
                tracing::warn!(next_in = ?wait, "no certificate was fetched: {}", plain(&error));
                tokio::time::sleep(wait).await;
            } else {
                failures = 0;
                tokio::time::sleep(LEAST).await;
            }
        }
    }

    /// Fetches a certificate and shows it from then on.
    async fn fetch(&self) -> anyhow::Result<()> {
        let account = self.account().await?;
        let names: Vec<_> = self.names.iter().map(|name| Identifier::Dns(name.to_string())).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await.context("no order")?;
        self.prove(&mut order).await?;
        let key = Zeroizing::new(order.finalize().await.context("the order was not finalized")?);
        let chain = order.poll_certificate(&RetryPolicy::default()).await.context("no certificate")?;
        let whole = Zeroizing::new(format!("{}{chain}", *key));
        let job = self.clone();
        let kept = tokio::task::spawn_blocking(move || {
            job.data.keep_tls(FILE, whole.as_bytes())?;
            job.certificate.read_again();
            anyhow::ensure!(job.due().is_some(), "the certificate is for other names");
            Ok(())
        });
        kept.await.context("the certificate was not kept")?
    }

    /// Proves each name by showing the authority what it asks for.
    async fn prove(&self, order: &mut Order) -> anyhow::Result<()> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.context("no authorization")?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                other => anyhow::bail!("an authorization is {other:?}"),
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge = challenge.context("the authority offers no tls-alpn-01")?;
            let name = challenge.identifier().to_string();
            anyhow::ensure!(self.names.iter().any(|own| own.as_str() == name), "it asks for `{name}`");
            let digest = challenge.key_authorization().digest();
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(vec![name.clone()])?;
            params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest.as_ref())];
            let shown = params.self_signed(&key)?;
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            self.certificate.answer(&name, shown.der().clone(), key)?;
            challenge.set_ready().await.context("the challenge was not taken up")?;
        }
        let status = order.poll_ready(&RetryPolicy::default()).await.context("the names were not proven")?;
        anyhow::ensure!(status == OrderStatus::Ready, "the names were not proven: the order is {status:?}");
        Ok(())
    }

    /// The account at this authority, made at first use.
    async fn account(&self) -> anyhow::Result<Account> {
        let id = blake3::hash(self.directory.as_bytes()).to_hex();
        let name = format!("account-{}.json", &id.as_str()[..16]);
        let path: PathBuf = self.data.tls_file(&name);
        if path.exists() {
            private(&path)?;
            let text = Zeroizing::new(tokio::fs::read(&path).await?);
            // Errors say nothing of the text, which holds the account's key.
            let credentials =
                serde_json::from_slice(&text).map_err(|_| anyhow::anyhow!("`{}` holds no account", path.display()))?;
            return Account::builder()?.from_credentials(credentials).await.context("the account was not taken up");
        }
        let contact: Vec<&str> = self.contact.iter().map(String::as_str).collect();
        let wanted = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) =
            Account::builder()?.create(&wanted, self.directory.clone(), None).await.context("no account")?;
        self.data.keep_tls(&name, Zeroizing::new(serde_json::to_vec(&credentials)?).as_slice())?;
        Ok(account)
    }
}
