// Rings on several threads, and rings that nobody holds any more.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { BadArgumentError, Ring, TooLargeError } from '../../index.mjs';
import { package_root, run } from '../helpers.mjs';

const linux = readdirSync('/').includes('proc');
const HEAD = `
  import { Ring, RingChange } from ${JSON.stringify(`${package_root}index.mjs`)};
  const turn = () => new Promise((resolve) => setImmediate(resolve));
`;

/** Reads a ring, asks it for long, and tells what it found at the beginning. */
const ASK = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { Ring } = require(workerData.library);
  const ring = Ring.fromBytes(workerData.bytes);
  const keys = Array.from({ length: 20_000 }, (_, n) => 'user:' + n);
  const first = keys.map((key) => ring.owner(key));
  for (let round = 0; round < 5; round++) {
    const again = round % 2 ? ring.ownersMany(keys) : keys.map((key) => ring.owners(key, 3)[0]);
    if (again.join() !== first.join()) throw new Error('another owner');
  }
  parentPort.postMessage({ fingerprint: ring.fingerprint, first });
`;

test('workers have the ring of these bytes, and find the same owners at once', async () => {
  const ring = new Ring(Array.from({ length: 50 }, (_, n) => `web-${n}`));
  const workerData = { library: package_root, bytes: ring.toBytes() };
  const workers = Array.from({ length: 4 }, () => new Worker(ASK, { eval: true, workerData }));
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message')));
  await Promise.all(workers.map((worker) => worker.terminate()));
  for (const [{ fingerprint, first }] of answers) {
    assert.equal(fingerprint, ring.fingerprint);
    first.forEach((owner, n) => assert.equal(owner, ring.owner(`user:${n}`)));
  }
});

test('a worker that ends with rings takes them with it', async () => {
  const source = `
    const { Ring } = require(${JSON.stringify(package_root)});
    globalThis.kept = [1, 2, 3].map((n) => new Ring(['a', 'b'], { slots: 64 * n }));
    globalThis.kept[0].owner('k');
  `;
  for (let n = 0; n < 20; n++) {
    const [code] = await once(new Worker(source, { eval: true }), 'exit');
    assert.equal(code, 0);
  }
});

test('a large ring is made on another thread, and is the same', async () => {
  const names = Array.from({ length: 1500 }, (_, n) => `web-${n}`);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const ring = await Ring.build(names, { replicas: 2 });
  clearInterval(timer);
  assert.ok(turns > 3, `the event loop turned ${turns} times`);
  assert.ok(ring.equals(new Ring(names, { replicas: 2 })));
  assert.equal((await Ring.build()).size, 0);
  await assert.rejects(Ring.build(['a', 'a']), BadArgumentError);
  await assert.rejects(Ring.build(['x'.repeat(2000)]), TooLargeError);
  await assert.rejects(Ring.build(['a'], { colour: 1 }), /unknown option "colour"/);
});

test('a worker may end under a ring that is being made', async () => {
  const source = `
    const { Ring } = require(${JSON.stringify(package_root)});
    Ring.build(Array.from({ length: 300 }, (_, n) => 'web-' + n));
    require('node:worker_threads').parentPort.postMessage('begun');
  `;
  for (let n = 0; n < 10; n++) {
    const worker = new Worker(source, { eval: true });
    await once(worker, 'message');
    await worker.terminate();
  }
});

test('rings that were dropped are freed', { skip: !linux }, async () => {
  const source = `
    let ring = new Ring(Array.from({ length: 20 }, (_, n) => 'web-' + n));
    const cycle = async (n) => {
      const next = ring.withNode('new-' + n);
      new RingChange(ring, next).moved(['a', 'b']);
      ring = next.without('new-' + n);
      ring.owners('k', 3);
      await turn();
    };
    const rss = () => process.memoryUsage().rss;
    for (let n = 0; n < 50; n++) await cycle(n);
    const before = rss();
    // Of half a megabyte each, of which the collector sees nothing unless it is told: 200 of them.
    for (let n = 0; n < 200; n++) await cycle(n);
    const grown = (rss() - before) / 2 ** 20;
    console.log(grown < 80 ? 'flat' : grown + ' MiB');
  `;
  assert.equal(await run(source, { head: HEAD }), 'flat\n');
});

test('a look-up keeps its ring', async () => {
  const source = `
    const rings = Array.from({ length: 50 }, (_, n) => new Ring(['a' + n, 'b'], { slots: 64 }));
    const owners = rings.map((ring) => ring.owners('k', 2).join());
    const read = rings.map((ring) => ring.toBytes());
    for (let n = 0; n < 20; n++) { gc(); await turn(); }
    rings.forEach((ring, n) => {
      if (ring.owners('k', 2).join() !== owners[n]) throw new Error(n);
      if (!ring.equals(Ring.fromBytes(read[n]))) throw new Error(n);
    });
    // Those that come in the place of some answer for themselves, and so do those that stay.
    for (let n = 0; n < 50; n += 2) rings[n] = null;
    for (let n = 0; n < 20; n++) { gc(); await turn(); }
    for (let n = 0; n < 50; n += 2) rings[n] = new Ring(['other' + n]);
    const names = rings.map((ring, n) => n % 2 ? owners[n].split(',')[0] : 'other' + n);
    if (rings.map((ring) => ring.owner('k')).join() !== names.join()) throw new Error('owner');
    if (rings.flatMap((ring) => ring.ownersMany(['k'])).join() !== names.join()) throw new Error();
    rings.length = 0;
    for (let n = 0; n < 20; n++) { gc(); await turn(); }
    console.log('kept');
  `;
  assert.equal(await run(source, { head: HEAD, flags: ['--expose-gc'] }), 'kept\n');
});
