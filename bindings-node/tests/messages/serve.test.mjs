// Servers: what handlers are given, how they answer, fail, wait and end.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { CodecError, ERRORS, NO_REPLY, RemoteError, UnknownOpError } from '../../index.mjs';
import { open, Program, run, until } from '../helpers.mjs';

const rejected = (call, key, more = {}) =>
  assert.rejects(call, { code: ERRORS[key].code, ...more });

/** A promise that is settled by hand. */
function gate() {
  let pass;
  const passed = new Promise((resolve) => (pass = resolve));
  return { pass, passed };
}

test('a server is an object of functions, an instance, or a function', async (t) => {
  const node = await open(t, 'a');
  let n = 0;
  await node.serve('plain', {
    call: { incr: (by) => (n += by), later: async (by, { node }) => [node, n + by] },
    cast: { reset: () => void (n = 0) },
  });
  assert.equal(await node.call('plain', 'incr', 5), 5);
  assert.deepEqual(await node.call('plain', 'later', 1), ['a', 6]);
  await node.cast('plain', 'reset');
  assert.equal(await node.call('plain', 'incr', 1), 1);
  class Counter {
    n = 10;
    call = {
      incr(by) {
        return (this.n += by);
      },
    };
  }
  await node.serve('class', new Counter());
  assert.equal(await node.call('class', 'incr', 1), 11);
  await node.serve('function', (op, payload, { isCall }) => [op, payload, isCall]);
  assert.deepEqual(await node.call('function', 'any.op', 1), ['any.op', 1, true]);
  assert.equal(await node.call('function', 'x').then(Array.isArray), true);
});

test('operations that nobody registered are unknown', async (t) => {
  const node = await open(t, 'a');
  await node.serve('s', { call: { known: () => 1 }, cast: { told: () => 1 } });
  for (const op of ['other', 'told', 'toString', 'constructor', '__proto__', 'hasOwnProperty']) {
    await rejected(node.call('s', op), 'unknown_op', { maybeExecuted: false });
  }
  await node.serve('f', (op) => {
    throw new UnknownOpError(`no ${op}`);
  });
  await rejected(node.call('f', 'x'), 'unknown_op', { message: 'no x', maybeExecuted: false });
});

test('what is no server is refused, and a name is taken once', async (t) => {
  const node = await open(t, 'a');
  const first = await node.serve('s', () => 1);
  await rejected(node.serve('s', () => 2), 'server_exists');
  assert.equal(await node.call('s', 'x'), 1);
  for (const call of [
    () => node.serve('t'),
    () => node.serve('t', {}),
    () => node.serve('t', { call: {} }),
    () => node.serve('t', { call: { a: 1 } }),
    () => node.serve('t', { call: 'a' }),
    () => node.serve('t', null),
    () => node.serve('a b', () => 1),
    () => node.serve('', () => 1),
    () => node.serve(5, () => 1),
    () => node.serve('t', () => 1, { concurrency: 0 }),
    () => node.serve('t', () => 1, { mailbox: 1.5 }),
    () => node.serve('t', () => 1, { mailbox: 2 ** 60 }),
    () => node.serve('t', () => 1, { exposeStack: 1 }),
    () => node.serve('t', () => 1, { mailboxes: 1 }),
  ]) {
    await rejected(call(), 'bad_argument');
  }
  await first.stop();
  assert.ok(first.stopped);
  await node.serve('s', () => 2);
  assert.equal(await node.call('s', 'x'), 2);
});

test('an exception goes to the caller, and its stack only if asked for', async (t) => {
  const node = await open(t, 'a');
  class Custom extends Error {}
  const thrown = {
    plain: () => new Error('plain'),
    type: () => new TypeError('type'),
    custom: () => new Custom('custom'),
    abort: () => new DOMException('abort', 'AbortError'),
    text: () => 'text',
    nothing: () => null,
    hostile: () => ({
      get message() {
        throw new Error('x');
      },
    }),
  };
  const act = (op) => {
    throw thrown[op]();
  };
  await node.serve('hidden', act);
  await node.serve('shown', async (op) => act(op), { exposeStack: true });
  for (const [op, name, message] of [
    ['plain', 'Error', 'plain'],
    ['type', 'TypeError', 'type'],
    ['custom', 'Custom', 'custom'],
    ['abort', 'AbortError', 'abort'],
    ['text', 'string', 'text'],
    ['nothing', 'null', 'null'],
    ['hostile', 'Error', 'what was thrown cannot be shown'],
  ]) {
    const hidden = await node.call('hidden', op).catch((error) => error);
    assert.ok(hidden instanceof RemoteError);
    assert.ok(hidden.maybeExecuted);
    const remote = { node: 'a', language: 'node', class: name, message, stack: null };
    assert.deepEqual(hidden.remote, remote);
    assert.match(hidden.message, new RegExp(`${name} on "a": ${message}`));
  }
  const { remote } = await node.call('shown', 'type').catch((error) => error);
  assert.match(remote.stack, /TypeError: type\n.*serve\.test\.mjs/);
  // One of ours stays what it is; what was done before it is not known.
  await node.serve('through', () => node.call('none', 'x'));
  await rejected(node.call('through', 'x'), 'no_server', { maybeExecuted: true });
  await node.serve('again', () => node.call('hidden', 'type'));
  const again = await node.call('again', 'x').catch((error) => error);
  assert.equal(again.remote.class, 'TypeError');
});

test('messages are handled one at a time, unless told otherwise', async (t) => {
  const node = await open(t, 'a');
  for (const concurrency of [1, 3]) {
    let [running, most] = [0, 0];
    const gates = Array.from({ length: 6 }, gate);
    const act = async (op, n) => {
      most = Math.max(most, ++running);
      await gates[n].passed;
      running -= 1;
      return n;
    };
    await node.serve(`s${concurrency}`, act, { concurrency });
    const calls = gates.map((_, n) => node.call(`s${concurrency}`, 'x', n));
    for (const { pass } of gates) {
      await until(() => running > 0);
      pass();
    }
    assert.deepEqual(await Promise.all(calls), [0, 1, 2, 3, 4, 5]);
    assert.equal(most, concurrency);
  }
});

test('a full mailbox refuses calls, and what waits is not begun for nobody', async (t) => {
  const node = await open(t, 'a');
  const begun = [];
  const { pass, passed } = gate();
  await node.serve('s', async (op, n) => (begun.push(n), n === 0 && (await passed)), {
    mailbox: 2,
  });
  const first = node.call('s', 'x', 0);
  await until(() => begun.length === 1);
  const controller = new AbortController();
  const second = node.call('s', 'x', 1, { signal: controller.signal });
  const third = node.call('s', 'x', 2);
  await rejected(node.call('s', 'x', 3), 'overloaded', { maybeExecuted: false });
  await rejected(node.cast('s', 'x', 3), 'overloaded', { maybeExecuted: false });
  controller.abort();
  await rejected(second, 'cancelled');
  const fourth = node.call('s', 'x', 4);
  pass();
  await Promise.all([first, third, fourth]);
  assert.deepEqual(begun, [0, 2, 4]);
});

test('an answer may come later, from elsewhere, and once', async (t) => {
  const node = await open(t, 'a');
  const kept = [];
  await node.serve('later', (_, payload, from) => (kept.push(from), NO_REPLY));
  const [one, two, three] = [1, 2, 3].map((n) => node.call('later', 'x', n));
  await until(() => kept.length === 3);
  assert.throws(() => kept[1].reply(() => 1), CodecError);
  assert.equal(kept[1].reply('two'), true);
  assert.equal(kept[1].reply('again'), false);
  assert.equal(kept[1].fail(new Error('again')), false);
  assert.equal(await two, 'two');
  assert.equal(kept[0].fail(new RangeError('no')), true);
  assert.equal(kept[0].reply(1), false);
  await rejected(one, 'remote_error', { message: 'RangeError on "a": no' });
  setImmediate(() => kept[2].reply());
  assert.equal(await three, null);
  await node.serve('early', (_, payload, from) => (from.reply('first'), 'second'));
  assert.equal(await node.call('early', 'x'), 'first');
});

test('the handler of a call that is given up is told, though no other has room', async (t) => {
  const node = await open(t, 'a');
  const { pass, passed } = gate();
  const heard = [];
  await node.serve('s', async (op, n, { signal }) => {
    if (n === 1) {
      await once(signal, 'abort');
      heard.push(signal.reason.message);
      pass();
    }
    return n;
  });
  const controller = new AbortController();
  const first = node.call('s', 'x', 1, { signal: controller.signal });
  const second = node.call('s', 'x', 2);
  await node.serve('other', () => 1);
  await node.call('other', 'x');
  controller.abort();
  await rejected(first, 'cancelled');
  await passed;
  assert.equal(await second, 2);
  assert.deepEqual(heard, ['nobody waits for the answer any more']);
});

test('a call within another has no more time than that', async (t) => {
  const node = await open(t, 'a');
  const told = [];
  await node.serve('inner', (op, payload, { remaining }) => (told.push(remaining), op));
  await node.serve('outer', async (op, timeout) => {
    await node.call('inner', 'x', 1, timeout ? { timeout } : {});
    await new Promise(setImmediate);
    return node.call('inner', 'y');
  });
  await node.call('outer', 'x', null, { timeout: 3000 });
  assert.ok(told[0] <= 3000 && told[1] <= told[0], String(told));
  await node.call('outer', 'x', 1000, { timeout: 600_000 });
  assert.ok(told[2] <= 1000 && told[3] > 1000, String(told));
  // What is still under way when the answer is out has its own time.
  const { pass, passed } = gate();
  await node.serve('after', async () => void passed.then(() => node.call('inner', 'z')));
  await node.call('after', 'x', null, { timeout: 1000 });
  pass();
  await until(() => told.length === 5);
  assert.ok(told[4] > 1000, String(told));
});

test('a paused server keeps what comes, and hands it over in order', async (t) => {
  const node = await open(t, 'a');
  const seen = [];
  const served = await node.serve('s', (op, n) => void seen.push(n));
  served.pause();
  const calls = [1, 2, 3].map((n) => node.call('s', 'x', n));
  await node.serve('other', () => 1);
  await node.call('other', 'x');
  assert.deepEqual(seen, []);
  served.resume();
  await Promise.all(calls);
  assert.deepEqual(seen, [1, 2, 3]);
});

test('a pause holds back what was taken already', async (t) => {
  const node = await open(t, 'a');
  const seen = [];
  const served = await node.serve('s', (op, n) => {
    seen.push(n);
    if (n === 200) served.pause();
  });
  for (let n = 1; n <= 300; n++) await node.cast('s', 'x', n);
  await until(() => seen.length === 200);
  await node.serve('other', () => 1);
  await node.call('other', 'x');
  assert.equal(seen.length, 200);
  served.resume();
  await until(() => seen.length === 300);
  assert.deepEqual(seen, Array.from({ length: 300 }, (_, n) => n + 1));
});

test('a stopped server answers nobody', async (t) => {
  const node = await open(t, 'a');
  const begun = [];
  const served = await node.serve('s', (op, n, from) => (begun.push(from), new Promise(() => {})));
  const [first, second] = [node.call('s', 'x', 1), node.call('s', 'x', 2)];
  await until(() => begun.length === 1);
  await served[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]();
  await rejected(first, 'no_server', { maybeExecuted: true });
  await rejected(second, 'no_server', { maybeExecuted: false });
  assert.ok(begun[0].signal.aborted);
  assert.equal(begun[0].reply(1), false);
  await served.stop();
  served.pause().resume();
  await rejected(node.call('s', 'x'), 'no_server');
  assert.deepEqual(node.hosts('s'), []);
});

test('a closed node ends its servers, and whoever waits is told', async (t) => {
  const node = await open(t, 'a');
  let from;
  const served = await node.serve('s', (op, n, sender) => ((from = sender), NO_REPLY));
  const call = node.call('s', 'x');
  await until(() => from);
  const closing = node.close();
  await rejected(call, 'closed');
  await closing;
  assert.ok(served.stopped && from.signal.aborted);
  assert.equal(from.reply(1), false);
  await served.stop();
});

test('a cast that comes to nothing is a warning', async (t) => {
  const node = await open(t, 'a');
  const warnings = [];
  node.on('warning', (warning) => warnings.push(warning));
  const failure = new Error('no');
  await node.serve('s', {
    cast: {
      sync: () => {
        throw failure;
      },
      async: async () => {
        throw failure;
      },
    },
  });
  for (const op of ['sync', 'async', 'unknown']) await node.cast('s', op);
  await until(() => warnings.length === 3);
  for (const warning of warnings) {
    assert.deepEqual([warning.code, warning.subject], ['CHINWAG_CAST_FAILED', 's']);
  }
  const causes = warnings.map(({ cause }) => cause);
  assert.equal(causes.filter((cause) => cause instanceof UnknownOpError).length, 1);
  assert.equal(causes.filter((cause) => cause === failure).length, 2);
});

test('a listener that throws at a warning stops no server', async () => {
  const source = `
    const node = await start({ ...QUICK, name: 'x' });
    process.on('uncaughtException', (error) => console.log(error.message));
    node.on('warning', () => { throw new Error('thrown'); });
    await node.serve('s', { cast: { bad: () => { throw 1; } }, call: { ok: () => 'ok' } });
    node.cast('s', 'bad');
    console.log(await node.call('s', 'ok'));
    await node.close();
  `;
  assert.deepEqual((await run(source)).split('\n').sort(), ['', 'ok', 'thrown']);
});

test('without a listener the process is warned, once', async () => {
  const program = new Program(`
    const node = await start({ ...QUICK, name: 'x' });
    const bad = () => { throw new Error('no'); };
    await node.serve('s', { cast: { bad }, call: { ok: () => 1 } });
    for (let n = 0; n < 9; n++) await node.cast('s', 'bad');
    await node.call('s', 'ok');
    await node.close();
  `);
  await program.ends({ stderr: /CHINWAG_CAST_FAILED/ });
  assert.equal(program.stderr.match(/CHINWAG_CAST_FAILED/g).length, 1);
});

test('servers and open calls leave nothing behind', async () => {
  const source = `
    const node = await start({ ...QUICK, name: 'x' });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const refs = [];
    for (let n = 0; n < 200; n++) {
      const server = { call: { x: () => new Uint8Array(1 << 16) } };
      refs.push(new WeakRef(server));
      const served = await node.serve('s', server);
      await node.call('s', 'x');
      await served.stop();
    }
    const alive = () => refs.filter((ref) => ref.deref()).length;
    // To look at one keeps it for that turn.
    let left = refs.length;
    for (let n = 0; n < 100 && left > 2; n++) {
      await turn();
      gc();
      await turn();
      left = alive();
    }
    console.log(left <= 2 ? 'collected' : left);
    await node.close();
  `;
  assert.equal(await run(source, { flags: ['--expose-gc'] }), 'collected\n');
});
