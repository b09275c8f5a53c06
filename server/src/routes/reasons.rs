//! The page of each code, to which `type` of a problem and a reason of a decision lead.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::Problem;
use cleartitle_schema::decide::Reason;

use super::problem::{Code, Failure};

/// Read what a code means.
#[utoipa::path(
    get, path = "/reasons/{code}", tag = "everybody", operation_id = "readReason",
    params(("code" = String, Path, description = "A reason of a decision or the code of a problem.", example = "rights-reserved")),
    responses(
        (status = 200, description = "The page, in Markdown.", body = String, content_type = "text/markdown; charset=utf-8"),
        (status = 404, description = "No such code.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(Path(code): Path<String>) -> Result<Response, Failure> {
    let problem = Code::ALL.iter().find(|known| known.word() == code);
    let page = match (problem, code.parse::<Reason>()) {
        (Some(code), _) => {
            format!("# {}: {}\n\nHTTP {}\n\n{}\n", code.word(), code.title(), code.status().as_u16(), code.page())
        }
        (None, Ok(reason)) => reason.page().to_owned(),
        (None, Err(_)) => {
            return Err(Failure::not_found(format!("the code `{}`", code.chars().take(80).collect::<String>())));
        }
    };
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], page).into_response())
}
