"""Reads a report's Markdown by markdown-it with HTML, tables and bare links on: nothing foreign may become markup."""

import json
import sys

from markdown_it import MarkdownIt

reader = MarkdownIt("commonmark", {"html": True}).enable("table")
with open(sys.argv[1], encoding="utf-8") as file:
    tokens = reader.parse(file.read())
html, links, cells = 0, 0, []
for token in tokens:
    html += token.type in ("html_block", "html_inline")
    for child in token.children or []:
        html += child.type == "html_inline"
        links += child.type in ("link_open", "image")
    if token.type == "inline":
        cells.append("".join(child.content for child in token.children or []))
print(json.dumps({"html": html, "links": links, "cells": cells}))
