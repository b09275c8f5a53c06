//! A plain folder: every file below it is an entry, named by its own bytes.
//!
//! Files come in the order of their names, folder by folder. Links and special files are told as damage and not followed; so
//! is what can't be read. A card (`README.md`), a license file (`LICENSE`, `COPYING`), a file's own `SPDX-License-Identifier`
//! line and its `FILE.license` companion state licenses: the nearest card and license file above a file speak for it. What a
//! card says of origins and names holds for every file below it. Those papers are no entries, and each is told as not checked;
//! so is what lies in `.git`, `.dvc` and `.cache`.
//!
//! Who calls his data `license.parquet` or `COPYING.csv` would have it passed over: a license file is a short plain text of
//! that name, a companion has its file beside it, and everything else is data.

use super::card;
use super::entry::{Entry, Item, Origin, Place, Stated};
use super::files;
use std::collections::VecDeque;
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

/// The longest text of a license.
const MAX_LICENSE: u64 = 256 * 1024;

/// How much of a card is read.
const MAX_CARD: u64 = 1 << 20;

/// What the papers of a folder and of those above it say of every file in it.
#[derive(Default, Clone)]
struct Above {
    licenses: Vec<Stated>,
    origins: Vec<Origin>,
    collections: Vec<String>,
}

/// A folder that is being gone through.
struct Open {
    names: IntoIter<PathBuf>,
    above: Arc<Above>,
}

/// The files of a folder.
pub struct Folder {
    root: PathBuf,
    open: Vec<Open>,
    waiting: VecDeque<Item>,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// It can't be listed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut folder = Self { root: path.to_owned(), open: Vec::new(), waiting: VecDeque::new() };
        let names = list(path)?;
        folder.enter(names, &Arc::default());
        Ok(folder)
    }

    fn enter(&mut self, names: Vec<PathBuf>, above: &Arc<Above>) {
        let mut here = Above::default();
        for path in names.iter().filter(|path| is_plain(path)) {
            let name = name_of(path);
            if is_license(path) {
                here.licenses.extend(spdx_line(path).or_else(|| title(path)));
            } else if is_card(&name) {
                self.card(path, &mut here);
            }
        }
        let above = if here.licenses.is_empty() && here.origins.is_empty() && here.collections.is_empty() {
            Arc::clone(above)
        } else {
            let nearest = if here.licenses.is_empty() { &above.licenses } else { &here.licenses };
            Arc::new(Above {
                licenses: nearest.clone(),
                origins: [above.origins.as_slice(), &here.origins].concat(),
                collections: [above.collections.as_slice(), &here.collections].concat(),
            })
        };
        self.open.push(Open { names: names.into_iter(), above });
    }

    /// What a card says; what of it can't be read is told. A readme without a head says nothing.
    fn card(&mut self, path: &Path, here: &mut Above) {
        let Some(text) = head(path, MAX_CARD) else {
            self.waiting.push_back(Self::damage(path, "the card can't be read"));
            return;
        };
        if !card::has_head(&text) {
            return;
        }
        for item in card::read(&text, path, &place(path).file) {
            match item {
                Item::Entry(entry) => {
                    here.licenses.extend(entry.licenses.into_iter().filter(|license| !license.text.is_empty()));
                    here.origins.extend(entry.derived_from);
                    here.collections.extend(entry.copy.collections);
                }
                told => self.waiting.push_back(told),
            }
        }
    }

    fn damage(path: &Path, what: impl Into<String>) -> Item {
        Item::Damage { place: place(path), what: what.into() }
    }

    /// What a path below the folder comes to: nothing where it is a folder or a paper.
    fn look(&mut self, path: &Path, above: &Arc<Above>) -> Option<Item> {
        let name = name_of(path);
        let passed = |what: &str| Some(Item::NotChecked { place: place(path), what: what.to_owned() });
        let kind = match fs::symlink_metadata(path) {
            Ok(found) => found.file_type(),
            Err(error) => return Some(Self::damage(path, format!("it can't be looked at: {error}"))),
        };
        if kind.is_symlink() {
            return Some(Self::damage(path, "a link, which is not followed"));
        }
        if kind.is_dir() {
            if TOOLS.contains(&name.as_str()) {
                return passed("a tool's own folder, of which nothing is an entry");
            }
            if self.open.len() >= MAX_DEPTH {
                return Some(Self::damage(path, format!("nested deeper than {MAX_DEPTH} folders")));
            }
            return match list(path) {
                Ok(names) => {
                    self.enter(names, above);
                    None
                }
                Err(error) => Some(Self::damage(path, format!("the folder can't be listed: {error}"))),
            };
        }
        if !kind.is_file() {
            return Some(Self::damage(path, "neither a file nor a folder, and not opened"));
        }
        if is_card(&name) {
            return passed("the folder's card, which speaks for the files below it and is no entry");
        }
        if is_license(path) {
            return passed("a license's text, which is stated for the files below it and is no entry");
        }
        if is_companion(path) {
            return passed("a file's own license, which is stated for that file and is no entry");
        }
        Some(self.file(path, above))
    }

    fn file(&self, path: &Path, above: &Above) -> Item {
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
        entry.licenses = own.map_or_else(|| above.licenses.clone(), |own| vec![own]);
        entry.derived_from.clone_from(&above.origins);
        above.collections.iter().for_each(|name| entry.in_collection(name));
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

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_plain(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether a file is the text of a license: by its name, as a plain text that is as short as those are.
fn is_license(path: &Path) -> bool {
    let name = name_of(path).to_ascii_lowercase();
    let (stem, end) = name.split_once('.').unwrap_or((&name, ""));
    let stem = stem.split_once('-').map_or(stem, |(stem, _)| stem);
    matches!(stem, "license" | "licence" | "copying" | "unlicense")
        && matches!(end, "" | "txt" | "md" | "rst" | "markdown")
        && fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() <= MAX_LICENSE)
        && fs::read(path).is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0')))
}

/// Whether a file is the license of the file beside it, as REUSE has it.
fn is_companion(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "license")
        && is_plain(&path.with_extension(""))
        && fs::symlink_metadata(path).is_ok_and(|found| found.len() <= MAX_LICENSE)
        && spdx_line(path).is_some()
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
            if let Some(item) = self.waiting.pop_front() {
                return Some(Ok(item));
            }
            let open = self.open.last_mut()?;
            let above = Arc::clone(&open.above);
            let Some(path) = open.names.next() else {
                self.open.pop();
                continue;
            };
            if let Some(item) = self.look(&path, &above) {
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
            .filter_map(|item| match item {
                Item::Entry(entry) => Some((entry.name.clone().unwrap(), entry.licenses[0].text.clone())),
                Item::NotChecked { .. } => None,
                Item::Damage { what, .. } => panic!("{what}"),
            })
            .collect();
        let wanted = [("a/deep/x.txt", "cc-by-4.0"), ("b/y.txt", "CC0-1.0"), ("b/z.txt", "MIT License")];
        assert_eq!(told, wanted.map(|(name, license)| (name.to_owned(), license.to_owned())));
        let first = items.iter().find_map(|item| if let Item::Entry(entry) = item { Some(entry) } else { None });
        assert_eq!(first.unwrap().copy.content.len(), 2);
        let passed = items.iter().filter(|item| matches!(item, Item::NotChecked { .. })).count();
        assert_eq!(passed, 3, "the license, the card and the tool's folder are told");
    }

    #[test]
    fn data_that_is_called_a_license_is_data_and_a_cards_origins_hold_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("below")).unwrap();
        let card = "---\npretty_name: Letters\nsource_datasets:\n- extended|other-memoirs\n---\n";
        fs::write(at("README.md"), card).unwrap();
        fs::write(at("license.parquet"), b"PAR1\xff\xfe").unwrap();
        fs::write(at("COPYING.csv"), "text\n").unwrap();
        fs::write(at("LICENSE.txt"), [0xff, 0xfe, 0]).unwrap();
        fs::write(at("alone.license"), "text").unwrap();
        fs::write(at("below/x"), "abc").unwrap();
        fs::write(at("below/x.license"), format!("{SPDX_LINE} CC0-1.0\n")).unwrap();
        let items: Vec<Item> = Folder::open(folder.path()).unwrap().map(Result::unwrap).collect();
        let entries: Vec<&Entry> =
            items.iter().filter_map(|item| if let Item::Entry(entry) = item { Some(&**entry) } else { None }).collect();
        let names: Vec<&str> = entries.iter().filter_map(|entry| entry.name.as_deref()).collect();
        assert_eq!(names, ["COPYING.csv", "LICENSE.txt", "alone.license", "below/x", "license.parquet"]);
        for entry in entries {
            assert_eq!(entry.derived_from.iter().map(|it| it.of.as_str()).collect::<Vec<_>>(), ["memoirs"]);
            assert!(entry.copy.collections.contains(&"letters".to_owned()), "{entry:?}");
        }
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
