// A member that counts, for whoever calls it, and calls others.
//
//     node examples/counter.mjs ann -
//     node examples/counter.mjs bob 127.0.0.1:40123
//
// Then type `counter@ann add 5`, `counter get`, or `leave`.

import { createInterface } from 'node:readline';
import { ChinwagError, start } from 'chinwag';

const [name, seed] = process.argv.slice(2);

const node = await start({
  name,
  bind: '127.0.0.1:0',
  seeds: seed === '-' ? [] : [seed],
  profile: process.env.CHINWAG_PROFILE ?? 'local',
  handleSignals: true,
});

// It gets one message at a time.
let count = 0;
await node.serve('counter', {
  call: {
    add(by) {
      if (!Number.isInteger(by)) throw new TypeError('only integers are counted');
      return (count += by);
    },
    get: () => count,
  },
});
console.log('ready', name, node.localMember().addr);

for await (const line of createInterface({ input: process.stdin })) {
  const [target, op, word] = line.trim().split(' ');
  if (target === 'leave') break;
  await ask(line.trim(), target, op, /^-?\d+$/.test(word) ? Number(word) : word);
}
await node.leave();
await node.close();
process.stdin.destroy();

async function ask(line, target, op, value = null) {
  try {
    console.log(`${line}: ${await node.call(target, op, value)}`);
  } catch (error) {
    if (!(error instanceof ChinwagError)) throw error;
    console.log(`${error.code}: ${error.message}`);
  }
}
