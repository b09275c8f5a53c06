//! Lock: the log's state and the time that a data set's gate judges by, so that a build gives the same answer until somebody
//! runs `cleartitle update`.
//!
//! `cleartitle.lock` lies beside the policy and belongs into the repository; the snapshot may be pulled again anywhere, since
//! only the very body that the lock names is taken. Who changes the lock by hand changes what is judged by, where a reviewer
//! sees it; who changes the snapshot is found out.

use crate::toml_file::{self, Complaint, FileError, Members};
use cleartitle_schema::id::ContentId;
use cleartitle_schema::snapshot::Header;
use cleartitle_schema::time::Timestamp;

/// The version of the format.
pub const VERSION: u32 = 1;

/// The name of the file, beside the policy.
pub const NAME: &str = "cleartitle.lock";

/// What is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The log's origin.
    pub origin: String,
    /// Its size.
    pub size: u64,
    /// Its root, base64.
    pub root: String,
    /// The snapshot's body.
    pub snapshot: ContentId,
    /// Where the snapshot lies, relative to the lock.
    pub file: String,
    /// When the use takes place.
    pub used_at: Timestamp,
}

/// In what a snapshot is another than the locked one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot's {what} is {found}, the lock names {locked}")]
pub struct OtherState {
    /// The member.
    pub what: &'static str,
    /// As the lock has it.
    pub locked: String,
    /// As it is.
    pub found: String,
}

impl Lock {
    /// Pins a snapshot, by its header and the hash of its body.
    #[must_use]
    pub fn of(header: &Header, body: [u8; 32], file: String, used_at: Timestamp) -> Self {
        Self {
            origin: header.origin.clone(),
            size: header.size,
            root: header.root.to_base64(),
            snapshot: ContentId(body),
            file,
            used_at,
        }
    }

    /// Whether a snapshot is the locked one, to the letter.
    ///
    /// # Errors
    /// [`OtherState`].
    pub fn holds(&self, header: &Header, body: [u8; 32]) -> Result<(), OtherState> {
        let pairs = [
            ("log", self.origin.clone(), header.origin.clone()),
            ("log size", self.size.to_string(), header.size.to_string()),
            ("root", self.root.clone(), header.root.to_base64()),
            ("body", self.snapshot.to_string(), ContentId(body).to_string()),
        ];
        match pairs.into_iter().find(|(_, locked, found)| locked != found) {
            Some((what, locked, found)) => Err(OtherState { what, locked, found }),
            None => Ok(()),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`FileError`] with line, column and member of the first thing that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        toml_file::read(file, text, |mut top: Members<'_>| {
            let span = top.span();
            let version: u32 = top.required("version")?;
            if version != VERSION {
                let told = format!("the lock has version {version}, this reader knows {VERSION}");
                return Err(Complaint::new(span, told));
            }
            let size: i64 = top.required("size")?;
            let size = u64::try_from(size).map_err(|_| Complaint::new(span, "`size` is negative"))?;
            let lock = Self {
                origin: top.required("origin")?,
                size,
                root: top.required("root")?,
                snapshot: top.required("snapshot")?,
                file: top.required("file")?,
                used_at: top.required("used_at")?,
            };
            top.finish()?;
            Ok(lock)
        })
    }

    /// The file, as `parse` reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = |value: &str| toml::Value::String(value.to_owned()).to_string();
        format!(
            "# What `cleartitle check` judges by, until `cleartitle update` writes it anew. Keep it under version control.\n\
             version = {VERSION}\n\
             origin = {}\n\
             size = {}\n\
             root = {}\n\
             snapshot = {}\n\
             file = {}\n\
             used_at = {}\n",
            text(&self.origin),
            self.size,
            text(&self.root),
            text(&self.snapshot.to_string()),
            text(&self.file),
            self.used_at,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lock() -> Lock {
        Lock {
            origin: "registry.example/log".to_owned(),
            size: 5,
            root: "AAAA".to_owned(),
            snapshot: ContentId([7; 32]),
            file: "terms \"x\".snapshot".to_owned(),
            used_at: Timestamp(1_795_471_200),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Lock::parse("l", &lock().to_text()).unwrap(), lock());
        let newer = lock().to_text().replace("version = 1", "version = 2");
        assert!(Lock::parse("l", &newer).unwrap_err().message.contains("version 2"));
        let more = lock().to_text() + "more = 1\n";
        assert!(Lock::parse("l", &more).unwrap_err().message.contains("not known here"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            let _ = Lock::parse("l", &text);
        }
    }
}
