"""A cache that is spread over its members: each has the keys of its slots, and hands them on.

    python examples/shard.py ann -
    python examples/shard.py bob 127.0.0.1:40123

Then type `put KEY VALUE`, `get KEY`, `keys`, `drain` (the others take over), or `leave`.
"""

import os
import sys
import threading
from typing import Any

import chinwag

PROFILE: Any = os.environ.get("CHINWAG_PROFILE", "local")


class Shard:
    def __init__(self, node: chinwag.blocking.Node) -> None:
        self.node = node
        self.lock = threading.Lock()  # events come on a thread of their own
        self.held: set[int] = set()  # slots that this node may write
        self.entries: dict[str, str] = {}
        self.waiting: list[str] = []  # requests for slots that are about to come

    def ask(self, request: str) -> None:
        """`put FROM KEY VALUE` or `get FROM KEY`, from here or from another member."""
        word, asker, key, value = (request.split(" ", 3) + [""] * 3)[:4]
        owner = self.node.ring.owner(key)
        if self.node.ring.slot(key) in self.held:
            self.answer(asker, self.serve(word, key, value))
        elif owner is None or owner == self.node.name:
            self.waiting.append(request)
        elif asker == self.node.name:
            self.send(owner, request)
        else:  # who asks does not see the same members yet
            self.answer(asker, f"moved {key}")

    def serve(self, word: str, key: str, value: str) -> str:
        if word == "put":
            self.entries[key] = value
            return f"stored {key}"
        return f"value {key} {self.entries[key]}" if key in self.entries else f"none {key}"

    def answer(self, asker: str, text: str) -> None:
        text = f"{text} at {self.node.name}"
        if asker == self.node.name:
            print(text, flush=True)
        else:
            self.send(asker, f"say {text}")

    def send(self, member: str, text: str) -> None:
        try:
            self.node.send(member, text)
        except chinwag.ChinwagError as error:
            print(f"{error.code}: {error}", flush=True)

    def hear(self, event: chinwag.Event) -> None:
        with self.lock:
            match event:
                case chinwag.HandoffPrepare(id=id, peer=peer, slots=slots):
                    self.hand_on(id, peer, set(slots))
                case chinwag.HandoffAcquired(peer=peer, slots=slots, clean=clean):
                    self.held.update(slots)
                    told = f"{peer or 'nobody'} ({'clean' if clean else 'unclean'})"
                    print(f"acquired {len(slots)} slots from {told}", flush=True)
                case chinwag.Message(payload=payload):
                    self.read(payload.decode(errors="replace"))
            # Slots may have come, or be somebody else's now.
            requests, self.waiting = self.waiting, []
            for request in requests:
                self.ask(request)

    def hand_on(self, id: int, peer: str, slots: set[int]) -> None:
        """From now on nothing of these slots is written here; their next owner gets what is."""
        self.held -= slots
        lines = ["take"]
        for key in [key for key in self.entries if self.node.ring.slot(key) in slots]:
            lines.append(f"{key} {self.entries.pop(key)}")
        if len(lines) > 1:
            # It has arrived when this returns, and comes before what the release brings about.
            self.send(peer, "\n".join(lines))
        try:
            self.node.released(id)
            print(f"released {len(slots)} slots to {peer}", flush=True)
        except chinwag.ChinwagError as error:  # its time is over
            print(f"{error.code}: {error}", flush=True)

    def read(self, message: str) -> None:
        head, *lines = message.split("\n")
        match head.split(" "):
            case ["put" | "get", _, _, *_]:
                self.ask(head)
            case ["say", *_]:
                print(head[4:], flush=True)
            case ["take"]:
                for key, _, value in (line.partition(" ") for line in lines):
                    if self.node.ring.slot(key) not in self.held:  # else it comes too late
                        self.entries[key] = value

    def type(self, word: str, rest: str) -> None:
        with self.lock:
            if word in ("put", "get") and rest:
                self.ask(f"{word} {self.node.name} {rest}")
            elif word == "keys":
                print("keys", *sorted(self.entries), flush=True)
            elif word == "drain":
                self.node.update_tags(weight="0")


def main(name: str, seed: str) -> None:
    with chinwag.blocking.start(
        name, bind="127.0.0.1:0", seeds=[] if seed == "-" else [seed],
        profile=PROFILE, handoff_timeout=5, handle_signals=True,
    ) as node:
        print("ready", node.name, node.addr, flush=True)
        shard = Shard(node)
        node.on_event(shard.hear)
        _ = node.ring  # from now on it is kept, and told of
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            if word == "leave":
                break
            shard.type(word, rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
