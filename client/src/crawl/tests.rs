//! Whole-file tests of the crawl reader and the writers.
