//! The tree of sources as the rules see it: every file that is not built, downloaded or ignored, with its text.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that no rule looks into: built things, other people's data, and stored bytes that tests compare.
const SKIPPED: &[&str] = &[".git", "target", "__pycache__", "proptest-regressions", "node_modules"];

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// Every file below a folder of the workspace, as paths relative to the root with `/`, sorted.
pub fn files(below: &str) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(&root) {
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// Every file of these extensions in the whole workspace.
pub fn with_extension(extensions: &[&str]) -> Vec<String> {
    let has = |path: &String| path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension));
    files("").into_iter().filter(has).collect()
}

/// The text of a file.
pub fn text(path: &str) -> String {
    let bytes = fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The code of a Rust source alone: without comments, and without the tests at its foot.
pub fn code(path: &str) -> String {
    let text = text(path);
    let body = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    body.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Fails with one line for each finding.
pub fn assert_none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n  {}", findings.join("\n  "));
}
