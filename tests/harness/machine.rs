//! A machine whose clock jumps and whose disk is slow: the real server with a library before the C library, so that nothing in it knows.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Registry, independent};

/// Such a machine, and what it does now.
pub struct Machine {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Machine {
    /// Makes the library; `None` after saying so where there is no C compiler, or none that makes such.
    ///
    /// # Panics
    /// When there can be no folder.
    #[must_use]
    pub fn new(check: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join("machine.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/machine.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
        if !cfg!(target_os = "linux") || !compile.status().is_ok_and(|status| status.success()) {
            independent::not_run(check, "no C compiler for Linux", "apt-get install gcc");
            return None;
        }
        let machine = Self { folder, library };
        machine.clock(0);
        machine.sync(0);
        Some(machine)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, name: &str, number: i64) {
        // In one step: whoever reads it sees the one or the other.
        let anew = self.file("anew");
        std::fs::write(&anew, number.to_string()).expect("a file");
        std::fs::rename(anew, self.file(name)).expect("a file in its place");
    }

    /// Puts the wall clock so many seconds ahead of the true time.
    pub fn clock(&self, seconds: i64) {
        self.set("clock", seconds);
    }

    /// Has each sync take so many milliseconds besides.
    pub fn sync(&self, milliseconds: u32) {
        self.set("sync", milliseconds.into());
    }

    /// Has a registry's process run on it from its next start on.
    pub fn carry(&self, registry: &Registry) {
        let [library, clock, sync] =
            [self.library.clone(), self.file("clock"), self.file("sync")].map(|path| path.display().to_string());
        registry.set_environment(&[("LD_PRELOAD", &library), ("MACHINE_CLOCK", &clock), ("MACHINE_SYNC", &sync)]);
    }
}
