//! `cleartitle keys`: makes a key pair, and shows the public half of one.

use super::talk::{Exit, Format, Talk, advised, data, json};
use crate::files;
use anyhow::Context as _;
use clap::Subcommand;
use cleartitle_schema::signed::{key_id, parse_private_key, parse_public_key, print_private_key, print_public_key};
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Flags of `keys`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The private key is PKCS#8 PEM (Ed25519) that only you can read; the public key beside it, FILE.pub, is one line. Publish
the public key at your domain (`cleartitle domain record`) and have it bound (`cleartitle domain verify`).

Examples:
  cleartitle keys new --out press.key
  cleartitle keys show press.key")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key pair. Never overwrites.
    New {
        /// Where the private key goes; the public key goes to FILE.pub.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the public key and its id, of a private or a public key file.
    Show {
        /// The key file.
        file: PathBuf,
        /// In which form.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs the verb.
///
/// # Errors
/// What reading and writing files give.
pub fn run(args: &Args, talk: Talk) -> anyhow::Result<Exit> {
    match &args.verb {
        Verb::New { out } => new(out, talk),
        Verb::Show { file, format } => show(file, *format),
    }
}

fn new(out: &Path, talk: Talk) -> anyhow::Result<Exit> {
    let mut public_path = out.as_os_str().to_owned();
    public_path.push(".pub");
    let public_path = PathBuf::from(public_path);
    for path in [out, &public_path] {
        if path.symlink_metadata().is_ok() {
            return Err(advised(
                format_args!("`{}` is there already, and a key is never overwritten", path.display()),
                "choose another name, or move the old key away",
            ));
        }
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let key = SigningKey::from_bytes(&seed);
    let private = print_private_key(&key)?;
    files::write_new(out, private.as_bytes(), true)?;
    let written = files::write_new(&public_path, print_public_key(&key.verifying_key()).as_bytes(), false);
    if written.is_err() {
        let _ = std::fs::remove_file(out);
    }
    written?;
    talk.say(format_args!("private key: {} (keep it secret)", out.display()));
    talk.say(format_args!("public key:  {}", public_path.display()));
    data(format_args!("{}\n", key_id(&key.verifying_key())))?;
    Ok(Exit::Clean)
}

fn show(file: &Path, format: Format) -> anyhow::Result<Exit> {
    let text = Zeroizing::new(files::read_text(file, 64 * 1024)?);
    let public: VerifyingKey = match parse_public_key(&text) {
        Ok(public) => public,
        Err(_) => parse_private_key(&text)
            .map(|key| key.verifying_key())
            .ok()
            .with_context(|| format!("`{}` is neither a private nor a public key", file.display()))?,
    };
    let line = print_public_key(&public);
    match format {
        Format::Human => data(format_args!("{line}{}\n", key_id(&public)))?,
        Format::Json => json(&serde_json::json!({ "key_id": key_id(&public), "public_key": line.trim_end() }))?,
    }
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("press.key");
        let talk = Talk { quiet: true };
        assert_eq!(new(&path, talk).unwrap(), Exit::Clean);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let private = crate::cli::private_key::read(&path, talk).unwrap();
        let public = std::fs::read_to_string(folder.path().join("press.key.pub")).unwrap();
        assert_eq!(parse_public_key(&public).unwrap(), private.verifying_key());
        let before = std::fs::read(&path).unwrap();
        assert!(new(&path, talk).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(new(&path, talk).is_err(), "the public key alone stops it too");
        assert!(!path.exists());
        assert!(!before.is_empty());
    }

    #[test]
    fn a_public_key_does_not_sign() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("press.key");
        new(&path, Talk { quiet: true }).unwrap();
        let error = crate::cli::private_key::read(&folder.path().join("press.key.pub"), Talk::default()).unwrap_err();
        assert!(error.to_string().ends_with("is a public key; signing needs the private one"), "{error}");
    }
}
