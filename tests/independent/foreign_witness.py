"""Another implementation of witnesses and cosignatures (PyPI `aics-witness`, `aics-tlog`) against the registry and its witness.

    python foreign_witness.py verify CHECKPOINT LOG_KEY QUORUM WITNESS_KEY...
    python foreign_witness.py feed REGISTRY LOG_KEY WITNESS WITNESS_KEY

`verify` checks a cosigned checkpoint by a policy of witnesses. `feed` is that implementation's client: it reads a registry's
checkpoint and tiles, proves consistency from them, and has our witness cosign. Prints one JSON object; exit 0 when all holds.
"""

import json
import sys
import urllib.request

from aics_tlog import HttpTileReader, consistency_proof_from_tiles, parse_note, parse_vkey, verify_checkpoint
from aics_witness.feeder import submit_checkpoint


def verified(note, log_key, quorum, witness_keys):
    keys = [parse_vkey(key) for key in witness_keys]
    result = verify_checkpoint(parse_note(note), parse_vkey(log_key), keys, quorum=quorum, max_age_seconds=3600)
    return bool(result.ok), result


def verify(path, log_key, quorum, *witness_keys):
    with open(path, "rb") as file:
        note = file.read()
    holds, result = verified(note, log_key, int(quorum), witness_keys)
    return {"holds": holds, "said": str(result)[:2000]}


def feed(registry, log_key, witness, witness_key):
    with urllib.request.urlopen(registry + "/checkpoint", timeout=30) as answer:
        note = answer.read()
    size = int(note.split(b"\n")[1])
    reader = HttpTileReader([registry + "/"])

    def proof(old, new):
        return consistency_proof_from_tiles(reader, old, new, size)

    lines = submit_checkpoint(witness, note, proof, witness_vkey=witness_key)
    # The log's own lines alone, and what our witness answered.
    text = note.split(b"\n\n")[0] + b"\n\n"
    origin = note.split(b"\n")[0]
    own = [line for line in note.split(b"\n") if line.startswith(b"\xe2\x80\x94 " + origin + b" ")]
    cosigned = text + b"\n".join(own) + b"\n" + lines.encode()
    holds, result = verified(cosigned, log_key, 1, [witness_key])
    return {"holds": holds, "size": size, "lines": lines, "said": str(result)[:2000]}


if __name__ == "__main__":
    told = {"verify": verify, "feed": feed}[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(told))
    sys.exit(0 if told["holds"] else 1)
