//! Every route of the registry on one page, grouped by who calls it.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cleartitle_schema::acquisition::Acquisition;
use cleartitle_schema::api::{PROBLEM_JSON, Problem};
use cleartitle_schema::lineage::DerivedFrom;
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::door::{self, Door};
use crate::routes::problem::Failure;
use crate::routes::{
    Shared, blobs, changes, claims, decisions, documents, health, issuers, keys, log, reasons, sealed, snapshots,
    statements, uploads, usage, webhooks,
};

/// A DSSE v1 envelope.
#[derive(ToSchema)]
#[schema(title = "Envelope")]
#[allow(dead_code, reason = "the description alone; `schema::signed` reads envelopes")]
pub struct Envelope {
    /// `application/vnd.cleartitle.statement+json`.
    #[schema(rename = "payloadType", example = "application/vnd.cleartitle.statement+json")]
    payload_type: String,
    /// The canonical statement, in padded standard base64; at most 48,000 bytes before encoding.
    #[schema(max_length = 64000)]
    payload: String,
    /// One to four signatures by different keys.
    #[schema(min_items = 1, max_items = 4)]
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the description alone")]
pub struct EnvelopeSignature {
    /// The key's id.
    #[schema(pattern = "^key:[0-9a-f]{64}$")]
    keyid: String,
    /// The Ed25519 signature over DSSE's pre-authentication encoding, in padded standard base64.
    #[schema(min_length = 88, max_length = 88)]
    sig: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cleartitle registry",
        description = "Who stated what about the use of documents in AI training, and what follows from it. The registry \
            proves who stated what and when, not who owns what; `cleared` says nothing of data protection.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "publishers", description = "State terms and prove provenance; a signature is the credential."),
        (name = "labs", description = "Ask for clearance, pull snapshots."),
        (name = "auditors", description = "Check that nothing was rewritten."),
        (name = "operators", description = "Probes and metrics."),
        (name = "everybody", description = "Read what is registered."),
    ),
    components(schemas(Envelope, EnvelopeSignature, Acquisition, DerivedFrom)),
)]
struct Base;

/// Every route with its description.
fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Base::openapi())
        // Publishers.
        .routes(routes!(statements::register, statements::list))
        .routes(routes!(keys::bind))
        .routes(routes!(sealed::register, sealed::list))
        .routes(routes!(sealed::commit))
        .routes(routes!(sealed::show))
        .routes(routes!(claims::prove))
        .routes(routes!(documents::register))
        .routes(routes!(uploads::begin))
        .routes(routes!(uploads::bring, uploads::show))
        .routes(routes!(blobs::put, blobs::show))
        // Labs.
        .routes(routes!(decisions::ask, decisions::ask_many))
        .routes(routes!(changes::list))
        .routes(routes!(webhooks::subscribe, webhooks::list))
        .routes(routes!(webhooks::end))
        .routes(routes!(usage::report, usage::list))
        .routes(routes!(snapshots::latest))
        .routes(routes!(snapshots::body))
        .routes(routes!(snapshots::note))
        // Everybody.
        .routes(routes!(statements::show))
        .routes(routes!(log::receipt))
        .routes(routes!(changes::feed))
        .routes(routes!(documents::show))
        .routes(routes!(issuers::show))
        .routes(routes!(reasons::show))
        .routes(routes!(log::log_key))
        .routes(routes!(webhooks::directory))
        // Auditors.
        .routes(routes!(log::checkpoint))
        .routes(routes!(log::published))
        .routes(routes!(documents::list))
        // Operators.
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The API's description, tiles included: their paths hold slashes, which a router spells otherwise than OpenAPI.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = described().into_openapi();
    api.merge(Tiles::openapi());
    // Every request is counted, whatever it asks for.
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new()
        .description("Faster than allowed; `Retry-After` says when to try again.")
        .content(PROBLEM_JSON, content)
        .build();
    for path in api.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
        for operation in methods.into_iter().filter_map(Option::as_mut) {
            operation.responses.responses.insert("429".to_owned(), response.clone().into());
        }
    }
    api
}

#[derive(OpenApi)]
#[openapi(paths(log::tile), components(schemas(Problem)))]
struct Tiles;

/// The description in YAML, as the file `openapi.yaml` has it.
///
/// # Errors
/// What the encoder gives.
pub fn openapi_yaml() -> Result<String, String> {
    openapi().to_yaml().map_err(|error| error.to_string())
}

async fn yaml() -> Result<Response, Failure> {
    let text = openapi_yaml().map_err(|_| Failure::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text).into_response())
}

/// The viewer of the description. Its files are in the program; it asks no other host, not even a validator.
fn viewer() -> SwaggerUi {
    let config = Config::new(["/openapi.json"]).validator_url("none").try_it_out_enabled(true);
    SwaggerUi::new("/docs").url("/openapi.json", openapi()).config(config)
}

/// The whole service.
pub fn router(app: Shared) -> Router {
    let (routes, _) = described().split_for_parts();
    let door = Door::new(Arc::clone(&app.limits));
    routes
        .route("/tile/{*path}", get(log::tile))
        .route("/openapi.yaml", get(yaml))
        .with_state(app)
        .merge(viewer())
        // One layer that does all: the router boxes and clones each for every request, and layers that give a body another type box it
        // again, which together cost as much as a question's answer.
        .layer(middleware::from_fn_with_state(door, door::enter))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::routes::problem::Code;

    #[test]
    fn the_committed_description_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml");
        let generated = openapi_yaml().unwrap();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == generated, "`UPDATE=1 cargo test -p cleartitle-server` writes openapi.yaml again");
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_says_its_problems() {
        let described = serde_json::to_value(openapi()).unwrap();
        let mut names = BTreeSet::new();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(names.insert(name.clone()), "{name} twice");
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let problem = response["content"].get("application/problem+json").is_some();
                    assert_eq!(problem, status.starts_with(['4', '5']), "{method} {path} {status}");
                }
            }
        }
        assert!(names.len() >= 20);
    }

    #[test]
    fn codes_of_problems_are_no_reasons_of_decisions() {
        let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert!(cleartitle_schema::decide::Reason::ALL.iter().all(|reason| !words.contains(reason.word())));
    }
}
