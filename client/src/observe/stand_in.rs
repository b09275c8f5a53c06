//! Stand-ins for parsers that are written elsewhere: deleted when those are merged, with one `use` line of `carriers` changed.

/// Stands in for the table of crawler tokens.
pub struct AgentTable;

impl AgentTable {
    /// Stands in for the table that comes with the program.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &Self
    }
}

/// Stands in for `signals::robots`: groups, `Disallow`, `Allow` and `License`, and no more.
pub mod robots {
    use super::AgentTable;
    use cleartitle_schema::signals::{Agent, Announced, Parsed, Signal};
    use cleartitle_schema::terms::Constraints;
    use cleartitle_schema::vocab::{AgentPurpose, AuthorityKind, Preference, Use};

    /// Stands in for the parser of robots.txt.
    #[must_use]
    pub fn parse(bytes: &[u8], _agents: &AgentTable) -> Parsed {
        let text = String::from_utf8_lossy(bytes);
        let mut parsed = Parsed::default();
        let (mut group, mut open): (Vec<String>, bool) = (Vec::new(), false);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" if open => group.push(value.to_owned()),
                "user-agent" => group = vec![value.to_owned()],
                "license" => parsed.announced.push(Announced { standard: "rsl", url: value.to_owned() }),
                "disallow" | "allow" if !value.is_empty() => {
                    parsed.signals.extend(group.iter().map(|token| rule(token, value, key == "allow")));
                }
                _ => {}
            }
            open = key == "user-agent";
        }
        parsed
    }

    fn rule(token: &str, path: &str, allow: bool) -> Signal {
        let purpose = match token.to_ascii_lowercase().as_str() {
            "gptbot" => AgentPurpose::Training,
            "ccbot" => AgentPurpose::Archive,
            _ => AgentPurpose::Unknown,
        };
        let trains = matches!(purpose, AgentPurpose::Training | AgentPurpose::Archive) && !allow;
        Signal {
            standard: "robots".to_owned(),
            version: "rfc9309".to_owned(),
            label: format!("{}: {path}", if allow { "Allow" } else { "Disallow" }),
            authority: AuthorityKind::SiteFile,
            preference: if allow { Preference::Allowed } else { Preference::Disallowed },
            uses: if trains { vec![Use::TrainAi, Use::Crawl] } else { vec![Use::Crawl] },
            agent: Some(Agent { token: token.to_owned(), purpose }),
            constraints: Constraints::default(),
            duties: Vec::new(),
            policy: None,
            path: Some(path.to_owned()),
            malformed: false,
        }
    }
}

/// Stands in for `signals::rsl`.
pub mod rsl {
    use cleartitle_schema::signals::Parsed;
    use cleartitle_schema::vocab::AuthorityKind;

    /// Stands in for the parser of RSL documents.
    #[must_use]
    pub fn parse(_bytes: &[u8], _document: &str, _authority: AuthorityKind) -> Parsed {
        Parsed::default()
    }
}

/// Stands in for `signals::tdmrep`.
pub mod tdmrep {
    use cleartitle_schema::signals::Parsed;

    /// Stands in for the parser of `tdmrep.json`.
    #[must_use]
    pub fn parse_file(_bytes: &[u8]) -> Parsed {
        Parsed::default()
    }

    /// Stands in for the parser of TDM policies.
    #[must_use]
    pub fn parse_policy(_bytes: &[u8], _document: &str) -> Parsed {
        Parsed::default()
    }
}

/// Stands in for `signals::ai_txt`.
pub mod ai_txt {
    use cleartitle_schema::signals::Parsed;

    /// Stands in for the parser of ai.txt.
    #[must_use]
    pub fn parse(_bytes: &[u8]) -> Parsed {
        Parsed::default()
    }
}

/// Stands in for `signals::trust_txt`.
pub mod trust_txt {
    use cleartitle_schema::signals::Parsed;

    /// Stands in for the parser of trust.txt.
    #[must_use]
    pub fn parse(_bytes: &[u8]) -> Parsed {
        Parsed::default()
    }
}

/// Stands in for `signals::record`.
pub mod record {
    use super::AgentTable;
    use cleartitle_schema::signals::Parsed;

    /// Stands in for the reading of one HTTP response.
    #[must_use]
    pub fn read(_status: u16, _headers: &[(String, String)], _body: &[u8], _agents: &AgentTable) -> Parsed {
        Parsed::default()
    }
}
