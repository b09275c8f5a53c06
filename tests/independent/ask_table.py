"""Asks a registry about a table of copies and reads the table of answers, by pyarrow.

usage: ask_table.py REGISTRY

Prints one JSON object: how many rows came back, and the verdicts by host. Large texts and string views are sent too, since tools
differ in what they write.
"""

import collections
import datetime
import io
import json
import sys
import urllib.parse
import urllib.request

import pyarrow as pa

HOSTS = ["press.example", "nobody.example", "open.example"]


def ask(registry, table):
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=4096)
    request = urllib.request.Request(
        registry + "/v1/decisions?use=train-ai",
        data=out.getvalue(),
        headers={"content-type": "application/vnd.apache.arrow.stream"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return pa.ipc.open_stream(answer.read()).read_all()


def main(registry):
    rows = 0
    verdicts = collections.defaultdict(collections.Counter)
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    for text in (pa.string(), pa.large_string(), pa.string_view()):
        urls = [f"https://{HOSTS[n % 3]}/{n}" for n in range(10_000)]
        table = pa.table(
            {
                "url": pa.array(urls, text),
                "captured_at": pa.array([moment] * len(urls), pa.timestamp("us", "UTC")),
            }
        )
        answers = ask(registry.rstrip("/"), table)
        assert answers.column("error").null_count == len(urls), answers.column("error").drop_null()[:3]
        assert int(answers.schema.metadata[b"cleartitle.log_size"]) > 0
        rows += answers.num_rows
        for url, verdict in zip(urls, answers.column("verdict").to_pylist()):
            verdicts[urllib.parse.urlsplit(url).hostname][verdict] += 1
    print(json.dumps({"rows": rows, "verdicts": verdicts}))


if __name__ == "__main__":
    main(sys.argv[1])
