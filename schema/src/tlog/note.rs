//! Signed notes (`c2sp.org/signed-note@v1.0.0`): text with Ed25519 signature lines, their signers and verifiers.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The longest note that is read. Sixteen post-quantum witness signatures fit.
pub const MAX_NOTE: usize = 256 * 1024;

/// The most signature lines that are read; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 64;

const ED25519: u8 = 0x01;

/// Why a note or a note's key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE`].
    #[error("a note of {0} bytes is longer than {MAX_NOTE}")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("a note must be UTF-8")]
    NotUtf8,
    /// A control character other than newline; carriage returns are among them.
    #[error("a note can't hold the control character U+{0:04X}")]
    ControlCharacter(u32),
    /// No blank line between text and signatures, or no newline at the end of either.
    #[error("a note is text, a blank line and signature lines, each ended by a newline")]
    Shape,
    /// A line below the text that is not a signature line.
    #[error("signature line {0} is malformed")]
    SignatureLine(usize),
    /// More than [`MAX_SIGNATURES`] signature lines.
    #[error("a note can't have more than {MAX_SIGNATURES} signatures")]
    TooManySignatures,
    /// A key name that is empty or holds a space or a plus.
    #[error("`{0}` can't name a key")]
    KeyName(String),
    /// A verifier key text that is not `name+hash+base64`.
    #[error("a verifier key is `name+hash+base64`")]
    VerifierKey,
    /// A verifier key of another algorithm than Ed25519.
    #[error("verifier key type {0:#04x} is not supported")]
    KeyType(u8),
    /// A verifier key whose hash is not that of its name and key.
    #[error("verifier key of `{0}` carries another key's hash")]
    KeyHash(String),
    /// A known key's signature that does not verify.
    #[error("the signature of `{name}+{key_hash:08x}` is wrong")]
    BadSignature {
        /// The key's name.
        name: String,
        /// The key's hash.
        key_hash: u32,
    },
    /// No signature is by a known key.
    #[error("no known key signed the note")]
    Unsigned,
}

/// Whoever signs notes: a name and a private key.
#[derive(Clone)]
pub struct NoteSigner {
    verifier: NoteVerifier,
    key: SigningKey,
}

/// Whoever checks notes: a name and a public key.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key_hash: u32,
    key: VerifyingKey,
}

/// The signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The four bytes that tell apart the keys of one name.
    pub key_hash: u32,
    /// The signature's bytes, in whatever form the key's type says; at least one.
    pub signature: Vec<u8>,
}

impl NoteSignature {
    /// The line as it stands in a note, with its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut bytes = self.key_hash.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.signature);
        format!("— {} {}\n", self.name, STANDARD.encode(bytes))
    }

    /// Reads signature lines alone, as a witness answers them: at least one, each ended by a newline.
    ///
    /// # Errors
    ///
    /// Every variant of [`NoteError`] that speaks of a note's form.
    pub fn parse_lines(bytes: &[u8]) -> Result<Vec<Self>, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_characters(text)?;
        signature_lines(text.strip_suffix('\n').ok_or(NoteError::Shape)?)
    }
}

/// A well-formed signed note whose signatures nobody has checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl NoteSigner {
    /// Names a private key.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyName`] for a name that is empty or holds a space, a control character or a plus.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, NoteError> {
        Ok(NoteSigner { verifier: NoteVerifier::new(name, key.verifying_key())?, key })
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }
}

impl fmt::Debug for NoteSigner {
    // The private key stays out of every log line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NoteSigner({})", self.verifier)
    }
}

impl NoteVerifier {
    /// Names a public key.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyName`] for a name that is empty or holds a space, a control character or a plus.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        let key_hash = key_hash_of(name, ED25519, &key)?;
        Ok(NoteVerifier { name: name.to_owned(), key_hash, key })
    }

    /// Reads the text form `name+hash+base64`, without a newline.
    ///
    /// # Errors
    ///
    /// [`NoteError::VerifierKey`], [`NoteError::KeyName`], [`NoteError::KeyType`] and [`NoteError::KeyHash`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, key) = parse_verifier_key(text, ED25519)?;
        NoteVerifier::new(&name, key)
    }

    /// The name of the key; for a log's own key the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 over name, newline, key type and key.
    #[must_use]
    pub fn key_hash(&self) -> u32 {
        self.key_hash
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    fn signed(&self, signature: &NoteSignature) -> bool {
        signature.name == self.name && signature.key_hash == self.key_hash
    }
}

impl fmt::Display for NoteVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&print_verifier_key(&self.name, self.key_hash, ED25519, &self.key))
    }
}

impl fmt::Debug for NoteVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NoteVerifier({self})")
    }
}

impl Note {
    /// Signs a text that ends in a newline.
    ///
    /// # Errors
    ///
    /// [`NoteError::Shape`] without that newline or without a signer, [`NoteError::ControlCharacter`],
    /// [`NoteError::TooLong`], [`NoteError::TooManySignatures`].
    pub fn sign(text: &str, signers: &[&NoteSigner]) -> Result<Self, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') || signers.is_empty() {
            return Err(NoteError::Shape);
        }
        let mut note = Note { text: text.to_owned(), signatures: Vec::new() };
        for signer in signers {
            note.add(NoteSignature {
                name: signer.verifier.name.clone(),
                key_hash: signer.verifier.key_hash,
                signature: signer.key.sign(text.as_bytes()).to_bytes().to_vec(),
            })?;
        }
        let length = note.to_text().len();
        if length > MAX_NOTE { Err(NoteError::TooLong(length)) } else { Ok(note) }
    }

    /// Reads a signed note; which signatures to believe is [`Note::verify`]'s question.
    ///
    /// # Errors
    ///
    /// Every variant of [`NoteError`] that speaks of a note's form.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_characters(note)?;
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Shape)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Shape)?;
        Ok(Note { text: format!("{text}\n"), signatures: signature_lines(lines)? })
    }

    /// Adds a signature line, replacing an older one by the same key.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyName`] and [`NoteError::TooManySignatures`].
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if !is_key_name(&signature.name) {
            return Err(NoteError::KeyName(signature.name));
        }
        self.signatures.retain(|other| (&other.name, other.key_hash) != (&signature.name, signature.key_hash));
        if self.signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The note's bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut note = format!("{}\n", self.text);
        for line in &self.signatures {
            note.push_str(&line.to_line());
        }
        note
    }

    /// The signed text with its last newline. It means nothing before [`Note::verify`] has said who signed it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, unchecked.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The known keys that signed the note, each once, in the note's order. Lines by unknown keys are passed over.
    ///
    /// # Errors
    ///
    /// [`NoteError::BadSignature`] when any line by a known key does not verify, [`NoteError::Unsigned`] when no known
    /// key signed.
    pub fn verify<'k>(&self, known: &'k [NoteVerifier]) -> Result<Vec<&'k NoteVerifier>, NoteError> {
        let mut signers: Vec<&NoteVerifier> = Vec::new();
        for line in &self.signatures {
            for verifier in known.iter().filter(|verifier| verifier.signed(line)) {
                let bad = || NoteError::BadSignature { name: line.name.clone(), key_hash: line.key_hash };
                let signature = Signature::from_slice(&line.signature).map_err(|_| bad())?;
                verifier.key.verify_strict(self.text.as_bytes(), &signature).map_err(|_| bad())?;
                if !signers.contains(&verifier) {
                    signers.push(verifier);
                }
            }
        }
        if signers.is_empty() { Err(NoteError::Unsigned) } else { Ok(signers) }
    }
}

/// The first four bytes of SHA-256 over name, newline, key type and key.
pub(super) fn key_hash_of(name: &str, kind: u8, key: &VerifyingKey) -> Result<u32, NoteError> {
    if !is_key_name(name) {
        return Err(NoteError::KeyName(name.chars().take(80).collect()));
    }
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(key.as_bytes()).finalize();
    Ok(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

/// Reads a verifier key of one type in its text form `name+hash+base64`.
pub(super) fn parse_verifier_key(text: &str, wanted: u8) -> Result<(String, VerifyingKey), NoteError> {
    // Only the first two plus signs separate: the base64 after them may hold more.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::VerifierKey);
    };
    if encoded.len() > 64 {
        return Err(NoteError::VerifierKey);
    }
    let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::VerifierKey)?;
    let (kind, key) = bytes.split_first().ok_or(NoteError::VerifierKey)?;
    if *kind != wanted {
        return Err(NoteError::KeyType(*kind));
    }
    let key = VerifyingKey::try_from(key).map_err(|_| NoteError::VerifierKey)?;
    // A small-order key verifies signatures of nobody; `verify_strict` would refuse it later, say it now.
    if key.is_weak() {
        return Err(NoteError::VerifierKey);
    }
    if hash != format!("{:08x}", key_hash_of(name, wanted, &key)?) {
        return Err(NoteError::KeyHash(name.chars().take(80).collect()));
    }
    Ok((name.to_owned(), key))
}

/// Writes a verifier key as [`parse_verifier_key`] reads it.
pub(super) fn print_verifier_key(name: &str, key_hash: u32, kind: u8, key: &VerifyingKey) -> String {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(key.as_bytes());
    format!("{name}+{key_hash:08x}+{}", STANDARD.encode(bytes))
}

fn signature_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let mut signatures = Vec::new();
    for (number, line) in lines.split('\n').enumerate() {
        if number == MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        signatures.push(parse_signature(line).ok_or(NoteError::SignatureLine(number + 1))?);
    }
    Ok(signatures)
}

fn check_characters(text: &str) -> Result<(), NoteError> {
    match text.chars().find(|character| *character < ' ' && *character != '\n') {
        Some(character) => Err(NoteError::ControlCharacter(u32::from(character))),
        None => Ok(()),
    }
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|character| character.is_whitespace() || character < ' ' || character == '+')
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (key_hash, signature) = bytes.split_first_chunk::<4>()?;
    if !is_key_name(name) || signature.is_empty() {
        return None;
    }
    Some(NoteSignature {
        name: name.to_owned(),
        key_hash: u32::from_be_bytes(*key_hash),
        signature: signature.to_vec(),
    })
}
