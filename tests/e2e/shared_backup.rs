//! Backup and restore of a database that servers share: one kind of file for both kinds of database, taken beside running servers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Postgres, Ran, Registry, UNLIMITED, cleartitle_server, postgres};
use serde_json::{Value, json};

use super::uploads::{registered, rows as a_table};

/// What a registry can't make again, by table.
const PRIMARY: [&str; 15] = [
    "leaves",
    "published",
    "lists",
    "checkpoints",
    "evidence",
    "sealed",
    "usage_reports",
    "registry",
    "cosignatures",
    "witnessed",
    "sealed_erased",
    "usage_readers",
    "proof_checks",
    "webhooks",
    "table_parts",
];

fn back_up(registry: &Registry, name: &str) -> PathBuf {
    let out = registry.scratch().join(name);
    let (data, file) = (registry.data().display().to_string(), out.display().to_string());
    let said = cleartitle_server(&["backup", "--data", &data, "--out", &file]).exits(0).stdout;
    assert!(said.starts_with("backup: "), "{said}");
    out
}

fn restore(archive: &Path, data: &Path, database: &str, published: &[&Path]) -> Ran {
    let (data, file) = (data.display().to_string(), archive.display().to_string());
    let published: Vec<String> = published.iter().map(|path| path.display().to_string()).collect();
    let mut arguments = vec!["restore", "--data", &data, "--database", database];
    published.iter().for_each(|path| arguments.extend(["--published", path.as_str()]));
    cleartitle_server(&[&arguments[..], &[file.as_str()]].concat())
}

fn dump(registry: &Registry) -> String {
    cleartitle_server(&["dump", "--data", &registry.data().display().to_string()]).exits(0).stdout
}

fn name_of(database: &str) -> &str {
    database.rsplit('/').next().expect("a name")
}

/// The digest of each primary table's rows.
fn rows(server: &Postgres, database: &str) -> Vec<String> {
    let one = |table: &str| {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {table} t"
        );
        format!("{table} {}", server.sql(name_of(database), &sql))
    };
    PRIMARY.map(one).to_vec()
}

/// Folders whose one file can be a registry's place of restoring, and keep it.
fn restored_to_postgres(archive: &Path, database: &str, published: &[&Path], acknowledged: Vec<Value>) -> Registry {
    let registry = Registry::unstarted(acknowledged, &UNLIMITED);
    let said = restore(archive, &registry.data(), database, published).exits(0);
    assert!(said.stdout.contains("all is right"), "{}", said.stdout);
    assert!(!registry.data().join("registry.sqlite").exists());
    registry.use_database(database);
    registry.begin();
    registry
}

#[test]
fn a_backup_of_a_shared_database_under_load_restores_into_either_kind() {
    let Some(server) = postgres::shared("backup of PostgreSQL") else { return };
    let database = server.database();
    let first = Registry::on_postgres(&database, None);
    let second = Registry::on_postgres(&database, Some(&first));
    let press = first.publisher("press.example");
    let evidence = b"User-agent: *\nDisallow: /\n";
    let mut payload = press.reservation("press.example");
    let blob = cleartitle_schema::id::BlobId::of(evidence).to_string();
    payload["evidence"] = json!([{ "blob": blob, "media_type": "text/plain" }]);
    first.register(&press, &payload);
    let _ = first.put_blob(&blob, evidence).is(201);

    let stop = AtomicBool::new(false);
    let (acknowledged, archive) = std::thread::scope(|scope| {
        for (server, name) in [(&first, "one"), (&second, "two")] {
            let (press, stop, first) = (&press, &stop, &first);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut payload = press.reservation("press.example");
                    payload["note"] = json!(format!("server {name}, number {number}"));
                    let answer = server.try_register(&press.sign(&payload)).expect("an answer").is(201);
                    if name == "two" {
                        first.remember(answer.json());
                    }
                }
            });
        }
        while first.acknowledged().len() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let acknowledged = first.acknowledged();
        let archive = back_up(&first, "under-load.tar");
        let during = first.acknowledged().len() > acknowledged.len();
        stop.store(true, Ordering::Relaxed);
        assert!(during, "nothing was registered meanwhile");
        (acknowledged, archive)
    });
    first.audit();
    // What was acknowledged before it began is in it, whatever server did.
    let to_file = Registry::restored(&archive, acknowledged.clone(), &UNLIMITED);
    to_file.audit();
    harness::audit::check_blobs(&to_file);
    assert_eq!(to_file.read(&format!("/v1/blobs/{blob}")).is(200).body, evidence);
    let other = server.database();
    let to_database = restored_to_postgres(&archive, &other, &[], acknowledged.clone());
    to_database.audit();
    for registration in &acknowledged {
        let path = format!("/v1/statements/{}", registration["statement"].as_str().expect("an id"));
        for restored in [&to_file, &to_database] {
            let found = restored.read(&path).is(200).json();
            assert_eq!(found["registration"]["receipt"], registration["receipt"], "{path}");
        }
    }
    // Both go on.
    to_file.register(&press, &press.grant("press.example"));
    to_database.register(&press, &press.grant("press.example"));
}

#[test]
fn what_comes_back_is_row_for_row_what_was_there() {
    let Some(server) = postgres::shared("backup of PostgreSQL, row for row") else { return };
    let database = server.database();
    let registry = Registry::on_postgres(&database, None);
    let registry = registry.and_press_and_open();
    let press = registry.publisher("press.example");
    let _ = registered(&registry, &press, &a_table(1500), 500);
    assert_eq!(registry.stop(), 0);
    let archive = back_up(&registry, "whole.tar");
    let checkpoint = registry.scratch().join("checkpoint.note");
    let note = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1";
    std::fs::write(&checkpoint, server.sql(name_of(&database), note) + "\n").expect("a file");
    let (again, before) = (server.database(), dump(&registry));
    let restored = restored_to_postgres(&archive, &again, &[&checkpoint], registry.acknowledged());
    assert_eq!(restored.stop(), 0);
    assert_eq!(dump(&restored), before);
    assert_eq!(rows(server, &again), rows(server, &database));
    // And by way of SQLite, whose file is then moved.
    let second = back_up(&restored, "again.tar");
    let in_file = Registry::restored(&second, registry.acknowledged(), &UNLIMITED);
    assert_eq!(in_file.stop(), 0);
    assert_eq!(dump(&in_file), before);
    let moved = server.database();
    let from = format!("sqlite:{}", in_file.data().display());
    let _ = cleartitle_server(&["migrate", "--from", &from, "--to", &moved]).exits(0);
    assert_eq!(rows(server, &moved), rows(server, &database));
}

#[test]
fn what_is_shorter_than_was_published_or_not_alone_is_not_restored_into_a_database() {
    let Some(server) = postgres::shared("a restore into PostgreSQL that is refused") else { return };
    let database = server.database();
    let registry = Registry::on_postgres(&database, None);
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    let early = back_up(&registry, "early.tar");
    registry.register(&press, &press.grant("press.example"));
    let checkpoint = registry.scratch().join("checkpoint.note");
    std::fs::write(&checkpoint, registry.read("/checkpoint").is(200).body).expect("a file");
    let (empty, data) = (server.database(), registry.scratch().join("restored"));
    let refused = restore(&early, &data, &empty, &[&checkpoint]).exits(1).stderr;
    assert!(refused.contains("was published") && refused.contains("hint: "), "{refused}");
    assert!(!data.exists());
    assert_eq!(server.sql(name_of(&empty), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");

    // Not over the registry that runs, nor half over one.
    let over = restore(&early, &data, &database, &[]).exits(2).stderr;
    assert!(over.contains("is not empty") && over.contains("hint: `createdb`"), "{over}");
    let away = restore(&early, &data, "postgres://reg:s3cret@127.0.0.1:1/reg", &[]).exits(2).stderr;
    assert!(away.contains("127.0.0.1:1") && !away.contains("s3cret"), "{away}");
    assert!(!data.exists());
    registry.audit();

    // An archive that was altered fills no database.
    let mut bytes = std::fs::read(&early).expect("an archive");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let altered = registry.scratch().join("altered.tar");
    std::fs::write(&altered, bytes).expect("an archive");
    let said = restore(&altered, &data, &empty, &[]).exits(1).stderr;
    assert!(said.contains("damaged"), "{said}");
    assert_eq!(server.sql(name_of(&empty), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    // A database without a log has nothing to be backed up.
    let fresh = registry.scratch().join("fresh.tar").display().to_string();
    let data = registry.data().display().to_string();
    let none = cleartitle_server(&["backup", "--data", &data, "--database", &empty, "--out", &fresh]).exits(2).stderr;
    assert!(none.contains("holds no log"), "{none}");
}
