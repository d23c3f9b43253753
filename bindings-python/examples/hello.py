"""A member that prints what happens to the others: `python hello.py [SEED]…`."""

import asyncio
import sys

import chinwag


async def main() -> None:
    async with chinwag.start(seeds=sys.argv[1:]) as node:
        print("this is", node.name, node.addr, flush=True)
        async for event in node.events(replay=True):
            match event:
                case chinwag.ReplayDone() | chinwag.EventsLost():
                    print(event.type, flush=True)
                case _:
                    print(event.type, event.member.name, event.member.addr, flush=True)


asyncio.run(main())
