//! House rules as tests: direction of imports, sizes, headers, words, pages, manifests, the generated API description.

mod figures;
mod files;
mod imports;
mod manifests;
mod pages;
mod threats;
mod tree;
