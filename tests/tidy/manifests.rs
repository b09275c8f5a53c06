//! Rules about manifests: every dependency has a user, every workspace version a member, and clippy's walls stand.

use std::collections::BTreeSet;

use crate::tree::{assert_none, files, text};

const MEMBERS: &[&str] = &["schema", "server", "client", "tests"];

/// Dependencies that are switched on without a path in the sources, and why.
const SILENT: &[(&str, &str)] = &[];

fn table(path: &str) -> toml::Table {
    text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names(manifest: &toml::Table, section: &str) -> Vec<String> {
    manifest.get(section).and_then(toml::Value::as_table).map(|it| it.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn every_dependency_of_a_member_is_named_in_its_sources() {
    let mut findings = Vec::new();
    for member in MEMBERS {
        let sources: String =
            files(member).iter().filter(|path| path.ends_with(".rs")).map(|path| text(path)).collect();
        let manifest = table(&format!("{member}/Cargo.toml"));
        for section in ["dependencies", "dev-dependencies"] {
            for name in names(&manifest, section) {
                let path = name.replace('-', "_");
                let named = ["::", ";", " as ", "{"].iter().any(|after| sources.contains(&format!("{path}{after}")));
                if !named && !SILENT.iter().any(|(silent, _)| *silent == name) {
                    findings.push(format!("{member}/Cargo.toml: {name}"));
                }
            }
        }
    }
    assert_none("dependencies that nobody uses", &findings);
}

#[test]
fn every_workspace_dependency_has_a_member() {
    let workspace = table("Cargo.toml");
    let workspace = workspace["workspace"].as_table().expect("a workspace");
    let used: BTreeSet<String> = MEMBERS
        .iter()
        .map(|member| table(&format!("{member}/Cargo.toml")))
        .flat_map(|manifest| [names(&manifest, "dependencies"), names(&manifest, "dev-dependencies")].concat())
        .collect();
    let unused: Vec<String> =
        names(workspace, "dependencies").into_iter().filter(|name| !used.contains(name)).collect();
    assert_none("versions in the workspace that no member takes", &unused);
}

#[test]
fn members_take_the_workspaces_versions_and_lints() {
    let mut findings = Vec::new();
    for member in MEMBERS {
        let manifest = table(&format!("{member}/Cargo.toml"));
        for section in ["dependencies", "dev-dependencies"] {
            for (name, value) in manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                    findings.push(format!("{member}: {name} has a version of its own"));
                }
            }
        }
        if manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) != Some(true) {
            findings.push(format!("{member}: the workspace's lints are not on"));
        }
    }
    assert_none("manifests apart from the workspace's", &findings);
}

#[test]
fn functions_are_bounded_and_schema_is_walled() {
    let all = table(".clippy.toml");
    let schema = table("schema/clippy.toml");
    for (path, clippy) in [(".clippy.toml", &all), ("schema/clippy.toml", &schema)] {
        // Clippy takes the nearest file alone, so that each must say it.
        let threshold = clippy.get("too-many-lines-threshold").and_then(toml::Value::as_integer);
        assert_eq!(threshold, Some(80), "{path} bounds functions to 80 lines");
    }
    let banned: BTreeSet<&str> = schema["disallowed-methods"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|method| method.get("path").and_then(toml::Value::as_str))
        .collect();
    for method in [
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "std::fs::read",
        "std::fs::write",
        "std::fs::File::open",
        "std::env::var",
        "std::net::TcpStream::connect",
        "std::thread::spawn",
        "std::process::Command::new",
    ] {
        assert!(banned.contains(method), "`schema/clippy.toml` bans {method}");
    }
}
