"""The server that agents have, and the words of calls and casts."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import chinwag
from lines import BadRequest, Facts, Pairs, flag, say, text
from streams import Streaming
from values import shown, timeout, value


#: The words whose errors tell whether it may have happened.
SAYING = ("call", "cast", "multi_call", "abcast", "stream")


#: The header that goes from call to call.
TRACE = "traceparent"


class Tested(Streaming):
    """What the scenarios expect of a server."""

    def __init__(self, node: chinwag.Node) -> None:
        self.node = node
        self.sum = 0

    @chinwag.handle_call("echo")
    def echo(self, value: Any) -> Any:
        return value

    @chinwag.handle_call("add")
    @chinwag.handle_cast("add")
    def add(self, number: int) -> int:
        self.sum += number
        return self.sum

    @chinwag.handle_call("get")
    def get(self) -> int:
        return self.sum

    @chinwag.handle_call("fail")
    def fail(self, words: str) -> None:
        raise ValueError(words)

    @chinwag.handle_call("long")
    def long(self, count: int) -> str:
        return "x" * count

    @chinwag.handle_call("wait")
    @chinwag.handle_cast("wait")
    async def wait(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    @chinwag.handle_call("never")
    async def never(self) -> None:
        await asyncio.Event().wait()

    @chinwag.handle_call("who")
    def who(self, sender: chinwag.From) -> str:
        return sender.node

    @chinwag.handle_call("traced")
    def traced(self, sender: chinwag.From) -> str:
        return sender.headers.get(TRACE, "")

    @chinwag.handle_call("relay")
    async def relay(self, target: str, sender: chinwag.From) -> Any:
        headers = {TRACE: sender.headers.get(TRACE, "")}
        return await self.node.call(target, "traced", headers=headers)


class Servers:
    """The commands that are about servers."""

    def __init__(self) -> None:
        super().__init__()
        self.serving: dict[str, chinwag.Serving] = {}

    def open_node(self) -> chinwag.Node:
        raise NotImplementedError

    async def do_serve(self, pairs: Pairs) -> None:
        node, name = self.open_node(), text(pairs, "name")
        self.serving[name] = await node.serve(name, Tested(node))

    async def do_stop(self, pairs: Pairs) -> None:
        name = text(pairs, "name")
        if name not in self.serving:
            raise BadRequest(f"{name} is not served")
        self.serving.pop(name).stop(unquote(pairs.get("reason", "")))

    async def do_call(self, pairs: Pairs) -> Facts:
        node, limit = self.open_node(), timeout(pairs)
        target, op = text(pairs, "target"), text(pairs, "op")
        headers = {TRACE: text(pairs, TRACE)} if TRACE in pairs else None
        answer = await node.call(target, op, value(pairs), timeout=limit, headers=headers)
        return [("value", shown(answer))]

    async def do_cast(self, pairs: Pairs) -> None:
        node = self.open_node()
        await node.cast(text(pairs, "target"), text(pairs, "op"), value(pairs))

    async def do_multi_call(self, pairs: Pairs) -> Facts:
        node, limit = self.open_node(), timeout(pairs)
        server, op = text(pairs, "server"), text(pairs, "op")
        least = int(text(pairs, "min_ok")) if "min_ok" in pairs else None
        told = await node.multi_call(server, op, value(pairs), min_ok=least, timeout=limit)
        for host, reply in told.replies.items():
            say("reply", [("node", host), ("value", shown(reply))])
        for host, error in told.failed.items():
            say("failed", [("node", host), ("code", error.code)])
        return [("count", len(told.replies))]

    async def do_abcast(self, pairs: Pairs) -> Facts:
        node = self.open_node()
        server, op = text(pairs, "server"), text(pairs, "op")
        return [("count", await node.abcast(server, op, value(pairs)))]

    async def do_servers(self, _: Pairs) -> Facts:
        known = self.open_node().servers()
        for name, hosts in known.items():
            say("server", [("name", name), ("hosts", hosts)])
        return [("count", len(known))]


def doubt(error: chinwag.ChinwagError) -> Facts:
    """Whether what was asked for may have happened."""
    return [("maybe_executed", flag(error.maybe_executed))]
