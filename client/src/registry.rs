//! A registry: a server of ours that answers over HTTP, or its log alone as it lies in a bucket, in a folder or on a server of
//! files. What reads the log and its snapshots is the same for all of them, and so is what it is checked by.

mod abreast;
mod error;
mod objects;
mod upload;
mod web;

pub use error::RegistryError;

use crate::asker::Asker;
use cleartitle_schema::api::{
    DecisionAnswer, DecisionRequest, IssuerView, LogKey, ProofRequest, Registration, SEALED_TAG, SealedLeaf,
    SealedList, SnapshotView, StatementView,
};
use cleartitle_schema::id::{BlobId, Commitment, ContentName, StatementId};
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::tlog::note::MAX_NOTE;
use cleartitle_schema::tlog::proof::MAX_RECEIPT;
use cleartitle_schema::tlog::tile::{EntriesId, FULL_WIDTH, TileId};
use cleartitle_schema::tlog::witness::checkpoint_path;
use cleartitle_schema::usage::{USAGE_TAG, UsageList, UsageReceipt};
use objects::Objects;
use serde::de::DeserializeOwned;
use std::io::Read;
use std::ops::Range;
use web::{Web, parse};

/// The longest JSON answer that is read.
pub const MAX_ANSWER: u64 = 16 << 20;

/// The longest page of sealed statements.
const MAX_SEALED: u64 = 8 << 20;

/// How many small things a server is asked for at once: it has others to answer too.
const OF_A_SERVER: usize = 4;

/// A registry at an address.
#[derive(Debug, Clone)]
pub struct Registry {
    place: Place,
}

/// Where its log is read.
#[derive(Debug, Clone)]
enum Place {
    Web(Web),
    Objects(Objects),
}

/// What a registration came to.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The registry's answer, not yet verified.
    pub registration: Registration,
    /// Whether the statement is new; `false`: it was registered before, and this is the first receipt.
    pub new: bool,
}

impl Registry {
    /// Takes an address: `https://`, `s3://bucket/prefix` or `file:///folder`. Plain http is taken for this very machine, or
    /// where it is allowed expressly. Whether a bucket's store may be asked over plain http its own environment says.
    ///
    /// # Errors
    /// [`RegistryError::Address`], [`RegistryError::PlainHttp`], [`RegistryError::Client`].
    pub fn at(address: &str, allow_http: bool) -> Result<Self, RegistryError> {
        let place = match Objects::at(address)? {
            Some(objects) => Place::Objects(objects),
            None => Place::Web(Web::at(address, allow_http)?),
        };
        Ok(Self { place })
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &str {
        match &self.place {
            Place::Web(web) => web.address(),
            Place::Objects(objects) => objects.address(),
        }
    }

    /// Refuses a place that is known to have no server. Of an address on the web only its answers tell.
    ///
    /// # Errors
    /// [`RegistryError::NoServer`].
    pub fn has_server(&self) -> Result<(), RegistryError> {
        self.web().map(|_| ())
    }

    fn web(&self) -> Result<&Web, RegistryError> {
        match &self.place {
            Place::Web(web) => Ok(web),
            Place::Objects(objects) => Err(RegistryError::NoServer(objects.address().to_owned())),
        }
    }

    fn bytes(&self, path: &str, limit: u64) -> Result<Vec<u8>, RegistryError> {
        match &self.place {
            Place::Web(web) => web.bytes(path, limit),
            Place::Objects(objects) => objects.bytes(path, limit),
        }
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, RegistryError> {
        parse(&self.bytes(path, MAX_ANSWER)?, &self.place(path)?)
    }

    /// The place of a path, for people.
    ///
    /// # Errors
    /// [`RegistryError::Address`] for a path that leads elsewhere.
    pub fn place(&self, path: &str) -> Result<String, RegistryError> {
        Ok(match &self.place {
            Place::Web(web) => web.url(path)?.to_string(),
            Place::Objects(objects) => objects.place(path),
        })
    }

    /// The log's name and keys, at the registry's word.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn log_key(&self) -> Result<LogKey, RegistryError> {
        self.json("v1/log-key")
    }

    fn post_envelope(&self, path: &str, envelope: &[u8]) -> Result<Registered, RegistryError> {
        let (registration, new) = self.web()?.post(path, envelope)?;
        Ok(Registered { registration, new })
    }

    /// Registers an envelope.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says which check failed.
    pub fn register(&self, envelope: &[u8]) -> Result<Registered, RegistryError> {
        self.post_envelope("v1/statements", envelope)
    }

    /// Asks for a key to be bound, as its domain publishes it.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says what the registry saw.
    pub fn bind_key(&self, request: &[u8]) -> Result<Registered, RegistryError> {
        self.post_envelope("v1/keys", request)
    }

    /// Asks for a claim to be proven by what a URL serves.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] says what the registry saw.
    pub fn prove_claim(
        &self,
        claim: &StatementId,
        url: &str,
        content: ContentName,
    ) -> Result<Registered, RegistryError> {
        let web = self.web()?;
        let at = web.url(&format!("v1/claims/{claim}/proof"))?;
        let (registration, new) = web.post_json(&at, &ProofRequest { url: url.to_owned(), content })?;
        Ok(Registered { registration, new })
    }

    /// An issuer as the registry knows it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn issuer(&self, domain: &Domain) -> Result<IssuerView, RegistryError> {
        self.has_server()?;
        self.json(&format!("v1/issuers/{domain}"))
    }

    /// Registers an envelope that is to be sealed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn register_sealed(&self, envelope: &[u8]) -> Result<Registered, RegistryError> {
        self.post_envelope("v1/sealed", envelope)
    }

    /// A page of the sealed statements that the registry holds for whoever asks.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sealed(&self, asker: &Asker, after: Option<u64>) -> Result<SealedList, RegistryError> {
        self.web()?.signed_page("v1/sealed", (asker, SEALED_TAG), after, MAX_SEALED)
    }

    /// Sends a usage report. The flag says whether it is new there.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn report_usage(&self, envelope: &[u8]) -> Result<(UsageReceipt, bool), RegistryError> {
        self.web()?.post("v1/usage", envelope)
    }

    /// One page of the usage reports that a domain may read, behind a number.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn usage(&self, asker: &Asker, after: Option<u64>) -> Result<UsageList, RegistryError> {
        self.web()?.signed_page("v1/usage", (asker, USAGE_TAG), after, MAX_SEALED)
    }

    /// Registers the commitment of a sealed statement alone.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn register_commitment(&self, asker: &Asker, commitment: Commitment) -> Result<SealedLeaf, RegistryError> {
        let body = serde_json::json!({ "commitment": commitment }).to_string().into_bytes();
        self.web()?.signed_post("v1/sealed/commitments", (asker, SEALED_TAG), body)
    }

    /// Uploads the bytes of a blob that a registered statement names. The flag says whether they are new there.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] where no registered statement names the blob.
    pub fn put_blob(&self, blob: &BlobId, bytes: Vec<u8>) -> Result<bool, RegistryError> {
        self.web()?.put(&format!("v1/blobs/{blob}"), bytes)
    }

    /// A statement as the registry holds it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn statement(&self, id: &StatementId) -> Result<StatementView, RegistryError> {
        self.has_server()?;
        self.json(&format!("v1/statements/{id}"))
    }

    /// The registry's answer to one question; `as_of` asks what it would have answered then.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn decide(&self, question: &DecisionRequest, as_of: Option<&str>) -> Result<DecisionAnswer, RegistryError> {
        let web = self.web()?;
        let mut url = web.url("v1/decisions")?;
        if let Some(as_of) = as_of {
            url.query_pairs_mut().append_pair("as_of", as_of);
        }
        web.post_json(&url, question).map(|(answer, _)| answer)
    }

    /// The newest signed checkpoint.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn checkpoint(&self) -> Result<Vec<u8>, RegistryError> {
        self.bytes("checkpoint", MAX_NOTE as u64)
    }

    /// The checkpoint that this place has of a log: a registry's or mirror's newest, or the one that a witness cosigned last.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn checkpoint_of(&self, origin: &str) -> Result<Vec<u8>, RegistryError> {
        match self.checkpoint() {
            Err(RegistryError::Status { status: 404, .. }) => self.bytes(&checkpoint_path(origin), MAX_NOTE as u64),
            other => other,
        }
    }

    /// The receipt of a statement under a checkpoint that witnesses have cosigned.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Refused`] with the code `not-yet-witnessed` until there is one.
    pub fn receipt(&self, id: &StatementId) -> Result<Vec<u8>, RegistryError> {
        self.web()?.bytes(&format!("v1/statements/{id}/receipt"), MAX_RECEIPT as u64)
    }

    /// One tile of the log's tree, of just this width: see [`crate::tiles`] for a place that may have wider ones alone.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, RegistryError> {
        self.bytes(&tile.path(), 8192)
    }

    /// One bundle of the log's entries, of just this width.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn entries(&self, bundle: EntriesId) -> Result<Vec<u8>, RegistryError> {
        self.bytes(&bundle.path(), u64::from(FULL_WIDTH) * (u64::from(u16::MAX) + 2))
    }

    /// The blobs that open leaves, in their order, none longer than the bound; `None` where one is sealed or erased. Several
    /// are fetched at once.
    ///
    /// # Errors
    /// [`RegistryError`] of the first that can't be had.
    pub fn published(&self, leaves: &[Commitment], limit: u64) -> Result<Vec<Option<Vec<u8>>>, RegistryError> {
        let at_once = match &self.place {
            Place::Web(_) => OF_A_SERVER,
            Place::Objects(objects) => objects.at_once(),
        };
        abreast::abreast(at_once, leaves, |commitment| match self.bytes(&format!("v1/published/{commitment}"), limit) {
            Err(error) if error.is_missing() => Ok(None),
            other => other.map(Some),
        })
    }

    /// What the registry says of its newest snapshot.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn latest_snapshot(&self) -> Result<SnapshotView, RegistryError> {
        self.json("v1/snapshots/latest")
    }

    /// Some bytes of a file, and no others.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::NoParts`] where the file is sent whole alone, [`RegistryError::Malformed`] for an
    /// answer with other bytes than asked for.
    pub fn part(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, RegistryError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        match &self.place {
            Place::Web(web) => web.part(path, &range),
            Place::Objects(objects) => objects.part(path, &range),
        }
    }

    /// Begins to download from byte `from` on. The flag says whether the answer does begin there, or at the first byte.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn download(&self, path: &str, from: u64) -> Result<(Box<dyn Read>, bool), RegistryError> {
        Ok(match &self.place {
            Place::Web(web) => {
                let (answer, resumed) = web.download(path, from)?;
                (Box::new(answer), resumed)
            }
            Place::Objects(objects) => (Box::new(objects.download(path, from)?), true),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_reaches_this_machine_alone() {
        for good in ["https://registry.example", "http://127.0.0.1:8787", "http://[::1]:1/", "http://localhost:80/a"] {
            assert!(Registry::at(good, false).is_ok(), "{good}");
        }
        assert!(matches!(Registry::at("http://registry.example", false), Err(RegistryError::PlainHttp(_))));
        assert!(Registry::at("http://registry.example", true).is_ok());
        for stored in ["s3://bucket/prefix", "file:///folder"] {
            let registry = Registry::at(stored, false).unwrap();
            assert!(matches!(registry.has_server(), Err(RegistryError::NoServer(_))), "{stored}");
        }
        for bad in
            ["registry.example", "ftp://registry.example", "https://u:p@registry.example", "https://a.example/?q", ""]
        {
            assert!(matches!(Registry::at(bad, true), Err(RegistryError::Address(_))), "{bad}");
        }
    }

    /// A registry that takes one blob, has another, and knows of no third.
    #[test]
    fn blobs_are_uploaded_as_they_are() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let problem = r#"{"type":"/reasons/not-found","title":"t","status":404,"detail":"d","code":"not-found"}"#;
            let answers = [("201 Created", ""), ("200 OK", ""), ("404 Not Found", problem)];
            let mut requests = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
                while !bytes.ends_with(b"evidence") {
                    let count = stream.read(&mut chunk).unwrap();
                    bytes.extend_from_slice(&chunk[..count]);
                }
                let length = body.len();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                    .unwrap();
                requests.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            requests
        });
        let registry = Registry::at(&address, false).unwrap();
        let blob = BlobId::of(b"evidence");
        let put = || registry.put_blob(&blob, b"evidence".to_vec());
        assert!(put().unwrap());
        assert!(!put().unwrap());
        assert!(matches!(put(), Err(RegistryError::Refused { status: 404, .. })));
        for request in served.join().unwrap() {
            assert!(request.starts_with(&format!("PUT /v1/blobs/{blob} HTTP/1.1\r\n")), "{request}");
        }
    }

    #[test]
    fn a_path_stays_with_its_registry() {
        let registry = Registry::at("https://registry.example/log", false).unwrap();
        assert_eq!(registry.web().unwrap().url("/v1/x").unwrap().as_str(), "https://registry.example/log/v1/x");
        assert!(registry.web().unwrap().url("https://evil.example/x").is_err());
    }
}
