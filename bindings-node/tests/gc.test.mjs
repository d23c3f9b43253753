// What nobody holds any more.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Program, run } from './helpers.mjs';

const flags = ['--expose-gc'];
const TURNS = `
  import { readdirSync } from 'node:fs';
  const threads = () => readdirSync('/proc/self/task').length;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function until(condition) {
    const end = Date.now() + 30_000;
    while (!condition()) {
      if (Date.now() > end) throw new Error('too late: ' + condition);
      gc();
      await turn();
    }
  }
`;
const linux = readdirSync('/').includes('proc');

test('a node that was let go of is collected and closed', { skip: !linux }, async () => {
  const program = new Program(
    `${TURNS}
    const before = threads();
    let warnings = 0;
    process.on('warning', ({ code }) => { if (code === 'CHINWAG_NOT_CLOSED') warnings++; });
    for (let n = 0; n < 20; n++) (await start({ ...QUICK, name: 'n' + n })).unref();
    const open = threads();
    await until(() => warnings === 20 && threads() <= before + 4);
    console.log(open >= before + 20);
    `,
    { flags },
  );
  await program.ends({ stderr: /CHINWAG_NOT_CLOSED.*"n\d+" was garbage-collected/ });
  assert.equal(program.stdout, 'true\n');
});

test('what nobody reads any more is subscribed no longer, and given up', async () => {
  const source = `${TURNS}
    const node = await start({ ...QUICK, name: 'a' });
    let given;
    const up = new Promise((resolve) => (given = resolve));
    await node.serve('s', { stream: { never: (_, { signal }) => {
      signal.onabort = given;
      return up;
    } } });
    (() => {
      node.subscribe('x');
      node.watch();
      node.stream('s', 'never');
    })();
    console.log(node.topics().x);
    await until(() => node.topics().x === undefined);
    let over = false;
    void up.then(() => (over = true));
    await until(() => over);
    await node.close();
  `;
  assert.equal(await run(source, { flags }), '1\n');
});

test('a node is not collected while it holds the loop, or somebody listens or waits', async () => {
  const source = `${TURNS}
    const seen = [];
    let addr;
    for (const keep of [
      (node) => node,
      (node) => node.unref().on('member-join', (m) => seen.push('listener ' + m.name)),
      async (node) => {
        for await (const { member } of node.unref().events()) seen.push('stream ' + member.name);
      },
    ]) {
      await (async () => {
        const node = await start({ ...QUICK, seeds: addr ? [addr] : [] });
        addr ??= node.localMember().addr;
        keep(node);
      })();
    }
    for (let n = 0; n < 50; n++) { gc(); await turn(); }
    seen.length = 0;
    const late = await start({ ...QUICK, name: 'late', seeds: [addr] });
    await until(() => late.members().length === 4);
    await until(() => seen.includes('listener late') && seen.includes('stream late'));
    console.log('kept');
    process.exit(0);
  `;
  assert.equal(await run(source, { flags }), 'kept\n');
});

test('a node is not collected while it serves', async () => {
  const source = `${TURNS}
    process.on('warning', () => console.log('collected'));
    let asked = 0;
    await (async () => {
      const node = await start({ ...QUICK, name: 'n' });
      await node.unref().serve('s', { cast: { x: () => (asked += 1) } });
      await node.cast('s', 'x');
    })();
    for (let n = 0; n < 50; n++) { gc(); await turn(); }
    console.log(asked);
    process.exit(0);
  `;
  assert.equal(await run(source, { flags }), '1\n');
});

test('a stream keeps its node, and a dropped stream costs nothing', async () => {
  const source = `${TURNS}
    const a = await start({ ...QUICK, name: 'a' });
    const stream = await (async () => {
      const node = await start({ ...QUICK, name: 'b', seeds: [a.localMember().addr] });
      node.unref();
      for (let n = 0; n < 100; n++) node.events();
      return node.events();
    })();
    for (let n = 0; n < 20; n++) { gc(); await turn(); }
    await a.updateTags({ n: '1' });
    console.log((await stream.next()).value.type);
    await a.close();
  `;
  assert.equal(await run(source, { flags }), 'member-update\n');
});

test('starting and closing over and over leaves nothing', { skip: !linux }, async () => {
  const source = `${TURNS}
    const cycle = async () => {
      const node = await start({ ...QUICK, name: 'n' });
      node.on('member-join', () => {});
      node.events({ replay: true }).next();
      await node.updateTags({ a: 'b' });
      await node.close();
    };
    for (let n = 0; n < 20; n++) await cycle();
    gc();
    const [tasks, rss] = [threads(), process.memoryUsage().rss];
    for (let n = 0; n < 300; n++) await cycle();
    await until(() => threads() <= tasks);
    gc();
    const grown = (process.memoryUsage().rss - rss) / 2 ** 20;
    console.log(grown < 24 ? 'flat' : grown + ' MiB');
  `;
  assert.equal(await run(source, { flags }), 'flat\n');
});
