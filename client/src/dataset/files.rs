//! Files that papers claim, held against what lies beside them: every digest by one read, in bounded memory.
//!
//! A paper is foreign, and so are its paths: one that leads out of the paper's folder, by `..`, by a root or by a link, is
//! refused and not opened; what is no plain file is not read. What lies elsewhere is not fetched, and told as not checked.

use super::entry::{Entry, FileClaim};
use super::naming;
use crate::gate::{Finding, Level};
use cleartitle_schema::id::{ContentId, ContentName, Sha256Alias, WarcSha1Alias};
use cleartitle_schema::paper_code::PaperCode;
use sha2::Digest as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// What a file's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// How many.
    pub bytes: u64,
    /// Their BLAKE3, SHA-256 and SHA-1.
    pub names: [ContentName; 3],
}

/// Reads a file once and names its bytes. `passed` hears how many bytes were read, again and again.
///
/// # Errors
/// It can't be read.
pub fn measure(path: &Path, passed: &mut dyn FnMut(u64)) -> io::Result<Measured> {
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK];
    let (mut blake3, mut sha256, mut sha1) = (blake3::Hasher::new(), sha2::Sha256::new(), sha1::Sha1::new());
    let mut bytes = 0;
    loop {
        let read = match file.read(&mut block) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = &block[..read];
        blake3.update(part);
        sha256.update(part);
        sha1.update(part);
        bytes += read as u64;
        passed(read as u64);
    }
    let names = [
        ContentName::Blake3(ContentId(*blake3.finalize().as_bytes())),
        ContentName::Sha256(Sha256Alias(sha256.finalize().into())),
        ContentName::WarcSha1(WarcSha1Alias(sha1.finalize().into())),
    ];
    Ok(Measured { bytes, names })
}

/// Where a claimed path leads.
enum Leads {
    /// To a plain file beside the paper.
    File(PathBuf),
    /// To a folder.
    Folder,
    /// Nowhere.
    Nowhere,
    /// Out of the folder, or to what is no plain file.
    Refused(&'static str),
}

fn leads(claimed: &str, base: &Path) -> Leads {
    let relative = Path::new(claimed);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || claimed.contains('\0') || claimed.starts_with("file:") {
        return Leads::Refused("the path leads out of the paper's folder");
    }
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let whole = base.join(relative);
    let Ok(real) = fs::canonicalize(&whole) else {
        // A link that leads nowhere is no file either.
        return Leads::Nowhere;
    };
    if !fs::canonicalize(base).is_ok_and(|base| real.starts_with(base)) {
        return Leads::Refused("a link leads out of the paper's folder");
    }
    match fs::metadata(&real) {
        Ok(found) if found.is_dir() => Leads::Folder,
        Ok(found) if found.is_file() => Leads::File(real),
        _ => Leads::Refused("the path is no plain file"),
    }
}

/// Holds the files that an entry claims against those beside its paper, which lies in `base`.
#[must_use]
pub fn verify(entry: &Entry, base: &Path, passed: &mut dyn FnMut(u64)) -> Vec<Finding> {
    entry.files.iter().flat_map(|claim| verify_one(entry, claim, base, passed)).collect()
}

fn finding(code: PaperCode, level: Level, claim: &FileClaim, message: String, hint: Option<&str>) -> Finding {
    let about = Some(claim.path.clone());
    Finding { code: code.word(), level, place: claim.place.clone(), about, message, hint: hint.map(str::to_owned) }
}

fn verify_one(entry: &Entry, claim: &FileClaim, base: &Path, passed: &mut dyn FnMut(u64)) -> Vec<Finding> {
    let path = &claim.path;
    let note = |message: String| vec![finding(PaperCode::NotChecked, Level::Note, claim, message, None)];
    if let Some(within) = &claim.within {
        return note(format!("it lies in `{within}`, which is not opened here: its digest was not checked"));
    }
    if naming::is_url(path) || (naming::is_other_address(path) && !path.starts_with("file:")) {
        return note("the file lies elsewhere and was not fetched: its digest was not checked".to_owned());
    }
    let real = match leads(path, base) {
        Leads::File(real) => real,
        Leads::Folder => return note("a folder: its files are not listed here, and were not checked".to_owned()),
        Leads::Nowhere => {
            let hint = Some("check out the data beside the paper, or take the claim out");
            return vec![finding(
                PaperCode::FileMissing,
                Level::Error,
                claim,
                "the file is not there".to_owned(),
                hint,
            )];
        }
        Leads::Refused(why) => {
            let hint = Some("a paper may claim files beside and below itself alone");
            return vec![finding(PaperCode::PathOutside, Level::Error, claim, why.to_owned(), hint)];
        }
    };
    let measured = match claim.digests.is_empty() {
        // Nothing to hash for: the length says enough.
        true => fs::metadata(&real).map(|found| (found.len(), None)),
        false => measure(&real, passed).map(|measured| (measured.bytes, Some(measured.names))),
    };
    let (bytes, names) = match measured {
        Ok(measured) => measured,
        Err(error) => {
            return vec![finding(
                PaperCode::FileMissing,
                Level::Error,
                claim,
                format!("the file can't be read: {error}"),
                None,
            )];
        }
    };
    let mut found = Vec::new();
    if let Some(claimed) = claim.bytes.filter(|claimed| *claimed != bytes) {
        let message = format!("the file has {bytes} bytes, the paper says {claimed}");
        found.push(finding(
            PaperCode::LengthDiffers,
            Level::Error,
            claim,
            message,
            Some("the file or the paper was changed without the other"),
        ));
    }
    for digest in &claim.digests {
        let Some(real) =
            names.iter().flatten().find(|name| name.to_parts().0 == digest.to_parts().0).filter(|real| *real != digest)
        else {
            continue;
        };
        let message = format!("the file is {real}, the paper says {digest}");
        found.push(finding(
            PaperCode::DigestMismatch,
            Level::Error,
            claim,
            message,
            Some("the file or the paper was changed without the other"),
        ));
    }
    if claim.digests.is_empty() && found.is_empty() {
        let md5 = entry.facts.iter().any(|(name, _)| name == "md5");
        let why = if md5 { "MD5 alone, which can be forged and names nothing here" } else { "no digest" };
        found.extend(note(format!("the file is there; the paper claims {why}, so its bytes were not checked")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Place;

    fn claim(path: &str, digests: &[&str], bytes: Option<u64>) -> FileClaim {
        FileClaim {
            path: path.to_owned(),
            digests: digests.iter().map(|name| name.parse().unwrap()).collect(),
            bytes,
            within: None,
            place: Place::default(),
        }
    }

    fn codes(base: &Path, claim: FileClaim) -> Vec<&'static str> {
        let entry = Entry { files: vec![claim], ..Entry::default() };
        verify(&entry, base, &mut |_| ()).into_iter().map(|finding| finding.code).collect()
    }

    const ABC_SHA256: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_SHA1: &str = "warc-sha1:a9993e364706816aba3e25717850c26c9cd0d89d";

    #[test]
    fn files_are_what_is_claimed_or_told() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        fs::create_dir(base.join("data")).unwrap();
        fs::write(base.join("data/a"), "abc").unwrap();
        let wrong = format!("sha256:{}", "0".repeat(64));
        for (path, digests, bytes, wanted) in [
            ("data/a", vec![ABC_SHA256, ABC_SHA1], Some(3), vec![]),
            ("./data/a", vec![ABC_SHA256], None, vec![]),
            ("data/a", vec![wrong.as_str()], Some(4), vec!["length-differs", "digest-mismatch"]),
            ("data/a", vec![], None, vec!["not-checked"]),
            ("data", vec![ABC_SHA256], None, vec!["not-checked"]),
            ("data/b", vec![ABC_SHA256], None, vec!["file-missing"]),
            ("https://a.example/a", vec![ABC_SHA256], None, vec!["not-checked"]),
            ("s3://bucket/a", vec![ABC_SHA256], None, vec!["not-checked"]),
            ("../a", vec![ABC_SHA256], None, vec!["path-outside"]),
            ("data/../../a", vec![], None, vec!["path-outside"]),
            ("/etc/passwd", vec![], None, vec!["path-outside"]),
            ("file:///etc/passwd", vec![], None, vec!["path-outside"]),
        ] {
            assert_eq!(codes(base, claim(path, &digests, bytes)), wanted, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_out_and_special_files_are_not_opened() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "abc").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        for path in ["link", "zero", "socket"] {
            assert_eq!(codes(folder.path(), claim(path, &[ABC_SHA256], None)), ["path-outside"], "{path}");
        }
    }
}
