//! Decisions over HTTP: one question, an array of them, or a stream without end; judging is `clearance`'s.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cleartitle_schema::acquisition::{Acquisition, CopyUrl, UrlRole};
use cleartitle_schema::api::{
    ARROW, DecisionAnswer, DecisionRequest, DecisionRow, DecisionRows, MAX_LINE, MAX_QUESTIONS, NDJSON, Problem,
    RowError, StreamBegin, StreamEnd,
};
use cleartitle_schema::decide::Asker;
use cleartitle_schema::id::ContentName;
use cleartitle_schema::issuer::Domain;
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Access, AskerClass, Channel, Use};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, is_small, media_type, next_piece, whole_body};
use super::problem::{Code, Failure};
use super::{Shared, blocking, tables};
use crate::clearance::table::Common;
use crate::clearance::{AsOf, ClearanceError, State as Stated, row};
use crate::limits::Client;
use crate::log::now;
use crate::places::Place;
use crate::registration::nesting;

/// The longest JSON body of questions.
const MAX_BODY: usize = 32 << 20;

/// How deep a question may nest.
const MAX_DEPTH: usize = 64;

/// How long one question of a stream may take: bytes that never make one would hold a place for ever.
pub(super) const QUESTION: Duration = Duration::from_secs(60);

/// How many lines of a stream are answered at once.
const LINES: usize = 512;

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
pub async fn ask(State(app): State<Shared>, Asked(query): Asked<Query>) -> Result<Json<DecisionAnswer>, Failure> {
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
    answer_one(&app, as_of, request).await.map(Json)
}

async fn answer_one(app: &Shared, as_of: AsOf, request: DecisionRequest) -> Result<DecisionAnswer, Failure> {
    if let Some(state) = app.clearance.at_once(as_of) {
        return Ok(DecisionAnswer { log_size: state.size, decision: state.answer(request, now())? });
    }
    blocking(app, move |app| {
        let state = app.clearance.at(as_of)?;
        Ok(DecisionAnswer { log_size: state.size, decision: state.answer(request, now())? })
    })
    .await
}

/// Ask one question, an array of up to 50,000, or a stream of any length.
///
/// A JSON object is answered with the whole decision, a JSON array with rows. `application/x-ndjson` is answered line by
/// line while it is sent: first `{"log_size":n}`, then one row a line in order, a bad line's row saying what is wrong with
/// it, and last `{"end":true,"rows":n}`. A stream without that last line was cut off and means nothing.
///
/// An Arrow IPC stream (`application/vnd.apache.arrow.stream`) has columns `url`, `content` (of which one at least), `captured_at`,
/// `acquired_at`, `published_at`, `channel` and `access`, texts and timestamps without dictionaries, in batches of up to 32 MiB;
/// what all rows have in common stands in the query, where `use` is required. The answer is an Arrow stream of `verdict`, `reasons`,
/// `statements` and `error`, one row for each in order, with the log's size as `cleartitle.log_size` in the schema's metadata. A
/// connection that breaks off means nothing.
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
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let (as_of, explain) = (as_of(query.as_of.as_deref())?, query.explain.unwrap_or(false));
    let media_type = media_type(&headers);
    if media_type == ARROW {
        return tables::answer(&app, client, as_of, query.common()?, body).await;
    }
    query.check_json()?;
    match media_type.as_str() {
        NDJSON => return stream(&app, client, as_of, explain, body).await,
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
        return Ok(Json(answer_one(&app, as_of, read(&bytes)?).await?).into_response());
    }
    let rows = blocking(&app, move |app| {
        let questions: Vec<DecisionRequest> = read(&bytes)?;
        if questions.len() > MAX_QUESTIONS {
            let detail = format!("{} questions are more than {MAX_QUESTIONS}", questions.len());
            return Err(Failure::new(Code::TooManyQuestions, detail));
        }
        let state = app.clearance.at(as_of)?;
        let now = now();
        let rows = questions.into_iter().map(|question| Ok(row(state.answer(question, now)?, explain)));
        Ok(DecisionRows { log_size: state.size, rows: rows.collect::<Result<_, Failure>>()? })
    });
    let mut response = Json(rows.await?).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Reads JSON of a bounded depth: what is no JSON is malformed, what has another shape unprocessable.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    if nesting(bytes) > MAX_DEPTH {
        return Err(Failure::new(Code::MalformedRequest, format!("the JSON is nested deeper than {MAX_DEPTH}")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let code = if error.is_data() { Code::UnprocessableRequest } else { Code::MalformedRequest };
        Failure::new(code, error.to_string())
    })
}

async fn stream(app: &Shared, client: Client, as_of: AsOf, explain: bool, body: Body) -> Result<Response, Failure> {
    let inside = app.stream_place(client)?;
    let state = blocking(app, move |app| Ok(app.clearance.at(as_of)?)).await?;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    tokio::spawn(answer_stream(state, explain, body.into_data_stream(), sender, inside));
    Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

/// Lines as they come in: whole ones, and the mark of one that was too long to keep.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    skipping: bool,
    ready: Vec<Option<Vec<u8>>>,
}

impl Lines {
    fn take(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let ended = part.last() == Some(&b'\n');
            if !self.skipping {
                self.rest.extend_from_slice(part);
                self.skipping = self.rest.len() > MAX_LINE;
            }
            if self.skipping {
                self.rest.clear();
            }
            if ended {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.rest);
        let too_long = std::mem::take(&mut self.skipping);
        self.ready.push((!too_long).then_some(line));
    }

    fn finish(&mut self) {
        if self.skipping || !self.rest.is_empty() {
            self.end_line();
        }
    }
}

async fn answer_stream(
    state: Stated,
    explain: bool,
    mut body: BodyDataStream,
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    _inside: Place,
) {
    let mut out = line(&StreamBegin { log_size: state.size });
    let (mut lines, mut rows) = (Lines::default(), 0_u64);
    let mut asked = Instant::now();
    loop {
        let mut piece = next_piece(&mut body).await;
        if let Ok(Some(bytes)) = &piece {
            lines.take(bytes);
            if lines.ready.is_empty() && asked.elapsed() > QUESTION {
                piece = Err(Failure::new(Code::SlowClient, "no whole question came for a minute"));
            }
        }
        let last = !matches!(piece, Ok(Some(_)));
        match &piece {
            Ok(Some(_)) => {}
            Ok(None) => lines.finish(),
            // A body that breaks off gets no end line, so that nobody takes a part for the whole.
            Err(failure) => {
                let error =
                    RowError { line: rows + 1, code: failure.code.word().to_owned(), detail: failure.detail.clone() };
                out.extend(line(&DecisionRow { error: Some(error), ..DecisionRow::default() }));
                let _ = sender.send(Ok(out.into())).await;
                return;
            }
        }
        while !lines.ready.is_empty() {
            let some: Vec<_> = lines.ready.drain(..lines.ready.len().min(LINES)).collect();
            let (first, count, state) = (rows + 1, some.len() as u64, state.clone());
            let answered = tokio::task::spawn_blocking(move || answer_lines(&state, explain, first, some)).await;
            let Ok(answered) = answered else { return };
            rows += count;
            out.extend(answered);
            if sender.send(Ok(std::mem::take(&mut out).into())).await.is_err() {
                return;
            }
            asked = Instant::now();
        }
        if last {
            out.extend(line(&StreamEnd { end: true, rows }));
            let _ = sender.send(Ok(out.into())).await;
            return;
        }
        if !out.is_empty() && sender.send(Ok(std::mem::take(&mut out).into())).await.is_err() {
            return;
        }
    }
}

fn line(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn answer_lines(state: &Stated, explain: bool, first: u64, lines: Vec<Option<Vec<u8>>>) -> Vec<u8> {
    let now = now();
    let mut out = Vec::new();
    for (number, bytes) in (first..).zip(lines) {
        let too_long = || Failure::new(Code::LineTooLong, format!("the line is longer than {MAX_LINE} bytes"));
        let decision = bytes
            .ok_or_else(too_long)
            .and_then(|bytes| read::<DecisionRequest>(&bytes))
            .and_then(|request| Ok(state.answer(request, now)?));
        let row = match decision {
            Ok(decision) => row(decision, explain),
            Err(Failure { code, detail, .. }) => {
                let error = RowError { line: number, code: code.word().to_owned(), detail };
                DecisionRow { error: Some(error), ..DecisionRow::default() }
            }
        };
        out.extend(line(&row));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = format!("a\n{}\nlast", "x".repeat(MAX_LINE + 10));
        for size in [1, 7, 1000, text.len()] {
            let mut lines = Lines::default();
            text.as_bytes().chunks(size).for_each(|piece| lines.take(piece));
            lines.finish();
            assert_eq!(lines.ready, [Some(b"a\n".to_vec()), None, Some(b"last".to_vec())], "{size}");
        }
    }
}
