//! Answers: the `[disclosure]` table of a policy, or of a file of its own, to the questions that data can't answer.

use super::questions::{Form, QUESTIONS};
use crate::toml_file::{self, Complaint, FileError, Members, Value, value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Longest text that is taken, in bytes.
const LONGEST: usize = 20_000;
/// Most texts of one list.
const MOST: usize = 10_000;

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A text.
    Text(String),
    /// Yes or no.
    YesNo(bool),
    /// A list.
    List(Vec<String>),
    /// A number.
    Number(u64),
}

/// All answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<&'static str, Given>);

impl Answers {
    /// The answer to a question.
    #[must_use]
    pub fn of(&self, id: &str) -> Option<&Given> {
        self.0.get(id)
    }

    /// These, and where both answer, the other's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Reads a file of answers: a `[disclosure]` table and nothing else.
    ///
    /// # Errors
    /// [`FileError`] with line, column and member.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        toml_file::read(file, text, |mut top| {
            let table = top.take("disclosure").ok_or_else(|| {
                top.missing("disclosure").hint("`cleartitle init --disclosure` writes a file to begin from")
            })?;
            top.finish()?;
            table_of(table)
        })
    }

    /// Reads the `[disclosure]` table of a policy; without one there are no answers. Its other members are the policy's.
    ///
    /// # Errors
    /// [`FileError`] with line, column and member.
    pub fn of_policy(file: &str, text: &str) -> Result<Self, FileError> {
        toml_file::read(file, text, |mut top| top.take("disclosure").map_or(Ok(Self::default()), table_of))
    }
}

/// Reads a `[disclosure]` table.
///
/// # Errors
/// [`Complaint`] about a question that nobody asks, or an answer of another form.
pub fn table_of(table: Value<'_>) -> Result<Answers, Complaint> {
    let mut members = Members::of(table)?;
    let mut answers = Answers::default();
    for question in QUESTIONS {
        let Some(written) = members.take(question.id) else { continue };
        let span = written.span();
        let given = match question.form {
            Form::YesNo => Given::YesNo(value(written)?),
            Form::Number => Given::Number(value(written)?),
            Form::Text => Given::Text(text(written)?),
            Form::List => Given::List(toml_file::list(written, text)?),
        };
        if matches!(&given, Given::List(items) if items.len() > MOST) {
            return Err(Complaint::new(span, format!("a list has at most {MOST} texts")));
        }
        answers.0.insert(question.id, given);
    }
    members.finish()?;
    Ok(answers)
}

fn text(written: Value<'_>) -> Result<String, Complaint> {
    let span = written.span();
    let text: String = value(written)?;
    if text.trim().is_empty() {
        return Err(Complaint::new(span, "an empty text answers nothing").hint("leave it out, or write \"N/A: why\""));
    }
    if text.len() > LONGEST {
        return Err(Complaint::new(span, format!("the text has {} bytes, more than {LONGEST}", text.len())));
    }
    Ok(text)
}

/// A file of answers to begin from: every question, with the reports that need it.
#[must_use]
pub fn template() -> String {
    let mut out = String::from(
        "# cleartitle answers: what data can't know, for `cleartitle disclose --answers FILE`. The same table may stand in a\n\
         # policy. Take the `#` from an example and write your own. What is left out is missing, and told; a question that does\n\
         # not apply is answered \"N/A: why\". Nothing here changes a verdict.\n\n[disclosure]\n",
    );
    for question in QUESTIONS {
        let reports: Vec<&str> = question.reports.iter().map(|report| report.word()).collect();
        let example = match question.form {
            Form::Text => "\"...\"",
            Form::YesNo => "false",
            Form::List => "[\"...\"]",
            Form::Number => "0",
        };
        let _ = write!(out, "\n# {} ({})\n#{} = {example}\n", question.text, reports.join(", "), question.id);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_template_can_be_enabled() {
        let enabled: Vec<String> = template()
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned())
            .collect();
        let answers = Answers::parse("a.toml", &enabled.join("\n")).unwrap();
        assert_eq!(answers.0.len(), QUESTIONS.len());
        assert_eq!(Answers::parse("a.toml", &template()).unwrap(), Answers::default());
    }

    #[test]
    fn answers_are_read_strictly() {
        let told = |text: &str| Answers::parse("a.toml", text).unwrap_err().to_string();
        assert_eq!(told(""), "a.toml:1:1: `disclosure` is missing");
        let unknown = told("[disclosure]\nprovider-nme = \"x\"\n");
        assert_eq!(unknown, "a.toml:2:1: `disclosure.provider-nme`: `provider-nme` is not known here");
        assert!(told("[disclosure]\nprovider-name = 7\n").contains("invalid type"));
        assert!(told("[disclosure]\nprovider-name = \" \"\n").contains("answers nothing"));
        assert!(told("[disclosure]\n[other]\n").contains("`other` is not known here"));
        let policy = "version = 1\nuse = \"train-ai\"\n[disclosure]\nuser-data-model = false\n";
        assert_eq!(Answers::of_policy("p.toml", policy).unwrap().of("user-data-model"), Some(&Given::YesNo(false)));
        assert_eq!(Answers::of_policy("p.toml", "version = 1\n").unwrap(), Answers::default());
    }
}
