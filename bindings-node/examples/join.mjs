// One member of a cluster: joins, prints what happens to the others, and leaves.
//
//     node examples/join.mjs web-1 -
//     node examples/join.mjs web-2 127.0.0.1:40123 role=web
//
// Then type `tag role=db`, or `leave`.

import { createInterface } from 'node:readline';
import { start, EVENT_TYPES } from 'chinwag';

const [name, seed, ...tags] = process.argv.slice(2);

const node = await start({
  name,
  bind: '127.0.0.1:0',
  seeds: seed === '-' ? [] : [seed],
  tags: pairs(tags),
  profile: process.env.CHINWAG_PROFILE ?? 'local',
  handleSignals: true,
});
console.log('ready', name, node.localMember().addr);

for (const type of EVENT_TYPES.filter((type) => type.startsWith('member-'))) {
  node.on(type, (member) => print(type, member));
}
node.on('events-lost', ({ type, members }) => members.forEach((member) => print(type, member)));

for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...changes] = line.split(' ');
  if (word === 'leave') break;
  if (word === 'tag') await node.updateTags(pairs(changes));
}
await node.leave();
await node.close();
process.stdin.destroy();

function print(type, { name, addr, state, tags }) {
  const list = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  console.log(type, name, addr, state, list.join() || '-');
}

function pairs(words) {
  return Object.fromEntries(words.map((word) => word.split(/=(.*)/s, 2)));
}
