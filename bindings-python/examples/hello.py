import asyncio, chinwag

async def main() -> None:
    async with chinwag.start("py", seeds=["127.0.0.1:7946"], handle_signals=True) as node:
        async for event in node.events(replay=True):
            match event:
                case chinwag.MemberJoin(member=m):   print("here  ", m.name, m.addr)
                case chinwag.MemberLeave(member=m):  print("left  ", m.name)
                case chinwag.MemberFailed(member=m): print("failed", m.name)

asyncio.run(main())
