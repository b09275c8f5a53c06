//! A proxy between a server and its database that cuts its connections where it is told to: in the middle of what either says.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// How much of one direction may still pass before everything is cut; negative means without end.
#[derive(Debug)]
struct Left(AtomicI64);

/// A proxy to one address.
pub struct Proxy {
    address: SocketAddr,
    to_database: Arc<Left>,
    to_server: Arc<Left>,
    cuts: Arc<AtomicU64>,
    closed: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts one before a database at `host:port`.
    ///
    /// # Panics
    /// When nothing can be listened on.
    #[must_use]
    pub fn before(database: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            to_database: Arc::new(Left(AtomicI64::new(-1))),
            to_server: Arc::new(Left(AtomicI64::new(-1))),
            cuts: Arc::default(),
            closed: Arc::default(),
        };
        let (database, there, back) =
            (database.to_owned(), Arc::clone(&proxy.to_database), Arc::clone(&proxy.to_server));
        let (cuts, closed) = (Arc::clone(&proxy.cuts), Arc::clone(&proxy.closed));
        std::thread::spawn(move || {
            for server in listener.incoming().flatten().filter(|_| !closed.load(Ordering::SeqCst)) {
                let Ok(database) = TcpStream::connect(&database) else { continue };
                let pairs = server.try_clone().and_then(|other| Ok((other, database.try_clone()?)));
                let Ok((server_too, database_too)) = pairs else { continue };
                let (there, back, cuts) = (Arc::clone(&there), Arc::clone(&back), Arc::clone(&cuts));
                let (counted, closed) = (Arc::clone(&cuts), Arc::clone(&closed));
                let ends = [server_too.try_clone(), database_too.try_clone()];
                std::thread::spawn(move || {
                    while !closed.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    ends.into_iter().flatten().for_each(|end| drop(end.shutdown(Shutdown::Both)));
                });
                std::thread::spawn(move || pass(server, database, &there, &cuts));
                std::thread::spawn(move || pass(database_too, server_too, &back, &counted));
            }
        });
        proxy
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Cuts once so many bytes more went to the database, all connections together.
    pub fn cut_to_database(&self, bytes: u32) {
        self.to_database.0.store(bytes.into(), Ordering::SeqCst);
    }

    /// Cuts once so many bytes more came from the database.
    pub fn cut_to_server(&self, bytes: u32) {
        self.to_server.0.store(bytes.into(), Ordering::SeqCst);
    }

    /// Cuts everything and lets nothing pass until it is opened again.
    pub fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::SeqCst);
        // Whoever watches a connection looks every 10 ms.
        std::thread::sleep(Duration::from_millis(50));
    }

    /// How often it cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// Passes bytes on until one side ends or what may pass is used up. What may pass still passes: a message is cut in its middle.
fn pass(mut from: TcpStream, mut to: TcpStream, left: &Left, cuts: &AtomicU64) {
    let mut piece = vec![0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let taken = i64::try_from(count).expect("small");
        let before = left.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            if left < 0 { None } else { Some(if left > taken { left - taken } else { -1 }) }
        });
        let passes = match before {
            Ok(left) if left <= taken => usize::try_from(left).expect("small"),
            _ => count,
        };
        if to.write_all(&piece[..passes]).is_err() {
            break;
        }
        if passes < count || before == Ok(taken) {
            cuts.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
