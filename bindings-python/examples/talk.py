"""A member that talks: to all, and to one.

    python examples/talk.py ann -
    python examples/talk.py bob 127.0.0.1:40123

Then type `all hello`, `ann hello`, or `leave`.
"""

import os
import sys
from typing import Any

import chinwag

PROFILE: Any = os.environ.get("CHINWAG_PROFILE", "local")


def main(name: str, seed: str) -> None:
    with chinwag.blocking.start(
        name, bind="127.0.0.1:0", seeds=[] if seed == "-" else [seed],
        profile=PROFILE, handle_signals=True,
    ) as node:
        print("ready", node.name, node.addr, flush=True)
        node.on_event(hear, replay=True)
        for line in sys.stdin:
            to, _, text = line.strip().partition(" ")
            if to == "leave":
                break
            say(node, to, text)


def hear(event: chinwag.Event) -> None:
    match event:
        case chinwag.MemberJoin(member=m):
            print("joined", m.name, flush=True)
        case chinwag.MemberLeave(member=m):
            print("left", m.name, flush=True)
        case chinwag.MemberFailed(member=m):
            print("failed", m.name, flush=True)
        case chinwag.Message(payload=payload):
            print(payload.decode(errors="replace"), flush=True)
        case chinwag.Broadcast(sender=name, payload=payload):
            print(f"{name} to all: {payload.decode(errors='replace')}", flush=True)
        case chinwag.Warning(code=code, text=text):
            print(f"warning {code}: {text}", flush=True)


def say(node: chinwag.blocking.Node, to: str, text: str) -> None:
    try:
        if to == "all":
            node.broadcast(text)
        else:
            # A message over a connection does not say from whom it is, as memberlist has it.
            node.send(to, f"{node.name}: {text}")
    except chinwag.ChinwagError as error:
        print(f"{error.code}: {error}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
