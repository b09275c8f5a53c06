//! TLS to PostgreSQL, by a real server with a certificate of a private authority: the right name by the right authority, and nothing less.

use std::path::Path;

use harness::binaries::{command, ran, server_path};
use harness::{Postgres, Ran, Registry, cleartitle_server, postgres};

use crate::tls::Authority;

/// Serves over a database, with these roots in the environment; it is expected to end by itself.
fn serve(database: &str, roots: Option<&Path>) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let mut serve = command(server_path());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    serve.env("CLEARTITLE_DATABASE", database).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    serve.envs(roots.map(|roots| ("SSL_CERT_FILE", roots)));
    ran(database.to_owned(), serve.output().expect("the program can be started"))
}

#[test]
fn a_database_is_spoken_to_by_a_certificate_for_its_name_of_an_authority_that_is_trusted() {
    let Some(server) = Postgres::start("TLS to PostgreSQL", &[]) else { return };
    let (authority, other) = (Authority::new(), Authority::new());
    authority.issue_for(&["db.example", "127.0.0.1"], false);
    server.show_certificate(&authority.path("chain.pem"), &authority.path("key.pem"));
    let (root, strange) = (authority.path("root.pem"), other.path("root.pem"));
    let (root_named, strange_named) = (format!("sslrootcert={}", root.display()), strange.display().to_string());
    let name = server.database().rsplit('/').next().expect("a name").to_owned();
    let port = server.host().rsplit(':').next().expect("a port").to_owned();
    let at = |host: &str, query: &str| format!("postgres://reg:s3cret@{host}:{port}/{name}{query}");

    // A host of another name than this machine's: nobody had to ask for TLS.
    let registry = Registry::on_postgres(&at("db.example", &format!("?hostaddr=127.0.0.1&{root_named}")), None);
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'cleartitle-server'";
    assert_eq!(server.sql("postgres", encrypted), "t");
    let data = registry.data().display().to_string();
    let _ = cleartitle_server(&["audit", "--data", &data]).exits(0);
    // Nor does it speak in clear on this machine where it was asked not to.
    registry.use_database(&at("127.0.0.1", &format!("?sslmode=verify-full&{root_named}")));
    registry.restart_with(&[]);
    registry.register(&press, &press.reservation("other.press.example"));
    assert_eq!(server.sql("postgres", encrypted), "t");
    assert_eq!(registry.stop(), 0);

    let elsewhere = "?hostaddr=127.0.0.1";
    for (what, database, roots, told, hint) in [
        (
            "another name",
            at("other.example", &format!("{elsewhere}&{root_named}")),
            None,
            "another host name",
            "hostaddr=",
        ),
        ("another name by the system", at("other.example", elsewhere), Some(&root), "another host name", "hostaddr="),
        ("an authority that nobody trusts", at("db.example", elsewhere), None, "no authority", "sslrootcert=FILE"),
        (
            "another authority, though the system trusts the right one",
            at("db.example", &format!("{elsewhere}&sslrootcert={strange_named}")),
            Some(&root),
            "no authority",
            "sslrootcert=FILE",
        ),
        ("no file of roots", at("db.example", "?sslrootcert=/nowhere.pem"), None, "`/nowhere.pem`", ""),
        ("a file without roots", at("db.example", "?sslrootcert=/dev/null"), None, "no certificate is in it", ""),
    ] {
        let said = serve(&database, roots.map(std::path::PathBuf::as_path)).exits(2).stderr;
        assert!(said.contains(told) && said.contains(hint), "{what}: {said}");
        assert!(hint.is_empty() || said.contains("\n\nhint: "), "{what}: {said}");
        assert!(!said.contains("s3cret"), "{what}: {said}");
    }
    // The system's trust alone would have been enough.
    let audited = {
        let mut audit = command(server_path());
        audit.args(["audit", "--data", &data]).env("SSL_CERT_FILE", &root);
        audit.env("CLEARTITLE_DATABASE", at("db.example", elsewhere));
        ran("audit".to_owned(), audit.output().expect("the program can be started")).exits(0)
    };
    assert!(audited.stdout.contains("all is right"), "{}", audited.stdout);

    authority.issue_for(&["db.example"], true);
    server.show_certificate(&authority.path("chain.pem"), &authority.path("key.pem"));
    let database = at("db.example", &format!("{elsewhere}&{root_named}"));
    let said = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let ran = serve(&database, None).exits(2);
        (!ran.stderr.contains("missing")).then_some(ran.stderr)
    });
    let said = said.expect("a certificate that is over is refused");
    assert!(said.contains("its certificate is not taken") && said.contains("\n\nhint: "), "{said}");
}

#[test]
fn a_database_that_speaks_no_tls_is_told_nothing() {
    let Some(server) = postgres::shared("PostgreSQL without TLS") else { return };
    let database = server.database();
    let (name, port) = (database.rsplit('/').next().expect("a name"), server.host());
    let port = port.rsplit(':').next().expect("a port");
    let elsewhere = format!("postgres://reg:s3cret@db.example:{port}/{name}?hostaddr=127.0.0.1");
    for database in [elsewhere.clone(), format!("postgres://reg:s3cret@127.0.0.1:{port}/{name}?sslmode=require")] {
        let said = serve(&database, None).exits(2).stderr;
        assert!(said.contains("does not speak TLS") && said.contains("\n\nhint: set `ssl = on`"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert_eq!(server.sql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    // Whoever asks for it by name gets it.
    let registry = Registry::on_postgres(&format!("{elsewhere}&sslmode=disable"), None);
    let press = registry.publisher("press.example");
    registry.register(&press, &press.reservation("press.example"));
}
