//! Area: the part of one site that a scope covers, as path patterns and holes in them.

use super::{Loss, What};
use crate::issuer::Domain;
use crate::scope::{Scope, Target, host_covers};
use crate::surt::{PathPattern, normalise_pattern};

/// What a scope covers of one site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Area {
    /// Path patterns of RFC 9309 (2022-09) that are covered, longest first.
    pub paths: Vec<String>,
    /// Path patterns inside them that are not, longest first.
    pub holes: Vec<String>,
    /// A hole that no longer path can cut out: whoever writes a permission would write it for the hole too.
    pub leaky: bool,
}

impl Area {
    /// What a scope covers of a site, unless it covers nothing there.
    #[must_use]
    pub fn of(scope: &Scope, site: &Domain) -> (Option<Self>, Vec<Loss>) {
        let mut losses = Vec::new();
        let mut area = Self::default();
        for target in &scope.include {
            match place(target, site) {
                Place::Path(path) => area.paths.push(path),
                Place::Elsewhere(host) => {
                    losses.push(Loss::new("all", What::OtherHost, format!("{host} needs files of its own")));
                }
                Place::Nowhere => losses.push(Loss::new("all", What::NotAnAddress, named(target))),
            }
            if matches!(target, Target::Host { subdomains: true, .. }) {
                let detail = format!("each host below needs files of its own: {}", named(target));
                losses.push(Loss::new("all", What::OtherHost, detail));
            }
        }
        for target in &scope.exclude {
            match place(target, site) {
                Place::Path(path) if path == "/" => return (None, losses),
                Place::Path(path) => area.holes.push(path),
                Place::Elsewhere(_) => {}
                Place::Nowhere => {
                    // Whichever document it is, a permission by path would reach it.
                    area.leaky = true;
                    losses.push(Loss::new("all", What::Exclusion, format!("{} can't be left out", named(target))));
                }
            }
        }
        area.settle();
        ((!area.paths.is_empty()).then_some(area), losses)
    }

    fn settle(&mut self) {
        let holes = std::mem::take(&mut self.holes);
        let swallowed = |path: &String| holes.iter().any(|hole| is_prefix(hole) && path.starts_with(hole.as_str()));
        self.paths.retain(|path| !swallowed(path));
        let overlaps = |hole: &String| self.paths.iter().any(|path| may_meet(path, hole));
        self.holes = holes.iter().filter(|hole| overlaps(hole)).cloned().collect();
        let uncut = |hole: &String| self.paths.iter().any(|path| may_meet(path, hole) && hole.len() <= path.len());
        self.leaky |= self.holes.iter().any(uncut);
        for list in [&mut self.paths, &mut self.holes] {
            list.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
            list.dedup();
        }
    }

    /// Whether the whole site is covered, holes aside.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.paths.iter().any(|path| path == "/" || path == "/*")
    }

    /// The area in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let under = if self.is_whole() { "the whole site".to_owned() } else { self.paths.join(", ") };
        if self.holes.is_empty() { under } else { format!("{under}, and not {}", self.holes.join(", ")) }
    }
}

enum Place {
    Path(String),
    Elsewhere(String),
    Nowhere,
}

fn place(target: &Target, site: &Domain) -> Place {
    match target {
        Target::Host { host, subdomains } if host_covers(host.as_str(), *subdomains, site.as_str()) => {
            Place::Path("/".to_owned())
        }
        Target::Host { host, .. } => Place::Elsewhere(host.to_string()),
        Target::Url { host, port: None, path } if host == site => Place::Path(pattern(path)),
        Target::Url { host, port, .. } => {
            Place::Elsewhere(port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}")))
        }
        Target::Content { .. } | Target::Works { .. } | Target::Repertoire { .. } | Target::Collection { .. } => {
            Place::Nowhere
        }
    }
}

/// The pattern in the one spelling that all formats read. A raw `#` would begin a comment in robots.txt; no path holds one.
fn pattern(path: &str) -> String {
    let (body, end) = path.strip_suffix('$').map_or((path, ""), |body| (body, "$"));
    format!("{}{end}", normalise_pattern(body).replace('#', "%23"))
}

fn is_prefix(pattern: &str) -> bool {
    !pattern.contains('*') && !pattern.ends_with('$')
}

/// Whether some path may match both.
fn may_meet(one: &str, other: &str) -> bool {
    let (one, other) = (PathPattern::new(one), PathPattern::new(other));
    let (one, other) = (one.literal_prefix(), other.literal_prefix());
    one.starts_with(other) || other.starts_with(one)
}

fn named(target: &Target) -> String {
    match target {
        Target::Host { host, subdomains: true } => format!("*.{host}"),
        Target::Host { host, .. } | Target::Url { host, .. } => host.to_string(),
        Target::Content { ids } => format!("{} contents", ids.len()),
        Target::Works { ids } => format!("{} works", ids.len()),
        Target::Repertoire { list } => format!("the repertoire {list}"),
        Target::Collection { name } => format!("the compilation {name}"),
    }
}
