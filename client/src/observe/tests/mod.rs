//! Tests of observing against real sockets and real crawl files: what hostile servers do, and what crawls hold.

mod crawls;
mod network;
mod server;
