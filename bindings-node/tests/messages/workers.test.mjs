// Workers of one host: processes that attach to a member of this one.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS, start } from '../../index.mjs';
import { find, open, Program, seeds, until } from '../helpers.mjs';

/** A member of this host that takes workers on, another member, and the way to the first. */
async function host(t) {
  const folder = mkdtempSync(join(tmpdir(), 'chinwag-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'w.sock');
  const a = await open(t, 'a', { workers: path });
  const b = await open(t, 'b', { seeds: seeds(a) });
  return { a, b, path };
}

test('a worker calls, serves, streams and subscribes through its member', async (t) => {
  const { a, b, path } = await host(t);
  await b.serve('on-b', {
    call: { double: (n, { node }) => [2 * n, node] },
    stream: {
      async *count(n) {
        for (let item = 0; item < n; item++) yield item;
        return 'done';
      },
    },
  });
  const w = await start({ attach: path });
  t.after(() => w.close());
  assert.deepEqual(w.members().map(({ name }) => name), ['a', 'b']);
  await w.serve('on-w', {
    call: { half: (n) => n / 2 },
    stream: {
      async sum(_, { body }) {
        let sum = 0;
        for await (const item of body) sum += item;
        return sum;
      },
    },
  });
  await until(() => w.servers()['on-b'] === 1 && b.servers()['on-w'] === 1);
  // From both sides; to the others it is the member who speaks.
  assert.deepEqual(await w.call('on-b', 'double', 21), [42, 'a']);
  assert.equal(await b.call('on-w', 'half', 42), 21);
  const counted = w.stream('on-b', 'count', 500);
  const items = [];
  for await (const item of counted) items.push(item);
  assert.deepEqual([items.length, items.at(-1), await counted.answer()], [500, 499, 'done']);
  const summed = b.stream('on-w', 'sum');
  for (let n = 1; n <= 100; n++) await summed.send(n);
  summed.finish();
  assert.equal(await summed.answer(), 5050);

  const news = w.subscribe('news');
  await until(() => b.subscribers('news').includes('a'));
  await b.publish('news', 'hello');
  const { payload, sender, missed } = (await news.next()).value;
  assert.deepEqual([payload, sender, missed], ['hello', 'b', 0]);
  assert.equal(a.stats().workers, 1);
  await assert.rejects(w.addKey('MDEyMzQ1Njc4OWFiY2RlZg=='), { code: ERRORS.unsupported.code });
});

test('a worker whose host goes away is told, and finds the next', async (t) => {
  const { a, b, path } = await host(t);
  await b.serve('never', { call: { ask: () => new Promise(() => {}) } });
  const w = await start({ attach: path });
  t.after(() => w.close());
  await until(() => w.servers().never === 1);
  const events = w.events();
  const asked = w.call('never', 'ask').catch((error) => error);
  await until(() => b.stats().callsServed === 1);
  await a.close();
  const error = await asked;
  assert.deepEqual([error.code, error.maybeExecuted], [ERRORS.node_down.code, true]);
  const { code, subject } = await find(events, (e) => e.type === 'warning');
  assert.deepEqual([code, subject], ['member-away', 'a']);
  await open(t, 'a2', { workers: path, seeds: seeds(b) });
  await until(() => w.localMember().name === 'a2');
});

test('callers of a worker that is killed hear it, and SIGTERM lets it finish', async (t) => {
  const { a, b, path } = await host(t);
  const serving = `
    const node = await start({ attach: ${JSON.stringify(path)}, handleSignals: true });
    await node.serve('web', {
      call: {
        pid: () => process.pid,
        never: () => new Promise(() => {}),
        slow: () => new Promise((done) => setTimeout(done, 300, 'finished')),
      },
    }, { concurrency: 4 });
    console.log('ready');
  `;
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    const worker = new Program(serving);
    await worker.says('ready');
    await until(() => b.servers().web === 1);
    const pid = await b.call('web', 'pid');
    const before = a.stats().callsServed;
    const op = signal === 'SIGKILL' ? 'never' : 'slow';
    const asked = b.call('web', op, null, { timeout: 60_000 }).catch((error) => error);
    await until(() => a.stats().callsServed > before);
    process.kill(pid, signal);
    const outcome = await asked;
    if (signal === 'SIGKILL') {
      assert.deepEqual([outcome.code, outcome.maybeExecuted], [ERRORS.node_down.code, true]);
    } else {
      assert.equal(outcome, 'finished');
    }
    await worker.ends({ code: null, signal });
    await until(() => a.stats().workers === 0 && b.servers().web === undefined);
    await assert.rejects(b.call('web', 'pid'), { code: ERRORS.no_server.code });
  }
});
