"""Writes one provenance table in the ways that pyarrow writes one, for a registry to read.

usage: write_provenance.py FOLDER

Prints one JSON array: for each file its name and how many rows it has. All say the same of the same documents: document N has the
BLAKE3 of `document N`.
"""

import datetime
import json
import pathlib
import sys

import blake3
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 25_000


def table(text, digest, unit):
    """The rows, with these types of text and digest, and times in this unit."""
    digests = [blake3.blake3(f"document {number}".encode()).digest() for number in range(ROWS)]
    if digest is None:
        content = pa.array(["blake3:" + it.hex() for it in digests], text)
    else:
        content = pa.array(digests, digest)
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    times = [start + datetime.timedelta(seconds=number) for number in range(ROWS)]
    urls = [None if number % 9 == 4 else f"https://press.example/{number}" for number in range(ROWS)]
    return pa.table(
        {
            "url": pa.array(urls, text),
            "captured_at": pa.array(times, pa.timestamp(unit, "UTC")),
            "content": content,
            "access": pa.array(["open"] * ROWS, pa.dictionary(pa.int32(), pa.string())),
        }
    )


WAYS = {
    "usual": (table(pa.string(), pa.binary(32), "us"), {}),
    "text": (table(pa.large_string(), None, "ms"), {"compression": "zstd", "row_group_size": 7_000}),
    "pages-2": (table(pa.string(), pa.binary(32), "ns"), {"data_page_version": "2.0", "compression": "lz4"}),
    "plain": (table(pa.string(), pa.binary(32), "us"), {"use_dictionary": False, "compression": "none"}),
    "indexed": (table(pa.string_view(), pa.binary(32), "us"), {"write_page_index": True, "write_page_checksum": True}),
}


def main(folder):
    told = []
    for name, (rows, options) in WAYS.items():
        path = pathlib.Path(folder) / f"{name}.parquet"
        pq.write_table(rows, path, **options)
        told.append({"file": str(path), "rows": rows.num_rows})
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
