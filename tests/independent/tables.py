"""Parquet as pyarrow writes and reads it: `make FOLDER` writes tables as data sets come, `check INPUT KEPT MANIFEST` says
whether the rows kept are those that the manifest lists, unchanged, under the schema and metadata of the input, `same INPUT KEPT
COUNT` whether those of an index are."""

import json
import sys
from pathlib import Path

import blake3
import pyarrow as pa
import pyarrow.parquet as pq

HOSTS = ["open.example", "press.example", "site.example"]


def fineweb(rows, first=0):
    """Rows with FineWeb's names, and a nested, a binary, a decimal and a dictionary column besides."""
    numbers = range(first, first + rows)
    return pa.table(
        {
            "text": pa.array([f"text {n} " + "lorem ipsum " * (n % 40) for n in numbers], pa.large_string()),
            "id": [f"<urn:uuid:{n:08}>" for n in numbers],
            "dump": pa.array(["CC-MAIN-2013-20"] * rows).dictionary_encode(),
            "url": [f"http://{HOSTS[n % 3]}/page/{n}" for n in numbers],
            "date": [f"2026-12-{1 + n % 28:02}T05:48:54Z" for n in numbers],
            "language_score": pa.array([None if n % 5 == 0 else n / 7 for n in numbers], pa.float64()),
            "token_count": pa.array(numbers, pa.int64()),
            "tags": pa.array([None if n % 4 == 0 else [f"t{i}" for i in range(n % 4)] for n in numbers]),
            "raw": pa.array([bytes([n % 256]) * 3 for n in numbers], pa.binary(3)),
            "meta": pa.array([{"score": n, "names": [str(n)]} for n in numbers]),
            "seen": pa.array(numbers, pa.timestamp("us", tz="UTC")),
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": {}}})})


def make(folder):
    folder = Path(folder)
    for codec in ["snappy", "zstd", "gzip", "lz4", "none"]:
        pq.write_table(fineweb(900), folder / f"{codec}.parquet", compression=codec, row_group_size=128)
    pq.write_table(fineweb(900), folder / "paged.parquet", data_page_version="2.0", data_page_size=512, row_group_size=300)
    pq.write_table(fineweb(900), folder / "plain.parquet", use_dictionary=False, write_page_checksum=True)
    pq.write_table(fineweb(9).slice(0, 0), folder / "empty.parquet")
    # All rows of the first and the last row group are of one host: the first stays whole, the last goes.
    table = fineweb(900)
    hosts = [table.filter([f"/{host}/" in url.as_py() for url in table["url"]]) for host in HOSTS]
    pq.write_table(pa.concat_tables(hosts), folder / "sorted.parquet", row_group_size=300, compression="zstd")
    # C4's names, the date as a number of its own type.
    c4 = fineweb(90).rename_columns(
        {"date": "crawled", "seen": "timestamp"}
    ).select(["url", "text", "timestamp"])
    pq.write_table(c4, folder / "c4.parquet", use_deprecated_int96_timestamps=True)


def check(source, kept, manifest):
    source, kept = pq.ParquetFile(source), pq.ParquetFile(kept)
    assert kept.schema_arrow.equals(source.schema_arrow, check_metadata=True), "the Arrow schema differs"
    # The first line says where the object lies in memory.
    schemas = [str(file.schema).splitlines()[1:] for file in (kept, source)]
    assert schemas[0] == schemas[1], "the Parquet schema differs"
    assert kept.metadata.metadata == source.metadata.metadata, "the metadata differs"
    rows = [json.loads(line) for line in Path(manifest).read_text().splitlines()]
    groups = {}
    for row in rows:
        groups.setdefault((row["source"]["row_group"], row["container"]["row_group"]), []).append(row)
    assert len({to for _, to in groups}) == kept.metadata.num_row_groups == len(groups), "row groups differ"
    for (came_from, went_to), listed in groups.items():
        before, after = source.read_row_group(came_from), kept.read_row_group(went_to)
        assert [row["container"]["row"] for row in listed] == list(range(after.num_rows)), "rows are not listed in order"
        wanted = before.take([row["source"]["row"] for row in listed])
        assert after.combine_chunks().equals(wanted.combine_chunks()), f"row group {went_to} differs"
        for row, text in zip(listed, after["text"].to_pylist(), strict=True):
            assert row["content"] == "blake3:" + blake3.blake3(text.encode()).hexdigest(), "a text differs"
        statistics(kept.metadata.row_group(went_to), after)
    print(json.dumps({"rows": len(rows), "groups": len(groups)}))


def same(source, kept, count):
    """Rows that were kept of an index: some of those that were there, in order, under its schema and metadata."""
    source, kept = pq.ParquetFile(source), pq.ParquetFile(kept)
    assert kept.schema_arrow.equals(source.schema_arrow, check_metadata=True), "the Arrow schema differs"
    assert kept.metadata.metadata == source.metadata.metadata, "the metadata differs"
    before, after = iter(source.read().to_pylist()), kept.read().to_pylist()
    assert len(after) == int(count), f"{len(after)} rows"
    assert all(row in before for row in after), "a row is another one, or in another place"


def statistics(group, rows):
    """Readers skip by these: a bound that leaves a value out would hide a row."""
    for at in range(group.num_columns):
        column = group.column(at)
        if "." in column.path_in_schema or not column.is_stats_set or not column.statistics.has_min_max:
            continue
        values = [value for value in rows[column.path_in_schema].to_pylist() if value is not None]
        low, high = column.statistics.min, column.statistics.max
        assert all(low <= value for value in values), column.path_in_schema
        # A maximum may be cut to a prefix that was made larger.
        assert all(value <= high for value in values), column.path_in_schema


if __name__ == "__main__":
    {"make": make, "check": check, "same": same}[sys.argv[1]](*sys.argv[2:])
