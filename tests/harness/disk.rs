//! A small disk that gets full, and empty again: a file system in memory, mounted by the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::independent;

/// A mounted disk, gone at its end.
pub struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// Mounts a disk of so many MiB; `None` after saying so where that is not allowed.
    ///
    /// # Panics
    /// When there can be no folder.
    #[must_use]
    pub fn new(check: &str, mebibytes: u32) -> Option<Self> {
        let disk = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(disk.path()).expect("a folder");
        // The database's user comes here too.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(disk.folder.path(), open).expect("a mode");
        if disk.mount(&format!("size={mebibytes}m")) {
            return Some(disk);
        }
        independent::not_run(
            check,
            "nothing may be mounted",
            "run as root, outside of a container or with CAP_SYS_ADMIN",
        );
        None
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(self.path()).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// Fills what is left of it with a file, down to so many bytes.
    ///
    /// # Panics
    /// When it can't be measured.
    pub fn fill(&self, but: u64) {
        let told = Command::new("df").args(["--output=avail", "-B1"]).arg(self.path()).output().expect("df").stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        let free: u64 = told.lines().nth(1).and_then(|line| line.trim().parse().ok()).expect("what is free");
        std::fs::write(self.ballast(), vec![0; usize::try_from(free.saturating_sub(but)).expect("small")])
            .expect("room");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Takes that file away.
    ///
    /// # Panics
    /// When it is not there.
    pub fn empty(&self) {
        std::fs::remove_file(self.ballast()).expect("a file");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let lazily = |path: &Path| Command::new("umount").arg("-l").arg(path).stderr(Stdio::null()).status();
        let _ = lazily(&self.path());
    }
}
