//! The data builder's side.
pub mod crawl;
