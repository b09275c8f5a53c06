//! Own lines: what a site's robots.txt says itself, as far as a block at its end must respect it (RFC 9309, 2022-09).
//!
//! A named group hides the group for everybody, a group's `License` hides the file's (RSL 1.0), and a block that begins
//! after an unfinished group would fall into it. Absent: what the lines mean for a question; the parser of robots.txt says.

/// One group of the site's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OwnGroup {
    /// Its agents as written.
    pub agents: Vec<String>,
    /// Its lines with their numbers, agents and sitemaps aside.
    pub lines: Vec<(usize, String)>,
}

/// A site's own robots.txt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OwnLines {
    pub groups: Vec<OwnGroup>,
    /// `License` lines that stand before any group, and so speak for all of them.
    pub licenses: Vec<String>,
    /// The last group has agents and no rule yet: what follows would join it.
    pub unfinished: bool,
}

impl OwnLines {
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut own = Self::default();
        // By RFC 9309 only Allow and Disallow end a run of agents; by AIPREF Content-Usage does too. The former counts.
        let mut run = false;
        for (number, line) in text.split(['\n', '\r']).enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if !run {
                        own.groups.push(OwnGroup::default());
                    }
                    run = true;
                    if let Some(group) = own.groups.last_mut().filter(|_| !value.is_empty()) {
                        group.agents.push(value.to_owned());
                    }
                }
                "sitemap" => {}
                _ => {
                    run &= !matches!(key.as_str(), "allow" | "disallow");
                    match own.groups.last_mut() {
                        Some(group) => group.lines.push((number + 1, line.to_owned())),
                        None if key == "license" => own.licenses.push(line.to_owned()),
                        None => {}
                    }
                }
            }
        }
        own.unfinished = run;
        own
    }

    /// The lines of every group for an agent, compared without case.
    pub fn of(&self, agent: &str) -> Vec<&(usize, String)> {
        let groups = self.groups.iter().filter(|group| group.agents.iter().any(|own| same(own, agent)));
        groups.flat_map(|group| &group.lines).collect()
    }

    /// The labels that any usage rule of the site's own denies (AIPREF), whatever its path. Of usage rules the longest path
    /// alone counts, so that a longer one of ours would otherwise silence them.
    pub fn denied_usage(&self) -> Vec<&'static str> {
        let rules = self.groups.iter().flat_map(|group| &group.lines).filter_map(|(_, line)| {
            let (key, value) = field(line);
            (key == "content-usage").then(|| value.to_ascii_lowercase().split_whitespace().collect::<String>())
        });
        let rules: Vec<String> = rules.collect();
        let denies = |label: &str| rules.iter().any(|rule| rule.contains(&format!("{label}=n")));
        ["train-ai", "ai-use", "search"].into_iter().filter(|label| denies(label)).collect()
    }

    /// Every agent that has a group, `*` aside, once each.
    pub fn agents(&self) -> Vec<&str> {
        let mut agents: Vec<&str> = Vec::new();
        for agent in self.groups.iter().flat_map(|group| &group.agents).filter(|agent| *agent != "*") {
            if !agents.iter().any(|known| same(known, agent)) {
                agents.push(agent);
            }
        }
        agents
    }
}

/// Whether two tokens name one agent.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The field's name and value of a line.
pub(super) fn field(line: &str) -> (String, &str) {
    let (key, value) = line.split_once(':').unwrap_or((line, ""));
    (key.trim().to_ascii_lowercase(), value.trim())
}
