"""Recomputes a running registry's log from its tiles and entries, with Python's standard library alone.

    python audit_log.py http://127.0.0.1:8787 [ORIGIN]

Reads `/checkpoint`, every entry bundle and every tile of level 0, hashes the entries as RFC 6962 says, and compares the
root. With the PyPI package `cryptography` installed and a LOG_KEY in the environment (`name+hash+base64`), it also checks
the checkpoint's Ed25519 signature, and for every statement its DSSE signatures with the keys of `/v1/issuers/DOMAIN`.
Prints one JSON object; exit 0 when everything agrees, 1 when not.
"""

import base64
import hashlib
import json
import os
import sys
import urllib.request


def read(base, path):
    with urllib.request.urlopen(base + path, timeout=30) as answer:
        return answer.read()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes):
    """The root by merging perfect subtrees, a stack instead of RFC 6962's recursion."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    stack = []
    for position, leaf in enumerate(hashes, 1):
        current = leaf
        while position % 2 == 0:
            current = node(stack.pop(), current)
            position //= 2
        stack.append(current)
    while len(stack) > 1:
        right = stack.pop()
        stack[-1] = node(stack[-1], right)
    return stack[0]


def index_path(index):
    groups = ["%03d" % (index % 1000)]
    while index >= 1000:
        index //= 1000
        groups.insert(0, "x%03d" % (index % 1000))
    return "/".join(groups)


def widths(size):
    for index in range((size + 255) // 256):
        yield index, min(256, size - 256 * index)


def tile(level, index, width):
    return "/tile/%s/%s%s" % (level, index_path(index), "" if width == 256 else ".p/%d" % width)


def entries_of(base, size):
    entries = []
    for index, width in widths(size):
        bundle = read(base, tile("entries", index, width))
        for _ in range(width):
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        if bundle:
            raise SystemExit("bundle %d has bytes behind its entries" % index)
    return entries


def check_note(note, key):
    """The signature of a note by OpenSSL, through `cryptography`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    name, _, encoded = key.split("+", 2)
    text, signatures = note.split("\n\n", 1)
    line = next(line for line in signatures.splitlines() if line.startswith("\u2014 %s " % name))
    signature = base64.b64decode(line.rsplit(" ", 1)[1])[4:]
    Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:]).verify(signature, (text + "\n").encode())


def check_envelopes(base, entries):
    """Every published envelope's signatures over DSSE's pre-authentication encoding, by OpenSSL."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    keys, checked = {}, 0
    operator = json.loads(read(base, "/v1/log-key"))["operator"]
    keys[None] = [operator]
    for entry in entries:
        envelope = json.loads(read(base, "/v1/published/" + json.loads(entry)["commitment"]))["envelope"]
        payload = base64.b64decode(envelope["payload"])
        statement = json.loads(payload)
        domains = [statement["issuer"]["domain"]]
        domains += [party["domain"] for party in statement["body"].get("licensees", [])]
        for domain in domains:
            if domain not in keys:
                view = json.loads(read(base, "/v1/issuers/" + domain))
                keys[domain] = [key["key"] for key in view["keys"]]
        kind = envelope["payloadType"].encode()
        message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        known = [text for domain in [None] + domains for text in keys[domain]]
        for signature in envelope["signatures"]:
            for text in known:
                public = Ed25519PublicKey.from_public_bytes(base64.b64decode(text.strip().split(":", 1)[1]))
                try:
                    public.verify(base64.b64decode(signature["sig"]), message)
                    checked += 1
                    break
                except Exception:  # Another key of the same parties may have signed.
                    continue
            else:
                raise SystemExit("no known key signed a statement of %s" % domains[0])
    return checked


def main(base, origin=None):
    note = read(base, "/checkpoint").decode()
    lines = note.split("\n")
    size, root = int(lines[1]), base64.b64decode(lines[2])
    told = {"origin": lines[0], "size": size, "root": lines[2]}
    entries = entries_of(base, size)
    hashes = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]
    for index, width in widths(size):
        expected = b"".join(hashes[256 * index : 256 * index + width])
        if read(base, tile("0", index, width)) != expected:
            raise SystemExit("tile %d of level 0 is not the hashes of its entries" % index)
    if origin is not None and lines[0] != origin:
        raise SystemExit("the log is %s, not %s" % (lines[0], origin))
    if root_of(hashes) != root:
        raise SystemExit("the root of the entries is not the checkpoint's")
    key = os.environ.get("LOG_KEY")
    if key:
        check_note(note, key)
        told["note"] = "verified"
        told["signatures"] = check_envelopes(base, entries)
    json.dump(told, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
