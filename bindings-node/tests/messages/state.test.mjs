// Keys of members: written, read and followed, and what a slow reader loses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../../index.mjs';
import { find, open, run, seeds, until } from '../helpers.mjs';

const refused = (call, key) => assert.throws(call, { code: ERRORS[key].code });
const rejected = (call, key) => assert.rejects(call, { code: ERRORS[key].code });

test('what a member puts, all read, until it is deleted or its time is over', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await a.put('load', '3');
  await a.put('wörd', Uint8Array.of(0, 255));
  await b.put('load', '4', { ttl: 300 });
  await until(() => b.get('a', 'wörd') && a.get('b', 'load'));
  assert.deepEqual(b.get('a', 'load'), Buffer.from('3'));
  assert.deepEqual(b.entries(), [
    { member: 'a', key: 'load', value: Buffer.from('3') },
    { member: 'a', key: 'wörd', value: Buffer.of(0, 255) },
    { member: 'b', key: 'load', value: Buffer.from('4') },
  ]);
  assert.deepEqual(b.entries('w').map(({ key }) => key), ['wörd']);
  await until(() => a.get('b', 'load') === undefined);
  await a.delete('load');
  await a.delete('never there');
  await until(() => b.get('a', 'load') === undefined);
  assert.deepEqual([a.get('nobody', 'x'), a.entries('nothing')], [undefined, []]);
});

test('a watch tells of what is there, then of what changes', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await a.put('load', '1');
  await until(() => b.get('a', 'load'));
  const changes = b.watch('lo', { replay: true });
  const value = (text) => ({ member: 'a', key: 'load', value: Buffer.from(text) });
  assert.deepEqual((await changes.next()).value, { type: 'put', ...value('1') });
  assert.deepEqual((await changes.next()).value, { type: 'replay-done' });
  await a.put('other', '1');
  await a.put('load', '2');
  assert.deepEqual((await changes.next()).value, { type: 'put', ...value('2') });
  await a.close();
  const gone = { type: 'deleted', member: 'a', key: 'load' };
  assert.deepEqual(await find(changes, ({ type }) => type === 'deleted'), gone);
  const waiting = changes.next();
  await changes.return();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  const last = b.watch();
  const end = last.next();
  await b.close();
  assert.equal((await end).done, true);
});

test('a slow reader hears what it has lost, and how things are', async (t) => {
  const node = await open(t, 'a', { eventBuffer: 4 });
  const changes = node.watch();
  for (let n = 0; n < 50; n++) await node.put(`k${n % 10}`, String(n));
  let seen = 0;
  for await (const change of changes) {
    if (change.type === 'put') seen += 1;
    if (change.type !== 'lost') continue;
    assert.ok(change.count > 0, `${change.count} lost`);
    assert.deepEqual(change.entries.map(({ key }) => key), node.entries().map(({ key }) => key));
    assert.ok(seen + change.count <= 50);
    break;
  }
  refused(() => node.watch('', { replays: true }), 'bad_argument');
});

test('what is wrong is refused', async (t) => {
  const node = await open(t, 'a');
  await rejected(node.put('', 'x'), 'bad_argument');
  await rejected(node.put(5, 'x'), 'bad_argument');
  await rejected(node.put('x', 5), 'bad_argument');
  await rejected(node.put('x', 'y', { ttl: 0 }), 'bad_argument');
  await rejected(node.put('x', 'y', { ttl: 'soon' }), 'bad_argument');
  await rejected(node.put('x', 'y', { tttl: 5 }), 'bad_argument');
  await rejected(node.put('k'.repeat(255), 'y'), 'too_large');
  await rejected(node.put('x', Buffer.alloc(65_537)), 'too_large');
  await rejected(node.delete('x', { signal: AbortSignal.abort() }), 'cancelled');
  refused(() => node.get('a'), 'bad_argument');
  refused(() => node.entries(5), 'bad_argument');
  refused(() => node.watch('', { signal: AbortSignal.abort() }), 'cancelled');
  const controller = new AbortController();
  const given = node.watch('', { signal: controller.signal }).next();
  controller.abort();
  await rejected(given, 'cancelled');
  await node.close();
  await rejected(node.put('x', 'y'), 'closed');
});

test('an open watch holds no process up, and ends with it quietly', async () => {
  const body = `const node = await start({ ...QUICK, name: 'x', handleSignals: true });
    const reading = (async () => { for await (const { type } of node.watch()); })();
    await node.put('a', 'b');
  `;
  await run(`${body} node.unref();`);
  await run(`${body} process.exit(0);`);
  await run(`${body} await node.close(); await reading;`);
  const term = `${body} process.kill(process.pid, 'SIGTERM'); await reading;`;
  await run(term, { code: null, signal: 'SIGTERM' });
});
