//! Decisions over HTTP: one question, an array of them, or a stream without end; judging is `clearance`'s.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Version, header};
use axum::response::{IntoResponse, Response};
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, UrlRole};
use cleartitle_schema::api::{ARROW, DecisionAnswer, DecisionRequest, DecisionRows, MAX_QUESTIONS, NDJSON, Problem};
use cleartitle_schema::decide::Asker;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, AskerClass, Channel, Use};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::Write as _;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, is_small, media_type, whole_body};
use super::problem::{Code, Failure};
use super::{Shared, blocking, stream, tables};
use crate::clearance::table::Common;
use crate::clearance::{AsOf, ClearanceError};
use crate::limits::Client;
use crate::log::now;
use crate::registration::nesting;

/// The longest JSON body of questions.
const MAX_BODY: usize = 32 << 20;

/// The longest JSON answer of an array. A stream is answered piece by piece and needs no bound.
const MAX_ANSWER: usize = 64 << 20;

/// How deep a question may nest.
const MAX_DEPTH: usize = 64;

/// How long one question of a stream may take: bytes that never make one would hold a place for ever.
pub(super) const QUESTION: Duration = Duration::from_secs(60);

/// A question as a query.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// The URL that the copy was fetched from.
    #[param(example = "https://press.example/a")]
    url: Option<String>,
    /// The name of the copy's bytes.
    #[param(value_type = Option<String>, pattern = "^(blake3|sha256):[0-9a-f]{64}$|^warc-sha1:[0-9a-f]{40}$")]
    content: Option<ContentName>,
    /// For what.
    #[serde(rename = "use")]
    #[param(rename = "use")]
    category: Use,
    /// Who asks: the domain that agreements would name.
    #[param(value_type = Option<String>, example = "biglab.example", max_length = 253, pattern = r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?[.])+(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")]
    asker: Option<Domain>,
    /// What the asker is.
    asker_class: Option<AskerClass>,
    /// When the bytes were fetched from their source.
    #[param(value_type = Option<String>, pattern = "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$", example = "2026-01-01T00:00:00Z")]
    captured_at: Option<Timestamp>,
    /// When the asker's own copy was made.
    #[param(value_type = Option<String>, pattern = "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$", example = "2026-01-01T00:00:00Z")]
    acquired_at: Option<Timestamp>,
    /// When the document was published.
    #[param(value_type = Option<String>, pattern = "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$", example = "2026-01-01T00:00:00Z")]
    published_at: Option<Timestamp>,
    /// When the use takes place. Left out: now.
    #[param(value_type = Option<String>, pattern = "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$", example = "2026-01-01T00:00:00Z")]
    used_at: Option<Timestamp>,
    /// How the copy was got.
    channel: Option<Channel>,
    /// By what access.
    access: Option<Access>,
    /// Where the copying takes place, ISO 3166-1 alpha-2.
    territory: Option<String>,
    /// For which model.
    model: Option<String>,
    /// A log size, or a time such as `2026-11-23T22:00:00Z`: what was registered by then. Left out: everything.
    #[param(
        pattern = "^[0-9]{1,16}$|^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        example = "1"
    )]
    as_of: Option<String>,
}

/// How a batch is answered.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchQuery {
    /// A log size, or a time such as `2026-11-23T22:00:00Z`: what was registered by then. Left out: everything.
    #[param(
        pattern = "^[0-9]{1,16}$|^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$",
        example = "1"
    )]
    as_of: Option<String>,
    /// Whether each row carries its whole decision; in JSON alone.
    explain: Option<bool>,
    /// Of a table: for what, for all its rows. In JSON each question says it itself, and so with what follows.
    #[serde(rename = "use")]
    #[param(rename = "use")]
    category: Option<Use>,
    /// Of a table: who asks.
    #[param(value_type = Option<String>, example = "biglab.example", max_length = 253, pattern = r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?[.])+(?![0-9]+$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")]
    asker: Option<Domain>,
    /// Of a table: what the asker is.
    asker_class: Option<AskerClass>,
    /// Of a table: when the use takes place. Left out: now.
    #[param(value_type = Option<String>, pattern = "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$", example = "2026-01-01T00:00:00Z")]
    used_at: Option<Timestamp>,
    /// Of a table: where the copying takes place, ISO 3166-1 alpha-2.
    territory: Option<String>,
    /// Of a table: for which model.
    model: Option<String>,
}

impl BatchQuery {
    /// What all questions of a table have in common.
    fn common(&self) -> Result<Common, Failure> {
        let missing = || Failure::new(Code::MalformedRequest, "a table says in `?use=` what for");
        let category = self.category.ok_or_else(missing)?;
        if self.explain.is_some() {
            return Err(Failure::new(Code::MalformedRequest, "`explain` is for JSON alone"));
        }
        let asker = Asker { domain: self.asker.clone(), class: self.asker_class };
        let (territory, model) = (self.territory.clone(), self.model.clone());
        Ok(Common { asker, category, used_at: self.used_at, territory, model })
    }

    /// In JSON every question speaks for itself: what stands beside it would be heard by nobody.
    fn check_json(&self) -> Result<(), Failure> {
        let Self { category, asker, asker_class, used_at, territory, model, .. } = self;
        let none = category.is_none() && asker.is_none() && asker_class.is_none() && used_at.is_none();
        if none && territory.is_none() && model.is_none() {
            return Ok(());
        }
        let detail = "`use`, `asker`, `asker_class`, `used_at`, `territory` and `model` stand in each question of JSON";
        Err(Failure::new(Code::MalformedRequest, detail))
    }
}

/// One question, or an array of up to 50,000.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the description alone")]
enum Questions {
    One(Box<DecisionRequest>),
    Many(Vec<DecisionRequest>),
}

/// The answer to one question, or to an array.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the description alone")]
enum Answers {
    One(DecisionAnswer),
    Many(DecisionRows),
}

fn as_of(text: Option<&str>) -> Result<AsOf, Failure> {
    let Some(text) = text else { return Ok(AsOf::Latest) };
    let wrong = || Failure::new(Code::MalformedRequest, "`as_of` is a log size or a time such as 2026-11-23T22:00:00Z");
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(AsOf::Size).map_err(|_| wrong());
    }
    text.parse().map(AsOf::Time).map_err(|_| wrong())
}

/// Ask one question.
#[utoipa::path(
    get, path = "/v1/decisions", tag = "labs", operation_id = "askOne", params(Query),
    responses(
        (status = 200, description = "The decision with its reasons.", body = DecisionAnswer),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`as_of` is beyond the log.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The question names no copy.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn ask(State(app): State<Shared>, Asked(query): Asked<Query>) -> Result<Response, Failure> {
    let as_of = as_of(query.as_of.as_deref())?;
    if query.url.is_none() && query.content.is_none() {
        return Err(ClearanceError::Copy.into());
    }
    let urls = query.url.into_iter().map(|url| CopyUrl { role: UrlRole::Fetched, url }).collect();
    let acquisition = Acquisition {
        urls,
        content: query.content.into_iter().collect(),
        captured_at: query.captured_at,
        acquired_at: query.acquired_at,
        published_at: query.published_at,
        channel: query.channel,
        access: query.access,
        ..Acquisition::default()
    };
    let request = DecisionRequest {
        url: None,
        acquisition: Some(acquisition),
        asker: Asker { domain: query.asker, class: query.asker_class },
        category: query.category,
        used_at: query.used_at,
        territory: query.territory,
        model: query.model,
        artefact: None,
        reading: None,
    };
    answer_one(&app, as_of, request).await
}

async fn answer_one(app: &Shared, as_of: AsOf, request: DecisionRequest) -> Result<Response, Failure> {
    let (size, ruled) = match app.clearance.at_once(as_of) {
        Some(state) => (state.size, state.rule(request, now())?),
        None => {
            let asked = blocking(app, move |app| {
                let state = app.clearance.at(as_of)?;
                Ok((state.size, state.rule(request, now())?))
            });
            // Apart, so that those who are answered at once need not carry room for it.
            Box::pin(asked).await?
        }
    };
    let whole = ruled.whole();
    let mut body = Vec::with_capacity(64 + whole.len());
    let _ = write!(body, "{{\"log_size\":{size},\"decision\":");
    body.extend_from_slice(whole);
    body.push(b'}');
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Ask one question, an array of up to 50,000, or a stream of any length.
///
/// A JSON object is answered with the whole decision, a JSON array with rows, of 64 MiB at most. `application/x-ndjson` is answered line by
/// line while it is sent: first `{"log_size":n}`, then one row a line in order, a bad line's row saying what is wrong with
/// it, and last `{"end":true,"rows":n}`. A stream without that last line was cut off and means nothing. Each line is answered by
/// a state of the log not older than when it was read; where the log grew meanwhile, the last line says in `log_size` how far. Who
/// wants one state for all lines names it in `as_of`.
///
/// An Arrow IPC stream (`application/vnd.apache.arrow.stream`) has columns `url`, `content` (of which one at least), `captured_at`,
/// `acquired_at`, `published_at`, `channel` and `access`, texts and timestamps without dictionaries, in batches of up to 32 MiB;
/// what all rows have in common stands in the query, where `use` is required. The answer is an Arrow stream of `verdict`, `reasons`,
/// `statements` and `error`, one row for each in order, with the log's size at the begin as `cleartitle.log_size` in the schema's
/// metadata. A connection that breaks off means nothing.
#[utoipa::path(
    post, path = "/v1/decisions", tag = "labs", operation_id = "askMany", params(BatchQuery),
    request_body(content(
        (Questions = "application/json"),
        (serde_json::Value = "application/x-ndjson"),
        (String = "application/vnd.apache.arrow.stream"),
    )),
    responses(
        (status = 200, description = "The decision, the rows, or the stream.", content(
            (Answers = "application/json"),
            (String = "application/x-ndjson"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        (status = 400, description = "Not JSON, or a parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`as_of` is beyond the log.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too long, or too many questions.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither JSON nor NDJSON nor Arrow.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A question has another shape.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn ask_many(
    State(app): State<Shared>,
    Asked(query): Asked<BatchQuery>,
    Extension(client): Extension<Client>,
    version: Version,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let (as_of, explain) = (as_of(query.as_of.as_deref())?, query.explain.unwrap_or(false));
    let media_type = media_type(&headers);
    if media_type == ARROW {
        // Older versions end every answer as they break it off, and a table has no last line that says it is whole.
        if version < Version::HTTP_11 {
            return Err(Failure::new(
                Code::MalformedRequest,
                "a table is answered over HTTP/1.1, where an answer has an end",
            ));
        }
        return tables::answer(&app, client, as_of, query.common()?, body).await;
    }
    query.check_json()?;
    match media_type.as_str() {
        NDJSON => return stream::answer(&app, client, as_of, explain, body).await,
        "application/json" => {}
        _ => {
            return Err(Failure::new(
                Code::UnsupportedMediaType,
                "this takes JSON, `application/x-ndjson` or an Arrow stream",
            ));
        }
    }
    let _memory = if is_small(&headers) { None } else { Some(app.large_bodies(client).await?) };
    let bytes = whole_body(&headers, body, MAX_BODY).await?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return answer_one(&app, as_of, read(&bytes)?).await;
    }
    let rows = blocking(&app, move |app| {
        let questions: Vec<DecisionRequest> = read(&bytes)?;
        if questions.len() > MAX_QUESTIONS {
            let detail = format!("{} questions are more than {MAX_QUESTIONS}", questions.len());
            return Err(Failure::new(Code::TooManyQuestions, detail));
        }
        let state = app.clearance.at(as_of)?;
        let now = now();
        let mut out = format!("{{\"log_size\":{},\"rows\":[", state.size).into_bytes();
        for (place, question) in questions.into_iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            state.rule(question, now)?.write(explain, &mut out);
            if out.len() > MAX_ANSWER {
                let detail = format!(
                    "the answers of the first {} questions have more than {MAX_ANSWER} bytes: ask as `{NDJSON}`",
                    place + 1
                );
                return Err(Failure::new(Code::TooLong, detail));
            }
        }
        out.extend_from_slice(b"]}");
        Ok(out)
    });
    Ok(([(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")], rows.await?).into_response())
}

/// Reads JSON of a bounded depth: what is no JSON is malformed, what has another shape unprocessable.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    if nesting(bytes) > MAX_DEPTH {
        return Err(Failure::new(Code::MalformedRequest, format!("the JSON is nested deeper than {MAX_DEPTH}")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let code = if error.is_data() { Code::UnprocessableRequest } else { Code::MalformedRequest };
        Failure::new(code, error.to_string())
    })
}
