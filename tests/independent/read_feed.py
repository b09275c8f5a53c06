"""Reads the registry's Atom feed from its newest page to its oldest, by feedparser and by the standard library's XML parser.

usage: read_feed.py REGISTRY

Prints one JSON object: the ids in order, and what of RFC 4287 was checked; exit 0 when all pages are sound, 1 when not.
"""

import datetime
import json
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree as tree

import feedparser

ATOM = "{http://www.w3.org/2005/Atom}"


def one(element, name):
    found = element.findall(ATOM + name)
    assert len(found) == 1, (name, len(found))
    return found[0].text


def check_times(element):
    moment = one(element, "updated")
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))


def check_feed(root):
    """What RFC 4287 sections 4.1.1 and 4.1.2 ask of a feed and its entries."""
    assert root.tag == ATOM + "feed", root.tag
    assert urllib.parse.urlsplit(one(root, "id")).scheme == "tag"
    assert one(root, "title")
    check_times(root)
    assert root.find(ATOM + "author/" + ATOM + "name").text
    links = [(link.get("rel"), link.get("href")) for link in root.findall(ATOM + "link")]
    assert sum(rel == "self" for rel, _ in links) == 1 and len(links) == len(set(links)), links
    times = []
    for entry in root.findall(ATOM + "entry"):
        assert urllib.parse.urlsplit(one(entry, "id")).scheme == "tag"
        assert one(entry, "title") and one(entry, "content")
        assert entry.find(ATOM + "author/" + ATOM + "name").text
        times.append(check_times(entry))
    assert times == sorted(times, reverse=True), "the newest first"


def main(registry):
    ids, titles, pages, url = [], [], 0, registry + "/v1/changes.atom?limit=3"
    while url:
        with urllib.request.urlopen(url) as answer:
            assert answer.headers["content-type"] == "application/atom+xml", answer.headers["content-type"]
            body = answer.read()
        check_feed(tree.fromstring(body))
        parsed = feedparser.parse(body)
        assert not parsed.bozo, parsed.get("bozo_exception")
        assert parsed.version == "atom10", parsed.version
        for entry in parsed.entries:
            assert entry.id and entry.title and entry.updated_parsed and entry.author
            ids.append(entry.id)
            titles.append(entry.title)
        following = [link.href for link in parsed.feed.links if link.rel == "next"]
        url = urllib.parse.urljoin(registry, following[0]) if following else None
        pages += 1
    assert len(ids) == len(set(ids)), "an entry twice"
    print(json.dumps({"ids": ids, "titles": titles, "pages": pages}))


main(*sys.argv[1:])
