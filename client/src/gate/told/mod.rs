//! What the gate found, told where people look: a terminal, a program, a review, a CI system, a page.
//!
//! Every form is made of one [`Report`]; none of them judges. What comes from papers and statements is bounded and escaped in each.

pub mod excerpt;
mod github;
mod html;
mod human;
mod json;
mod junit;
mod sarif;
pub mod words;

use super::report::Report;
use excerpt::Excerpt;

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// For people, at a terminal.
    #[default]
    Human,
    /// For programs, one JSON object a line.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
    /// Workflow commands of GitHub Actions: annotations at the lines.
    Github,
    /// A summary in Markdown, as GitHub shows below a job.
    Markdown,
    /// One page of HTML with charts, which fetches nothing.
    Html,
}

/// A report in a form.
#[must_use]
pub fn told(report: &Report, excerpts: &[Option<Excerpt>], form: Form) -> String {
    match form {
        Form::Human => human::findings(report, excerpts) + &human::end(report),
        Form::Json => json::lines(report),
        Form::Sarif => sarif::log(report, excerpts),
        Form::Junit => junit::document(report),
        Form::Github => github::commands(report, excerpts) + &human::end(report),
        Form::Markdown => github::summary(report),
        Form::Html => html::page_of(report, excerpts),
    }
}
