// worker_threads: a worker may open a node of its own, and may end at any moment.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, package_root, QUICK, run, silent } from './helpers.mjs';

/** A program that never loads the library itself; only its workers do. */
const HEAD = `
  import { once } from 'node:events';
  import { Worker } from 'node:worker_threads';
  const library = ${JSON.stringify(package_root)};
  const open = (rest, name = 'x', options = {}) => new Worker(
    "const { parentPort } = require('node:worker_threads');" +
    "const { start } = require(" + JSON.stringify(library) + ");" +
    "const options = " + JSON.stringify(options) + ";" +
    "const QUICK = " + ${JSON.stringify(JSON.stringify(QUICK))} + ";" +
    "(async () => {" +
      "const node = await start({ ...QUICK, name: '" + name + "', ...options });" +
      "const addr = node.localMember().addr;" + rest +
    "})()",
    { eval: true, execArgv: [] },
  );
`;

const program = (source) => run(source, { head: HEAD });

test('workers talk to each other, and end by themselves once closed', async () => {
  const out = await program(`
    const a = open("parentPort.postMessage(addr);" +
      "parentPort.once('message', () => node.close());", 'a');
    const [addr] = await once(a, 'message');
    const b = open("await node.join('" + addr + "');" +
      "parentPort.postMessage(node.members().map((m) => m.name).join());" +
      "await node.leave(); await node.close();", 'b');
    console.log((await once(b, 'message'))[0], (await once(b, 'exit'))[0]);
    a.postMessage('close');
    console.log((await once(a, 'exit'))[0]);
  `);
  assert.equal(out, 'a,b 0\n0\n');
});

test('a worker may be terminated with an open node, or end under it', async (t) => {
  const seed = await silent(t);
  for (const rest of [
    '',
    `node.join('${seed}');`,
    "node.on('member-update', () => {}); node.events().next();",
    'node.close();',
    "await node.serve('s', () => new Promise(() => {})); node.call('s', 'x').catch(() => {});",
    "node.subscribe('x').next(); node.watch().next(); node.map('m').watch().next();",
    "await node.serve('s', { stream: { async *all() { for (;;) yield 1; } } });" +
      "node.monitor('s'); const stream = node.stream('s', 'all'); await stream.next();",
    'setInterval(() => { for (let i = 0; i < 50; i++) node.updateTags({ i: String(i) }); }, 1);',
  ]) {
    await program(`
      for (let round = 0; round < 10; round++) {
        const worker = open(${JSON.stringify(`${rest} parentPort.postMessage(addr);`)});
        await once(worker, 'message');
        await worker.terminate();
      }
    `);
  }
  const ended = (rest) => program(`
    const worker = open(${JSON.stringify(rest)});
    console.log((await once(worker, 'exit'))[0]);
  `);
  assert.equal(await ended('process.exit(7);'), '7\n');
  assert.equal(await ended('node.unref();'), '0\n');
});

test('the address of a terminated worker is free again', async () => {
  const out = await program(`
    const addr = ${JSON.stringify(address())};
    const first = open("parentPort.postMessage(addr);", 'x', { bind: addr });
    await once(first, 'message');
    await first.terminate();
    const { start } = await import(library + 'index.mjs');
    for (let node; !node; ) {
      node = await start({ bind: addr }).catch((error) => {
        if (error.code !== 'ERR_CHINWAG_BIND_FAILED') throw error;
      });
      await node?.close();
    }
    console.log('free');
  `);
  assert.equal(out, 'free\n');
});

test('signals are for the main thread', async () => {
  const out = await program(`
    const worker = open("await start({ ...QUICK, handleSignals: true })" +
      ".catch((e) => parentPort.postMessage(e.message)); await node.close();");
    console.log((await once(worker, 'message'))[0]);
  `);
  assert.equal(out, 'option "handleSignals" works on the main thread only\n');
});
