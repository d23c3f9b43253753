// A member that publishes what is typed, and shows what comes on the topics that it subscribes to.
//
//     node examples/orders.mjs ann -
//     node examples/orders.mjs bob 127.0.0.1:40123
//
// Then type `subscribe orders`, `subscribe jobs workers`, `publish orders tea`, `topics`, or
// `leave`. Of those in a queue, such as `workers`, one gets each publication.

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
console.log('ready', name, node.localMember().addr);

for await (const line of createInterface({ input: process.stdin })) {
  const [word, topic, ...rest] = line.trim().split(' ');
  if (word === 'leave') break;
  try {
    await obey(word, topic, rest.join(' '));
  } catch (error) {
    if (!(error instanceof ChinwagError)) throw error;
    console.log(`${error.code}: ${error.message}`);
  }
}
await node.leave();
await node.close();
process.stdin.destroy();

async function obey(word, topic, more) {
  if (word === 'subscribe') {
    void show(node.subscribe(topic, { queue: more || undefined }));
    console.log('subscribed to', topic);
  } else if (word === 'publish') {
    console.log('sent to', await node.publish(topic, more));
  } else {
    const members = Object.entries(node.topics());
    console.log('topics', ...members.map(([topic, count]) => `${topic}=${count}`));
  }
}

async function show(subscriber) {
  for await (const { topic, sender, payload, missed } of subscriber) {
    const late = missed > 0 ? ` (${missed} missed)` : '';
    console.log(`${topic} by ${sender}: ${payload}${late}`);
  }
}
