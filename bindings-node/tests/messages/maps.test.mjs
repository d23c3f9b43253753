// Maps that all members write to: what stays side by side, and who decides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, HybridTime } from '../../index.mjs';
import { open, run, seeds, until } from '../helpers.mjs';

const refused = (call, key) => assert.throws(call, { code: ERRORS[key].code });
const rejected = (call, key) => assert.rejects(call, { code: ERRORS[key].code });
const texts = (entry) => entry?.values.map(({ value }) => String(value)) ?? [];

test('what one puts all read, and it outlives who wrote it', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  const [mine, yours] = [a.map('carts'), b.map('carts')];
  assert.deepEqual([mine.name, mine.get('alice'), mine.entries()], ['carts', undefined, []]);
  const before = Date.now();
  await mine.put('alice', 'tea');
  await mine.put('bob', Uint8Array.of(0, 255));
  await until(() => yours.get('bob'));
  const entry = yours.read('alice');
  assert.deepEqual([entry.key, entry.value, texts(entry)], ['alice', Buffer.from('tea'), ['tea']]);
  const [{ stamp, writer }] = entry.values;
  assert.ok(stamp instanceof HybridTime && Math.abs(stamp.ms - before) < 60_000, `${stamp}`);
  assert.equal(writer, 'a');
  assert.ok(Object.isFrozen(entry) && Object.isFrozen(entry.values));
  assert.deepEqual(yours.entries().map(({ key }) => key), ['alice', 'bob']);
  assert.deepEqual(yours.entries('b').map(({ key }) => key), ['bob']);
  await a.leave();
  await a.close();
  assert.deepEqual(yours.get('bob'), Buffer.of(0, 255));
  await yours.delete('bob');
  assert.deepEqual([yours.read('bob'), b.map('other').get('alice')], [undefined, undefined]);
});

test('what was put side by side stays until somebody decides', async (t) => {
  const node = await open(t, 'a');
  const carts = node.map('carts');
  await carts.put('alice', 'tea');
  const first = carts.read('alice');
  await carts.put('alice', 'tea+milk', { after: first });
  // Who has read the same before knows nothing of the milk.
  await carts.put('alice', 'tea+rum', { after: first.context });
  assert.deepEqual(texts(carts.read('alice')).sort(), ['tea+milk', 'tea+rum']);
  assert.deepEqual(carts.get('alice'), carts.read('alice').values[0].value);
  const decided = await carts.resolve('alice', async (values) => {
    assert.equal(values.length, 2);
    return 'tea+milk+rum';
  });
  assert.deepEqual([decided, texts(carts.read('alice'))], [true, ['tea+milk+rum']]);
  const nothing = () => assert.fail('there is nothing to decide');
  assert.equal(await carts.resolve('alice', nothing), false);
  assert.equal(await carts.resolve('nobody', nothing), false);
  // What was deleted by who knew less than all is not gone.
  await carts.delete('alice', { after: first });
  assert.deepEqual(texts(carts.read('alice')), ['tea+milk+rum']);
  await carts.delete('alice');
  assert.equal(carts.get('alice'), undefined);
});

test('a watch tells what changes, and what a slow reader has lost', async (t) => {
  const node = await open(t, 'a', { eventBuffer: 4 });
  const carts = node.map('carts');
  await carts.put('alice', 'tea');
  const changes = carts.watch('al', { replay: true });
  const { value } = await changes.next();
  assert.deepEqual([value.type, value.key, texts(value)], ['put', 'alice', ['tea']]);
  assert.deepEqual((await changes.next()).value, { type: 'replay-done' });
  await carts.put('bob', 'rum');
  await carts.delete('alice');
  assert.deepEqual((await changes.next()).value, { type: 'deleted', key: 'alice' });
  await changes.return();
  const slow = carts.watch();
  for (let n = 0; n < 50; n++) await carts.put(`k${n % 10}`, String(n));
  for await (const change of slow) {
    if (change.type !== 'lost') continue;
    assert.ok(change.count > 0);
    assert.deepEqual(change.entries, carts.entries());
    break;
  }
  const end = carts.watch().next();
  await node.close();
  assert.equal((await end).done, true);
});

test('what is wrong is refused', async (t) => {
  const node = await open(t, 'a');
  refused(() => node.map('no spaces'), 'bad_argument');
  refused(() => node.map(5), 'bad_argument');
  const carts = node.map('carts');
  await rejected(carts.put('', 'x'), 'bad_argument');
  await rejected(carts.put(5, 'x'), 'bad_argument');
  await rejected(carts.put('x', 5), 'bad_argument');
  await rejected(carts.put('x', 'y', { afer: 5 }), 'bad_argument');
  await rejected(carts.put('x', 'y', { after: 5 }), 'bad_argument');
  await carts.put('other', 'tea');
  const other = carts.read('other');
  await rejected(carts.put('x', 'y', { after: other }), 'bad_argument');
  await rejected(carts.delete('x', { after: other }), 'bad_argument');
  await rejected(carts.put('x', 'y', { after: Uint8Array.of(7, 7) }), 'bad_argument');
  await rejected(carts.put('x', Buffer.alloc(10 << 20)), 'too_large');
  await rejected(carts.put('x', 'y', { signal: AbortSignal.abort() }), 'cancelled');
  await rejected(carts.resolve('x', 5), 'bad_argument');
  refused(() => carts.read(5), 'bad_argument');
  refused(() => carts.entries(5), 'bad_argument');
  refused(() => carts.watch(5), 'bad_argument');
  await node.close();
  await rejected(carts.put('x', 'y'), 'closed');
});

test('an open watch of a map holds no process up, and ends with it quietly', async () => {
  const body = `const node = await start({ ...QUICK, name: 'x', handleSignals: true });
    const carts = node.map('carts');
    const reading = (async () => { for await (const { type } of carts.watch()); })();
    await carts.put('a', 'b');
  `;
  await run(`${body} node.unref();`);
  await run(`${body} process.exit(0);`);
  await run(`${body} await node.close(); await reading;`);
  const term = `${body} process.kill(process.pid, 'SIGTERM'); await reading;`;
  await run(term, { code: null, signal: 'SIGTERM' });
});
