//! Whoever stands between a reader and a registry, and may change what passes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Passes requests on, each to where `to` says by its path, and its answer through `change`.
pub fn between(
    to: impl Fn(&str) -> String + Send + 'static,
    change: impl Fn(&str, &mut Vec<u8>) + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut near in listener.incoming().flatten() {
            let mut asked = Vec::new();
            let mut piece = [0; 4096];
            while !asked.ends_with(b"\r\n\r\n") {
                match near.read(&mut piece) {
                    Ok(read @ 1..) => asked.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            let asked = String::from_utf8_lossy(&asked).replacen("\r\n", "\r\nConnection: close\r\n", 1);
            let path = asked.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut far = TcpStream::connect(to(&path)).expect("a registry");
            far.write_all(asked.as_bytes()).expect("a request");
            let mut answer = Vec::new();
            let _ = far.read_to_end(&mut answer);
            change(&path, &mut answer);
            let _ = near.write_all(&answer);
        }
    });
    address
}
