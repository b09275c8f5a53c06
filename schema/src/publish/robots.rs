//! robots.txt (RFC 9309, 2022-09): groups for training agents, usage rules in every group, as a block between comments.

use super::own_lines::{OwnLines, field, same};
use super::stance::Stance;
use super::{Loss, Notice, What, aipref, content_signal, rsl};
use crate::vocab::Use;

/// The comment that begins the block.
pub const BEGIN: &str = "# BEGIN cleartitle terms";

/// The comment that ends it.
pub const END: &str = "# END cleartitle terms";

const STANDARD: &str = "robots";

/// The site's file has one end of a block without the other, or several blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} of robots.txt is one end of a block of ours without the other")]
pub struct HalfBlock(pub usize);

/// The block alone, for a site without a robots.txt; empty where there is nothing to say.
#[must_use]
pub fn robots(notice: &Notice, training: &[&str]) -> (String, Vec<Loss>) {
    block(notice, training, &OwnLines::default())
}

/// The site's own lines as they are, without an earlier block, and the block at their end.
///
/// # Errors
/// [`HalfBlock`]: what of the file is the site's own can't be told then.
pub fn merge(own: &[u8], notice: &Notice, training: &[&str]) -> Result<(Vec<u8>, Vec<Loss>), HalfBlock> {
    let mut kept = without_block(own)?;
    let (block, losses) = block(notice, training, &OwnLines::read(&kept));
    if block.is_empty() {
        return Ok((kept, losses));
    }
    let crlf = kept.windows(2).any(|pair| pair == b"\r\n");
    if !kept.is_empty() {
        if !matches!(kept.last(), Some(b'\n' | b'\r')) {
            kept.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
        }
        kept.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
    }
    let block = if crlf { block.replace('\n', "\r\n") } else { block };
    kept.extend_from_slice(block.as_bytes());
    Ok((kept, losses))
}

/// The file without the block, and without the blank line before it.
fn without_block(own: &[u8]) -> Result<Vec<u8>, HalfBlock> {
    let mut kept: Vec<u8> = Vec::with_capacity(own.len());
    let mut inside = None;
    for (number, line) in own.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let said = String::from_utf8_lossy(line);
        match (said.trim() == BEGIN, said.trim() == END, inside) {
            (true, _, None) => {
                inside = Some(number + 1);
                if kept.ends_with(b"\n\n") {
                    kept.truncate(kept.len() - 1);
                } else if kept.ends_with(b"\n\r\n") {
                    kept.truncate(kept.len() - 2);
                }
            }
            (true, _, Some(_)) | (_, true, None) => return Err(HalfBlock(number + 1)),
            (_, true, Some(_)) => inside = None,
            (_, _, Some(_)) => {}
            (_, _, None) => kept.extend_from_slice(line),
        }
    }
    inside.map_or(Ok(kept), |begun| Err(HalfBlock(begun)))
}

fn block(notice: &Notice, training: &[&str], own: &OwnLines) -> (String, Vec<Loss>) {
    let (usage, mut losses) = aipref::lines(notice);
    let (signal, more) = content_signal::line(notice);
    losses.extend(more);
    let license = !rsl::rsl(notice).0.is_empty();
    let crawl = crawl_rules(notice, &mut losses);
    let barred = training_rules(notice, own, training, &mut losses);
    if usage.is_empty() && signal.is_none() && !license && crawl.is_empty() && barred.is_empty() {
        return (String::new(), losses);
    }
    let denied = own.denied_usage();
    let usage = usage.iter().map(|line| aipref::with_denials(line, &denied));
    let mut said: Vec<String> = usage.chain(signal).collect();
    if license {
        // A group's own `License` hides those of the whole file, which must go on applying.
        said.extend(own.licenses.iter().cloned());
        said.push(format!("License: {}", notice.places.rsl));
    }
    let group = |agents: &[&str], rules: &[String]| {
        let mut lines: Vec<String> = agents.iter().map(|agent| format!("User-agent: {agent}")).collect();
        let rule = |line: &String| matches!(field(line).0.as_str(), "allow" | "disallow");
        if !rules.iter().any(rule) {
            // Readers of RFC 9309 alone would join this run of agents with the next; a rule ends it, an empty one bars nothing.
            lines.push("Disallow:".to_owned());
        }
        lines.extend(rules.iter().chain(&said).cloned());
        lines.join("\n") + "\n"
    };
    let mut groups = vec![group(&["*"], &crawl)];
    let named = own.agents();
    let (known, fresh): (Vec<&str>, Vec<&str>) =
        training.iter().copied().partition(|token| named.iter().any(|agent| same(agent, token)));
    let barring: Vec<String> = barred.iter().chain(&crawl).cloned().collect();
    if !fresh.is_empty() && !barred.is_empty() {
        // A group of its own hides the group for everybody from an agent: what stands there is said again.
        let repeated = own.of("*").into_iter().map(|(_, line)| line.clone());
        groups.push(group(&fresh, &repeated.chain(barring.iter().cloned()).collect::<Vec<_>>()));
    }
    let barred_here = |agent: &&&str| !barred.is_empty() && known.iter().any(|token| same(token, agent));
    let (again, others): (Vec<&&str>, Vec<&&str>) = named.iter().partition(|agent| barred_here(agent));
    for (agents, rules) in [(again, &barring), (others, &crawl)] {
        let agents: Vec<&str> = agents.into_iter().copied().collect();
        if !agents.is_empty() {
            groups.push(group(&agents, rules));
        }
    }
    losses.extend(contradicting(notice, own, training));
    let first = if own.unfinished { "Disallow:\n" } else { "" };
    let told = "# Written by `cleartitle publish`, which replaces what stands between these two lines.";
    (format!("{BEGIN}\n{told}\n{first}{}{END}\n", groups.join("\n")), losses)
}

/// Where crawling itself is reserved.
fn crawl_rules(notice: &Notice, losses: &mut Vec<Loss>) -> Vec<String> {
    match notice.stances.get(&Use::Crawl) {
        None => return Vec::new(),
        Some(Stance::Allowed) => {
            losses.push(Loss::new(STANDARD, What::Use, "crawl: an Allow could undo the site's own rules; left out"));
            return Vec::new();
        }
        Some(Stance::Conditional(_)) => {
            losses.push(Loss::new(STANDARD, What::Conditions, "crawl: barred, the terms have conditions"));
        }
        Some(Stance::Reserved) => {}
    }
    for hole in &notice.area.holes {
        losses.push(Loss::new(STANDARD, What::Exclusion, format!("{hole}: barred too")));
    }
    notice.area.paths.iter().map(|path| format!("Disallow: {path}")).collect()
}

/// Rules that bar training agents, where training is reserved or bound to conditions.
fn training_rules(notice: &Notice, own: &OwnLines, training: &[&str], losses: &mut Vec<Loss>) -> Vec<String> {
    let both = [Use::TrainAi, Use::TrainNongen];
    if !notice.restricts(Use::TrainAi) {
        if notice.restricts(Use::TrainNongen) {
            losses.push(Loss::new(STANDARD, What::Split, "train-nongen: a training agent trains either kind of model"));
        }
        return Vec::new();
    }
    if training.is_empty() {
        losses.push(Loss::new(STANDARD, What::Use, "train-ai: no training agent is known by name"));
        return Vec::new();
    }
    for atom in both {
        match notice.stances.get(&atom) {
            Some(Stance::Reserved) => {}
            Some(Stance::Conditional(_)) => {
                let detail = format!("{atom}: training agents are barred, the terms have conditions");
                losses.push(Loss::new(STANDARD, What::Conditions, detail));
            }
            Some(Stance::Allowed) | None => {
                losses.push(Loss::new(
                    STANDARD,
                    What::AlsoReserves,
                    format!("{atom}: training agents are barred from it"),
                ));
            }
        }
    }
    losses.push(Loss::new(STANDARD, What::AlsoReserves, "crawl: training agents are barred from fetching at all"));
    let mut rules: Vec<String> = notice.area.paths.iter().map(|path| format!("Disallow: {path}")).collect();
    // An Allow longer than a Disallow of the site's own would open what the site has closed.
    let closes = |agent: &str| {
        own.of(agent)
            .iter()
            .any(|(_, line)| matches!(field(line), (key, value) if key == "disallow" && !value.is_empty()))
    };
    let open = !notice.area.leaky && !closes("*") && !training.iter().any(|token| closes(token));
    for hole in &notice.area.holes {
        if open && !notice.stances.contains_key(&Use::Crawl) {
            rules.push(format!("Allow: {hole}"));
        } else {
            losses.push(Loss::new(
                STANDARD,
                What::Exclusion,
                format!("{hole}: training agents are barred from it too"),
            ));
        }
    }
    rules
}

/// Lines of the site's own that say something else than the terms.
fn contradicting(notice: &Notice, own: &OwnLines, training: &[&str]) -> Vec<Loss> {
    let mut losses = Vec::new();
    for group in &own.groups {
        let trains = group.agents.iter().any(|agent| training.iter().any(|token| same(agent, token)));
        for (number, line) in &group.lines {
            let (key, value) = field(line);
            let value: String = value.to_ascii_lowercase().split_whitespace().collect();
            let says = |words: &[&str]| words.iter().any(|word| value.contains(word));
            let training = notice.restricts(Use::TrainAi);
            let opens = match key.as_str() {
                "allow" => trains && training && !value.is_empty(),
                "content-usage" => {
                    training && says(&["train-ai=y"])
                        || notice.restricts(Use::AiUse) && says(&["ai-use=y"])
                        || notice.restricts(Use::Search) && says(&["search=y"])
                }
                "content-signal" => {
                    training && says(&["ai-train=yes"])
                        || notice.restricts(Use::AiUse) && says(&["ai-input=yes"])
                        || notice.restricts(Use::Search) && says(&["search=yes"])
                }
                _ => false,
            };
            if opens {
                let shown: String = line.chars().take(100).collect();
                let detail = format!("line {number}, `{shown}`, permits what the terms restrict; take it out");
                losses.push(Loss::new(STANDARD, What::OwnLine, detail));
            }
        }
    }
    losses
}
