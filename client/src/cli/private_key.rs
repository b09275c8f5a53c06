//! Private keys as the verbs read them: nothing of one is told, and an open file is warned of.

use super::talk::{Hint as _, Talk, advised};
use crate::files::read_text;
use anyhow::Context as _;
use cleartitle_schema::signed;
use ed25519_dalek::SigningKey;
use std::path::Path;
use zeroize::Zeroizing;

/// Reads a private key file.
///
/// # Errors
/// What reading gives, and any other text. Nothing of the text is told.
pub fn read(path: &Path, talk: Talk) -> anyhow::Result<SigningKey> {
    let text = Zeroizing::new(read_text(path, 64 * 1024)?);
    if signed::parse_public_key(&text).is_ok() {
        return Err(advised(
            format_args!("`{}` is a public key; signing needs the private one", path.display()),
            "name the file without `.pub`",
        ));
    }
    let key = signed::parse_private_key(&text)
        .with_context(|| format!("cannot use the key in `{}`", path.display()))
        .hint("`cleartitle keys new --out FILE` makes one");
    warn_if_open(path, talk);
    key
}

#[cfg(unix)]
fn warn_if_open(path: &Path, talk: Talk) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        talk.warn(format_args!("others on this machine may read the private key `{0}`; chmod 600 {0}", path.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_path: &Path, _talk: Talk) {}
