"""Teaches schemathesis the media types that the API takes and it does not know: newline-delimited JSON, sent as written."""

import json
import sys

import schemathesis


# The walk over a schema that contains itself goes deeper than Python allows at first.
sys.setrecursionlimit(100_000)


@schemathesis.serializer("application/x-ndjson")
def newline_delimited(context, value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", errors="surrogatepass")
    return json.dumps(value).encode()
