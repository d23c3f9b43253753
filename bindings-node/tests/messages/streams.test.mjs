// Calls that stream: items in both directions, who is slow, who gives up, and what goes wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, NO_REPLY } from '../../index.mjs';
import { open, run, seeds, until } from '../helpers.mjs';

const rejected = (call, key, more = {}) =>
  assert.rejects(call, { code: ERRORS[key].code, ...more });

const all = async (items) => {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
};

/** Two nodes: one calls, the other serves these functions for streams as `s`. */
async function pair(t, stream, more = {}) {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await b.serve('s', { stream, ...more }, { concurrency: 4 });
  await until(() => a.servers().s === 1);
  return { a, b };
}

const numbers = (count) => Array.from({ length: count }, (_, n) => n + 1);

test('items go in both directions, and the answer comes behind them', async (t) => {
  const { a } = await pair(t, {
    async *count(n, from) {
      assert.deepEqual([from.isStream, from.isCall, from.node], [true, true, 'a']);
      for (let item = 1; item <= n; item++) yield item;
      return { of: n };
    },
    async sum(_, { body }) {
      let sum = 0;
      for await (const item of body) sum += item;
      return sum;
    },
    async *mirror(_, { body }) {
      let many = 0;
      for await (const item of body) {
        many += 1;
        yield item;
      }
      return many;
    },
    async sent(n, from) {
      for (let item = 1; item <= n; item++) await from.send(item);
      setImmediate(() => from.reply('later'));
      return NO_REPLY;
    },
  });
  const counted = a.stream('s', 'count', 3000);
  assert.deepEqual(await all(counted), numbers(3000));
  assert.deepEqual([await counted.answer(), await counted.next()], [{ of: 3000 }, {
    done: true,
    value: undefined,
  }]);
  assert.equal(await a.stream('s', 'count', 100).answer().then(({ of }) => of), 100, 'skipped');
  const first = a.stream('s', 'count', 1);
  assert.deepEqual(await first.next(), { done: false, value: 1 });
  assert.deepEqual(await first.next(), { done: true, value: { of: 1 } });
  assert.equal(await a.stream('s', 'sum', null, { items: numbers(1000) }).answer(), 500_500);
  const summed = a.stream('s@b', 'sum');
  for (const item of numbers(10)) await summed.send(item);
  assert.equal(await summed.answer(), 55);
  async function* given() {
    for (const item of numbers(500)) yield { item };
  }
  const mirrored = a.stream('s', 'mirror', null, { items: given(), codec: 'json' });
  assert.deepEqual((await all(mirrored)).map(({ item }) => item), numbers(500));
  assert.equal(await mirrored.answer(), 500);
  const sent = a.stream('s', 'sent', 5);
  assert.deepEqual([await all(sent), await sent.answer()], [numbers(5), 'later']);
});

test('a slow reader holds up the writer, and megabytes pass through a small window', async (t) => {
  let yielded = 0;
  const { a } = await pair(t, {
    async *blobs(count) {
      for (; yielded < count; yielded++) yield Buffer.alloc(50_000, yielded);
    },
  });
  const stream = a.stream('s', 'blobs', 200);
  await stream.next();
  await until(() => yielded >= 2);
  // Nobody reads: what is on the way is bounded, whatever time passes.
  await a.ping('b');
  await a.call('s', 'x').catch(() => {});
  assert.ok(yielded < 30, `${yielded} were made before anybody read`);
  let size = 50_000;
  for await (const blob of stream) size += blob.length;
  assert.deepEqual([size, yielded], [10_000_000, 200]);
});

test('what the server throws comes behind the items', async (t) => {
  const { a } = await pair(t, {
    async *break(n) {
      yield* numbers(n);
      throw new RangeError('broken');
    },
    early() {
      throw new RangeError('early');
    },
  }, { call: { plain: (value) => value, many: async function* many() {} } });
  const seen = [];
  const broken = a.stream('s', 'break', 3);
  const reading = async () => {
    for await (const item of broken) seen.push(item);
  };
  await rejected(reading(), 'remote_error', { message: /broken/ });
  assert.deepEqual(seen, [1, 2, 3]);
  await rejected(broken.answer(), 'remote_error');
  await rejected(all(a.stream('s', 'early')), 'remote_error', { message: /early/ });
  await rejected(a.stream('s', 'nothing').answer(), 'unknown_op');
  // One that knows nothing of streams answers as ever, and one that streams says so.
  assert.equal(await a.stream('s', 'plain', 7).answer(), 7);
  await rejected(a.call('s', 'break', 3), 'unknown_op');
  await rejected(a.call('s', 'many'), 'bad_argument', { message: /node\.stream\(\)/ });
  await rejected((async () => a.stream('nobody', 'x').answer())(), 'no_server');
});

test('an item that cannot be sent is an error where it is given', async (t) => {
  const heard = [];
  const { a } = await pair(t, {
    async *odd() {
      try {
        yield () => {};
      } catch (error) {
        heard.push(error.code);
      }
      yield 'fine';
      yield Symbol('x');
    },
    async *echo(_, { body }) {
      yield* body;
    },
  });
  const odd = a.stream('s', 'odd');
  assert.equal((await odd.next()).value, 'fine');
  await rejected(odd.next(), 'codec');
  assert.deepEqual(heard, [ERRORS.codec.code]);
  const echo = a.stream('s', 'echo');
  await rejected(echo.send(() => {}), 'codec');
  await rejected(echo.send(Buffer.alloc(21 << 20)), 'too_large');
  await echo.send('next');
  assert.equal((await echo.next()).value, 'next');
  echo.finish();
  await rejected(echo.send('late'), 'bad_argument');
  assert.equal(await echo.answer(), null);
  await rejected(a.stream('s', 'echo', null, { items: [1, () => {}] }).answer(), 'codec');
  async function* failing() {
    yield 1;
    throw new RangeError('mine');
  }
  await assert.rejects(a.stream('s', 'echo', null, { items: failing() }).answer(), RangeError);
});

test('who gives up is told of, and its generator ends', async (t) => {
  const ended = [];
  const { a, b } = await pair(t, {
    async *forever(name, { signal }) {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        ended.push(name);
        const gone = new Promise((resolve) => signal.addEventListener('abort', resolve));
        if (!signal.aborted) await gone;
      }
    },
    async reads(name, { body }) {
      try {
        for await (const item of body) void item;
      } catch (error) {
        ended.push(`${name} ${error.code}`);
      }
    },
    async *few(_, { body }) {
      for await (const item of body) {
        yield item;
        break;
      }
      return 'enough';
    },
  });
  for await (const item of a.stream('s', 'forever', 'break')) if (item === 100) break;
  const closed = a.stream('s', 'forever', 'close');
  await closed.next();
  closed.close();
  await rejected(closed.answer(), 'cancelled');
  const controller = new AbortController();
  const aborted = a.stream('s', 'forever', 'abort', { signal: controller.signal });
  await aborted.next();
  controller.abort();
  await rejected(all(aborted), 'cancelled');
  const reads = a.stream('s', 'reads', 'reads');
  await reads.send(1);
  reads.close();
  const wanted = ['break', 'close', 'abort', `reads ${ERRORS.cancelled.code}`];
  await until(() => wanted.every((name) => ended.includes(name)));
  // The server has enough: who sends learns of it, and the answer comes all the same.
  const few = a.stream('s', 'few');
  await few.send(1);
  const pushing = (async () => {
    for (;;) await few.send(Buffer.alloc(10_000));
  })();
  await rejected(pushing, 'cancelled');
  assert.equal(await few.answer(), 'enough');
  const down = a.stream('s', 'forever', 'down');
  await down.next();
  const lost = assert.rejects(down.answer(), { name: /NodeDownError|NoServerError/ });
  await Promise.all([lost, b.close()]);
});

test('a server that is stopped ends its streams', async (t) => {
  const node = await open(t, 'a');
  const ended = [];
  const served = await node.serve('s', {
    stream: {
      async reads(_, { body }) {
        await assert.rejects(all(body), { code: ERRORS.cancelled.code });
        ended.push('reads');
      },
      async *floods() {
        try {
          for (;;) yield Buffer.alloc(10_000);
        } finally {
          ended.push('floods');
        }
      },
    },
  }, { concurrency: 2 });
  const [reads, floods] = [node.stream('s', 'reads'), node.stream('s', 'floods')];
  await reads.send(1);
  await floods.next();
  await served.stop();
  await rejected(reads.answer(), 'no_server');
  await rejected(floods.answer(), 'no_server');
  await until(() => ended.length === 2);
});

test('nothing may move for no longer than the timeout', async (t) => {
  const { a } = await pair(t, {
    async *stalls() {
      yield 1;
      await new Promise((resolve) => setTimeout(resolve, 2000).unref());
    },
  });
  const stream = a.stream('s', 'stalls', null, { timeout: 300 });
  assert.equal((await stream.next()).value, 1);
  await rejected(stream.next(), 'timeout');
});

test('a stream ends with its node, and what is wrong is refused at once', async (t) => {
  const { a } = await pair(t, { never: () => NO_REPLY });
  const refused = (options) => () => a.stream('s', 'x', null, options);
  for (const odd of [{ items: 5 }, { timeout: 'x' }, { item: [] }, { codec: 'xml' }]) {
    assert.throws(refused(odd), { code: ERRORS.bad_argument.code });
  }
  assert.throws(refused({ signal: AbortSignal.abort() }), { code: ERRORS.cancelled.code });
  const reading = a.stream('s', 'never').next();
  const sending = a.stream('s', 'never').send(1);
  await Promise.all([rejected(reading, 'closed'), rejected(sending, 'closed'), a.close()]);
  assert.throws(refused(), { code: ERRORS.closed.code });
});

test('an open stream holds a process while it is waited for, and ends with it', async () => {
  const body = `const node = await start({ ...QUICK, name: 'x', handleSignals: true });
    await node.serve('s', { stream: {
      async *count(n) { for (let i = 0; i < n; i++) { yield i; await null; } },
      async *forever(_, { signal }) { for (;;) yield 1; },
      never: () => new Promise(() => {}),
    } });
    const late = () => node.stream('s', 'never', null, { timeout: 500 }).next();
    const flood = async () => { for await (const item of node.stream('s', 'forever')); };
  `;
  assert.equal(await run(`${body} node.unref();
    await late().catch(({ code }) => console.log(code));`), 'ERR_CHINWAG_TIMEOUT\n');
  await run(`${body} late().catch(() => {}); process.exit(0);`);
  await run(`${body} flood(); setTimeout(() => process.exit(0), 100);`);
  await run(`${body} const end = flood().catch(() => {}); await node.close(); await end;`);
  const term = `${body} const end = late().catch(() => {});
    process.kill(process.pid, 'SIGTERM'); await end;`;
  await run(term, { code: null, signal: 'SIGTERM' });
});
