//! The log over HTTP: checkpoint, tiles and entry bundles as C2SP tlog-tiles has them, blobs, and the keys to pin.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cleartitle_schema::api::{LogKey, Problem};
use cleartitle_schema::id::{Commitment, StatementId};
use cleartitle_schema::leaf::Published;
use cleartitle_schema::opening::Opening;
use cleartitle_schema::tlog::proof::Receipt;
use cleartitle_schema::tlog::tile::{EntriesId, EntryBundle, FULL_WIDTH, TileId};

use super::extract::{Asked, Nothing};
use super::problem::{Code, Failure, nowhere};
use super::{Shared, blocking};
use crate::app::App;
use crate::log::receipt_under;
use crate::store::SignedHead;

/// What never changes may be kept for ever.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn bytes(content_type: &'static str, cache: &'static str, body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, cache)], body).into_response()
}

/// The checkpoint that the registry shows.
pub(super) fn shown(app: &App) -> Result<SignedHead, Failure> {
    let shown = app.registry.shown()?;
    shown.ok_or_else(|| Failure::new(Code::NotYetWitnessed, "no checkpoint has its quorum of witnesses yet"))
}

/// Read the newest signed checkpoint, with its witnesses' cosignatures as far as they are there.
///
/// Where the operator asks for a quorum of witnesses, it is the newest checkpoint that has had it.
#[utoipa::path(
    get, path = "/checkpoint", tag = "auditors", operation_id = "readCheckpoint",
    responses(
        (status = 200, description = "A signed note.", body = String, content_type = "text/plain; charset=utf-8"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No checkpoint has its quorum of witnesses yet.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn checkpoint(State(app): State<Shared>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let shown = blocking(&app, shown).await?;
    Ok(bytes("text/plain; charset=utf-8", "no-cache", shown.note.into_bytes()))
}

/// Read a tile of hashes, or a bundle of entries.
///
/// Paths are those of `c2sp.org/tlog-tiles`: `/tile/<L>/<N>[.p/<W>]` and `/tile/entries/<N>[.p/<W>]`.
#[utoipa::path(
    get, path = "/tile/{path}", tag = "auditors", operation_id = "readTile",
    params(("path" = String, Path, description = "Level or `entries`, index, and width of a partial tile.", example = "0/000.p/1")),
    responses(
        (status = 200, description = "The tile's bytes.", body = String, content_type = "application/octet-stream"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The log has no such tile.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn tile(State(app): State<Shared>, Path(path): Path<String>, _: Asked<Nothing>) -> Result<Response, Failure> {
    let path = format!("tile/{path}");
    let body = if let Ok(id) = EntriesId::parse_path(&path) {
        blocking(&app, move |app| {
            let first = id.index.saturating_mul(u64::from(FULL_WIDTH));
            let entries = app.store.leaves(first..first.saturating_add(u64::from(id.width)))?;
            if entries.len() < usize::from(id.width) {
                return Err(Failure::not_found(format!("`/{}`", id.path())));
            }
            EntryBundle { entries }.encode().map_err(|_| Failure::internal())
        })
        .await?
    } else {
        let id = TileId::parse_path(&path).map_err(nowhere)?;
        blocking(&app, move |app| {
            let kept = app.store.tile(id.level, id.index)?.unwrap_or_default();
            let wanted = kept.get(..usize::from(id.width) * 32).map(<[u8]>::to_vec);
            wanted.ok_or_else(|| Failure::not_found(format!("`/{}`", id.path())))
        })
        .await?
    };
    Ok(bytes("application/octet-stream", IMMUTABLE, body))
}

/// Read a statement's receipt under a checkpoint that witnesses have cosigned.
///
/// The text is that of `c2sp.org/tlog-proof@v1`, under the oldest such checkpoint that covers the statement. Its `extra` line is
/// JSON with the `leaf` that is proven and the `salt` that opens its commitment. It is there seconds after the statement, if the
/// witnesses answer.
#[utoipa::path(
    get, path = "/v1/statements/{id}/receipt", tag = "everybody", operation_id = "readReceipt",
    params(("id" = String, Path, description = "The statement's id.", pattern = "^statement:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The receipt.", body = String, content_type = "text/plain; charset=utf-8"),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not in this log, or no witnesses have cosigned it yet.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn receipt(
    State(app): State<Shared>,
    Path(id): Path<String>,
    _: Asked<Nothing>,
) -> Result<Response, Failure> {
    let id: StatementId = id.parse().map_err(nowhere)?;
    let receipt = blocking(&app, move |app| {
        let stored = app.store.statement(&id)?.ok_or_else(|| Failure::not_found(id))?;
        let index = stored.registered.index;
        let covering = app.registry.witnessed_from(index + 1)?;
        let covering = covering
            .ok_or_else(|| Failure::new(Code::NotYetWitnessed, format!("no cosigned checkpoint covers `{id}` yet")))?;
        let receipt = receipt_under(&*app.store, index, covering)?;
        let leaf = app.store.leaves(index..index + 1)?.pop().unwrap_or_default();
        let salt = match app.store.published(&stored.commitment)? {
            Some(blob) => Some(Published::parse(&blob).map_err(|_| Failure::internal())?.salt.to_hex()),
            None => None,
        };
        let opening = Opening { leaf: String::from_utf8(leaf).map_err(|_| Failure::internal())?, salt };
        Ok(Receipt { extra: opening.to_bytes(), ..receipt }.to_text())
    });
    Ok(bytes("text/plain; charset=utf-8", "no-cache", receipt.await?.into_bytes()))
}

/// Read the blob that opens a leaf's commitment: envelope and salt, in canonical JSON.
#[utoipa::path(
    get, path = "/v1/published/{commitment}", tag = "auditors", operation_id = "readPublished",
    params(("commitment" = String, Path, description = "The commitment of a leaf.", pattern = "^commitment:[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "Envelope and salt.", body = Object),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Sealed, erased or not of this log.", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The registry failed.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or the store fails.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn published(
    State(app): State<Shared>,
    Path(commitment): Path<String>,
    _: Asked<Nothing>,
) -> Result<Response, Failure> {
    let commitment: Commitment = commitment.parse().map_err(nowhere)?;
    let blob = blocking(&app, move |app| Ok(app.store.published(&commitment)?)).await?;
    // An erased blob must not live on in caches.
    Ok(bytes("application/json", "no-cache", blob.ok_or_else(|| Failure::not_found(commitment))?))
}

/// Read the log's origin and the keys that clients pin.
#[utoipa::path(
    get, path = "/v1/log-key", tag = "everybody", operation_id = "readLogKey",
    responses(
        (status = 200, description = "The keys.", body = LogKey),
        (status = 400, description = "A parameter is wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Overloaded.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn log_key(State(app): State<Shared>, _: Asked<Nothing>) -> Json<LogKey> {
    Json(app.registry.log_key())
}
