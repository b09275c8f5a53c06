"""One run of a peer that is Python, timed from inside, for the bench `peers`.

    python peers.py WORK RESERVED INPUTS OUT        prints one JSON object to stdout

WORK is `fastwarc` (WARC.gz: iterate, drop by host, BLAKE3 of what is kept, nothing written), `jsonl`, `jsonl-plain`, `parquet` or
`parquet-jsonl` (datatrove: its reader, a filter by the same hosts, its writer: JSONL under zstd or plain, Parquet). RESERVED is a file of hosts, INPUTS a folder of files, OUT an empty folder. `seconds` and `cores` begin
after the imports and the reading of RESERVED, and end when the last output is closed; what was kept is then read back for its digest.
"""

import json
import os
import sys
import time
from collections import deque

from blake3 import blake3


def host_of(url):
    rest = url.split("://", 1)[-1]
    for end in "/?#:":
        rest = rest.split(end, 1)[0]
    return rest


def fastwarc(reserved, inputs, _out):
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    def work():
        found = []
        for name in sorted(os.listdir(inputs)):
            with open(os.path.join(inputs, name), "rb") as stream:
                for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                    if host_of(record.headers["WARC-Target-URI"]) in reserved:
                        continue
                    payload = record.reader.read()
                    found.append((record.headers["WARC-Record-ID"], blake3(payload).hexdigest()))
        return found

    return work, lambda found: found


def datatrove(reader, writer, read_back, reserved):
    from datatrove.pipeline.filters.base_filter import BaseFilter

    class ByHost(BaseFilter):
        name = "by host"

        def filter(self, doc):
            return host_of(doc.metadata["url"]) not in reserved

    def work():
        documents = None
        for step in (reader, ByHost(), writer):
            documents = step(documents, rank=0, world_size=1)
        deque(documents, maxlen=0)

    def kept(_):
        return [(record, blake3(text.encode()).hexdigest()) for record, text in read_back()]

    return work, kept


def lines_of(out, compression):
    import zstandard

    opened = zstandard.open if compression else open
    for name in sorted(os.listdir(out)):
        with opened(os.path.join(out, name), "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                row = json.loads(line)
                yield row["id"], row["text"]


def to_jsonl(reader, compression):
    def peer(reserved, inputs, out):
        from datatrove.pipeline import readers
        from datatrove.pipeline.writers import JsonlWriter

        writer = JsonlWriter(out, compression=compression)
        return datatrove(getattr(readers, reader)(inputs), writer, lambda: lines_of(out, compression), reserved)

    return peer


def parquet(reserved, inputs, out):
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    import pyarrow.parquet

    def read_back():
        for name in sorted(os.listdir(out)):
            table = pyarrow.parquet.read_table(os.path.join(out, name), columns=["id", "text"])
            yield from zip(table["id"].to_pylist(), table["text"].to_pylist())

    return datatrove(ParquetReader(inputs), ParquetWriter(out, expand_metadata=True), read_back, reserved)


def main():
    work, reserved, inputs, out = sys.argv[1:]
    with open(reserved, encoding="utf-8") as lines:
        reserved = frozenset(line.strip() for line in lines)
    peers = {
        "fastwarc": fastwarc,
        "jsonl": to_jsonl("JsonlReader", "zstd"),
        "jsonl-plain": to_jsonl("JsonlReader", None),
        "parquet": parquet,
        "parquet-jsonl": to_jsonl("ParquetReader", None),
    }
    run, kept = peers[work](reserved, inputs, out)
    clock, cores = time.perf_counter(), time.process_time()
    found = run()
    seconds, cores = time.perf_counter() - clock, time.process_time() - cores
    lines = sorted(f"{record.strip('<>')} {content}\n" for record, content in kept(found))
    told = {
        "seconds": seconds,
        "cores": cores,
        "kept": len(lines),
        "digest": blake3("".join(lines).encode()).hexdigest(),
        "wrote": sum(os.path.getsize(os.path.join(out, name)) for name in os.listdir(out)),
    }
    print(json.dumps(told))


main()
