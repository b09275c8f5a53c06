//! crawl: later in this file.
