"""Drives the Python library by the protocol in ../README.md."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import chinwag
import rings
from lines import BadRequest, Facts, Pairs, flag, octets, parse, say, text, texts, told, under
from maps import Maps
from monitors import Monitors
from servers import SAYING, Servers, doubt
from state import Keys
from streams import Streams
from topics import Topics


def tagged(prefix: str, tags: Mapping[str, str]) -> Facts:
    return [(prefix + key, value) for key, value in tags.items()]


def facts(m: chinwag.Member) -> Facts:
    own = [("name", m.name), ("addr", m.addr), ("state", m.state)]
    return [*own, *tagged("tag.", m.tags)]


def error_facts(error: chinwag.ChinwagError) -> Facts:
    return [("code", error.code), ("message", error)]


class Agent(Servers, Topics, Keys, Maps, Monitors, Streams):
    """One node at a time, and what it is told to do."""

    def __init__(self) -> None:
        super().__init__()
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
            say("error", error_facts(error) + (doubt(error) if word in SAYING else []))

    def open_node(self) -> chinwag.Node:
        if self.node is None or self.node.closed:
            raise chinwag.Closed("no node is open")
        return self.node

    async def do_version(self, _: Pairs) -> Facts:
        return [("version", chinwag.__version__), ("runtime", "python")]

    async def do_start(self, pairs: Pairs) -> Facts:
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
        if pairs.get("rings") == "true":
            _ = self.open_node().ring

    async def do_members(self, _: Pairs) -> Facts:
        members = self.open_node().members()
        for member in members:
            say("member", facts(member))
        return [("count", len(members))]

    async def do_local(self, _: Pairs) -> Facts:
        return facts(self.open_node().local_member())

    async def do_join(self, pairs: Pairs) -> Facts:
        return [("contacted", await self.open_node().join(texts(pairs, "seeds")))]

    async def do_update_tags(self, pairs: Pairs) -> None:
        removed: dict[str, str | None] = dict.fromkeys(under(pairs, "untag."))
        await self.open_node().update_tags({**removed, **under(pairs, "tag.")})

    async def do_leave(self, pairs: Pairs) -> None:
        await self.open_node().leave(timeout=int(text(pairs, "timeout_ms")) / 1000)

    async def do_close(self, _: Pairs) -> None:
        if self.node is not None:
            await self.node.close()

    async def do_send(self, pairs: Pairs) -> None:
        reliable = pairs.get("reliable") != "false"
        await self.open_node().send(text(pairs, "to"), octets(pairs), reliable=reliable)

    async def do_broadcast(self, pairs: Pairs) -> None:
        name = text(pairs, "name") if "name" in pairs else None
        supersede = pairs.get("supersede") == "true"
        await self.open_node().broadcast(octets(pairs), name=name, supersede=supersede)

    async def do_set_state(self, pairs: Pairs) -> None:
        await self.open_node().set_state(octets(pairs))

    async def do_set_ping_payload(self, pairs: Pairs) -> None:
        await self.open_node().set_ping_payload(octets(pairs))

    async def do_ping(self, pairs: Pairs) -> Facts:
        return [("us", round(await self.open_node().ping(text(pairs, "member")) * 1e6))]

    async def do_round_trip(self, pairs: Pairs) -> Facts:
        told = await self.open_node().round_trip(text(pairs, "member"))
        known = [] if told.smoothed is None else [("us", round(told.smoothed * 1e6))]
        return [*known, ("payload", told.payload)]

    async def do_user_event(self, pairs: Pairs) -> None:
        coalesce = pairs.get("coalesce") == "true"
        await self.open_node().user_event(text(pairs, "name"), octets(pairs), coalesce=coalesce)

    async def do_query(self, pairs: Pairs) -> Facts:
        given = pairs.get("timeout_ms")
        timeout = int(given) / 1000 if given is not None else None
        node = self.open_node()
        answers = await node.query(text(pairs, "name"), octets(pairs), timeout=timeout)
        for sender, payload in answers.responses:
            say("response", [("sender", sender), ("payload", payload)])
        return [("count", len(answers.responses)), ("complete", flag(answers.complete))]

    async def do_respond(self, pairs: Pairs) -> None:
        await self.open_node().respond(int(text(pairs, "id")), octets(pairs))

    async def do_admit(self, pairs: Pairs) -> None:
        await self.open_node().admit(int(text(pairs, "id")))

    async def do_refuse(self, pairs: Pairs) -> None:
        await self.open_node().refuse(int(text(pairs, "id")), text(pairs, "reason"))

    async def do_counter(self, pairs: Pairs) -> Facts:
        return [("value", self.open_node().stats()[text(pairs, "name")])]

    async def do_keys(self, _: Pairs) -> Facts:
        return [("count", len(self.open_node().keys()))]

    async def do_add_key(self, pairs: Pairs) -> None:
        await self.open_node().add_key(text(pairs, "key"))

    async def do_use_key(self, pairs: Pairs) -> None:
        await self.open_node().use_key(text(pairs, "key"))

    async def do_remove_key(self, pairs: Pairs) -> None:
        await self.open_node().remove_key(text(pairs, "key"))

    async def do_cluster_keys(self, pairs: Pairs) -> Facts:
        key = text(pairs, "key") if "key" in pairs else None
        op: Any = text(pairs, "op")
        outcomes = await self.open_node().cluster_keys(op, key)
        for name, outcome in outcomes.items():
            keys = len(outcome.keys)
            say("keyring", [("name", name), ("done", flag(outcome.done)), ("keys", keys)])
        return [("count", len(outcomes))]

    async def do_ring(self, _: Pairs) -> Facts:
        return rings.shown(self.open_node().ring)

    async def do_owners(self, pairs: Pairs) -> Facts:
        count = int(text(pairs, "count"))
        owners = self.open_node().owners(octets(pairs, "key"), count)
        for owner in owners:
            say("owner", [("name", owner.name)])
        return [("count", len(owners))]

    async def do_owns(self, pairs: Pairs) -> Facts:
        return [("owns", flag(self.open_node().owns(octets(pairs, "key"))))]

    async def do_set_ring_overrides(self, pairs: Pairs) -> None:
        await self.open_node().set_ring_overrides(
            excluded=texts(pairs, "excluded"),
            pins=under(pairs, "pin."),
            pin_prefixes=under(pairs, "pin_prefix."),
        )

    async def do_released(self, pairs: Pairs) -> None:
        await self.open_node().released(int(text(pairs, "id")))

    async def do_reenter(self, pairs: Pairs) -> None:
        self.reentry = (text(pairs, "on"), text(pairs, "do"), pairs)

    async def watch(self, events: chinwag.Events) -> None:
        async for event in events:
            show(event)
            if self.reentry is not None and self.reentry[0] == event.type:
                _, word, pairs = self.reentry
                self.reentry = None
                if isinstance(event, chinwag.Admission | chinwag.Query | chinwag.HandoffPrepare):
                    pairs = {**pairs, "id": str(event.id)}
                await self.reenter(word, pairs)

    async def reenter(self, word: str, pairs: Pairs) -> None:
        """Makes a call from inside the event loop of the user."""
        outcome: Facts = [("do", word), ("ok", "true")]
        try:
            if word == "members":
                self.open_node().members()
            else:
                await getattr(self, f"do_{word}")(pairs)
        except chinwag.ChinwagError as error:
            outcome[1:] = [("ok", "false"), ("code", error.code)]
        say("reentered", outcome)


def show(event: chinwag.Event) -> None:
    known: Facts = [("type", event.type), ("seq", event.seq)]
    match event:
        case chinwag.EventsLost(count=count):
            known.append(("count", count))
        case chinwag.ReplayDone():
            pass
        case chinwag.Message(sender=sender, addr=addr, reliable=reliable, payload=payload):
            known += [("sender", sender), ("addr", addr), ("reliable", flag(reliable))]
            known += told(payload)
        case chinwag.Broadcast(sender=sender, name=name, payload=payload):
            known += [("sender", sender), ("name", name), *told(payload)]
        case chinwag.RemoteState(sender=sender, payload=payload):
            known += [("sender", sender), *told(payload)]
        case chinwag.UserEvent(name=name, payload=payload):
            known += [("name", name), *told(payload)]
        case chinwag.Query(id=id, sender=sender, name=name, payload=payload):
            known += [("id", id), ("sender", sender), ("name", name), *told(payload)]
        case chinwag.Admission(id=id, member=member):
            known += [("id", id), *facts(member)]
        case chinwag.MemberConflict(member=member, addr=addr):
            known += [*facts(member), ("other", addr)]
        case chinwag.Warning(code=code, subject=subject):
            known += [("code", code), ("subject", subject)]
        case chinwag.MemberUpdate(member=member, previous=previous):
            known += [*facts(member), *tagged("prev_tag.", previous.tags)]
        case chinwag.RingChanged() | chinwag.HandoffPrepare() | chinwag.HandoffAcquired():
            known += rings.told(event)
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
