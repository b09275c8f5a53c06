//! A registry's log copied into a folder, each file at the path under which the registry serves it: what a bucket, a server of
//! files, or a lab without a network has of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use cleartitle_schema::leaf::Leaf;
use cleartitle_schema::tlog::tile::{EntriesId, EntryBundle, FULL_WIDTH, TileId};

use crate::binaries::command;
use crate::objects::Objects;
use crate::{Registry, independent};

/// A folder with a log in it.
pub struct Mirror {
    folder: PathBuf,
}

impl Mirror {
    /// Copies what a registry has now.
    ///
    /// # Panics
    /// When it does not answer, or the folder can't be written.
    #[must_use]
    pub fn of(registry: &Registry, folder: &Path) -> Self {
        let mirror = Self { folder: folder.to_owned() };
        mirror.follow(registry);
        mirror
    }

    /// Copies what a registry has now over what is here; what was copied before and is not replaced stays.
    ///
    /// # Panics
    /// As [`Mirror::of`].
    pub fn follow(&self, registry: &Registry) {
        let copy = |path: &str| {
            let bytes = registry.read(&format!("/{path}")).is(200).body;
            self.write(path, &bytes);
            bytes
        };
        let latest: serde_json::Value = serde_json::from_slice(&copy("v1/snapshots/latest")).expect("JSON");
        copy(&format!("v1/snapshots/{}", latest["size"]));
        copy("v1/log-key");
        let checkpoint = String::from_utf8(copy("checkpoint")).expect("a note");
        let size: u64 = checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect("a size");
        for level in 0..8_u8 {
            for (index, width) in places(size >> (u32::from(level) * 8)) {
                copy(&TileId { level, index, width }.path());
            }
        }
        for (index, width) in places(size) {
            let bundle = copy(&EntriesId { index, width }.path());
            for entry in EntryBundle::decode(&bundle, width).expect("entries").entries {
                let path = format!("v1/published/{}", Leaf::parse(&entry).expect("a leaf").commitment);
                let published = registry.read(&format!("/{path}"));
                if published.status == 200 {
                    self.write(&path, &published.body);
                }
            }
        }
    }

    /// The same once more, in another folder.
    ///
    /// # Panics
    /// When it can't be written.
    #[must_use]
    pub fn copy(&self, folder: &Path) -> Self {
        let other = Self { folder: folder.to_owned() };
        self.files().iter().for_each(|path| other.write(path, &self.read(path)));
        other
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file's bytes.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Puts a file in its place.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, path: &str, bytes: &[u8]) {
        let place = self.folder.join(path);
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
        std::fs::write(place, bytes).expect("a file");
    }

    /// Takes a file away.
    ///
    /// # Panics
    /// Where there is none.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The paths of all files.
    ///
    /// # Panics
    /// When a folder can't be listed.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![self.folder.clone()]);
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).expect("a listing") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(&self.folder).expect("below").display().to_string());
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Puts all files into a bucket.
    pub fn upload(&self, objects: &Objects, bucket: &str, prefix: &str) {
        for path in self.files() {
            objects.put(bucket, &format!("{prefix}/{path}"), &self.read(&path));
        }
    }
}

/// The places of a line of so many hashes or entries, each with its width.
fn places(count: u64) -> impl Iterator<Item = (u64, u16)> {
    let wide = u64::from(FULL_WIDTH);
    (0..count.div_ceil(wide)).map(move |index| (index, (count - index * wide).min(wide) as u16))
}

/// A server of files and nothing else, Python's own: it sends no parts, and knows of types and tags what every such server does.
pub struct FileServer {
    process: Child,
    address: String,
}

impl FileServer {
    /// Serves a folder; `None` after saying so where there is no Python.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(check: &str, folder: &Path) -> Option<Self> {
        use std::io::BufRead as _;
        let python = independent::python(check)?;
        let mut process = command(&python)
            .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .arg("0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python can be started");
        let mut line = String::new();
        let _ = std::io::BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line);
        let address = line.split(['(', ')']).nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
        let server = Self { process, address };
        assert!(server.address.starts_with("http://127.0.0.1:"), "{line}");
        Some(server)
    }

    /// Host and port.
    #[must_use]
    pub fn socket(&self) -> String {
        self.address.trim_start_matches("http://").to_owned()
    }

    /// The address of a folder within.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
