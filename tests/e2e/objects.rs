//! Object storage: the registry's public part as objects in a real S3-compatible store, in another, and in a folder.

use std::sync::atomic::{AtomicU32, Ordering};

use cleartitle_server::objects::address::Address;
use cleartitle_server::objects::{ObjectError, Objects, layout};
use harness::objects::{self as servers, BUCKET, Moto, Objects as Server};

// What storage must do is told where it is at home.
#[path = "../../server/src/objects/conformance.rs"]
mod conformance;

/// Empty storages of one server.
fn storages(environment: &[(&'static str, String)]) -> impl Fn() -> Objects {
    let made = AtomicU32::new(0);
    move || {
        let address = format!("s3://{BUCKET}/conformance-{}", made.fetch_add(1, Ordering::Relaxed));
        Objects::open_with(&address.parse::<Address>().unwrap(), environment).unwrap()
    }
}

#[test]
fn seaweedfs_does_what_is_asked_of_object_storage() {
    let Some(server) = servers::shared("object storage on SeaweedFS") else { return };
    conformance::check(&storages(&server.environment()));
}

#[test]
fn moto_does_what_is_asked_of_object_storage() {
    let Some(server) = Moto::start("object storage on moto") else { return };
    conformance::check(&storages(&server.environment()));
}
