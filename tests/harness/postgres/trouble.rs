//! What befalls a server of PostgreSQL: signals, a certificate, a disk of another size.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Postgres;

impl Postgres {
    /// Has the server speak TLS by this certificate to whoever asks for it.
    ///
    /// # Panics
    /// When it does not.
    pub fn show_certificate(&self, chain: &Path, key: &Path) {
        for (from, name) in [(chain, "server.crt"), (key, "server.key")] {
            let to = self.data().join(name);
            std::fs::copy(from, &to).expect("a copy");
            std::fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
            let owned = Command::new("chown").arg("postgres:").arg(&to).stderr(Stdio::null()).status();
            let _ = owned.expect("chown can be started");
        }
        let _ = self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        let _ = self.sql("postgres", "SELECT pg_reload_conf()");
        for _ in 0..100 {
            if self.sql("postgres", "SHOW ssl") == "on" {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("PostgreSQL takes the certificate by no means");
    }

    /// Sends a signal to the server and all its processes; which those are.
    fn signal(&self, signal: &str) -> Vec<String> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).expect("a process id");
        let parent = file.lines().next().expect("a process id").to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &parent]).output().expect("ps").stdout;
        let mut all = vec![parent];
        all.extend(String::from_utf8_lossy(&children).split_whitespace().map(str::to_owned));
        let _ = Command::new("kill").arg(signal).args(&all).stderr(Stdio::null()).status();
        all
    }

    /// Has the server do nothing, and keep its connections, until it is let go on.
    pub fn hold(&self) {
        let _ = self.signal("-STOP");
    }

    /// Lets a server go on that was held.
    pub fn let_go(&self) {
        let _ = self.signal("-CONT");
    }

    /// Kills the server and all its processes with signal 9. When this returns they have ended, and it may begin again.
    ///
    /// # Panics
    /// When it has no process.
    pub fn kill(&self) {
        let killed = self.signal("-9");
        let alive = |id: &String| {
            let told = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            told.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
        };
        for _ in 0..200 {
            if !killed.iter().any(alive) {
                // Whom nobody waits for keeps its number, and would pass for a server that runs.
                let _ = std::fs::remove_file(self.data().join("postmaster.pid"));
                let _ = std::fs::remove_file(self.folder.join(format!(".s.PGSQL.{}.lock", self.port)));
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("PostgreSQL outlives signal 9");
    }

    /// Makes an empty database whose tables lie in a folder elsewhere.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn database_in(&self, folder: &Path) -> String {
        let place = folder.join("tables");
        std::fs::create_dir(&place).expect("a folder");
        let owned = Command::new("chown").arg("postgres:").arg(&place).stderr(Stdio::null()).status();
        let _ = owned.expect("chown can be started");
        let _ = self.sql("postgres", &format!("CREATE TABLESPACE elsewhere LOCATION '{}'", place.display()));
        self.database_with("TABLESPACE elsewhere")
    }
}
