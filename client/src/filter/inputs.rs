//! Inputs under the names that their outputs go by, and standard input written down so that it can be read by ranges.

use super::FilterError;
use super::state;
use crate::crawl::store::Location;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

/// An input and its outputs' name.
#[derive(Debug, Clone)]
pub struct Named {
    /// Where it lies.
    pub location: Location,
    /// The name, relative, below which nothing leads upwards.
    pub name: String,
    /// BLAKE3 of its bytes, where it was read through for another reason.
    pub digest: Option<String>,
}

/// Names inputs by their file names. Where two have the same, as the parts of a data set in several folders do, all are named
/// by their paths below the folder that they have in common.
///
/// # Errors
/// When one gives no name, or one is named twice.
pub fn named(locations: &[Location]) -> Result<Vec<Named>, FilterError> {
    let parts = |location: &Location| location.parts().ok_or_else(|| FilterError::NoName(location.clone()));
    let parts: Vec<Vec<String>> = locations.iter().map(parts).collect::<Result<_, _>>()?;
    let from = |at: &dyn Fn(&[String]) -> usize| -> Vec<String> {
        parts.iter().map(|parts| parts[at(parts)..].join("/")).collect()
    };
    let mut names = from(&|parts| parts.len().saturating_sub(1));
    if twice(&names).is_some() {
        let common = (0..).take_while(|&at| {
            let first = parts.first().and_then(|parts| parts.get(at));
            first.is_some() && parts.iter().all(|parts| at + 1 < parts.len() && parts.get(at) == first)
        });
        let common = common.count();
        names = from(&|_| common);
    }
    if let Some((first, second)) = twice(&names) {
        return Err(FilterError::SameName { first: locations[first].clone(), second: locations[second].clone() });
    }
    let named = locations.iter().cloned().zip(names);
    Ok(named.map(|(location, name)| Named { location, name, digest: None }).collect())
}

/// The first two places that hold the same name, or a name and the folder of another.
pub(super) fn twice(names: &[String]) -> Option<(usize, usize)> {
    let mut seen = HashMap::new();
    for (at, name) in names.iter().enumerate() {
        if let Some(first) = seen.insert(name.as_str(), at) {
            return Some((first, at));
        }
    }
    // A file can't have the name that another's partial file or folder has.
    names.iter().enumerate().find_map(|(at, name)| {
        let partial = name.strip_suffix(".partial").and_then(|name| seen.get(name));
        let folder = name.match_indices('/').find_map(|(slash, _)| seen.get(&name[..slash]));
        partial.or(folder).map(|&other| (other, at))
    })
}

/// Writes standard input into the state's folder. Its digest stands for it, so that a resumed run knows it again.
pub fn spool(folder: &Path, input: &Named) -> Result<Named, FilterError> {
    let path = state::partial(&folder.join(&input.name));
    let mut hasher = blake3::Hasher::new();
    let mut file = File::create(&path).map_err(|source| FilterError::write(&path, source))?;
    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(FilterError::Read { name: input.location.to_string(), source }),
        };
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(|source| FilterError::write(&path, source))?;
    }
    let digest = Some(format!("blake3:{}", hasher.finalize().to_hex()));
    Ok(Named { location: Location::File(path), name: input.name.clone(), digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Result<Vec<String>, FilterError> {
        let locations: Vec<Location> = paths.iter().map(|path| Location::File(path.into())).collect();
        Ok(named(&locations)?.into_iter().map(|named| named.name).collect())
    }

    #[test]
    fn parts_of_one_data_set_keep_their_folders() {
        assert_eq!(names(&["/x/a.warc", "/y/b.warc"]).unwrap(), ["a.warc", "b.warc"]);
        assert_eq!(
            names(&["/data/en/2013/000.parquet", "/data/en/2014/000.parquet"]).unwrap(),
            ["2013/000.parquet", "2014/000.parquet"]
        );
        assert_eq!(names(&["x/a", "y/z/a"]).unwrap(), ["x/a", "y/z/a"]);
        for same in [&["x/a", "x/a"][..], &["a", "a.partial"], &["x/a", "y/a", "x/a/b"]] {
            assert!(matches!(names(same), Err(FilterError::SameName { .. })), "{same:?}");
        }
        assert!(matches!(names(&[".."]), Err(FilterError::NoName(_))));
    }
}
