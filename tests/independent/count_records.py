"""Counts what crawl files hold, by two readers that are not ours: PyPI `warcio` and `fastwarc`.

    python count_records.py FILE...        prints one JSON object to stdout

Needs `pip install warcio fastwarc brotli`; `blake3` is used where it is installed. For each file and reader: the number of records per type
(lower case), each document (a `response` over HTTP, a `resource`, a `conversion`, the `metadata` of WAT) with record id, target URI, length
and SHA-256 (and BLAKE3) of its payload after transfer and content decoding, and the error that ended reading, if any.
"""

import collections
import gzip
import hashlib
import io
import json
import sys
import zlib

try:
    from blake3 import blake3
except ImportError:
    blake3 = None

from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

HTTP = ("http:", "https:")


def document(record_id, uri, payload):
    found = {
        "record_id": record_id,
        "uri": uri,
        "length": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }
    if blake3:
        found["blake3"] = blake3(payload).hexdigest()
    return found


def is_document(kind, uri, media, payload):
    if kind == "metadata" and media == "application/json":
        return payload.startswith((b'{"Container":{', b'{"Envelope":{'))
    return kind in ("resource", "conversion") or (kind == "response" and (uri or "").strip("<>").startswith(HTTP))


def with_warcio(path):
    counts, documents, error = collections.Counter(), [], None
    try:
        with open(path, "rb") as stream:
            # arc2warc off: an ARC file must not pass for a WARC.
            for record in ArchiveIterator(stream):
                counts[record.rec_type] += 1
                uri = record.rec_headers.get_header("WARC-Target-URI")
                payload = record.content_stream().read()
                declared = record.rec_headers.get_header("Content-Length")
                whole = record.raw_stream.limit == 0 if hasattr(record.raw_stream, "limit") else True
                if is_document(record.rec_type, uri, record.rec_headers.get_header("Content-Type"), payload):
                    entry = document(record.rec_headers.get_header("WARC-Record-ID"), uri, payload)
                    entry["declared_length"] = int(declared)
                    entry["whole"] = whole
                    documents.append(entry)
    except Exception as problem:  # The error itself is what is reported.
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    return {"counts": dict(counts), "documents": documents, "error": error}


def unchunk(body):
    """Chunks joined; a body that does not begin with a chunk's size is taken as it is."""
    stream, joined = io.BytesIO(body), b""
    while True:
        line = stream.readline()
        try:
            size = int(line.split(b";")[0].strip(), 16)
        except ValueError:
            return joined if joined else body
        if size == 0:
            return joined
        joined += stream.read(size)
        stream.readline()


def decoded(record, body):
    """Codings taken off with Python's own standard library, so that fastwarc only has to find the records."""
    headers = record.http_headers
    if headers is None:
        return body
    headers = {name.lower(): value.lower() for name, value in headers.items()}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = unchunk(body)
    coding = headers.get("content-encoding", "")
    if coding in ("gzip", "x-gzip") and body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    elif coding == "deflate":
        try:
            body = zlib.decompress(body)
        except zlib.error:
            body = zlib.decompress(body, -15)
    elif coding == "br":
        import brotli

        body = brotli.decompress(body)
    return body


def with_fastwarc(path):
    counts, documents, error = collections.Counter(), [], None
    try:
        with open(path, "rb") as stream:
            for record in FastIterator(stream, parse_http=True):
                kind = str(record.record_type).rsplit(".", 1)[-1].lower()
                counts[kind] += 1
                uri = record.headers.get("WARC-Target-URI")
                expected = record.content_length
                body = record.reader.read()
                if is_document(kind, uri, record.headers.get("Content-Type"), body):
                    entry = document(record.headers.get("WARC-Record-ID"), uri, decoded(record, body))
                    entry["declared_length"] = int(record.headers.get("Content-Length"))
                    entry["whole"] = len(body) == expected
                    documents.append(entry)
    except Exception as problem:  # The error itself is what is reported.
        error = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    return {"counts": dict(counts), "documents": documents, "error": error}


def main(paths):
    answer = {path: {"warcio": with_warcio(path), "fastwarc": with_fastwarc(path)} for path in paths}
    json.dump(answer, sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
