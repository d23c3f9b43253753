"""Messages by the asyncio face of a node."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from .._base import BaseNode
from .._chinwag import From, delete, open_stream, publish, put, stream_of
from .._values import CodecName, Encodable, Payload, Seconds, octets, unusual
from ..answers import Replies
from ..errors import BadArgument, Overloaded
from ..servers import Handler, Serving
from ..servers._table import Table, places, within
from ..servers._tasks import Tasks
from ._keys import AsyncWatch
from ._maps import AsyncMap
from ._monitors import AsyncMonitor
from ._pump import Pump
from ._streams import AsyncBody, AsyncEnd, AsyncStream
from ._topics import AsyncSubscriber

#: Publications in a row before the loop's other tasks get a turn.
_TURN: Final = 64


class AsyncMessages(BaseNode):
    """What a node says to others and hears from them, for asyncio."""

    _published = 0

    def _pump(self) -> Pump:
        """That of the running loop."""
        raise NotImplementedError

    async def call(
        self,
        target: str,
        op: str,
        payload: Encodable = None,
        *,
        timeout: Seconds | None = None,
        headers: Mapping[str, str] | None = None,
        codec: CodecName = "msgpack",
    ) -> Any:
        """Asks a server, and waits for its answer: the target is `name`, `name@node` or `name#key`.

        It takes `call_timeout` seconds at most, unless told otherwise; within a handler, no longer
        than its own caller waits. Cancelled, it is given up, and the server is told. What
        the server's code raises is a `RemoteError` here, with `remote`.
        """
        limit = within(timeout, self._call_timeout)
        how = unusual(timeout=limit, headers=headers, codec=codec)
        return await self._pump().outcome(self._host.call(target, op, payload, how))

    async def cast(
        self,
        target: str,
        op: str,
        payload: Encodable = None,
        *,
        latest: bool = False,
        timeout: Seconds | None = None,
        headers: Mapping[str, str] | None = None,
        codec: CodecName = "msgpack",
    ) -> None:
        """Tells a server something, at most once; nobody answers.

        Without a connection it waits for one, for `outbox_age` at most, or for `timeout`. With
        `latest`, it takes the place of one to the same server and operation that still waits.
        """
        how = unusual(latest=latest, timeout=timeout, headers=headers, codec=codec)
        try:
            self._host.cast(target, op, payload, how)
        except Overloaded:
            if not self._blocks or latest or timeout is not None or headers is not None:
                raise
            await self._pump().outcome(self._host.patient_cast(target, op, payload, how))

    async def multi_call(
        self,
        server: str,
        op: str,
        payload: Encodable = None,
        *,
        min_ok: int | None = None,
        timeout: Seconds | None = None,
        codec: CodecName = "msgpack",
    ) -> Replies:
        """Asks the servers of that name on all members, this one included.

        Waits for all of them, or until `min_ok` have answered; `NoQuorum` if fewer do.
        """
        limit = within(timeout, self._call_timeout)
        how = unusual(min_ok=min_ok, timeout=limit, codec=codec)
        number = self._host.multi_call(server, op, payload, how)
        told: dict[str, Any] = await self._pump().outcome(number)
        return Replies._of(**told)

    async def abcast(
        self, server: str, op: str, payload: Encodable = None, *, codec: CodecName = "msgpack"
    ) -> int:
        """Tells the servers of that name on all members something; to how many it was sent."""
        number = self._host.abcast(server, op, payload, unusual(codec=codec))
        count: int = await self._pump().outcome(number)
        return count

    async def serve(
        self,
        name: str,
        handler: Handler,
        *,
        concurrency: int = 1,
        mailbox: int | None = None,
        expose_stack: bool = False,
    ) -> Serving:
        """Serves a name of this node: others find it there, wherever they are.

        The handlers run on the running loop, one message at a time unless `concurrency` says
        otherwise; up to `mailbox` others wait. They may call anything. What one returns is the
        answer; what it raises is a `RemoteError` to the caller, with the stack if `expose_stack`
        is set. One whose caller has given up is cancelled.
        """
        table, count = Table(name, handler, expose_stack), places(concurrency)
        if table.blocks:
            raise BadArgument(f"{handler!r} reads a body without awaiting it, on an event loop")
        pump = self._pump()
        mine = await asyncio.to_thread(self._host.serve, name, mailbox)
        pump.servers.append(Tasks(mine, table, count, self._ends))
        pump.look()
        return Serving(name, mine)

    def _ends(self, request: From) -> tuple[AsyncEnd, AsyncBody]:
        """The end of a call that streams, and the items that it reads."""
        end = AsyncEnd(stream_of(self._host, request), self._pump)
        return end, AsyncBody(end)

    def stream(
        self,
        target: str,
        op: str,
        payload: Encodable = None,
        *,
        timeout: Seconds | None = None,
        headers: Mapping[str, str] | None = None,
        codec: CodecName = "msgpack",
    ) -> AsyncStream:
        """Calls a server, now, with items in both directions: for `async for`, and for `send`.

        A reader that is slow slows the writer. `answer` has the answer of the call behind the
        items; what it fails with is raised behind them. The timeout, `call_timeout` unless told
        otherwise, is the longest silence, and does not run while items wait to be read here.
        """
        limit = within(timeout, self._call_timeout)
        how = unusual(timeout=limit, headers=headers, codec=codec)
        end = open_stream(self._host, target, op, payload, how)
        return AsyncStream(end, self._pump, codec)

    async def publish(
        self,
        topic: str,
        payload: Encodable = None,
        *,
        latest: bool = False,
        headers: Mapping[str, str] | None = None,
        codec: CodecName = "msgpack",
    ) -> int:
        """Sends something to everybody who subscribes to a topic; to how many members it was sent.

        At most once, and never waiting: what there is no room for on the way to a member is dropped
        there, and counted. With `latest`, it takes the place of one of the topic that still waits.
        """
        how = unusual(latest=latest, headers=headers, codec=codec)
        count = publish(self._host, topic, payload, how)
        self._published += 1
        if self._published % _TURN == 0:
            await asyncio.sleep(0)  # Those who subscribe here have to read meanwhile.
        return count

    def subscribe(
        self, topic: str, *, queue: str | None = None, buffer: int = 1024
    ) -> AsyncSubscriber:
        """Subscribes, now, to exactly that topic; for `async for`, and for `async with`.

        Of those in a queue, on whatever members, one gets each publication; all others get all. Who
        is slow misses the oldest of what waits, of which there are `buffer` at most.
        """
        return AsyncSubscriber(self, self._pump, topic, queue, buffer)

    async def put(self, key: str, value: Payload, *, ttl: Seconds | None = None) -> None:
        """Gives a key of this node a value, for all members to read until this one is gone.

        Where this node is known, they have it within milliseconds. With `ttl`, it is deleted after
        that time, unless it is put again. A key has 254 bytes at most, a value 64 KiB, and all of a
        node together 1 MiB; beyond that it is `TooLarge`, and nothing has changed.
        """
        await self._pump().outcome(put(self._host, key, octets(value), ttl))

    async def delete(self, key: str) -> None:
        """Deletes a key of this node, also one that it does not have."""
        await self._pump().outcome(delete(self._host, key))

    def watch(self, prefix: str = "", *, replay: bool = False) -> AsyncWatch:
        """Follows, from now on, the keys of all members that begin so; for `async for`.

        With `replay`, a `KeyPut` for each that is there comes first, then a `KeysReplayed`. A
        reader that falls further behind than `event_buffer` gets one `KeysLost`.
        """
        return AsyncWatch(self, self._pump, prefix, replay)

    def monitor(self, target: str) -> AsyncMonitor:
        """Follows, from now on, the server that a call to the target would go to.

        Awaited, it is `Down`, and why. One that is started again under its name is another; where
        there is none, that is told at once. To drop it ends it, as to cancel does that awaits it.
        """
        return AsyncMonitor(self, self._pump, target)

    def map(self, name: str) -> AsyncMap:
        """The map of that name, of 1 to 64 letters, digits and `._:-`, which all members share.

        It is there as soon as somebody puts something, and what is in it stays for as long as one
        member is present that has heard of it.
        """
        return AsyncMap(self, self._pump, name)
