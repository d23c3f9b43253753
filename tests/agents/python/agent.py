"""Drives the Python library by the protocol in ../README.md."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import chinwag

Pairs = dict[str, str]


class BadRequest(Exception):
    """A line that is no command."""


def escape(text: str) -> str:
    return quote(text, safe="._:/-")


def parse(line: str) -> tuple[str, Pairs]:
    word, *rest = line.split(" ")
    if not word or not all("=" in pair for pair in rest):
        raise BadRequest(line)
    return word, {unquote(key): value for key, value in (pair.split("=", 1) for pair in rest)}


def text(pairs: Pairs, key: str) -> str:
    if key not in pairs:
        raise BadRequest(f"{key} is missing")
    return unquote(pairs[key])


def texts(pairs: Pairs, key: str) -> list[str]:
    return [unquote(item) for item in pairs.get(key, "").split(",") if item]


def under(pairs: Pairs, prefix: str) -> Pairs:
    return {k.removeprefix(prefix): unquote(v) for k, v in pairs.items() if k.startswith(prefix)}


def say(word: str, facts: Iterable[tuple[str, object]] = ()) -> None:
    """Writes one whole line. Only the loop's thread writes, so no other comes in between."""
    print(word, *(f"{escape(key)}={escape(str(value))}" for key, value in facts), flush=True)


def tagged(prefix: str, tags: Mapping[str, str]) -> list[tuple[str, object]]:
    return [(prefix + key, value) for key, value in tags.items()]


def facts(m: chinwag.Member) -> list[tuple[str, object]]:
    own = [("name", m.name), ("addr", m.addr), ("state", m.state)]
    return [*own, *tagged("tag.", m.tags)]


def error_facts(error: chinwag.ChinwagError) -> list[tuple[str, object]]:
    return [("code", error.code), ("message", error)]


class Agent:
    """One node at a time, and what it is told to do."""

    def __init__(self) -> None:
        self.node: chinwag.Node | None = None
        self.watching: asyncio.Task[None] | None = None
        self.reentry: tuple[str, str, Pairs] | None = None

    async def obey(self, line: str) -> None:
        """Carries out one command, up to its final line."""
        try:
            word, pairs = parse(line)
            command = getattr(self, f"do_{word}", None)
            if command is None:
                say("unsupported")
            else:
                say("ok", await command(pairs) or ())
        except BadRequest as refusal:
            say("error", [("code", "bad_request"), ("message", refusal)])
        except chinwag.ChinwagError as error:
            say("error", error_facts(error))

    def open_node(self) -> chinwag.Node:
        if self.node is None or self.node.closed:
            raise chinwag.Closed("no node is open")
        return self.node

    async def do_version(self, _: Pairs) -> list[tuple[str, object]]:
        return [("version", chinwag.__version__), ("runtime", "python")]

    async def do_start(self, pairs: Pairs) -> list[tuple[str, object]]:
        if self.node is not None and not self.node.closed:
            raise BadRequest("a node is open")
        options: dict[str, Any] = under(pairs, "opt.")
        options.update((key, text(pairs, key)) for key in ("bind", "profile"))
        options.update(seeds=texts(pairs, "seeds"), tags=under(pairs, "tag."))
        self.node = await chinwag.start(text(pairs, "name"), **options)
        return [("addr", self.node.addr)]

    async def do_subscribe(self, pairs: Pairs) -> None:
        events = self.open_node().events(replay=text(pairs, "replay") == "true")
        self.watching = asyncio.create_task(self.watch(events))

    async def do_members(self, _: Pairs) -> list[tuple[str, object]]:
        members = self.open_node().members()
        for member in members:
            say("member", facts(member))
        return [("count", len(members))]

    async def do_local(self, _: Pairs) -> list[tuple[str, object]]:
        return facts(self.open_node().local_member())

    async def do_join(self, pairs: Pairs) -> list[tuple[str, object]]:
        return [("contacted", await self.open_node().join(texts(pairs, "seeds")))]

    async def do_update_tags(self, pairs: Pairs) -> None:
        removed: dict[str, str | None] = dict.fromkeys(under(pairs, "untag."))
        await self.open_node().update_tags({**removed, **under(pairs, "tag.")})

    async def do_leave(self, pairs: Pairs) -> None:
        await self.open_node().leave(timeout=int(text(pairs, "timeout_ms")) / 1000)

    async def do_close(self, _: Pairs) -> None:
        if self.node is not None:
            await self.node.close()

    async def do_reenter(self, pairs: Pairs) -> None:
        self.reentry = (text(pairs, "on"), text(pairs, "do"), pairs)

    async def watch(self, events: chinwag.Events) -> None:
        async for event in events:
            show(event)
            if self.reentry is not None and self.reentry[0] == event.type:
                _, word, pairs = self.reentry
                self.reentry = None
                await self.reenter(word, pairs)

    async def reenter(self, word: str, pairs: Pairs) -> None:
        """Makes a call from inside the event loop of the user."""
        outcome: list[tuple[str, object]] = [("do", word), ("ok", "true")]
        try:
            if word == "members":
                self.open_node().members()
            else:
                await getattr(self, f"do_{word}")(pairs)
        except chinwag.ChinwagError as error:
            outcome[1:] = [("ok", "false"), ("code", error.code)]
        say("reentered", outcome)


def show(event: chinwag.Event) -> None:
    known: list[tuple[str, object]] = [("type", event.type), ("seq", event.seq)]
    match event:
        case chinwag.EventsLost(count=count):
            known.append(("count", count))
        case chinwag.ReplayDone():
            pass
        case chinwag.Message() | chinwag.Broadcast() | chinwag.RemoteState():
            text = event.payload.decode("utf-8", "backslashreplace")
            known += [("sender", event.sender), ("payload", text)]
        case chinwag.UserEvent() | chinwag.Query():
            text = event.payload.decode("utf-8", "backslashreplace")
            known += [("name", event.name), ("payload", text)]
        case chinwag.Warning(code=code, subject=subject):
            known += [("code", code), ("subject", subject)]
        case chinwag.MemberUpdate(member=member, previous=previous):
            known += [*facts(member), *tagged("prev_tag.", previous.tags)]
        case _:
            known += facts(event.member)
    say("event", known)


def stdin_lines() -> asyncio.Queue[str]:
    """Standard input, read on a thread; its end is `exit`."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        with open(0, "rb", buffering=0, closefd=False) as stdin:
            for line in stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace").strip())
        loop.call_soon_threadsafe(lines.put_nowait, "exit")

    threading.Thread(target=read, daemon=True).start()
    return lines


async def main() -> None:
    agent = Agent()
    lines = stdin_lines()
    while (line := await lines.get()) != "exit":
        await agent.obey(line)
    await agent.do_close({})


if __name__ == "__main__":
    asyncio.run(main())
