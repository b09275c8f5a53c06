//! The stage: a folder, a registry as a process of its own, and steps told on stderr. Nothing outlives it unless asked to.

use anyhow::Context as _;
use harness::binaries::{client_path, command, server_path};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The name of the demo's log.
const ORIGIN: &str = "registry.example/demo";

/// What has to be gone at the end, whoever ends it.
#[derive(Default)]
struct Props {
    server: Option<Child>,
    temporary: Option<PathBuf>,
}

impl Props {
    fn clear(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        if let Some(folder) = self.temporary.take() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The folder, the registry and the clock of one run.
pub struct Stage {
    folder: PathBuf,
    address: String,
    begun: Instant,
    props: Arc<Mutex<Props>>,
}

fn hold(props: &Mutex<Props>) -> MutexGuard<'_, Props> {
    props.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clears the stage when a signal asks the process to end; best effort.
fn clear_at_signals(props: Arc<Mutex<Props>>) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let code = runtime.block_on(async {
            #[cfg(unix)]
            if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                return tokio::select! {
                    _ = tokio::signal::ctrl_c() => 130,
                    _ = terminate.recv() => 143,
                };
            }
            let _ = tokio::signal::ctrl_c().await;
            130
        });
        // Held until the end, so that no server is started behind our back.
        let mut props = hold(&props);
        props.clear();
        std::process::exit(code);
    });
}

impl Stage {
    /// Makes the folder: the one that is named, which must be empty or new, or a temporary one.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        let mut props = Props::default();
        let folder = match keep {
            Some(folder) => {
                std::fs::create_dir_all(folder).with_context(|| format!("`{}`", folder.display()))?;
                let empty = std::fs::read_dir(folder)?.next().is_none();
                anyhow::ensure!(empty, "`{}` is not empty", folder.display());
                folder.canonicalize()?
            }
            None => {
                let folder = tempfile::Builder::new().prefix("cleartitle-demo-").tempdir()?.keep();
                props.temporary = Some(folder.clone());
                folder
            }
        };
        let props = Arc::new(Mutex::new(props));
        clear_at_signals(Arc::clone(&props));
        Ok(Self { folder, address: String::new(), begun: Instant::now(), props })
    }

    /// A path below the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The registry's address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Does one step and says on stderr what it was and how long it took.
    ///
    /// # Errors
    /// The step's own.
    pub fn step<T>(&mut self, what: &str, step: impl FnOnce(&mut Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let begun = Instant::now();
        let done = step(self).with_context(|| format!("could not {what}"))?;
        eprintln!("{:6.1} s  {what}", begun.elapsed().as_secs_f64());
        Ok(done)
    }

    /// Says how long everything took.
    pub fn end(&self) {
        eprintln!("{:6.1} s  in all", self.begun.elapsed().as_secs_f64());
    }

    /// Starts the registry and waits until it says its address.
    ///
    /// # Errors
    /// When it doesn't, with what it said instead.
    pub fn serve(&mut self) -> anyhow::Result<()> {
        let said = self.path("registry.stderr.txt");
        let mut program = command(server_path());
        program.args(["serve", "--listen", "127.0.0.1:0", "--origin", ORIGIN, "--data"]).arg(self.path("registry"));
        program.env("CLEARTITLE_LOG", "warn").stdout(Stdio::piped()).stderr(std::fs::File::create(&said)?);
        let mut stdout = {
            let mut props = hold(&self.props);
            let mut server = program.spawn()?;
            let stdout = server.stdout.take();
            props.server = Some(server);
            BufReader::new(stdout.context("the server has no output")?)
        };
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let told = || format!("it said `{}` and {}", line.trim(), std::fs::read_to_string(&said).unwrap_or_default());
        self.address = address.with_context(told)?;
        // The pipe stays read, so that a server that writes more never blocks on it.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Ok(())
    }

    /// Ends the registry.
    pub fn stop(&self) {
        let server = hold(&self.props).server.take();
        if let Some(mut server) = server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        hold(&self.props).clear();
    }
}

fn run(mut program: Command, good: &[i32]) -> anyhow::Result<String> {
    let output = program.output()?;
    let code = output.status.code();
    anyhow::ensure!(
        code.is_some_and(|code| good.contains(&code)),
        "{program:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `cleartitle` and returns what it wrote to stdout.
///
/// # Errors
/// When it ends with a code that is not among the good ones, with all that it said.
pub fn cleartitle<S: AsRef<OsStr>>(arguments: &[S], good: &[i32]) -> anyhow::Result<String> {
    let mut program = command(client_path());
    program.args(arguments);
    run(program, good)
}

/// Runs `cleartitle-server`, beside the one that serves.
///
/// # Errors
/// When it ends with another code than 0, with all that it said.
pub fn cleartitle_server<S: AsRef<OsStr>>(arguments: &[S]) -> anyhow::Result<String> {
    let mut program = command(server_path());
    program.args(arguments);
    run(program, &[0])
}
