"""A member that counts, for whoever calls it, and calls others.

    python examples/counter.py ann -
    python examples/counter.py bob 127.0.0.1:40123

Then type `counter@ann add 5`, `counter get`, or `leave`.
"""

import os
import sys
from typing import Any

import chinwag

PROFILE: Any = os.environ.get("CHINWAG_PROFILE", "local")


class Counter(chinwag.Server):
    """What is served: it gets one message at a time."""

    def __init__(self) -> None:
        self.count = 0

    @chinwag.handle_call("add")
    def add(self, by: int) -> int:
        if not isinstance(by, int):
            raise TypeError("only integers are counted")
        self.count += by
        return self.count

    @chinwag.handle_call("get")
    def get(self, _: object) -> int:
        return self.count


def main(name: str, seed: str) -> None:
    with chinwag.blocking.start(
        name, bind="127.0.0.1:0", seeds=[] if seed == "-" else [seed],
        profile=PROFILE, handle_signals=True,
    ) as node:
        node.serve("counter", Counter())
        print("ready", node.name, node.addr, flush=True)
        for line in sys.stdin:
            line = line.strip()
            if line == "leave":
                break
            target, _, words = line.partition(" ")
            op, _, word = words.partition(" ")
            try:
                print(f"{line}: {node.call(target, op, value(word))}", flush=True)
            except chinwag.ChinwagError as error:
                print(f"{error.code}: {error}", flush=True)


def value(word: str) -> int | str | None:
    try:
        return int(word)
    except ValueError:
        return word or None


if __name__ == "__main__":
    main(*sys.argv[1:])
