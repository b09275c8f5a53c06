//! The browser (Chromium) that opens our pages as people do: what it draws, and whom it asks.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::independent::{not_run, ran};

/// How to get one.
const CURE: &str = "apt-get install --no-install-recommends chromium, or set CLEARTITLE_BROWSER";

/// Hosts that the browser asks on its own account.
const ITS_OWN: [&str; 3] = ["google.com", "googleapis.com", "gstatic.com"];

/// What a browser made of a page.
#[derive(Debug)]
pub struct Opened {
    /// The document as it stands after loading.
    pub document: String,
    /// Every address that was asked for, the page's own and the browser's own aside.
    pub asked: Vec<String>,
    /// What is seen, three bytes a pixel.
    pub pixels: Vec<[u8; 3]>,
}

impl Opened {
    /// How much of the picture has a colour, such as `b71c1c`.
    #[must_use]
    pub fn coloured(&self, hex: &str) -> usize {
        let sought = u32::from_str_radix(hex, 16).expect("a colour").to_be_bytes();
        self.pixels.iter().filter(|pixel| **pixel == sought[1..]).count()
    }
}

fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("CLEARTITLE_BROWSER").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = ["chromium", "chromium-browser", "google-chrome"].into_iter();
    let mut found = found.flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    named.or_else(|| found.find(|path| path.is_file()))
}

fn run(browser: &Path, profile: &Path, page: &Path, more: &[String]) -> crate::Ran {
    let mut command = crate::binaries::command(browser);
    // Without a sandbox of its own it runs as root too, as it does in CI; the pages are ours.
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.args(more).arg(format!("file://{}", page.display()));
    ran(command)
}

/// Opens a page; `None` after saying that there is no browser.
///
/// # Panics
/// When the browser fails.
#[must_use]
pub fn open(check: &str, page: &Path) -> Option<Opened> {
    let Some(browser) = browser() else {
        not_run(check, "no Chromium", CURE);
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (log, picture) = (folder.path().join("net.json"), folder.path().join("seen.png"));
    let logged = format!("--log-net-log={}", log.display());
    let document = run(&browser, folder.path(), page, &[logged, "--dump-dom".to_owned()]).exits(0).stdout;
    let seen = [format!("--screenshot={}", picture.display()), "--window-size=1200,1600".to_owned()];
    let _ = run(&browser, folder.path(), page, &seen).exits(0);
    let text = std::fs::read_to_string(&log).expect("a log of the network");
    let log: Value = serde_json::from_str(&text).expect("JSON");
    Some(Opened { document, asked: asked(&log), pixels: pixels(&picture) })
}

fn asked(log: &Value) -> Vec<String> {
    let events = log["events"].as_array().expect("events");
    let mut asked: Vec<String> = events
        .iter()
        .filter_map(|event| event["params"]["url"].as_str())
        .filter(|url| !url.starts_with("file:") && !url.starts_with("data:") && !url.starts_with("chrome"))
        .filter(|url| {
            let host = url.split("://").nth(1).and_then(|rest| rest.split(['/', ':', '?']).next()).unwrap_or_default();
            !ITS_OWN.iter().any(|own| host == *own || host.ends_with(&format!(".{own}")))
        })
        .map(str::to_owned)
        .collect();
    asked.sort();
    asked.dedup();
    asked
}

fn pixels(picture: &Path) -> Vec<[u8; 3]> {
    let mut decoder = png::Decoder::new(BufReader::new(File::open(picture).expect("a picture")));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut bytes).expect("a frame");
    let each = info.color_type.samples();
    assert!(each >= 3, "a picture in colours");
    bytes.chunks_exact(each).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}
