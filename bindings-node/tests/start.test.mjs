// Options and errors.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import * as chinwag from '../index.mjs';
import { address, open, QUICK, seeds, silent, until } from './helpers.mjs';

const { start, ChinwagError, ERRORS } = chinwag;

async function refusal(options, key) {
  const error = await start({ ...QUICK, ...options }).then(
    async (node) => {
      await node.close();
      assert.fail(`started with ${JSON.stringify(options)}`);
    },
    (error) => error,
  );
  assert.ok(error instanceof ChinwagError, String(error));
  assert.equal(error.code, ERRORS[key].code, String(error));
  assert.equal(error.number, ERRORS[key].number);
  assert.equal(error.retryable, ERRORS[key].retryable);
  return error.message;
}

test('every error of the table has a class', () => {
  for (const [key, row] of Object.entries(ERRORS)) {
    const words = key.replace(/_error$/, '');
    const name = words.replace(/(?:^|_)(.)/g, (_, c) => c.toUpperCase()) + 'Error';
    const error = new chinwag[name]('what happened');
    assert.ok(error instanceof ChinwagError && error instanceof Error);
    assert.equal(error.name, name);
    assert.equal(error.code, row.code);
    assert.equal(error.maybeExecuted, row.maybeExecuted);
    assert.equal(String(error), `${name}: what happened`);
  }
});

test('an unknown option is refused with the nearest, in the spelling of JavaScript', async () => {
  const unknown = (options) => refusal(options, 'bad_config');
  assert.equal(
    await unknown({ probeIntervall: 1 }),
    'unknown option "probeIntervall"; did you mean "probeInterval"?',
  );
  assert.equal(
    await unknown({ probe_interval: 1 }),
    'unknown option "probe_interval"; did you mean "probeInterval"?',
  );
  assert.equal(await unknown({ zzz: 1 }), 'unknown option "zzz"');
});

test('values of the wrong kind are refused by name', async () => {
  for (const [options, says] of [
    [{ bind: 5 }, 'option "bind" is 5, expected a string'],
    [{ name: null }, 'option "name" is null, expected a string'],
    [{ seeds: [1] }, 'option "seeds" is of another shape, expected an array of strings'],
    [{ tags: { shard: 3 } }, 'option "tags": tag "shard" is a number, expected a string'],
    [{ tags: { shard: null } }, 'option "tags": tag "shard" is null, expected a string'],
    [{ meta: [1] }, 'option "meta" is of another shape, expected a Uint8Array'],
    [{ probeInterval: -1 }, 'option "probeInterval" is -1, expected milliseconds'],
    [{ probeInterval: NaN }, 'option "probeInterval" is NaN, expected milliseconds'],
    [{ indirectChecks: 1.5 }, 'option "indirectChecks" is 1.5, expected a whole number'],
    [{ requireJoin: 1 }, 'option "requireJoin" is 1, expected true or false'],
    [{ cookie: 1234567 }, 'option "cookie" is a number, expected a string'],
  ]) {
    assert.equal(await refusal(options, 'bad_config'), says);
  }
  for (const options of [
    { indirectChecks: 65 },
    { bind: 'nowhere' },
    { bind: '0.0.0.0:0' },
    { profile: 'moon' },
    { meta: new Uint8Array(1), tags: { a: 'b' } },
    { probeInterval: 2 ** 53 },
  ]) {
    await refusal(options, 'bad_config');
  }
  await refusal({ meta: new Uint8Array(513) }, 'too_large');
  await assert.rejects(start('web-1'), { code: 'ERR_CHINWAG_BAD_ARGUMENT' });
});

test('every kind of option arrives, as a value and as text', async (t) => {
  const values = await open(t, 'values', {
    tags: { role: 'web' },
    seeds: [],
    compression: true,
    eventBuffer: 7,
    tcpTimeout: 250.5,
    delegateVersions: undefined,
  });
  assert.deepEqual(values.localMember().tags, { role: 'web' });
  const texts = await open(t, 'texts', {
    tags: 'role=web,rack=7',
    seeds: values.localMember().addr,
    compression: 'true',
    eventBuffer: '7',
    tcpTimeout: '250ms',
    delegateVersions: '2,5,4',
  });
  assert.deepEqual(texts.localMember().tags, { role: 'web', rack: '7' });
  assert.deepEqual(texts.localMember().versions.slice(3), [2, 5, 4]);
  assert.deepEqual(texts.members().map((m) => m.name), ['texts', 'values']);
});

test('a taken address is bind_failed, and free again after close', async (t) => {
  const bind = address();
  const first = await open(t, 'first', { bind });
  await refusal({ bind }, 'bind_failed');
  await first.close();
  await open(t, 'second', { bind });
});

test('a start that requires a join fails with each attempt', async () => {
  const nobody = { ...QUICK, requireJoin: true, seeds: ['127.0.0.1:1', '127.0.0.1:2'] };
  const error = await start(nobody).catch((error) => error);
  assert.equal(error.name, 'JoinFailedError');
  assert.deepEqual(error.attempts.map((a) => a.seed).sort(), nobody.seeds);
  for (const { cause } of error.attempts) assert.match(cause, /refused/i);
});

test('join tells how many answered, or who did not', async (t) => {
  const [a, b] = [await open(t, 'a'), await open(t, 'b')];
  assert.equal(await b.join([...seeds(a), '127.0.0.1:1']), 1);
  assert.equal(await b.join(seeds(a)[0]), 1);
  const error = await b.join('127.0.0.1:1').catch((error) => error);
  assert.equal(error.code, 'ERR_CHINWAG_JOIN_FAILED');
  assert.equal(error.attempts[0].seed, '127.0.0.1:1');
  assert.match(error.stack, /start\.test\.mjs/, 'the stack shows the caller');
  await until(() => a.member('b'));
});

test('arguments are checked', async (t) => {
  const node = await open(t, 'node');
  const refused = { code: 'ERR_CHINWAG_BAD_ARGUMENT' };
  for (const call of [
    () => node.join(5),
    () => node.join([5]),
    () => node.updateTags(null),
    () => node.updateTags({ shard: 3 }),
    () => node.setTags({ shard: null }),
    () => node.setMeta('text'),
    () => node.leave({ timeout: -1 }),
    () => node.leave({ timeout: '1s' }),
    () => node.leave({ timeout: Infinity }),
    () => node.leave({ signal: {} }),
  ]) {
    await assert.rejects(call, refused, String(call));
  }
  assert.throws(() => node.member(5), refused);
  assert.throws(() => node.members({ tag: {} }), refused);
  assert.throws(() => node.members({ tags: 'role=web' }), refused);
  await assert.rejects(node.updateTags({ big: 'x'.repeat(600) }), {
    name: 'TooLargeError',
    message: /600|big/,
  });
  assert.deepEqual(node.localMember().tags, {});
});

test('a signal ends the waiting', async (t) => {
  const reason = new Error('enough');
  const aborted = AbortSignal.abort(reason);
  const cancelled = { name: 'CancelledError', code: 'ERR_CHINWAG_CANCELLED', cause: reason };
  await assert.rejects(start({ ...QUICK, signal: aborted }), cancelled);
  const node = await open(t, 'node');
  await assert.rejects(node.join('127.0.0.1:1', { signal: aborted }), cancelled);

  const controller = new AbortController();
  const joining = node.join('127.0.0.1:1', { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(joining, cancelled);

  const late = node.join(await silent(t), { signal: AbortSignal.timeout(1) });
  await assert.rejects(late, (error) => {
    assert.equal(error.code, 'ERR_CHINWAG_TIMEOUT');
    return error.cause.name === 'TimeoutError';
  });
});

test('an aborted join closes its connection', async (t) => {
  const node = await open(t, 'node', { tcpTimeout: 60_000 });
  const server = createServer();
  t.after(() => server.close());
  const closed = new Promise((resolve) => {
    server.on('connection', (socket) => socket.on('end', resolve).on('error', resolve).resume());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const seed = `127.0.0.1:${server.address().port}`;
  const given = node.join(seed, { signal: AbortSignal.timeout(200) });
  await assert.rejects(given, { code: 'ERR_CHINWAG_TIMEOUT' });
  await closed;
});

test('an aborted start leaves nothing behind', async (t) => {
  const bind = address();
  const controller = new AbortController();
  const seeds = [await silent(t)];
  const starting = start({ ...QUICK, bind, seeds, signal: controller.signal });
  controller.abort();
  await assert.rejects(starting, { name: 'CancelledError' });
  await open(t, 'again', { bind });
});

test('being alone, and another port, are warnings', async (t) => {
  const alone = await open(t, 'alone', { seeds: ['127.0.0.1:1'] });
  const warning = await new Promise((resolve) => alone.once('warning', resolve));
  assert.equal(warning.code, 'CHINWAG_SEED_FAILED');
  assert.match(warning.message, /127\.0\.0\.1:1 refused the connection/);

  const options = { bind: undefined };
  const first = await open(t, 'first', options);
  // Another program may have the port, and then the first one warns as well.
  const warned = new Promise((resolve) => first.once('warning', resolve));
  const second = await open(t, 'second', options);
  assert.ok(!second.localMember().addr.endsWith(':7946'));
  const other = await new Promise((resolve) => second.once('warning', resolve));
  assert.equal(other.code, 'CHINWAG_PORT_TAKEN');
  assert.match(other.message, new RegExp(second.localMember().addr));
  if (!first.localMember().addr.endsWith(':7946')) {
    await warned;
  }
});
