//! A lab of the tests: a pulled snapshot, policies, runs of the filter, and crawl files, real and made.

use std::path::{Path, PathBuf};

use crate::{Ran, Registry, binaries, cleartitle};

/// A policy that keeps every document whatever the verdict: what comes out is what was read.
pub const KEEP_EVERYTHING: &str = "\
version = 1
use = \"train-ai\"
[asker]
domain = \"biglab.example\"
class = \"commercial\"
[actions]
cleared = \"keep\"
conditional = \"keep\"
unknown = \"keep\"
disputed = \"keep\"
reserved = \"keep\"
";

/// A policy that keeps what is cleared and drops all else.
pub const KEEP_CLEARED: &str = "\
version = 1
use = \"train-ai\"
[asker]
domain = \"biglab.example\"
class = \"commercial\"
";

/// Whoever pulls and filters.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    /// Pulls the registry's newest snapshot with its key pinned.
    ///
    /// # Panics
    /// When the pull fails.
    #[must_use]
    pub fn pull(registry: &Registry) -> Self {
        let lab = Self { folder: tempfile::tempdir().expect("a folder") };
        lab.try_pull(registry).exits(0);
        lab
    }

    /// Pulls again.
    ///
    /// # Panics
    /// When the log's key can't be read.
    pub fn try_pull(&self, registry: &Registry) -> Ran {
        let key = std::fs::read_to_string(registry.data().join("log.pub")).expect("the log's key");
        let out = self.snapshot().display().to_string();
        cleartitle(&["pull", "--registry", &registry.url(""), "--log-key", key.trim(), "--out", &out])
    }

    /// The folder of its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The pulled snapshot.
    #[must_use]
    pub fn snapshot(&self) -> PathBuf {
        self.folder.path().join("terms.snapshot")
    }

    /// The arguments of a filter run into the folder `out`, at a fixed time of use.
    ///
    /// # Panics
    /// When the policy can't be written.
    #[must_use]
    pub fn filter_arguments(&self, policy: &str, out: &str, inputs: &[PathBuf], more: &[&str]) -> Vec<String> {
        let file = self.folder.path().join(format!("{}.toml", blake3::hash(policy.as_bytes()).to_hex()));
        std::fs::write(&file, policy).expect("a policy");
        let mut arguments: Vec<String> =
            vec!["filter".to_owned(), "--used-at".to_owned(), "2027-01-01T00:00:00Z".to_owned()];
        for (flag, path) in
            [("--snapshot", self.snapshot()), ("--policy", file), ("--out", self.folder.path().join(out))]
        {
            arguments.extend([flag.to_owned(), path.display().to_string()]);
        }
        arguments.extend(more.iter().map(|it| (*it).to_owned()));
        arguments.extend(inputs.iter().map(|input| input.display().to_string()));
        arguments
    }

    /// Filters into the folder `out`.
    #[must_use]
    pub fn filter(&self, policy: &str, out: &str, inputs: &[PathBuf], more: &[&str]) -> Ran {
        binaries::run(binaries::client_path(), &self.filter_arguments(policy, out, inputs, more), None)
    }

    /// A file of the folder `out`, as lines of JSON.
    ///
    /// # Panics
    /// When it is missing or a line is no JSON.
    #[must_use]
    pub fn rows(&self, out: &str, name: &str) -> Vec<serde_json::Value> {
        let path = self.folder.path().join(out).join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

/// Every crawl file that is here: the project's own, and real ones beside the workspace where they are.
///
/// # Panics
/// When a folder can't be listed.
#[must_use]
pub fn files() -> Vec<PathBuf> {
    let root = crate::root();
    let mut found = vec![root.join("tests/fixtures/demo/crawl.warc.gz")];
    for folder in [root.join("tests/fixtures/crawl"), root.join("../shared/data/crawl")] {
        if let Ok(entries) = std::fs::read_dir(folder) {
            found.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
    }
    found.retain(|path| {
        let name = path.to_string_lossy();
        path.is_file()
            && [".warc", ".warc.gz", ".wet", ".wet.gz", ".wat.gz", ".warc.zst"].iter().any(|end| name.ends_with(end))
    });
    found.sort();
    found
}

/// A plain WARC file of `count` documents over some hosts, each with a request beside it.
///
/// # Panics
/// When it can't be written.
pub fn write_warc(path: &Path, first: usize, count: usize) {
    let mut bytes = Vec::new();
    let record = |bytes: &mut Vec<u8>, kind: &str, id: usize, url: &str, block: &str| {
        let kind_of_block =
            if kind == "request" { "application/http;msgtype=request" } else { "application/http;msgtype=response" };
        let number = if kind == "request" { id * 2 } else { id * 2 + 1 };
        bytes.extend_from_slice(
            format!(
                "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012x}>\r\n\
                 WARC-Concurrent-To: <urn:uuid:00000000-0000-4000-8000-{:012x}>\r\nWARC-Date: 2026-10-01T00:00:00Z\r\n\
                 WARC-Target-URI: {url}\r\nContent-Type: {kind_of_block}\r\nContent-Length: {}\r\n\r\n{block}\r\n\r\n",
                number ^ 1,
                block.len()
            )
            .as_bytes(),
        );
    };
    for id in first..first + count {
        let host = ["open.example", "press.example", "nobody.example"][id % 3];
        let url = format!("http://{host}/{id}");
        let body = format!("document {id} of {host} ").repeat(1 + id % 200);
        record(&mut bytes, "request", id, &url, &format!("GET /{id} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
        record(&mut bytes, "response", id, &url, &format!("{head}{body}"));
    }
    std::fs::write(path, bytes).expect("a crawl file");
}
