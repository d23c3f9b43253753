// Servers of other members: the same calls, over a connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, NO_REPLY, RemoteError } from '../../index.mjs';
import { open, seeds, until } from '../helpers.mjs';

const rejected = (call, key, maybeExecuted) =>
  assert.rejects(call, { code: ERRORS[key].code, maybeExecuted });

/** Two members, of which the second serves. */
async function pair(t, server, serving) {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  const served = await b.serve('shared', server, serving);
  await until(() => a.hosts('shared').includes('b') && b.member('a'));
  return { a, b, served };
}

test('a server elsewhere is asked as one here is', async (t) => {
  const seen = [];
  const { a } = await pair(t, (op, payload, from) => {
    seen.push(from);
    return payload;
  });
  const order = { id: 2n ** 60n, items: [1.5, 'wörd', null], bytes: Buffer.alloc(1 << 19, 7) };
  assert.deepEqual(await a.call('shared@b', 'echo', order, { headers: { k: 'v' } }), order);
  assert.deepEqual([seen[0].node, seen[0].headers, seen[0].op], ['a', { k: 'v' }, 'echo']);
  assert.ok(seen[0].remaining <= 5000);
  for (const codec of ['json', 'raw', 200]) {
    const value = codec === 'json' ? [1, 'x'] : Buffer.of(1, 0, 255);
    assert.deepEqual(await a.call('shared@b', 'echo', value, { codec }), value);
  }
  await a.cast('shared@b', 'told', 1);
  await until(() => seen.at(-1).op === 'told');
  assert.equal(seen.at(-1).isCall, false);
});

test('a failure elsewhere says where and what', async (t) => {
  const { a } = await pair(t, { call: { fail: () => Promise.reject(new RangeError('no')) } });
  const error = await a.call('shared@b', 'fail').catch((error) => error);
  assert.ok(error instanceof RemoteError && error.maybeExecuted);
  const remote = { node: 'b', language: 'node', class: 'RangeError', message: 'no', stack: null };
  assert.deepEqual(error.remote, remote);
  await rejected(a.call('shared@b', 'other'), 'unknown_op', false);
});

test('who gives up is told elsewhere', async (t) => {
  const asked = [];
  const { a } = await pair(t, (op, n, from) => (asked.push(from), NO_REPLY));
  const controller = new AbortController();
  const call = a.call('shared@b', 'x', 1, { signal: controller.signal });
  await until(() => asked.length === 1);
  controller.abort();
  await rejected(call, 'cancelled', true);
  await until(() => asked[0].signal.aborted);
  await rejected(a.call('shared@b', 'x', 1, { timeout: 500 }), 'timeout', true);
  await until(() => asked[1].signal.aborted);
  assert.equal(asked[1].reply(1), false);
});

test('a member that goes is told at once', async (t) => {
  const asked = [];
  const { a, b, served } = await pair(t, (op, n, from) => (asked.push(from), NO_REPLY));
  const call = a.call('shared@b', 'x', 1, { timeout: 60_000 });
  await until(() => asked.length === 1);
  await served.stop();
  await rejected(call, 'no_server', true);
  await until(() => !a.hosts('shared').includes('b'));
  await b.serve('shared', (op, n, from) => (asked.push(from), NO_REPLY));
  await until(() => a.hosts('shared').includes('b'));
  const second = a.call('shared@b', 'x', 1, { timeout: 60_000 });
  await until(() => asked.length === 2);
  const told = rejected(second, 'node_down', true);
  await b.close();
  await told;
});

test('all servers of a name are asked, and each member answers', async (t) => {
  const { a, b } = await pair(t, (op, n) => ['b', n]);
  let told = 0;
  await a.serve('shared', { call: { x: (n) => ['a', n] }, cast: { y: () => void told++ } });
  await until(() => b.hosts('shared').includes('a'));
  const { replies, failed } = await a.multiCall('shared', 'x', 1);
  assert.deepEqual([replies, failed], [{ a: ['a', 1], b: ['b', 1] }, {}]);
  assert.equal(await a.abcast('shared', 'y'), 2);
  await until(() => told === 1);
  assert.deepEqual([b.hosts('shared'), b.servers()], [['a', 'b'], { shared: 2 }]);
});

test('thousands of calls and casts reach another member in order', async (t) => {
  const seen = [];
  const { a } = await pair(t, (op, n, { isCall }) => (seen.push(n), isCall ? n : null), {
    mailbox: 10_000,
  });
  const count = 5000;
  const all = Array.from({ length: count }, (_, n) =>
    n % 2 ? a.call('shared@b', 'x', n) : a.cast('shared@b', 'x', n),
  );
  const told = await Promise.all(all);
  await until(() => seen.length === count);
  assert.ok(seen.every((n, at) => n === at));
  assert.ok(told.every((n, at) => n === (at % 2 ? at : undefined)));
});
