//! Answers that ask for payment or a license before they give anything.

use crate::parsed_cases::{Case, real_bytes, run};
use cleartitle_schema::signals::{Parsed, payment};
use cleartitle_schema::vocab::Use;
use proptest::prelude::*;

/// One HTTP answer.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_file: Option<String>,
}

fn parse(case: &Case) -> Option<Parsed> {
    let input: Input = serde_json::from_value(case.input.clone()).unwrap();
    let body = match input.body_file {
        Some(file) => real_bytes(&file)?,
        None => input.body.unwrap_or_default().into_bytes(),
    };
    Some(payment::parse_response(input.status, &input.headers, &body))
}

#[test]
fn answers() {
    run("payment/answers.json", parse);
}

#[test]
fn real_files() {
    run("payment/wild.json", parse);
}

proptest! {
    #[test]
    fn hostile_answers_never_panic_and_never_speak_of_a_use(
        status in prop::sample::select(vec![200u16, 302, 401, 402, 403, 500]),
        name in prop::sample::select(vec!["crawler-price", "payment-required", "www-authenticate", "link", "location", "crawler-error"]),
        value in ".{0,120}",
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let parsed = payment::parse_response(status, &[(name.to_owned(), value)], &body);
        let of_fetching = parsed.signals.iter().filter(|signal| signal.standard != "rsl");
        prop_assert!(of_fetching.clone().all(|signal| signal.uses == [Use::Crawl]));
    }
}
