"""Checks a cosigned receipt file from nothing but itself and pinned keys, by hashlib and OpenSSL (PyPI `cryptography`).

    python check_cosigned.py RECEIPT LOG_KEY WITNESS_KEY...

Computes anew: the commitment of leaf and envelope, the leaf's hash, the root by the inclusion proof (RFC 9162 section 2.1.3.2),
the log's signature over the checkpoint (signed-note, type 0x01) and each witness's over the checkpoint and its time
(tlog-cosignature, type 0x04). Prints one JSON object; exit 0 when everything holds.
"""

import base64
import hashlib
import json
import sys

import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def key_of(text, kind):
    name, key_id, encoded = text.split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    assert raw[0] == kind and len(raw) == 33, "another type of key"
    digest = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    assert digest.hex() == key_id, "another key's hash"
    return name, digest, Ed25519PublicKey.from_public_bytes(raw[1:])


def lines_by(note, name, digest):
    for line in note.split("\n\n", 1)[1].splitlines():
        dash, by, encoded = line.split(" ")
        assert dash == "\u2014"
        raw = base64.b64decode(encoded, validate=True)
        if by == name and raw[:4] == digest:
            yield raw[4:]


def root_of(leaf, index, size, path):
    node, last, found = index, size - 1, leaf
    for sibling in path:
        assert last > 0, "the path is too long"
        if node % 2 == 1 or node == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        node, last = node >> 1, last >> 1
    assert last == 0, "the path is too short"
    return found


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def main(path, log_key, *witness_keys):
    with open(path, "rb") as file:
        receipt = json.load(file)
    leaf = json.loads(receipt["leaf"])
    commitment = blake3.blake3(
        bytes.fromhex(receipt["salt"]) + canonical(receipt["envelope"]), derive_key_context="cleartitle 2026-11 commitment"
    ).hexdigest()
    assert leaf["commitment"] == "commitment:" + commitment, "the leaf commits to another envelope"
    head, note = receipt["receipt"].split("\n\n", 1)
    first, *lines = head.split("\n")
    # Nobody signed what an `extra` line says; the leaf is in the file.
    index, *path = lines[1:] if lines[0].startswith("extra ") else lines
    assert first == "c2sp.org/tlog-proof@v1" and index == "index %d" % receipt["index"]
    text = note.split("\n\n", 1)[0] + "\n"
    origin, size, root = text.split("\n")[:3]
    hashed = hashlib.sha256(b"\x00" + receipt["leaf"].encode()).digest()
    found = root_of(hashed, receipt["index"], int(size), [base64.b64decode(line, validate=True) for line in path])
    assert base64.b64encode(found).decode() == root, "the proof leads elsewhere"
    name, digest, key = key_of(log_key, 0x01)
    assert name == origin, "another log"
    for signature in lines_by(note, name, digest):
        key.verify(signature, text.encode())
        break
    else:
        raise AssertionError("the log did not sign")
    times = []
    for witness_key in witness_keys:
        name, digest, key = key_of(witness_key, 0x04)
        for signature in lines_by(note, name, digest):
            time = int.from_bytes(signature[:8], "big")
            key.verify(signature[8:], b"cosignature/v1\ntime %d\n" % time + text.encode())
            times.append(time)
    print(json.dumps({"index": receipt["index"], "size": int(size), "cosignatures": len(times), "times": times}))


if __name__ == "__main__":
    main(*sys.argv[1:])
