"""Answers questions on robots.txt by a parser that is not ours: PyPI `protego`.

    python ask_protego.py < questions        one JSON object a line in, `true`, `false` or `null` a line out

A question has `robots` (the text), `agent` and `url`. `null` says that the parser gave no answer.
"""

import json
import sys

from protego import Protego


def main():
    text, parsed = None, None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if parsed is None or text != question["robots"]:
                text, parsed = question["robots"], None
                parsed = Protego.parse(text)
            answer = parsed.can_fetch(question["url"], question["agent"])
        except Exception:  # No answer is one of the answers that are counted.
            answer = None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
