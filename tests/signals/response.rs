//! Header fields of responses, whole responses, and the two text files of sites that are no standard's.

use cleartitle_schema::signals::{ai_txt, headers, record, trust_txt};
use cleartitle_schema::vocab::agents::AgentTable;
use serde_json::Value;

use crate::cases::{self, Case};
use crate::said::compare;

fn fields(case: &Case) -> Vec<(String, String)> {
    let list = case.value.get("headers").and_then(Value::as_array);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.into_iter().flatten().map(|field| (text(&field[0]), text(&field[1]))).collect()
}

/// A case with a body is a whole response.
fn check(case: &Case) -> Result<(), String> {
    let status = case.value.get("status").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let (status, fields, agents) = (status.unwrap_or(200), fields(case), AgentTable::builtin());
    let said = match case.text("body") {
        Some(body) => record::read(status, &fields, body.as_bytes(), agents),
        None => headers::parse(status, &fields, agents),
    };
    compare(&said, case)
}

#[test]
fn header_fields_say_what_they_should() {
    cases::run("headers", check);
}

#[test]
fn files_called_ai_txt_say_what_they_should() {
    cases::run("ai-txt", |case| compare(&ai_txt::parse(case.text("file").ok_or("no file")?.as_bytes()), case));
}

#[test]
fn files_called_trust_txt_say_what_they_should() {
    cases::run("trust-txt", |case| compare(&trust_txt::parse(case.text("file").ok_or("no file")?.as_bytes()), case));
}
