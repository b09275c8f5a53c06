//! A site: scheme, host and port as robots.txt binds them, with the schemes merged as the registry merges them.

use cleartitle_schema::issuer::Domain;
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::surt::UrlKey;
use url::Url;

/// One site to be observed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// Scheme, host and port with the path `/`: where its files are asked for.
    pub base: Url,
    /// The host.
    pub host: Domain,
    /// A port other than the schemes' own.
    pub port: Option<u16>,
}

/// Why a text names no site.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// Neither a host nor a URL.
    #[error("`{0}` is neither a host nor an http or https URL")]
    NotASite(String),
    /// Not a host that a statement can name: an address, or a name of one label.
    #[error("`{0}` is no host name such as press.example; addresses and short names have no authority")]
    NotAName(String),
    /// A name and password in a list would be sent to the site, and kept as evidence.
    #[error("a site is named without user and password")]
    Credentials,
}

impl Site {
    /// The site of a URL.
    ///
    /// # Errors
    /// [`SiteError`].
    pub fn of(url: &Url) -> Result<Self, SiteError> {
        let shown = || url.as_str().chars().take(80).collect::<String>();
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SiteError::NotASite(shown()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SiteError::Credentials);
        }
        let key = UrlKey::parse(url.as_str()).map_err(|_| SiteError::NotASite(shown()))?;
        let host: Domain = key.host.parse().map_err(|_| SiteError::NotAName(key.host.clone()))?;
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        // A final dot names the same host; without it certificates and evidence agree.
        base.set_host(Some(host.as_str())).map_err(|_| SiteError::NotASite(shown()))?;
        Ok(Self { base, host, port: key.port })
    }

    /// Reads a site as people write it: a host with or without a port, which means https, or a URL.
    ///
    /// # Errors
    /// [`SiteError`].
    pub fn parse(text: &str) -> Result<Self, SiteError> {
        let shown = || SiteError::NotASite(text.chars().take(80).collect());
        if text.is_empty()
            || text.len() > 2000
            || text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        {
            return Err(shown());
        }
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        Self::of(&Url::parse(&whole).map_err(|_| shown())?)
    }

    /// Host, and port where it is an odd one: the site's name in the state and in reports.
    #[must_use]
    pub fn name(&self) -> String {
        self.port.map_or_else(|| self.host.to_string(), |port| format!("{}:{port}", self.host))
    }

    /// What an observation of it covers: this host at this port. Other ports and hosts below have files of their own.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let path = "/".to_owned();
        Scope { include: vec![Target::Url { host: self.host.clone(), port: self.port, path }], exclude: Vec::new() }
    }

    /// Whether a URL belongs to it, whatever the scheme.
    #[must_use]
    pub fn holds(&self, url: &Url) -> bool {
        Self::of(url).is_ok_and(|other| (&other.host, other.port) == (&self.host, self.port))
    }
}

/// A line of a list that names no site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: SiteError,
}

/// Reads a list: a site a line, `#` begins a comment. A site that stands twice is taken once.
#[must_use]
pub fn parse_list(text: &str) -> (Vec<Site>, Vec<BadLine>) {
    let (mut sites, mut bad, mut seen) = (Vec::new(), Vec::new(), std::collections::BTreeSet::new());
    for (number, line) in text.lines().enumerate() {
        // In a URL a `#` is a fragment; as a comment it begins the line or stands after a space.
        let line = line.trim_start_matches('\u{feff}').trim();
        let line = line.find(" #").map_or(line, |at| line[..at].trim_end());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match Site::parse(line) {
            Ok(site) if seen.insert(site.name()) => sites.push(site),
            Ok(_) => {}
            Err(why) => bad.push(BadLine { line: number + 1, why }),
        }
    }
    (sites, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_urls_are_sites_and_schemes_merge() {
        let site = Site::parse("Press.example").unwrap();
        assert_eq!((site.base.as_str(), site.name().as_str()), ("https://press.example/", "press.example"));
        let odd = Site::parse("http://press.example.:8080/a/b?c#d").unwrap();
        assert_eq!((odd.base.as_str(), odd.name().as_str()), ("http://press.example:8080/", "press.example:8080"));
        assert!(site.holds(&Url::parse("http://press.example/x").unwrap()));
        assert!(!site.holds(odd.base.as_ref().parse::<Url>().as_ref().unwrap()));
        assert!(!site.holds(&Url::parse("https://www.press.example/x").unwrap()));
    }

    #[test]
    fn a_list_says_which_lines_are_bad_and_goes_on() {
        let text = "# sites\npress.example\nhttps://press.example/again\n\n10.0.0.1\nlocalhost # short\nftp://a.example\n\
                    https://u:p@a.example/\nmünchen.example\nnot a host\nb.example # good\n";
        let (sites, bad) = parse_list(text);
        let names: Vec<String> = sites.iter().map(Site::name).collect();
        assert_eq!(names, ["press.example", "xn--mnchen-3ya.example", "b.example"]);
        assert_eq!(bad.iter().map(|it| it.line).collect::<Vec<_>>(), [5, 6, 7, 8, 10]);
    }
}
