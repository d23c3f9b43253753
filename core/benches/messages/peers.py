"""Other carriers of messages, in Python; `src/messages/mod.rs` has the commands.

peers.py (nats | grpc | zeromq) (server | client) ADDRESS
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

PAYLOAD = b"\x01" * 64
PATIENCE = 60.0
COUNT = struct.Struct("<Q")


def say(**answer: object) -> None:
    print(json.dumps(answer), flush=True)


def number(text: bytes) -> int:
    return COUNT.unpack(text)[0]


class Client:
    """Obeys the commands; a carrier knows how to call and to send a batch of casts."""

    def __init__(self, runtime: str) -> None:
        self.spans: list[int] = []
        self.processed = 0
        say(runtime=f"CPython {sys.version.split()[0]}, {runtime}")

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            match line.split():
                case ["call", callers, seconds]:
                    await self.call(int(callers), float(seconds))
                case ["cast", size, batch, seconds]:
                    await self.cast(int(size), int(batch), float(seconds))
                case _:
                    self.tell()

    async def call(self, callers: int, seconds: float) -> None:
        began, self.spans = time.perf_counter_ns(), []
        ends = began + int(seconds * 1e9)

        async def caller(ask: Callable[[], Awaitable[object]]) -> None:
            before, spans = time.perf_counter_ns(), self.spans
            while before < ends:
                await ask()
                now = time.perf_counter_ns()
                spans.append(now - before)
                before = now

        await self.calling(callers, caller, ends)
        say(count=len(self.spans), seconds=(time.perf_counter_ns() - began) / 1e9)

    async def calling(self, callers: int, caller: Callable, ends: int) -> None:
        del ends
        await asyncio.gather(*(caller(self.ask) for _ in range(callers)))

    async def cast(self, size: int, batch: int, seconds: float) -> None:
        began, before, sent = time.perf_counter(), self.processed, 0
        while time.perf_counter() - began < seconds:
            self.processed = await self.send(b"\x01" * size, batch)
            sent += batch
        count = self.processed - before
        say(count=count, seconds=time.perf_counter() - began, lost=sent - count)

    async def ask(self) -> object:
        raise NotImplementedError

    async def send(self, payload: bytes, count: int) -> int:
        raise NotImplementedError

    def tell(self) -> None:
        taken = sorted(self.spans)

        def rank(share: float) -> float:
            return taken[max(0, -int(-len(taken) * share // 1) - 1)] / 1e3

        say(p50_us=rank(0.50), p99_us=rank(0.99))


# NATS, one connection a side, and a broker between them.


async def nats_server(port: str) -> None:
    import nats

    bus, casts = await nats.connect(f"nats://127.0.0.1:{port}"), 0

    async def echo(message: nats.aio.msg.Msg) -> None:
        await message.respond(message.data)

    # One subscription has both, so that a count comes after the casts before it.
    async def note(message: nats.aio.msg.Msg) -> None:
        nonlocal casts
        if message.reply:
            await message.respond(COUNT.pack(casts))
        else:
            casts += 1

    limits = {"pending_msgs_limit": 0, "pending_bytes_limit": 0}
    await bus.subscribe("echo", cb=echo, **limits)
    await bus.subscribe("add", cb=note, **limits)
    await bus.flush()
    say(address=port)
    await asyncio.Future()


class Nats(Client):
    @classmethod
    async def open(cls, port: str) -> Nats:
        import nats

        cls.bus = await nats.connect(f"nats://127.0.0.1:{port}")
        return cls("nats-py")

    async def ask(self) -> object:
        return await self.bus.request("echo", PAYLOAD, timeout=PATIENCE)

    async def send(self, payload: bytes, count: int) -> int:
        for _ in range(count):
            await self.bus.publish("add", payload)
        answer = await self.bus.request("add", b"", timeout=PATIENCE)
        return number(answer.data)


# gRPC: the threads of its blocking interface, which is the faster one.


def grpc_server() -> None:
    import grpc

    def echo(request: bytes, context: object) -> bytes:
        del context
        return request

    handlers = {"Call": grpc.unary_unary_rpc_method_handler(echo)}
    server = grpc.server(ThreadPoolExecutor(64))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("Echo", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    say(address=f"127.0.0.1:{port}")
    server.wait_for_termination()


class Grpc(Client):
    @classmethod
    async def open(cls, address: str) -> Grpc:
        import grpc

        cls.echo = staticmethod(grpc.insecure_channel(address).unary_unary("/Echo/Call"))
        return cls("grpcio")

    async def calling(self, callers: int, caller: Callable, ends: int) -> None:
        def call() -> None:
            before = time.perf_counter_ns()
            while before < ends:
                self.echo(PAYLOAD)
                now = time.perf_counter_ns()
                self.spans.append(now - before)
                before = now

        threads = [threading.Thread(target=call) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


# ZeroMQ: one socket a side, callers are told apart by a number.


def zeromq_server() -> None:
    import zmq

    socket, casts = zmq.Context().socket(zmq.ROUTER), 0
    socket.set_hwm(0)
    say(address=f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}")
    while True:
        sender, kind, payload = socket.recv_multipart()
        if kind == b"add":
            casts += 1
        else:
            answer = COUNT.pack(casts) if kind == b"count" else payload
            socket.send_multipart((sender, kind, answer))


class Zeromq(Client):
    @classmethod
    async def open(cls, address: str) -> Zeromq:
        import zmq

        cls.socket = zmq.Context().socket(zmq.DEALER)
        cls.socket.set_hwm(0)
        cls.socket.connect(address)
        return cls("pyzmq")

    async def calling(self, callers: int, caller: Callable, ends: int) -> None:
        del caller
        asked = {}
        for number in range(callers):
            asked[b"%d" % number] = time.perf_counter_ns()
            self.socket.send_multipart((b"%d" % number, PAYLOAD))
        while asked:
            kind, _ = self.socket.recv_multipart()
            now = time.perf_counter_ns()
            self.spans.append(now - asked.pop(kind))
            if now < ends:
                asked[kind] = now
                self.socket.send_multipart((kind, PAYLOAD))

    async def send(self, payload: bytes, count: int) -> int:
        for _ in range(count):
            self.socket.send_multipart((b"add", payload))
        self.socket.send_multipart((b"count", b""))
        return number(self.socket.recv_multipart()[1])


async def main() -> None:
    peer, side, address = sys.argv[1:]
    match peer, side:
        case "nats", "server":
            await nats_server(address)
        case "grpc", "server":
            grpc_server()
        case "zeromq", "server":
            zeromq_server()
        case _:
            kind = {"nats": Nats, "grpc": Grpc, "zeromq": Zeromq}[peer]
            await (await kind.open(address)).run()


if __name__ == "__main__":
    asyncio.run(main())
