//! The real robots.txt files beside the workspace, where they are at hand: found, unpacked and decoded.

use std::io::Read as _;
use std::path::PathBuf;

/// One file of a real site.
pub struct Real {
    pub name: String,
    pub bytes: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let folder = harness::root().join("../shared/data/robots");
    folder.is_dir().then_some(folder)
}

/// Every real file; `None` after saying that there are none.
pub fn files(check: &str) -> Option<Vec<Real>> {
    let Some(folder) = folder() else {
        harness::independent::not_run(
            check,
            "no real robots.txt at ../shared/data/robots",
            "lay the shared data beside",
        );
        return None;
    };
    let mut files = archive(&folder.join("protego-4231-real-files.tar.gz"));
    for name in ["texting_robots/testdata", "wild", "own-examples"] {
        for entry in std::fs::read_dir(folder.join(name)).expect("a folder of real files") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let bytes = std::fs::read(&path).expect("a real file");
                files.push(Real {
                    name: format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy()),
                    bytes,
                });
            }
        }
    }
    let lines = std::fs::read_to_string(folder.join("top100-2024.jsonl")).expect("a file of lines");
    for line in lines.lines() {
        let one: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if let (Some(site), Some(content)) = (one["website"].as_str(), one["content"].as_str()) {
            files.push(Real { name: format!("top100/{site}"), bytes: content.as_bytes().to_vec() });
        }
    }
    Some(files)
}

fn archive(path: &std::path::Path) -> Vec<Real> {
    let file = std::fs::File::open(path).expect("the archive of real files");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::io::BufReader::new(file)));
    let mut files = Vec::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        if entry.header().entry_type().is_file() {
            let name = entry.path().expect("a name").to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("a body");
            files.push(Real { name, bytes });
        }
    }
    files
}
