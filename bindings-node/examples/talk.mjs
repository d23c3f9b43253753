// A member that talks: to all, and to one.
//
//     node examples/talk.mjs ann -
//     node examples/talk.mjs bob 127.0.0.1:40123
//
// Then type `all hello`, `ann hello`, or `leave`.

import { createInterface } from 'node:readline';
import { ChinwagError, start } from 'chinwag';

const [name, seed] = process.argv.slice(2);
const utf8 = new TextDecoder();

const node = await start({
  name,
  bind: '127.0.0.1:0',
  seeds: seed === '-' ? [] : [seed],
  profile: process.env.CHINWAG_PROFILE ?? 'local',
  handleSignals: true,
});
console.log('ready', name, node.localMember().addr);

node.on('member-join', (m) => console.log('joined', m.name));
node.on('member-leave', (m) => console.log('left', m.name));
node.on('member-failed', (m) => console.log('failed', m.name));
node.on('message', ({ payload }) => console.log(utf8.decode(payload)));
node.on('broadcast', ({ sender, payload }) =>
  console.log(`${sender} to all: ${utf8.decode(payload)}`),
);
node.on('warning', ({ code, message }) => console.log(`warning ${code}: ${message}`));

for await (const line of createInterface({ input: process.stdin })) {
  const [to, ...words] = line.trim().split(' ');
  if (to === 'leave') break;
  await say(to, words.join(' '));
}
await node.leave();
await node.close();
process.stdin.destroy();

async function say(to, text) {
  try {
    // A message over a connection does not say from whom it is, as memberlist has it.
    if (to === 'all') await node.broadcast(text);
    else await node.send(to, `${name}: ${text}`);
  } catch (error) {
    if (!(error instanceof ChinwagError)) throw error;
    console.log(`${error.code}: ${error.message}`);
  }
}
