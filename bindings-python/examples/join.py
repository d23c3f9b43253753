"""One member of a cluster: joins, prints what happens to the others, and leaves.

    python examples/join.py web-1 -
    python examples/join.py web-2 127.0.0.1:40123 role=web

Then type `tag role=db`, or `leave`.
"""

import asyncio
import os
import sys
import threading
from typing import Any

import chinwag


async def main(name: str, seed: str, *tags: str) -> None:
    profile: Any = os.environ.get("CHINWAG_PROFILE", "local")
    async with chinwag.start(
        name,
        bind="127.0.0.1:0",
        seeds=[] if seed == "-" else [seed],
        tags=pairs(tags),
        profile=profile,
        handle_signals=True,
    ) as node:
        print("ready", node.name, node.addr, flush=True)
        watching = asyncio.create_task(watch(node))
        commands = stdin_lines()
        while (command := await commands.get()) != ["leave"]:
            if command[:1] == ["tag"]:
                await node.update_tags(pairs(command[1:]))
    await watching


async def watch(node: chinwag.Node) -> None:
    async for event in node.events(replay=True):
        match event:
            case chinwag.ReplayDone():
                continue
            case chinwag.Warning(code=code, text=text):
                print(event.type, code, text, flush=True)
                continue
            case chinwag.Message() | chinwag.Broadcast() | chinwag.RemoteState():
                continue
            case chinwag.UserEvent() | chinwag.Query():
                continue
            case chinwag.RingChanged() | chinwag.HandoffPrepare() | chinwag.HandoffAcquired():
                continue
            case chinwag.EventsLost(members=members):
                pass
            case _:
                members = (event.member,)
        for m in members:
            known = ",".join(f"{key}={value}" for key, value in m.tags.items())
            print(event.type, m.name, m.addr, m.state, known or "-", flush=True)


def stdin_lines() -> asyncio.Queue[list[str]]:
    """The words of each line of input, read on a thread so that the loop never waits for it."""
    lines: asyncio.Queue[list[str]] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        with open(0, "rb", buffering=0, closefd=False) as stdin:
            for line in stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace").split())
        loop.call_soon_threadsafe(lines.put_nowait, ["leave"])

    threading.Thread(target=read, daemon=True).start()
    return lines


def pairs(words: tuple[str, ...] | list[str]) -> dict[str, str]:
    return {key: value for key, _, value in (word.partition("=") for word in words)}


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
