"""The words of keys of members."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import chinwag
from lines import Facts, Pairs, octets, say, text


class Keys:
    """The commands that are about keys of members."""

    def __init__(self) -> None:
        super().__init__()
        self.following: set[asyncio.Task[None]] = set()

    def open_node(self) -> chinwag.Node:
        raise NotImplementedError

    async def do_put(self, pairs: Pairs) -> None:
        ttl = int(text(pairs, "ttl_ms")) / 1000 if "ttl_ms" in pairs else None
        await self.open_node().put(text(pairs, "key"), octets(pairs), ttl=ttl)

    async def do_delete(self, pairs: Pairs) -> None:
        await self.open_node().delete(text(pairs, "key"))

    async def do_get(self, pairs: Pairs) -> Facts:
        value = self.open_node().get(text(pairs, "member"), text(pairs, "key"))
        return [] if value is None else [("payload", value)]

    async def do_entries(self, pairs: Pairs) -> Facts:
        entries = self.open_node().entries(unquote(pairs.get("prefix", "")))
        for entry in entries:
            say("entry", facts(*entry))
        return [("count", len(entries))]

    async def do_watch(self, pairs: Pairs) -> None:
        replay = pairs.get("replay") == "true"
        watch = self.open_node().watch(unquote(pairs.get("prefix", "")), replay=replay)
        self.following.add(asyncio.create_task(tell(watch)))


def facts(member: str, key: str, value: bytes) -> Facts:
    return [("member", member), ("key", key), ("payload", value)]


async def tell(watch: chinwag.Watch) -> None:
    async for change in watch:
        known: Facts = [("type", change.type)]
        match change:
            case chinwag.KeyPut(member=member, key=key, value=value):
                known += facts(member, key, value)
            case chinwag.KeyDeleted(member=member, key=key):
                known += [("member", member), ("key", key)]
            case chinwag.KeysLost(count=count):
                known.append(("count", count))
        say("watched", known)
