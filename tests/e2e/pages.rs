//! Pages: whatever a browser is given carries a policy that keeps it to this host, and names no other to load from.

use harness::Registry;
use harness::http::client;
use reqwest::blocking::Response;

fn fetch(registry: &Registry, path: &str) -> Response {
    client().get(registry.url(path)).send().expect("an answer")
}

/// The files that a page loads, by its own words.
fn loads(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for attribute in ["src=\"", "href=\"", "action=\"", "data=\""] {
        found.extend(page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    found
}

#[track_caller]
fn is_kept_to_this_host(path: &str, answer: &Response) {
    let header = |name: &str| {
        let values: Vec<_> = answer.headers().get_all(name).iter().collect();
        assert_eq!(values.len(), 1, "{path}: {name}");
        values[0].to_str().expect("text").to_owned()
    };
    let policy = header("content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for directive in
        ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    {
        assert!(directives.contains(&directive), "{path}: {policy}");
    }
    assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{path}: {policy}");
    assert!(!directives.iter().any(|it| it.starts_with("script-src")), "{path}: scripts are this host's own: {policy}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    assert!(answer.headers().get("set-cookie").is_none() && answer.headers().get("server").is_none(), "{path}");
}

#[test]
fn every_answer_keeps_a_browser_to_this_host() {
    let registry = Registry::with_press_and_open();
    let api: serde_json::Value = fetch(&registry, "/openapi.json").json().expect("a description");
    let mut paths: Vec<String> = api["paths"].as_object().expect("paths").keys().cloned().collect();
    assert!(paths.len() >= 15, "{paths:?}");
    paths.extend(
        ["/docs/", "/docs", "/openapi.json", "/openapi.yaml", "/no-such-page", "/reasons/too-long"].map(str::to_owned),
    );
    // As they stand, braces and all: an answer about a name that is none is an answer too.
    for path in &paths {
        is_kept_to_this_host(path, &fetch(&registry, path));
    }
    is_kept_to_this_host("POST", &client().post(registry.url("/v1/statements")).body("{}").send().expect("an answer"));
}

#[test]
fn the_viewer_asks_no_other_host() {
    let registry = Registry::start();
    let page = fetch(&registry, "/docs/");
    assert!(page.headers()["content-type"].to_str().expect("text").starts_with("text/html"));
    let page = page.text().expect("a page");
    let files = loads(&page);
    assert!(files.len() >= 4, "{page}");
    assert!(!page.contains("//"), "the page names another host: {page}");
    for file in files {
        let path = format!("/docs/{}", file.trim_start_matches("./"));
        let answer = fetch(&registry, &path);
        assert_eq!(answer.status(), 200, "{path}");
        is_kept_to_this_host(&path, &answer);
        let text = String::from_utf8_lossy(&answer.bytes().expect("a body")).into_owned();
        if path.ends_with("initializer.js") {
            let outside = text.match_indices("//").find(|(place, _)| text[..*place].ends_with([':', '"', '\'']));
            assert_eq!(outside, None, "{path}: {text}");
            assert!(text.contains("/openapi.json") && text.contains("none"), "{text}");
        }
        // A sheet loads what it names; a script is held by the policy.
        if path.ends_with(".css") {
            assert!(!text.contains("@import") && !text.contains("url(http") && !text.contains("url(//"), "{path}");
        }
    }
}

/// Evidence is whatever a hostile site served: it comes back as a file to save, never as a page.
#[test]
fn evidence_is_never_a_page() {
    let registry = Registry::start();
    let press = registry.publisher("press.example");
    let page = b"<!doctype html><script>alert(1)</script>";
    let blob = cleartitle_schema::id::BlobId::of(page).to_string();
    let mut payload = press.reservation("press.example");
    payload["evidence"] = serde_json::json!([{ "blob": blob, "media_type": "text/html" }]);
    registry.register(&press, &payload);
    let _ = registry.put_blob(&blob, page).is(201);
    let answer = fetch(&registry, &format!("/v1/blobs/{blob}"));
    is_kept_to_this_host("a blob", &answer);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.headers()["content-disposition"], "attachment");
    assert_eq!(answer.bytes().expect("bytes").as_ref(), page);
}
