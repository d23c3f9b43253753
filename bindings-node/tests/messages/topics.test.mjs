// Topics: who gets what is published, what a slow subscriber misses, and how it ends.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ERRORS } from '../../index.mjs';
import { open, QUICK, run, seeds, until } from '../helpers.mjs';

const require = createRequire(import.meta.url);

const refused = (call, key) => assert.throws(call, { code: ERRORS[key].code });
const rejected = (call, key) => assert.rejects(call, { code: ERRORS[key].code });

test('what is published comes, in order, as it was given', async (t) => {
  const node = await open(t, 'a');
  assert.equal(await node.publish('orders', 0), 0, 'nobody subscribes');
  const orders = node.subscribe('orders');
  assert.deepEqual([orders.topic, node.topics()], ['orders', { orders: 1 }]);
  assert.deepEqual([node.subscribers('orders'), node.subscribers('x')], [['a'], []]);
  const headers = { traceparent: '00-1', ['__proto__']: 'ü' };
  assert.equal(await node.publish('orders', { id: 2n ** 60n }, { headers }), 1);
  await node.publish('orders', [null, 'wörd'], { codec: 'json', latest: true });
  await node.publish('orders', 'bytes', { codec: 'raw' });
  await node.publish('orders');
  const first = (await orders.next()).value;
  assert.deepEqual({ ...first }, {
    topic: 'orders',
    sender: 'a',
    missed: 0,
    headers,
    payload: { id: 2n ** 60n },
  });
  assert.ok(Object.isFrozen(first));
  const rest = [await orders.next(), await orders.next(), await orders.next()];
  const payloads = rest.map(({ value }) => value.payload);
  assert.deepEqual(payloads, [[null, 'wörd'], Buffer.from('bytes'), null]);
});

test('each queue gets everything once, and its subscribers share it', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  const heard = { one: [], two: [], all: [] };
  const listen = async (key, stream) => {
    for await (const { payload, sender } of stream) heard[key].push(`${sender}${payload}`);
  };
  const queue = 'workers';
  void listen('all', b.subscribe('jobs'));
  await until(() => a.topics().jobs === 1);
  void listen('one', a.subscribe('jobs', { queue }));
  void listen('two', b.subscribe('jobs', { queue }));
  let count = 0;
  await until(async () => {
    await a.publish('jobs', count++);
    return heard.one.length > 0 && heard.two.length > 0;
  });
  while (count < 100) await a.publish('jobs', count++);
  const wanted = Array.from({ length: count }, (_, n) => `a${n}`);
  await until(() => heard.all.length === count && heard.one.length + heard.two.length === count);
  assert.deepEqual(heard.all, wanted);
  const shared = [...heard.one, ...heard.two].sort();
  assert.deepEqual(shared, [...wanted].sort());
});

test('a slow subscriber misses the oldest, and is told how many', async (t) => {
  const node = await open(t, 'a');
  const slow = node.subscribe('ticks', { buffer: 3 });
  for (let n = 0; n < 10; n++) await node.publish('ticks', n);
  const { value } = await slow.next();
  assert.deepEqual([value.payload, value.missed, slow.missed], [7, 7, 7]);
  assert.deepEqual((await slow.next()).value.missed, 0);
  slow.close();
  assert.equal(slow.missed, 7, 'also afterwards');
});

test('who publishes in a row lets its own subscribers read', async (t) => {
  const node = await open(t, 'a');
  let count = 0;
  const reading = (async () => {
    for await (const { missed } of node.subscribe('flood')) {
      assert.equal(missed, 0);
      if (++count === 5000) return;
    }
  })();
  for (let n = 0; n < 5000; n++) await node.publish('flood', n);
  await reading;
});

test('a payload that cannot be read is an error where it is looked at', async (t) => {
  const { NativeNode } = require('../../lib/native.js');
  const node = await open(t, 'a');
  const other = new NativeNode({ ...QUICK, name: 'b', seeds: seeds(node) }, () => {});
  t.after(async () => {
    await other.close();
    other.release();
  });
  const odd = node.subscribe('odd');
  await until(() => other.topics().odd === 1);
  // To "odd": no operation, no timeout, not the latest, no headers; then a codec of nobody's.
  other.publish(new Float64Array([3, 0, -1, 0, 0, 77]), 'odd', new Uint8Array([1]));
  other.publish(new Float64Array([3, 0, -1, 0, 0, 0]), 'odd', new Uint8Array([1]));
  const { value } = await odd.next();
  assert.throws(() => value.payload, { code: 'ERR_CHINWAG_CODEC', message: /codec 77/ });
  assert.deepEqual((await odd.next()).value.payload, Buffer.from([1]));
});

test('a subscriber ends when it is closed, given up, left, or with its node', async (t) => {
  const node = await open(t, 'a');
  const closed = node.subscribe('x');
  const waiting = closed.next();
  closed.close();
  assert.deepEqual(await waiting, { done: true, value: undefined });
  const controller = new AbortController();
  const given = node.subscribe('x', { signal: controller.signal }).next();
  controller.abort();
  await rejected(given, 'cancelled');
  const left = node.subscribe('x');
  await node.publish('x', 1);
  for await (const { payload } of left) {
    assert.equal(payload, 1);
    break;
  }
  await node.subscribe('x')[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]();
  assert.deepEqual(node.topics(), {});
  const last = node.subscribe('x');
  await node.publish('x', 2);
  await node.close();
  const { value } = await last.next();
  assert.equal(value?.payload ?? 2, 2, 'what had come may still be read');
  if (value) assert.deepEqual(await last.next(), { done: true, value: undefined });
  refused(() => node.subscribe('x'), 'closed');
  await rejected(node.publish('x'), 'closed');
});

test('what is wrong is refused, and nothing is sent', async (t) => {
  const node = await open(t, 'a');
  refused(() => node.subscribe('no spaces'), 'bad_argument');
  refused(() => node.subscribe(5), 'bad_argument');
  refused(() => node.subscribe('x', { buffer: 0 }), 'bad_argument');
  refused(() => node.subscribe('x', { buffers: 5 }), 'bad_argument');
  refused(() => node.subscribe('x', { queue: 'no spaces' }), 'bad_argument');
  refused(() => node.subscribe('x', { signal: AbortSignal.abort() }), 'cancelled');
  refused(() => node.subscribers(5), 'bad_argument');
  await rejected(node.publish('no spaces'), 'bad_argument');
  await rejected(node.publish('x', 1, { timeout: 5 }), 'bad_argument');
  await rejected(node.publish('x', () => {}), 'codec');
  await rejected(node.publish('x', 1, { headers: { a: 'b'.repeat(5000) } }), 'too_large');
  await rejected(node.publish('x', 1, { signal: AbortSignal.abort() }), 'cancelled');
  assert.deepEqual(node.topics(), {});
});

test('an open subscriber holds no process up, and ends with it quietly', async () => {
  const body = `const node = await start({ ...QUICK, name: 'x', handleSignals: true });
    const reading = (async () => { for await (const { payload } of node.subscribe('x')); })();
  `;
  await run(`${body} node.unref();`);
  await run(`${body} process.exit(0);`);
  await run(`${body} await node.close(); await reading;`);
  const flood = `${body} for (let n = 0; ; n++) {
    await node.publish('x', n);
    if (n === 1000) process.exit(0);
  }`;
  await run(flood);
  const term = `${body} process.kill(process.pid, 'SIGTERM'); await reading;`;
  await run(term, { code: null, signal: 'SIGTERM' });
});
