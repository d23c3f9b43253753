"""Ours in Python, and bare sockets of asyncio beside it; `src/messages/mod.rs` has the commands.

python.py (chinwag | asyncio | uvloop) (server | client) ADDRESS
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections import deque

from peers import COUNT, PATIENCE, PAYLOAD, Client, number, say

MAILBOX = 200_000


# Ours: all callers over one connection.


async def chinwag_start(name: str) -> object:
    import chinwag

    # Who sends faster than the other side reads waits, as on a socket.
    return await chinwag.start(name, bind="127.0.0.1:0", outbox_overflow="block")


async def chinwag_server(_: str) -> None:
    node, casts = await chinwag_start("server"), 0

    def echo(payload: bytes) -> bytes:
        return payload

    def count(_: bytes) -> bytes:
        return COUNT.pack(casts)

    def add(_: bytes) -> None:
        nonlocal casts
        casts += 1

    functions = {"call": {"echo": echo, "count": count}, "cast": {"add": add}}
    await node.serve("echo", functions, mailbox=MAILBOX)
    say(address=node.addr)
    await asyncio.Future()


class Chinwag(Client):
    @classmethod
    async def open(cls, address: str) -> Chinwag:
        cls.node = await chinwag_start("client")
        await cls.node.join([address])
        while not cls.node.hosts("echo"):
            await asyncio.sleep(0.001)
        return cls("asyncio")

    async def ask(self) -> object:
        return await self.node.call("echo", "echo", PAYLOAD, codec="raw", timeout=PATIENCE)

    async def send(self, payload: bytes, count: int) -> int:
        cast = self.node.cast
        for _ in range(count):
            await cast("echo", "add", payload, codec="raw")
        answer = await self.node.call("echo", "count", b"", codec="raw", timeout=PATIENCE)
        return number(answer)


# A length and a letter in front of each message, and a connection for each caller.

HEAD = struct.Struct("<Ic")


class Frames(asyncio.Protocol):
    """Cuts what comes."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport, self.held, self.room = transport, bytearray(), asyncio.Event()
        self.room.set()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def data_received(self, data: bytes) -> None:
        self.held += data
        at = 0
        while len(self.held) - at >= HEAD.size:
            length, kind = HEAD.unpack_from(self.held, at)
            end = at + HEAD.size + length
            if end > len(self.held):
                break
            self.got(kind, bytes(self.held[at + HEAD.size : end]))
            at = end
        del self.held[:at]

    def put(self, kind: bytes, payload: bytes) -> None:
        self.transport.write(HEAD.pack(len(payload), kind) + payload)


class Answers(Frames):
    casts = 0

    def got(self, kind: bytes, payload: bytes) -> None:
        if kind == b"a":
            self.casts += 1
        else:
            self.put(kind, COUNT.pack(self.casts) if kind == b"n" else payload)


class Line(Frames):
    """The connection of one caller."""

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[bytes]] = deque()

    def got(self, kind: bytes, payload: bytes) -> None:
        self.waiting.popleft().set_result(payload)

    async def ask(self, kind: bytes, payload: bytes) -> bytes:
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        self.put(kind, payload)
        return await answer


async def bare_server(_: str) -> None:
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    say(address=str(server.sockets[0].getsockname()[1]))
    await asyncio.Future()


class Bare(Client):
    @classmethod
    async def open(cls, port: str) -> Bare:
        cls.port, cls.lines = int(port), []
        cls.line = await cls.connect()
        return cls(type(asyncio.get_running_loop()).__module__)

    @classmethod
    async def connect(cls) -> Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(Line, "127.0.0.1", cls.port)
        return line

    async def calling(self, callers: int, caller: object, ends: int) -> None:
        del ends
        while len(self.lines) < callers:
            self.lines.append(await self.connect())

        async def one(line: Line) -> None:
            await caller(lambda: line.ask(b"c", PAYLOAD))

        await asyncio.gather(*(one(line) for line in self.lines[:callers]))

    async def send(self, payload: bytes, count: int) -> int:
        for _ in range(count):
            self.line.put(b"a", payload)
            if not self.line.room.is_set():
                await self.line.room.wait()
        return number(await self.line.ask(b"n", b""))


CARRIERS = {
    "chinwag": (chinwag_server, Chinwag),
    "asyncio": (bare_server, Bare),
    "uvloop": (bare_server, Bare),
}


async def main(name: str, side: str, address: str) -> None:
    server, client = CARRIERS[name]
    if side == "server":
        await server(address)
    else:
        await (await client.open(address)).run()


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(main(*sys.argv[1:]))
    else:
        asyncio.run(main(*sys.argv[1:]))
