// A cache that is spread over its members: each has the keys of its slots, and hands them on.
//
//     node examples/shard.mjs ann -
//     node examples/shard.mjs bob 127.0.0.1:40123
//
// Then type `put KEY VALUE`, `get KEY`, `keys`, `drain` (the others take over), or `leave`.

import { createInterface } from 'node:readline';
import { start } from 'chinwag';

const [name, seed] = process.argv.slice(2);
const utf8 = new TextDecoder();

const held = new Set(); // slots that this node may write
const entries = new Map();
let waiting = []; // requests for slots that are about to come

const node = await start({
  name,
  bind: '127.0.0.1:0',
  seeds: seed === '-' ? [] : [seed],
  profile: process.env.CHINWAG_PROFILE ?? 'local',
  handoffTimeout: '5s',
  handleSignals: true,
});
console.log('ready', name, node.localMember().addr);

// To listen for the ring has it kept, and told of.
node.on('ring-change', askAgain);
node.on('handoff-prepare', handOn);
node.on('handoff-acquired', ({ peer, slots, clean }) => {
  for (const slot of slots) held.add(slot);
  const how = clean ? 'clean' : 'unclean';
  console.log(`acquired ${slots.length} slots from ${peer || 'nobody'} (${how})`);
  askAgain();
});
node.on('message', ({ payload }) => read(utf8.decode(payload)));

for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.trim().split(' ');
  if (word === 'leave') break;
  if (word === 'keys') console.log(['keys', ...[...entries.keys()].sort()].join(' '));
  if (word === 'drain') await node.updateTags({ weight: '0' });
  if ((word === 'put' || word === 'get') && rest.length > 0) ask([word, name, ...rest].join(' '));
}
await node.leave();
await node.close();
process.stdin.destroy();

/** `put FROM KEY VALUE` or `get FROM KEY`, from here or from another member. */
function ask(request) {
  const [word, asker, key, ...value] = request.split(' ');
  const owner = node.ring.owner(key);
  if (held.has(node.ring.slot(key))) answer(asker, serve(word, key, value.join(' ')));
  else if (!owner || owner === name) waiting.push(request);
  else if (asker === name) send(owner, request);
  else answer(asker, `moved ${key}`); // who asks does not see the same members yet
}

function serve(word, key, value) {
  if (word === 'put') {
    entries.set(key, value);
    return `stored ${key}`;
  }
  return entries.has(key) ? `value ${key} ${entries.get(key)}` : `none ${key}`;
}

function answer(asker, text) {
  if (asker === name) console.log(`${text} at ${name}`);
  else send(asker, `say ${text} at ${name}`);
}

function send(member, text) {
  return node.send(member, text).catch(complain);
}

function complain(error) {
  console.log(`${error.code}: ${error.message}`);
}

/** Slots have come, or are somebody else's now. */
function askAgain() {
  const requests = waiting;
  waiting = [];
  requests.forEach(ask);
}

/** From now on nothing of these slots is written here; their next owner gets what is. */
async function handOn({ id, peer, slots }) {
  const gone = new Set(slots);
  for (const slot of gone) held.delete(slot);
  const lines = ['take'];
  for (const [key, value] of entries) {
    if (!gone.has(node.ring.slot(key))) continue;
    lines.push(`${key} ${value}`);
    entries.delete(key);
  }
  // It has arrived when this is over, and comes before what the release brings about.
  if (lines.length > 1) await send(peer, lines.join('\n'));
  try {
    await node.released(id);
    console.log(`released ${gone.size} slots to ${peer}`);
  } catch (error) {
    complain(error); // its time is over
  }
}

function read(message) {
  const [head, ...lines] = message.split('\n');
  const [word, ...rest] = head.split(' ');
  if ((word === 'put' || word === 'get') && rest.length > 1) ask(head);
  if (word === 'say') console.log(rest.join(' '));
  if (word === 'take') lines.forEach(take);
}

function take(line) {
  const [key, ...value] = line.split(' ');
  // Else it comes too late, and there may be something newer.
  if (!held.has(node.ring.slot(key))) entries.set(key, value.join(' '));
}
