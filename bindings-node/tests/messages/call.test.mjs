// Calls and casts: what comes back, what may have happened, and who gives up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as chinwag from '../../index.mjs';
import { LIMIT, open, run, until } from '../helpers.mjs';

const { ERRORS, NO_REPLY } = chinwag;

/** A node that serves `all`: it answers what it was sent, and remembers who asked. */
async function echoing(t, options = {}) {
  const node = await open(t, 'a', options);
  const seen = [];
  await node.serve('all', (op, payload, from) => {
    seen.push({ op, payload, from });
    return payload;
  });
  return { node, seen };
}

const rejected = (call, key, maybeExecuted, more = {}) =>
  assert.rejects(call, { code: ERRORS[key].code, maybeExecuted, ...more });

test('what is asked is answered', async (t) => {
  const { node, seen } = await echoing(t);
  const items = [1.5, 'wörd', null, true];
  const order = { id: 2n ** 60n, items, at: new Date(7), ['__proto__']: 1 };
  assert.deepEqual(await node.call('all', 'echo', order), order);
  assert.equal(await node.call('all@a', 'echo'), null);
  assert.equal(await node.call('all', 'echo', undefined), null);
  assert.equal(await node.call('all#user:42#x', 'echo', 5), 5);
  assert.deepEqual(seen[3].from.key, Buffer.from('user:42#x'));
  assert.equal(seen[0].from.key, undefined);
  const bytes = Buffer.alloc(100_000, 7);
  assert.deepEqual(await node.call('all', 'echo', [bytes, bytes]), [bytes, bytes]);
  assert.deepEqual(await node.call('all', 'echo', bytes), bytes);
});

test('who asked is told, and how long', async (t) => {
  const { node, seen } = await echoing(t, { callTimeout: 7000 });
  const headers = { traceparent: '00-1', wörd: 'ü', ['__proto__']: 'x' };
  const before = Date.now();
  await node.call('all', 'who.is', 1, { headers });
  const [{ op, from }] = seen;
  assert.deepEqual([op, from.op, from.node, from.isCall], ['who.is', 'who.is', 'a', true]);
  assert.deepEqual(from.headers, headers);
  assert.deepEqual(Object.keys(from.headers), Object.keys(headers));
  assert.ok(from.remaining > 0 && from.remaining <= 7000, `${from.remaining} ms`);
  assert.ok(from.deadline >= before && from.deadline <= before + LIMIT + 7000);
  await node.call('all', 'x', 1, { timeout: 900_000 });
  assert.ok(seen[1].from.remaining > 7000);
  await node.cast('all', 'x');
  await until(() => seen.length === 3);
  const cast = seen[2].from;
  assert.deepEqual([cast.isCall, cast.remaining, cast.deadline], [false, undefined, undefined]);
  assert.deepEqual([cast.reply(1), cast.fail(new Error('x'))], [false, false]);
});

test('a codec is kept by the answer', async (t) => {
  const { node, seen } = await echoing(t);
  const value = { a: [1, 'x', null] };
  assert.deepEqual(await node.call('all', 'echo', value, { codec: 'json' }), value);
  const raw = Uint8Array.of(255, 0, 0xc3);
  for (const codec of ['raw', 128, 255]) {
    const back = await node.call('all', 'echo', raw, { codec });
    assert.ok(Buffer.isBuffer(back));
    assert.deepEqual([...back], [...raw]);
    assert.equal((await node.call('all', 'echo', undefined, { codec })).length, 0);
  }
  assert.equal(String(await node.call('all', 'echo', 'wörd', { codec: 'raw' })), 'wörd');
  const before = seen.length;
  await rejected(node.call('all', 'x', Buffer.alloc(1), { codec: 'json' }), 'codec', false);
  await rejected(node.call('all', 'x', { a: 1 }, { codec: 'raw' }), 'codec', false);
  await rejected(node.call('all', 'x', [() => 1]), 'codec', false, {
    message: 'no encoding for a function at $[0]',
  });
  await rejected(node.cast('all', 'x', 2n ** 70n), 'codec', false);
  assert.equal(seen.length, before);
});

test('an answer that has no encoding is an error of the caller', async (t) => {
  const node = await open(t, 'a');
  await node.serve('odd', () => new Set());
  await rejected(node.call('odd', 'x'), 'codec', true, {
    message: 'no encoding for an object of class Set at $',
  });
  await rejected(node.call('odd', 'x', '', { codec: 'raw' }), 'codec', true);
});

test('what is known at once says that nothing happened', async (t) => {
  const { node } = await echoing(t, { messageMax: 4096 });
  await rejected(node.call('none', 'x'), 'no_server', false);
  await rejected(node.cast('none', 'x'), 'no_server', false);
  await rejected(node.call('none@a', 'x'), 'no_server', false);
  await rejected(node.call('all@nobody', 'x'), 'unknown_member', false);
  await rejected(node.cast('all@nobody', 'x'), 'unknown_member', false);
  await rejected(node.multiCall('none', 'x'), 'no_server', false);
  await rejected(node.abcast('none', 'x'), 'no_server', false);
  await rejected(node.call('all', 'x', Buffer.alloc(5000)), 'too_large', false);
  await rejected(node.cast('all', 'x', Buffer.alloc(5000)), 'too_large', false);
  const headers = { a: 'x'.repeat(5000) };
  await rejected(node.call('all', 'x', 1, { headers }), 'too_large', false);
  await node.close();
  await rejected(node.call('all', 'x'), 'closed', false);
  await rejected(node.cast('all', 'x'), 'closed', false);
  await rejected(node.serve('more', () => 1), 'closed', false);
});

test('what makes no sense is refused', async (t) => {
  const { node } = await echoing(t);
  for (const call of [
    () => node.call(),
    () => node.call('all'),
    () => node.call('a b', 'x'),
    () => node.call('\ud800', 'x'),
    () => node.call('all', 'a b'),
    () => node.call(5, 'x'),
    () => node.call('all', 5),
    () => node.call('all', 'x', 1, null),
    () => node.call('all', 'x', 1, { timeout: -1 }),
    () => node.call('all', 'x', 1, { timeout: Infinity }),
    () => node.call('all', 'x', 1, { timeuot: 5 }),
    () => node.call('all', 'x', 1, { headers: { a: 1 } }),
    () => node.call('all', 'x', 1, { headers: { a: '\udc00' } }),
    () => node.call('all', 'x', 1, { headers: 5 }),
    () => node.call('all', 'x', 1, { codec: 'etf' }),
    () => node.call('all', 'x', 1, { codec: 3 }),
    () => node.call('all', 'x', 1, { codec: 256 }),
    () => node.call('all', 'x', 1, { codec: 'toString' }),
    () => node.call('all', 'x', 1, { signal: {} }),
    () => node.call('all', 'x', 1, { latest: true }),
    () => node.cast('all', 'x', 1, { latest: 1 }),
    () => node.cast('all@', 'x'),
    () => node.multiCall('all@a', 'x'),
    () => node.multiCall('all', 'x', 1, { minOk: -1 }),
    () => node.multiCall('all', 'x', 1, { minOk: 1.5 }),
    () => node.multiCall('all', 'x', 1, { headers: {} }),
    () => node.abcast('all', ''),
    async () => node.hosts(5),
  ]) {
    await rejected(call(), 'bad_argument', false);
  }
});

test('who waits too long or gives up may have been heard', async (t) => {
  const node = await open(t, 'a');
  const asked = [];
  await node.serve('slow', (_, payload, from) => {
    asked.push(from);
    return NO_REPLY;
  }, { concurrency: 9 });
  await rejected(node.call('slow', 'x', 1, { timeout: 500 }), 'timeout', true);
  await until(() => asked[0].signal.aborted);
  assert.equal(asked[0].reply('late'), false);
  const controller = new AbortController();
  const { signal } = controller;
  const call = node.call('slow', 'x', 1, { signal });
  const all = node.multiCall('slow', 'x', 1, { signal });
  await until(() => asked.length === 3);
  assert.equal(asked[1].signal.aborted, false);
  controller.abort();
  await rejected(call, 'cancelled', true, { cause: signal.reason });
  await rejected(all, 'cancelled', true);
  await until(() => asked[1].signal.aborted);
  assert.equal(asked[1].signal.reason.code, ERRORS.cancelled.code);
  const late = { signal: AbortSignal.timeout(500) };
  await rejected(node.call('slow', 'x', 1, late), 'timeout', true);
  // Aborted before: nothing is sent.
  await rejected(node.call('slow', 'x', 1, { signal }), 'cancelled', false);
  await rejected(node.cast('slow', 'x', 1, { signal }), 'cancelled', false);
  assert.equal(asked.length, 4);
});

test('all servers of a name are asked', async (t) => {
  const { node, seen } = await echoing(t);
  assert.deepEqual(node.hosts('all'), ['a']);
  assert.deepEqual(node.hosts('none'), []);
  assert.deepEqual(node.servers(), { all: 1 });
  await node.serve('__proto__', () => 1);
  assert.deepEqual(Object.keys(node.servers()), ['__proto__', 'all']);
  assert.deepEqual(await node.multiCall('all', 'x', [1]), { replies: { a: [1] }, failed: {} });
  assert.equal(await node.abcast('all', 'told', 'all'), 1);
  await until(() => seen.at(-1).op === 'told');
  await rejected(node.multiCall('all', 'x', 1, { minOk: 2 }), 'no_quorum', true);
  const bad = await node.serve('bad', () => {
    throw new RangeError('no');
  });
  const { replies, failed } = await node.multiCall('bad', 'x');
  assert.deepEqual([replies, Object.keys(failed)], [{}, ['a']]);
  assert.ok(failed.a instanceof chinwag.RemoteError);
  assert.equal(failed.a.remote.class, 'RangeError');
  await bad.stop();
});

test('thousands of calls and casts arrive in order, each once', async (t) => {
  const node = await open(t, 'a');
  const seen = [];
  await node.serve('log', (op, n, { isCall }) => (seen.push(n), isCall ? n : null), {
    mailbox: 10_000,
  });
  const count = 5000;
  const all = Array.from({ length: count }, (_, n) =>
    n % 2 ? node.call('log', 'x', n) : node.cast('log', 'x', n),
  );
  const told = await Promise.all(all);
  await until(() => seen.length === count);
  assert.ok(seen.every((n, at) => n === at));
  assert.ok(told.every((n, at) => n === (at % 2 ? at : undefined)));
});

test('a pending call holds the process, an open server as the node does', async () => {
  const serve = `
    const node = await start({ ...QUICK, name: 'x' });
    await node.serve('never', () => new Promise(() => {}));
    node.unref();
  `;
  assert.equal(await run(`${serve} console.log('over');`), 'over\n');
  const wait = `await node.call('never', 'x', 1, { timeout: 200 })
    .catch((error) => console.log(error.code));`;
  assert.equal(await run(serve + wait), 'ERR_CHINWAG_TIMEOUT\n');
  assert.equal(await run(`${serve} node.call('never', 'x'); process.exit(0);`), '');
  const held = `
    const node = await start({ ...QUICK, name: 'x' });
    await node.serve('end', { cast: { now: () => node.close() } });
    node.cast('end', 'now');
  `;
  assert.equal(await run(held), '');
});
