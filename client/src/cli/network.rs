//! Flags of verbs that fetch from the web: what may be connected to.

use super::talk::advised;
use crate::observe::address::Guard;
use crate::observe::cache::Cache;
use crate::observe::fetch::{Fetcher, Manners};
use std::net::IpAddr;
use std::time::Duration;

/// What may be connected to, beside public addresses at ports 80 and 443.
#[derive(Debug, Default, clap::Args)]
pub struct Network {
    /// Connect to this port too, beside 80 and 443.
    #[arg(long, value_name = "PORT")]
    allow_port: Vec<u16>,
    /// Connect to private addresses too. For tests and networks of your own.
    #[arg(long)]
    pub allow_private: bool,
    /// The addresses of a host, instead of asking for them; they are checked like any other.
    #[arg(long, value_name = "HOST=ADDRESS,...", value_parser = parse_resolve)]
    resolve: Vec<(String, Vec<IpAddr>)>,
}

fn parse_resolve(text: &str) -> Result<(String, Vec<IpAddr>), String> {
    let (host, addresses) = text.split_once('=').ok_or("expected HOST=ADDRESS")?;
    let parsed: Result<Vec<IpAddr>, _> = addresses.split(',').map(|address| address.trim().parse()).collect();
    Ok((host.to_ascii_lowercase(), parsed.map_err(|_| format!("`{addresses}` is no list of IP addresses"))?))
}

impl Network {
    /// A fetcher that asks in the name of `about`, with a pause between two requests to one host.
    ///
    /// # Errors
    /// When `about` can't stand in a `User-Agent`, or the client can't be made.
    pub fn fetcher(&self, about: &str, pause: Duration, cache: Option<Cache>) -> anyhow::Result<Fetcher> {
        if about.is_empty() || !about.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'(' && byte != b')') {
            return Err(advised("--about is no URL or mail address", "such as https://watch.example/bot"));
        }
        let given = self.resolve.iter().cloned().collect();
        let guard = Guard { allow_private: self.allow_private, allowed: Vec::new(), given };
        let ports = self.allow_port.iter().copied().collect();
        Ok(Fetcher::new(guard, Manners { pause, ports, ..Manners::usual(about) }, cache)?)
    }
}
