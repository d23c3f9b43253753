// What users say: messages, broadcasts, a state, and what answers to pings carry.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { LIMIT, find, open, run, seeds, until } from './helpers.mjs';

/** Bytes that are no text. */
const ODD = Uint8Array.of(255, 0, 0xc3, 0x28, 0);
const LARGE = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 31) % 256);

const type = (wanted) => (event) => event.type === wanted;
const text = (payload) => Buffer.from(payload).toString();

/** Two nodes that see each other. */
async function pair(t, options = {}) {
  const a = await open(t, 'a', options);
  const b = await open(t, 'b', { ...options, seeds: seeds(a) });
  await until(() => a.member('b'));
  return [a, b];
}

test('no kind of answer is lost', () => {
  const { specimen } = createRequire(import.meta.url)('../lib/native.js');
  const { all, told } = specimen();
  const [{ value: answer, failed }] = all;
  assert.equal(failed, undefined);
  assert.deepEqual([...told.ops], [3, 200]);
  assert.deepEqual(answer, {
    none: null,
    flag: true,
    count: 2 ** 40,
    number: -1.5,
    roundTrip: 1.5,
    text: 'wörd\0',
    bytes: Uint8Array.of(0, 255),
    payload: { op: 0, unit: 0, byte: 0 },
    error: {
      code: 'no_server',
      message: 'nobody',
      attempts: [],
      maybeExecuted: false,
    },
    list: [1, '', null],
    map: { b: 2, ['__proto__']: { flag: true } },
  });
  assert.deepEqual(Object.keys(answer.map), ['b', '__proto__']);
  assert.equal(Object.getPrototypeOf(answer.map), Object.prototype);
});

test('messages reach the member as they were sent', async (t) => {
  const [a, b] = await pair(t);
  const events = b.events();
  for (const reliable of [true, false]) {
    await a.send('b', ODD, { reliable });
    const event = await find(events, type('message'));
    assert.deepEqual(event.payload, ODD);
    assert.equal(event.reliable, reliable);
    assert.deepEqual(Object.keys(event), ['type', 'seq', 'sender', 'addr', 'reliable', 'payload']);
    if (!reliable) assert.deepEqual([event.sender, event.addr], ['a', a.localMember().addr]);
  }
  await a.send('b', LARGE);
  const large = await find(events, type('message'));
  assert.ok(Buffer.from(LARGE).equals(large.payload));
  const heard = once(b, 'message');
  await a.send('b', 'wörd');
  const [event] = await heard;
  assert.equal(text(event.payload), 'wörd');
  // Each is told a value of its own.
  event.payload.fill(0);
  assert.equal(text((await find(events, type('message'))).payload), 'wörd');
  await a.send('b', '');
  assert.equal((await find(events, type('message'))).payload.length, 0);
});

test('the first listeners miss nothing that comes in their own turn', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  // No other turn until it is there.
  const end = Date.now() + LIMIT;
  const spin = (condition) => {
    while (!condition()) assert.ok(Date.now() < end, String(condition));
  };
  const heard = once(b, 'message');
  spin(() => a.member('b'));
  const sent = a.send('b', 'early');
  spin(() => b.stats().userMessagesReceived > 0);
  assert.equal(text((await heard)[0].payload), 'early');
  await sent;
});

test('what cannot be sent is refused', async (t) => {
  const [a, b] = await pair(t, { probeInterval: 60_000 });
  const refused = (call, code) => assert.rejects(call, { code: `ERR_CHINWAG_${code}` });
  await refused(a.send('nobody', ODD), 'UNKNOWN_MEMBER');
  await refused(a.ping('nobody'), 'UNKNOWN_MEMBER');
  await refused(a.roundTrip('nobody'), 'UNKNOWN_MEMBER');
  await refused(a.send('b', LARGE, { reliable: false }), 'TOO_LARGE');
  await refused(a.broadcast(LARGE), 'TOO_LARGE');
  await refused(a.setPingPayload(new Uint8Array(513)), 'TOO_LARGE');
  for (const call of [
    () => a.send(5, ODD),
    () => a.send('b', 5),
    () => a.send('b', null),
    () => a.send('b', [1, 2]),
    () => a.send('b', ODD.buffer),
    () => a.send('b', ODD, { reliable: 'no' }),
    () => a.send('b', ODD, { signal: {} }),
    () => a.broadcast(ODD, { name: 5 }),
    () => a.broadcast(ODD, { name: '' }),
    () => a.broadcast(ODD, { supersede: true }),
    () => a.broadcast(ODD, { supersede: 1 }),
    () => a.setState({}),
    () => a.setPingPayload(undefined),
    () => a.ping(),
    () => a.roundTrip(null),
  ]) {
    await refused(call, 'BAD_ARGUMENT');
  }
  await b.close();
  await refused(a.send('b', ODD), 'NODE_DOWN');
  await refused(a.ping('b'), 'TIMEOUT');
  for (const call of [
    () => b.send('a', ODD),
    () => b.broadcast(ODD),
    () => b.setState(ODD),
    () => b.setPingPayload(ODD),
    () => b.ping('a'),
    () => b.roundTrip('a'),
  ]) {
    await refused(call, 'CLOSED');
  }
});

test('a broadcast says who and about what', async (t) => {
  const [a, b] = await pair(t);
  const [events, own] = [b.events(), a.events()];
  await a.broadcast(ODD);
  const { seq, ...event } = await find(events, type('broadcast'));
  assert.ok(seq > 0);
  assert.deepEqual(event, { type: 'broadcast', sender: 'a', name: '', payload: ODD });
  const heard = once(b, 'broadcast');
  await a.broadcast('3', { name: 'load', supersede: true });
  const [told] = await heard;
  assert.deepEqual([told.name, text(told.payload)], ['load', '3']);
  await a.broadcast('4', { name: 'load' });
  await find(events, (e) => e.type === 'broadcast' && text(e.payload) === '4');
  // Who sent them is told none of them: this comes first.
  await b.broadcast('mine');
  assert.equal((await find(own, type('broadcast'))).sender, 'b');
});

test('a state is handed on', async (t) => {
  const [a, b] = await pair(t);
  const heard = once(a, 'remote-state');
  await b.setState(ODD);
  await b.join(seeds(a));
  const [{ sender, join, payload }] = await heard;
  // Both are at this address, so that it tells nothing about who it was.
  assert.deepEqual({ sender, join, payload }, { sender: '', join: true, payload: ODD });
});

test('answers are measured and carry what the member adds', async (t) => {
  const [a, b] = await pair(t, { probeInterval: 60_000 });
  assert.deepEqual(await a.roundTrip('b'), { smoothed: null, payload: new Uint8Array() });
  await b.setPingPayload(ODD);
  const millis = await a.ping('b');
  assert.ok(millis > 0 && millis < 30_000, `${millis} ms`);
  const { smoothed, payload } = await a.roundTrip('b');
  assert.ok(smoothed > 0 && smoothed < 30_000, `${smoothed} ms`);
  assert.deepEqual(payload, ODD);
});

test('a signal ends the waiting, and the message still arrives', async (t) => {
  const [a, b] = await pair(t);
  const heard = once(b, 'message');
  const controller = new AbortController();
  const { signal } = controller;
  const sending = a.send('b', 'given up', { signal });
  const pinging = a.ping('b', { signal });
  controller.abort();
  for (const promise of [sending, pinging]) {
    await assert.rejects(promise, { code: 'ERR_CHINWAG_CANCELLED', cause: signal.reason });
  }
  assert.equal(text((await heard)[0].payload), 'given up');
  // Aborted before: nothing is sent.
  await assert.rejects(a.send('b', 'never', { signal }), { code: 'ERR_CHINWAG_CANCELLED' });
  const next = once(b, 'message');
  await a.send('b', 'after');
  assert.equal(text((await next)[0].payload), 'after');
});

test('payloads are copies, and outlive their node and what they were made of', async () => {
  const source = `
    const a = await start({ ...QUICK, name: 'a' });
    const b = await start({ ...QUICK, name: 'b', seeds: [a.localMember().addr] });
    const events = b.events();
    const next = async () => {
      for await (const e of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) }) {
        if (e.type === 'message') return e.payload;
      }
    };
    const bytes = new Uint8Array(1 << 20).fill(7);
    const sent = a.send('b', bytes);
    bytes.fill(0);
    await sent;
    const kept = await next();
    await a.close();
    await b.close();
    for (let n = 0; n < 10; n++) { gc(); await new Promise(setImmediate); }
    console.log(kept.length, kept.every((byte) => byte === 7), kept.buffer.byteLength);
  `;
  assert.equal(await run(source, { flags: ['--expose-gc'] }), '1048576 true 1048576\n');
});
