//! Configuration of `serve` by file and environment: a flag beats the environment, the environment the file.
//!
//! The file has a member for every flag, by the flag's own name, and what stands in it goes through the very parser of the command
//! line, so that there is one set of rules. Who would attack: a typo, which would leave a limit at its default unseen. A member that is
//! not known, or not of its flag's kind, is refused with its line. Deliberately absent: secrets. Keys stand in files of their own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::de::{DeTable, DeValue};

/// The verb whose flags a file may give.
const VERB: &str = "serve";

/// The flag that names the file.
const FLAG: &str = "config";

/// The longest file.
const MAX_FILE: u64 = 1 << 20;

/// Where every member is explained.
const HINT: &str = "hint: `cleartitle-server init` prints every member with its default";

/// The variable that stands for a flag: `CLEARTITLE_TLS_CERT` for `--tls-cert`.
fn variable(flag: &str) -> String {
    format!("CLEARTITLE_{}", flag.replace('-', "_").to_ascii_uppercase())
}

/// The command line whose `serve` hears the environment too.
fn hearing(command: Command) -> Command {
    command.mut_subcommand(VERB, |serve| {
        serve.mut_args(|flag| {
            let Some(name) = flag.get_long().map(variable) else { return flag };
            let several = matches!(flag.get_action(), ArgAction::Append);
            // clap keeps names for as long as the program runs; this happens once in a process.
            let flag = flag.env(&*name.leak()).hide_env(true);
            // Several values stand in one variable with blanks between them. No value of such a flag holds a blank.
            if several { flag.value_delimiter(' ') } else { flag }
        })
    })
}

/// Reads a command line together with the environment and the file that it names; where it can't be read, clap says so and ends the
/// process with exit code 2.
///
/// # Errors
/// A file that can't be used.
pub fn matches(command: Command, given: Vec<OsString>) -> anyhow::Result<ArgMatches> {
    let command = hearing(command);
    // Which flags were given, without yet insisting that all of them are right.
    let loosely = command.clone().ignore_errors(true).try_get_matches_from(&given);
    let serve = loosely.as_ref().ok().and_then(|matches| matches.subcommand_matches(VERB));
    let Some((serve, path)) = serve.and_then(|serve| Some((serve, serve.get_one::<PathBuf>(FLAG)?))) else {
        return Ok(command.get_matches_from(given));
    };
    let flags = command.find_subcommand(VERB).context("no such verb")?;
    let members = read(path, flags)?;
    let explicit = |member: &&Member| {
        let source = serve.value_source(&member.id);
        !matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
    };
    let words: Vec<OsString> = members.iter().filter(explicit).flat_map(Member::words).map(OsString::from).collect();
    let mut whole = given;
    let place = whole.iter().position(|word| word == VERB).map_or(whole.len(), |place| place + 1);
    whole.splice(place..place, words);
    command.try_get_matches_from(whole).or_else(|error| {
        let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { error.exit() };
        let flag = flag.split([' ', '=']).next().unwrap_or_default().trim_start_matches("--");
        let Some(member) = members.iter().filter(explicit).find(|member| member.flag == flag) else { error.exit() };
        let told = error.to_string();
        let told = told.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").trim();
        anyhow::bail!("{}:{}: `{flag}`: {told}\n{HINT}", path.display(), member.line)
    })
}

/// One member of the file.
#[derive(Debug)]
struct Member {
    /// The flag's name.
    flag: String,
    /// Its id in clap.
    id: String,
    /// Where it stands.
    line: usize,
    /// What it gives the flag; nothing for a switch.
    values: Vec<String>,
    /// It asks for a switch.
    switch: bool,
}

impl Member {
    /// The same on a command line.
    fn words(&self) -> Vec<String> {
        if self.switch {
            return vec![format!("--{}", self.flag)];
        }
        self.values.iter().map(|value| format!("--{}={value}", self.flag)).collect()
    }
}

/// Whether a flag may stand in a file.
fn may_stand(flag: &Arg) -> bool {
    flag.get_long().is_some_and(|name| !matches!(name, FLAG | "help" | "version"))
}

fn read(path: &Path, flags: &Command) -> anyhow::Result<Vec<Member>> {
    let place = path.display();
    let told = || format!("--config `{place}`");
    let length = std::fs::metadata(path).with_context(told)?.len();
    anyhow::ensure!(length <= MAX_FILE, "`{place}` is longer than {MAX_FILE} bytes");
    let text = std::fs::read_to_string(path).with_context(told)?;
    let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let table = DeTable::parse(&text).map_err(|error| {
        let line = line_of(error.span().map_or(0, |span| span.start));
        anyhow::anyhow!("{place}:{line}: {}\n{HINT}", error.message())
    })?;
    let mut members = Vec::new();
    for (name, value) in table.get_ref() {
        let line = line_of(name.span().start);
        let name: &str = name.get_ref();
        let Some(flag) = flags.get_arguments().filter(|flag| may_stand(flag)).find(|it| it.get_long() == Some(name))
        else {
            let known: Vec<&str> = flags.get_arguments().filter(|it| may_stand(it)).filter_map(Arg::get_long).collect();
            let hint = closest(name, &known).map_or(HINT.to_owned(), |near| format!("hint: did you mean `{near}`?"));
            let name: String = name.chars().take(60).collect();
            anyhow::bail!("{place}:{line}: `{name}` is no setting\n{hint}");
        };
        let said =
            said(flag, value.get_ref()).map_err(|why| anyhow::anyhow!("{place}:{line}: `{name}` {why}\n{HINT}"))?;
        if let Some((values, switch)) = said {
            members.push(Member { flag: name.to_owned(), id: flag.get_id().to_string(), line, values, switch });
        }
    }
    Ok(members)
}

/// What a member gives its flag: values or a switch; `None` where it says no more than the default does.
fn said(flag: &Arg, value: &DeValue<'_>) -> Result<Option<(Vec<String>, bool)>, &'static str> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        _ => None,
    };
    match (flag.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(asked)) => Ok(asked.then(|| (Vec::new(), true))),
        (ArgAction::SetTrue, _) => Err("is true or false"),
        (ArgAction::Append, DeValue::Array(values)) => {
            let values: Option<Vec<String>> = values.iter().map(|value| one(value.get_ref())).collect();
            values.map(|values| Some((values, false))).ok_or("is a list of texts")
        }
        (ArgAction::Append, _) => Err("is a list of texts, such as [\"...\"]"),
        (_, value) => {
            let value = one(value).ok_or("is a text or a whole number")?;
            // A default that is spelled out must not ask for what only another value needs.
            let default = flag.get_default_values().iter().any(|default| **default == *value);
            Ok((!default).then(|| (vec![value], false)))
        }
    }
}

/// The known name that was probably meant: at most a third of its letters away.
fn closest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > 60 {
        return None;
    }
    let distance = |other: &str| {
        let mut row: Vec<usize> = (0..=other.len()).collect();
        for (above, letter) in name.bytes().enumerate() {
            let mut corner = std::mem::replace(&mut row[0], above + 1);
            for (place, theirs) in other.bytes().enumerate() {
                let changed = corner + usize::from(letter != theirs);
                corner = row[place + 1];
                row[place + 1] = changed.min(row[place] + 1).min(corner + 1);
            }
        }
        row[other.len()]
    };
    let (away, near) = known.iter().map(|known| (distance(known), *known)).min()?;
    (away <= 1 + name.len() / 3).then_some(near)
}

/// The commented template of a file: every flag of `serve` by its name, its help, and its default as a line to take the mark from.
#[must_use]
pub fn template(command: &Command) -> String {
    let mut text = "\
# cleartitle-server.toml: settings of `cleartitle-server serve --config FILE`.
#
# A flag of the command line beats the environment, the environment beats this file. Each flag has its variable: CLEARTITLE_ and its
# name in capitals with `_` for `-`; several values stand in one variable with blanks between them. What is not known here is refused
# with its line. Lines that begin with `#` and a name are the defaults: take the `#` away and change them.
# Secrets never stand here: keys are named by their files, which only their owner may read.
"
    .to_owned();
    let Some(serve) = command.find_subcommand(VERB) else { return text };
    for flag in serve.get_arguments().filter(|flag| may_stand(flag) && !flag.is_hide_set()) {
        let Some(name) = flag.get_long() else { continue };
        let help = flag.get_long_help().or_else(|| flag.get_help()).map(ToString::to_string).unwrap_or_default();
        text.push('\n');
        help.lines().for_each(|line| wrapped(&mut text, line));
        let placeholder = flag.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
        let default = flag.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
        let line = match (flag.get_action(), default) {
            (ArgAction::SetTrue, _) => format!("#{name} = false"),
            (ArgAction::Append, _) => format!("#{name} = []  # such as [\"{placeholder}\"]"),
            (_, Some(number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("#{name} = {number}"),
            (_, Some(default)) => format!("#{name} = \"{default}\""),
            (_, None) => format!("# {name} = \"{placeholder}\"  (no default)"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Adds a line of help as comments of at most 120 letters.
fn wrapped(text: &mut String, line: &str) {
    let mut room = 0;
    for word in line.split_whitespace() {
        if room < word.len() + 1 {
            text.push_str(if room == 0 && text.ends_with("\n") { "#" } else { "\n#" });
            room = 118;
        }
        text.push(' ');
        text.push_str(word);
        room = room.saturating_sub(word.len() + 1);
    }
    text.push('\n');
}
