"""The words of maps that all members write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import unquote

import chinwag
from lines import BadRequest, Facts, Items, Pairs, octets, say, text


class Maps:
    """The commands that are about maps."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[tuple[str, str], chinwag.MapEntry] = {}
        self.map_watches: set[asyncio.Task[None]] = set()

    def open_node(self) -> chinwag.Node:
        raise NotImplementedError

    def map(self, pairs: Pairs) -> chinwag.Map:
        return self.open_node().map(text(pairs, "map"))

    def after(self, pairs: Pairs) -> chinwag.MapEntry | None:
        """What was read, for a write in place of that."""
        if pairs.get("after") != "read":
            return None
        found = self.read.get((text(pairs, "map"), text(pairs, "key")))
        if found is None:
            raise BadRequest("nothing was read")
        return found

    async def do_map_put(self, pairs: Pairs) -> None:
        after = self.after(pairs)
        await self.map(pairs).put(text(pairs, "key"), octets(pairs), after=after)

    async def do_map_delete(self, pairs: Pairs) -> None:
        await self.map(pairs).delete(text(pairs, "key"), after=self.after(pairs))

    async def do_map_resolve(self, pairs: Pairs) -> None:
        await self.map(pairs).resolve(text(pairs, "key"), joined)

    async def do_map_get(self, pairs: Pairs) -> Facts:
        value = self.map(pairs).get(text(pairs, "key"))
        return [] if value is None else [("payload", value)]

    async def do_map_read(self, pairs: Pairs) -> Facts:
        entry = self.map(pairs).read(text(pairs, "key"))
        if entry is None:
            return []
        self.read[text(pairs, "map"), text(pairs, "key")] = entry
        return values(entry)

    async def do_map_entries(self, pairs: Pairs) -> Facts:
        entries = self.map(pairs).entries(unquote(pairs.get("prefix", "")))
        for entry in entries:
            say("entry", [("key", entry.key), *values(entry)])
        return [("count", len(entries))]

    async def do_map_watch(self, pairs: Pairs) -> None:
        replay = pairs.get("replay") == "true"
        watch = self.map(pairs).watch(unquote(pairs.get("prefix", "")), replay=replay)
        self.map_watches.add(asyncio.create_task(tell(text(pairs, "map"), watch)))


def joined(values: Sequence[chinwag.MapValue]) -> bytes:
    return b"+".join(sorted(value.value for value in values))


def values(entry: chinwag.MapEntry) -> Facts:
    """Those of a key and who put them, the newest first."""
    return [
        ("values", Items(value.value for value in entry.values)),
        ("writers", Items(value.writer for value in entry.values)),
    ]


async def tell(map: str, watch: chinwag.MapWatch) -> None:
    async for change in watch:
        known: Facts = [("map", map), ("type", change.type)]
        match change:
            case chinwag.MapPut(entry=entry):
                known += [("key", entry.key), *values(entry)]
            case chinwag.MapDeleted(key=key):
                known.append(("key", key))
            case chinwag.MapLost(count=count):
                known.append(("count", count))
        say("watched", known)
