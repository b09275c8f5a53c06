//! Pages of real crawl files, which stand beside the workspace and are never part of it.

use std::path::Path;

use cleartitle::crawl::{self, Item, Options};
use cleartitle_schema::signals::record::is_page;

/// Every page of the crawl files beside the workspace; none where they are not at hand.
pub fn pages() -> Vec<Vec<u8>> {
    let mut pages = Vec::new();
    for path in harness::crawl::files().iter().filter(|path| path.to_string_lossy().contains("shared")) {
        read(path, &mut pages);
    }
    pages
}

fn read(path: &Path, pages: &mut Vec<Vec<u8>>) {
    let Ok(mut reader) = crawl::open(path, Options::default()) else { return };
    while let Ok(Some(item)) = reader.next_item() {
        let Item::Record(record) = item else { continue };
        let fields = record.http.as_ref().map(|http| http.headers.clone()).unwrap_or_default();
        if let Some(document) = record.document().filter(|document| is_page(&fields, document)) {
            pages.push(document.to_vec());
        }
    }
}
