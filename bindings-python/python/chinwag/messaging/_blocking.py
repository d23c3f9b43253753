"""Messages by the blocking face of a node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .._base import BaseNode, settle
from .._chinwag import From, delete, open_stream, publish, put, stream_of
from .._values import CodecName, Encodable, Payload, Seconds, octets, unusual
from ..answers import Replies
from ..errors import BadArgument, Overloaded
from ..servers import Handler, Serving
from ..servers._table import Table, places, within
from ..servers._threads import Threads, work
from ._keys import Watch
from ._maps import Map
from ._monitors import Monitor
from ._thread_streams import Body, End, Stream
from ._topics import Subscriber


class BlockingMessages(BaseNode):
    """What a node says to others and hears from them, for threads."""

    _servers: list[Threads]

    def call(
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
        than its own caller waits. What the server's code raises is a `RemoteError` here, with
        `remote`.
        """
        limit = within(timeout, self._call_timeout)
        how = unusual(timeout=limit, headers=headers, codec=codec)
        return settle(self._host, self._host.call(target, op, payload, how))

    def cast(
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
            settle(self._host, self._host.patient_cast(target, op, payload, how))

    def multi_call(
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
        told: dict[str, Any] = settle(self._host, number)
        return Replies._of(**told)

    def abcast(
        self, server: str, op: str, payload: Encodable = None, *, codec: CodecName = "msgpack"
    ) -> int:
        """Tells the servers of that name on all members something; to how many it was sent."""
        number = self._host.abcast(server, op, payload, unusual(codec=codec))
        count: int = settle(self._host, number)
        return count

    def serve(
        self,
        name: str,
        handler: Handler,
        *,
        concurrency: int = 1,
        mailbox: int | None = None,
        expose_stack: bool = False,
    ) -> Serving:
        """Serves a name of this node: others find it there, wherever they are.

        The handlers run on threads of their own, one message at a time unless `concurrency` says
        otherwise; up to `mailbox` others wait. They may call anything, and block. What one returns
        is the answer; what it raises is a `RemoteError` to the caller, with the stack if
        `expose_stack` is set. One that takes long asks now and then whether `sender.waiting`.
        """
        table = Table(name, handler, expose_stack)
        if table.has_tasks:
            raise BadArgument(f"{handler!r} is to be awaited, and here is no event loop")
        count = places(concurrency)
        mine = self._host.serve(name, mailbox)
        threads = Threads(name, count, partial(work, self, mine, table, self._ends))
        self._servers = [one for one in self._servers if not one.ended] + [threads]
        return Serving(name, mine)

    def _ends(self, request: From) -> tuple[End, Body]:
        """The end of a call that streams, and the items that it reads."""
        end = End(stream_of(self._host, request), self._host)
        return end, Body(end)

    def stream(
        self,
        target: str,
        op: str,
        payload: Encodable = None,
        *,
        timeout: Seconds | None = None,
        headers: Mapping[str, str] | None = None,
        codec: CodecName = "msgpack",
    ) -> Stream:
        """Calls a server, now, with items in both directions: for `for`, and for `send`.

        A reader that is slow slows the writer. `answer` has the answer of the call behind the
        items; what it fails with is raised behind them. The timeout, `call_timeout` unless told
        otherwise, is the longest silence, and does not run while items wait to be read here.
        """
        limit = within(timeout, self._call_timeout)
        how = unusual(timeout=limit, headers=headers, codec=codec)
        return Stream(open_stream(self._host, target, op, payload, how), self._host, codec)

    def publish(
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
        return publish(self._host, topic, payload, how)

    def subscribe(
        self, topic: str, *, queue: str | None = None, buffer: int = 1024
    ) -> Subscriber:
        """Subscribes, now, to exactly that topic; for `for`, `next` and `with`.

        Of those in a queue, on whatever members, one gets each publication; all others get all. Who
        is slow misses the oldest of what waits, of which there are `buffer` at most.
        """
        return Subscriber(self, topic, queue, buffer)

    def put(self, key: str, value: Payload, *, ttl: Seconds | None = None) -> None:
        """Gives a key of this node a value, for all members to read until this one is gone.

        Where this node is known, they have it within milliseconds. With `ttl`, it is deleted after
        that time, unless it is put again. A key has 254 bytes at most, a value 64 KiB, and all of a
        node together 1 MiB; beyond that it is `TooLarge`, and nothing has changed.
        """
        settle(self._host, put(self._host, key, octets(value), ttl))

    def delete(self, key: str) -> None:
        """Deletes a key of this node, also one that it does not have."""
        settle(self._host, delete(self._host, key))

    def watch(self, prefix: str = "", *, replay: bool = False) -> Watch:
        """Follows, from now on, the keys of all members that begin so; for `for` and `next`.

        With `replay`, a `KeyPut` for each that is there comes first, then a `KeysReplayed`. A
        reader that falls further behind than `event_buffer` gets one `KeysLost`.
        """
        return Watch(self, prefix, replay)

    def monitor(self, target: str) -> Monitor:
        """Follows, from now on, the server that a call to the target would go to.

        `wait` of what is returned has that it is `Down`, and why. One that is started again under
        its name is another; where there is none, that is told at once. To drop it ends it.
        """
        return Monitor(self, target)

    def map(self, name: str) -> Map:
        """The map of that name, of 1 to 64 letters, digits and `._:-`, which all members share.

        It is there as soon as somebody puts something, and what is in it stays for as long as one
        member is present that has heard of it.
        """
        return Map(self, name)
