"""Checks a filter run's receipt without our code: DSSE by OpenSSL, in-toto Statement v1, and its two lists by hashlib.

usage: check_receipt.py RUN_FOLDER PUBLIC_KEY_FILE INPUT...

Prints one JSON object with what the statement says; exit 0 when everything agrees, 1 when not.
"""

import base64
import hashlib
import json
import os
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(folder, key_file, inputs):
    with open(os.path.join(folder, "receipt.dsse.json")) as file:
        envelope = json.load(file)
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    with open(key_file) as file:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(file.read().strip().split(":", 1)[1]))
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    for signature in envelope["signatures"]:
        key.verify(base64.b64decode(signature["sig"]), message)
    statement = json.loads(payload)
    assert kind == b"application/vnd.in-toto+json", kind
    assert statement["_type"] == "https://in-toto.io/Statement/v1", statement["_type"]
    for subject in statement["subject"]:
        assert sha256(os.path.join(folder, subject["name"])) == subject["digest"]["sha256"], subject["name"]
    at_hand = {os.path.basename(path): path for path in inputs}
    counted = {"outputs": 0, "inputs": 0}
    with open(os.path.join(folder, "outputs.sha256")) as lines:
        for line in lines:
            digest, name = line.rstrip("\n").split("  ", 1)
            assert sha256(os.path.join(folder, name)) == digest, name
            counted["outputs"] += 1
    with open(os.path.join(folder, "inputs.sha256")) as lines:
        for line in lines:
            digest, name = line.rstrip("\n").split("  ", 1)
            assert sha256(at_hand[name]) == digest, name
            counted["inputs"] += 1
    print(json.dumps({"signatures": len(envelope["signatures"]), **counted, "predicate": statement["predicate"]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
