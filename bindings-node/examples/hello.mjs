// A member that prints what happens to the others: `node hello.mjs [SEED]…`.
import { start } from 'chinwag';

const node = await start({ seeds: process.argv.slice(2) });
const { name, addr } = node.localMember();
console.log('this is', name, addr);
for await (const event of node.events({ replay: true })) {
  if ('member' in event) console.log(event.type, event.member.name, event.member.addr);
}
