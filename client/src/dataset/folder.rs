//! A plain folder: every file below it is an entry, named by its own bytes.
//!
//! Files come in the order of their names, folder by folder. Links and special files are told as damage and not followed; so
//! is what can't be read. A card (`README.md`), a license file (`LICENSE`, `COPYING`), a file's own `SPDX-License-Identifier`
//! line and its `FILE.license` companion state licenses: the nearest card and license file above a file speak for it. Those
//! papers are no entries, nor is what lies in `.git`, `.dvc` and `.cache`.

use super::card;
use super::entry::{Entry, Item, Place, Stated};
use super::files;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

/// The deepest folder.
const MAX_DEPTH: usize = 64;

/// How much of a file is looked at for a license line.
const HEAD: u64 = 4096;

/// Folders that hold a tool's own files.
const TOOLS: &[&str] = &[".git", ".dvc", ".cache", ".hg", ".svn"];

/// A line of REUSE and SPDX.
const SPDX_LINE: &str = concat!("SPDX-License-", "Identifier:");

/// A folder that is being gone through.
struct Open {
    names: IntoIter<PathBuf>,
    licenses: Arc<Vec<Stated>>,
}

/// The files of a folder.
pub struct Folder {
    root: PathBuf,
    open: Vec<Open>,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// It can't be listed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut folder = Self { root: path.to_owned(), open: Vec::new() };
        let names = list(path)?;
        folder.enter(names, &Arc::default());
        Ok(folder)
    }

    fn enter(&mut self, names: Vec<PathBuf>, above: &Arc<Vec<Stated>>) {
        let here = licenses(&names);
        let licenses = if here.is_empty() { Arc::clone(above) } else { Arc::new(here) };
        self.open.push(Open { names: names.into_iter(), licenses });
    }

    fn damage(path: &Path, what: impl Into<String>) -> Item {
        Item::Damage { place: place(path), what: what.into() }
    }

    /// What a path below the folder comes to: nothing where it is a folder or a paper.
    fn look(&mut self, path: &Path, licenses: &Arc<Vec<Stated>>) -> Option<Item> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let kind = match fs::symlink_metadata(path) {
            Ok(found) => found.file_type(),
            Err(error) => return Some(Self::damage(path, format!("it can't be looked at: {error}"))),
        };
        if kind.is_symlink() {
            return Some(Self::damage(path, "a link, which is not followed"));
        }
        if kind.is_dir() {
            if TOOLS.contains(&name.as_str()) {
                return None;
            }
            if self.open.len() >= MAX_DEPTH {
                return Some(Self::damage(path, format!("nested deeper than {MAX_DEPTH} folders")));
            }
            return match list(path) {
                Ok(names) => {
                    self.enter(names, licenses);
                    None
                }
                Err(error) => Some(Self::damage(path, format!("the folder can't be listed: {error}"))),
            };
        }
        if !kind.is_file() {
            return Some(Self::damage(path, "neither a file nor a folder, and not opened"));
        }
        if is_card(&name) || is_license(&name) || name.ends_with(".license") {
            return None;
        }
        Some(self.file(path, licenses))
    }

    fn file(&self, path: &Path, licenses: &Arc<Vec<Stated>>) -> Item {
        let measured = match files::measure(path, &mut |_| ()) {
            Ok(measured) => measured,
            Err(error) => return Self::damage(path, format!("it can't be read: {error}")),
        };
        let name = path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let mut entry = Entry { place: place(path), name: Some(name.clone()), ids: vec![name], ..Entry::default() };
        // SHA-1 names a crawl's record, which this is not.
        let [blake3, sha256, _] = measured.names;
        entry.named_by(blake3);
        entry.named_by(sha256);
        entry.facts.push(("bytes".to_owned(), Stated { text: measured.bytes.to_string(), place: place(path) }));
        let companion = PathBuf::from(format!("{}.license", path.display()));
        let own = spdx_line(path).or_else(|| spdx_line(&companion));
        entry.licenses = own.map_or_else(|| licenses.to_vec(), |own| vec![own]);
        Item::Entry(Box::new(entry))
    }
}

fn place(path: &Path) -> Place {
    Place { file: Arc::from(path.display().to_string()), ..Place::default() }
}

/// The paths in a folder, sorted by their bytes.
fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn is_card(name: &str) -> bool {
    name.eq_ignore_ascii_case("readme.md")
}

fn is_license(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    matches!(stem.as_str(), "LICENSE" | "LICENCE" | "COPYING" | "UNLICENSE") && !name.ends_with(".license")
}

/// The licenses that a folder's own papers state.
fn licenses(names: &[PathBuf]) -> Vec<Stated> {
    let mut found = Vec::new();
    for path in names {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if fs::symlink_metadata(path).map_or(true, |found| !found.is_file()) {
            continue;
        }
        if is_license(&name) {
            found.extend(spdx_line(path).or_else(|| title(path)));
        } else if is_card(&name) {
            let Some(text) = head(path, 1 << 20) else { continue };
            for item in card::read(&text, path, &place(path).file) {
                if let Item::Entry(entry) = item {
                    found.extend(entry.licenses.into_iter().filter(|license| !license.text.is_empty()));
                }
            }
        }
    }
    found
}

fn head(path: &Path, most: u64) -> Option<String> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a file's SPDX line says, where it has one in its head.
fn spdx_line(path: &Path) -> Option<Stated> {
    let text = head(path, HEAD)?;
    text.lines().enumerate().find_map(|(number, line)| {
        let (_, words) = line.split_once(SPDX_LINE)?;
        let words = words.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        let place = Place { line: Some(number as u64 + 1), ..place(path) };
        Some(Stated { text: words.to_owned(), place })
    })
}

/// The title of a license's text, which is all that is read of it: its first line, and the second where that is a version.
fn title(path: &Path) -> Option<Stated> {
    let text = head(path, HEAD)?;
    let mut lines =
        text.lines().enumerate().map(|(number, line)| (number, line.trim())).filter(|(_, line)| !line.is_empty());
    let (number, first) = lines.next()?;
    let version = lines
        .next()
        .map(|(_, line)| line.split(',').next().unwrap_or_default())
        .filter(|line| line.starts_with("Version "));
    let words = version.map_or_else(|| first.to_owned(), |version| format!("{first} {version}"));
    let place = Place { line: Some(number as u64 + 1), ..place(path) };
    Some(Stated { text: words.chars().take(200).collect(), place })
}

impl Iterator for Folder {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<io::Result<Item>> {
        loop {
            let open = self.open.last_mut()?;
            let licenses = Arc::clone(&open.licenses);
            let Some(path) = open.names.next() else {
                self.open.pop();
                continue;
            };
            if let Some(item) = self.look(&path, &licenses) {
                return Some(Ok(item));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_order_with_the_nearest_license() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b", "a/deep", ".git"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("LICENSE"), "MIT License\n\nCopyright ...").unwrap();
        fs::write(at("a/README.md"), "---\nlicense: cc-by-4.0\n---\n").unwrap();
        fs::write(at("a/deep/x.txt"), "abc").unwrap();
        fs::write(at("b/y.txt"), format!("# {SPDX_LINE} CC0-1.0\n")).unwrap();
        fs::write(at("b/z.txt"), "abc").unwrap();
        fs::write(at(".git/config"), "abc").unwrap();
        let items: Vec<Item> = Folder::open(folder.path()).unwrap().map(Result::unwrap).collect();
        let told: Vec<(String, String)> = items
            .iter()
            .map(|item| match item {
                Item::Entry(entry) => (entry.name.clone().unwrap(), entry.licenses[0].text.clone()),
                Item::Damage { what, .. } => panic!("{what}"),
            })
            .collect();
        let wanted = [("a/deep/x.txt", "cc-by-4.0"), ("b/y.txt", "CC0-1.0"), ("b/z.txt", "MIT License")];
        assert_eq!(told, wanted.map(|(name, license)| (name.to_owned(), license.to_owned())));
        let Item::Entry(first) = &items[0] else { unreachable!() };
        assert_eq!(first.copy.content.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_told_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        let items: Vec<Item> = Folder::open(folder.path()).unwrap().map(Result::unwrap).collect();
        assert!(matches!(items.as_slice(), [Item::Damage { what, .. }] if what.contains("link")));
    }
}
