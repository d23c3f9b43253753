// The ring of the members, with real nodes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  BadArgumentError, BadConfigError, ClosedError, Ring, RingChange, start, TooLargeError,
} from '../../index.mjs';
import { find, open, package_root, QUICK, run, seeds, until } from '../helpers.mjs';

const linux = readdirSync('/').includes('proc');
const keys = Array.from({ length: 200 }, (_, n) => `user:${n}`);

/** Waits until the ring of a node has these names. */
function has(node, ...names) {
  return until(() => node.ring.names.join() === names.join(), `a ring of ${names}`);
}

/** Waits until the ring of a node has this number. */
function reaches(node, version) {
  return until(() => node.ring.version === version, `ring ${version}`);
}

test('all members have the ring of the members', async (t) => {
  const a = await open(t, 'a', { tags: { weight: '2', zone: 'x' } });
  const b = await open(t, 'b', { tags: { zone: 'y' }, seeds: seeds(a) });
  for (const node of [a, b]) await has(node, 'a', 'b');
  const ring = new Ring([{ name: 'a', weight: 2, zone: 'x' }, { name: 'b', zone: 'y' }]);
  assert.ok(a.ring.equals(ring) && b.ring.equals(a.ring));
  assert.deepEqual([a.ring.fingerprint, b.ring.fingerprint], Array(2).fill(ring.fingerprint));
  assert.ok(a.ring.version > 0 && ring.version === 0);
  for (const key of [...keys, Buffer.from('k')]) {
    const owner = ring.owner(key);
    assert.deepEqual(a.owner(key), a.member(owner));
    assert.deepEqual(b.owners(key, 3).map(({ name }) => name), ring.owners(key, 3));
    assert.deepEqual([a.owns(key), b.owns(key)], [owner === 'a', owner === 'b']);
  }
  assert.deepEqual(a.owners('k', 0), []);
});

test('the ring is one object until it is another one', async (t) => {
  const a = await open(t, 'a');
  const first = a.ring;
  assert.equal(a.ring, first);
  assert.throws(() => { a.ring = first; }, TypeError);
  await a.setRingOverrides({ excluded: ['z'] });
  await reaches(a, 2);
  assert.notEqual(a.ring, first);
  assert.equal(a.ring, a.ring);
  const [past] = a.pastRings();
  assert.equal(past, first);
  assert.equal(a.pastRings()[0], past);
  assert.deepEqual(first.excluded, []);
});

test('a change answers for the keys of the caller, and the past is kept', async (t) => {
  const a = await open(t, 'a', { ringHistory: 2 });
  const changes = [];
  // Nothing else asks for the ring.
  a.on('ring-change', (event) => changes.push(event));
  assert.deepEqual(a.pastRings(), []);
  const b = await open(t, 'b', { seeds: seeds(a) });
  await until(() => changes.length === 1);
  const [{ type, version, change }] = changes;
  assert.deepEqual([type, version], ['ring-change', 2]);
  assert.deepEqual([change.before.version, change.after.version], [1, 2]);
  assert.ok(change instanceof RingChange);
  assert.equal(change.after, a.ring);
  assert.equal(change.before, a.pastRings()[0]);

  const cache = new Map(keys.map((key) => [key, 1]));
  const lost = change.lost(cache.keys());
  assert.ok(lost.length > 50 && lost.length < 150, `${lost.length} of 200`);
  assert.deepEqual(lost, keys.filter((key) => a.owner(key).name === 'b'));
  assert.deepEqual(change.lost(new Set(keys)), lost);
  assert.deepEqual([change.gained(keys), change.gained(keys, 'b')], [[], lost]);
  assert.deepEqual(change.moved(keys), lost.map((key) => ({ key, from: 'a', to: 'b' })));
  const kept = keys.find((key) => !lost.includes(key));
  assert.deepEqual([a.previousOwner(lost[0]), a.previousOwner(kept)], ['a', undefined]);
  assert.equal(a.previousOwner(Buffer.from(lost[0])), 'a');

  await b.leave();
  await until(() => changes.length === 2);
  assert.deepEqual(changes[1].change.gained(keys), lost);
  assert.equal(changes[1].change.before, change.after);
  assert.equal(a.previousOwner(lost[0]), 'b');
  assert.deepEqual(a.pastRings().map((ring) => ring.version), [2, 1]);
  await a.updateTags({ weight: '3' });
  await until(() => changes.length === 3);
  assert.equal(changes[2].version, 4);
  assert.equal(a.pastRings().length, 2, 'no more than ringHistory');
});

test('each way of listening by name has the ring kept; a stream alone has not', async (t) => {
  const ways = [
    (node) => once(node, 'ring-change'),
    (node) => new Promise((told) => node.prependOnceListener('ring-change', told)),
    async (node) => {
      node.on('handoff-prepare', () => {});
      return find(node.events(), ({ type }) => type === 'ring-change');
    },
    async (node) => {
      node.on('handoff-acquired', () => {});
      return find(node.events(), ({ type }) => type === 'ring-change');
    },
  ];
  const quiet = await open(t, 'quiet');
  const stream = quiet.events();
  quiet.on('member-join', () => {});
  const nodes = await Promise.all(ways.map((_, n) => open(t, `n${n}`)));
  const told = ways.map((way, n) => way(nodes[n]));
  for (const node of [quiet, ...nodes]) await node.updateTags({ weight: '2' });
  for (const one of told) {
    const event = [await one].flat()[0];
    assert.deepEqual([event.version, event.change.after.nodes[0].weight], [2, 2]);
  }
  // The ring of a node that nobody asked has not changed meanwhile: this is its first.
  assert.equal(quiet.ring.version, 1);
  await quiet.close();
  for await (const { type } of stream) assert.notEqual(type, 'ring-change');
});

test('who reads late is told every change, also of rings that are kept no longer', async (t) => {
  const a = await open(t, 'a', { ringHistory: 1 });
  const stream = a.events();
  const fingerprints = [a.ring.fingerprint];
  for (let n = 1; n <= 5; n++) {
    await a.setRingOverrides({ pins: { k: `b${n}` } });
    await reaches(a, n + 1);
    fingerprints.push(a.ring.fingerprint);
  }
  assert.equal(a.pastRings().length, 1);
  let told = 0;
  for await (const event of stream) {
    if (event.type !== 'ring-change') continue;
    const { before, after } = event.change;
    assert.deepEqual([before.version, after.version], [told + 1, told + 2]);
    const wanted = [fingerprints[told], fingerprints[told + 1]];
    assert.deepEqual([before.fingerprint, after.fingerprint], wanted);
    assert.deepEqual([...after.pins], [['k', `b${told + 1}`]]);
    told++;
    // The last is there before it is told.
    if (told === 5) await a.close();
  }
  assert.equal(told, 5);
});

test('who is drained owns nothing, and comes back', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await has(a, 'a', 'b');
  await b.updateTags({ weight: '0' });
  for (const node of [a, b]) await has(node, 'a');
  assert.ok(!b.owns('k') && b.owner('k').name === 'a');
  await b.updateTags({ weight: null });
  for (const node of [a, b]) await has(node, 'a', 'b');
});

test('tags choose, options shape, and overrides decide', async (t) => {
  const options = { ringTags: { role: 'cache' }, ringHashTags: true, ringProfile: 'exact' };
  const all = { ...options, ringSlots: 271, ringReplicas: 2, handoffTimeout: 10_000 };
  const a = await open(t, 'a', all);
  const cache = { ...all, tags: { role: 'cache' }, seeds: seeds(a) };
  await open(t, 'b', cache);
  await open(t, 'c', cache);
  await has(a, 'b', 'c');
  const { profile, slots, replicas, hashTags } = a.ring;
  assert.deepEqual([profile, slots, replicas, hashTags], ['exact', 271, 2, true]);
  assert.equal(a.owner('{x}1').name, a.owner('{x}2').name);
  assert.equal(a.owns('x'), false);

  const bytes = Uint8Array.of(0xff, 0);
  const prefixes = { 'user:': 'b' };
  await a.setRingOverrides({ pins: new Map([['k', 'c'], [bytes, 'b']]), pinPrefixes: prefixes });
  await until(() => a.ring.pins.size === 2);
  assert.deepEqual([a.owner('k').name, a.owner(bytes).name], ['c', 'b']);
  for (const key of keys) assert.equal(a.owner(key).name, 'b');
  await a.setRingOverrides({ excluded: new Set(['b']), pins: { k: 'b' } });
  await has(a, 'c');
  assert.equal(a.owner('k').name, 'c', 'b owns nothing');
  assert.equal(a.ring.pinPrefixes.size, 0, 'what is not given is nothing');
  const long = { pins: { ['x'.repeat(1025)]: 'b' } };
  await assert.rejects(a.setRingOverrides(long), TooLargeError);
  assert.deepEqual(a.ring.excluded, ['b'], 'nothing was changed');
  await a.setRingOverrides({});
  await has(a, 'b', 'c');

  const refused = (bad) => assert.rejects(start({ ...QUICK, ...bad }), BadConfigError);
  await refused({ ringProfile: 'ketama', ringSlots: 271 });
  for (const bad of [{ ringProfile: 'quick' }, { ringSlots: 0 }, { ringTags: { role: 1 } }]) {
    await refused(bad);
  }
});

test('a weight that is none is a warning', async (t) => {
  const a = await open(t, 'a');
  const warned = once(a, 'warning');
  assert.equal(a.ring.size, 1);
  await open(t, 'b', { tags: { weight: 'heavy' }, seeds: seeds(a) });
  const [warning] = await warned;
  assert.deepEqual([warning.code, warning.subject], ['CHINWAG_RING_WEIGHT', 'b']);
  assert.match(warning.message, /"heavy"/);
});

test('what is wrong is a typed error', async (t) => {
  const a = await open(t, 'a');
  const refused = (work) => assert.throws(work, BadArgumentError, String(work));
  for (const bad of [undefined, null, 5, {}, ['k']]) {
    for (const ask of ['owner', 'owns', 'previousOwner']) refused(() => a[ask](bad));
    refused(() => a.owners(bad, 1));
    refused(() => a.owners('k', bad === 5 ? -5 : bad));
  }
  for (const bad of [undefined, null, 'b', { slots: 5 }, { excluded: 'b' }, { pins: [['k']] }]) {
    await assert.rejects(a.setRingOverrides(bad), BadArgumentError);
  }
  for (const bad of [undefined, '1', null, 1.5, -1, NaN]) {
    await assert.rejects(a.released(bad), BadArgumentError);
  }
  await assert.rejects(a.released(99), BadArgumentError);
  const byHand = new RingChange(a.ring, new Ring(['a', 'b']));
  for (const ask of ['lost', 'gained']) {
    assert.throws(() => byHand[ask](keys), (error) => {
      return error instanceof BadArgumentError && /made by hand.*name/.test(error.message);
    });
    refused(() => byHand[ask](keys, 5));
    refused(() => byHand[ask]('a', 'a'));
  }
  assert.ok(byHand.lost(keys, 'a').length > 0);
});

test('a closed node keeps the ring that it had', async (t) => {
  const a = await open(t, 'a');
  const never = await open(t, 'never', { seeds: seeds(a) });
  await has(a, 'a', 'never');
  const { ring } = a;
  await a.close();
  await never.close();
  assert.equal(a.ring, ring);
  assert.equal(a.owner('k').name, ring.owner('k'));
  await assert.rejects(a.setRingOverrides({ excluded: ['a'] }), ClosedError);
  a.on('ring-change', () => {});
  await assert.rejects(a.released(1), ClosedError);
  assert.ok(never.ring.names.includes('never'), 'one that nobody had asked for');
});

test('slots change hands once they are released', async (t) => {
  const options = { ringSlots: 1009, handoffTimeout: 12_500 };
  const a = await open(t, 'a', options);
  const ofA = a.events();
  const acquires = ({ type }) => type === 'handoff-acquired';
  const first = await find(ofA, acquires);
  const all = Uint32Array.from({ length: 1009 }, (_, slot) => slot);
  assert.deepEqual([first.peer, first.slots, first.clean], ['', all, true]);

  const b = await open(t, 'b', { ...options, seeds: seeds(a) });
  const ofB = b.events();
  const prepare = await find(ofA, ({ type }) => type === 'handoff-prepare');
  const { id, peer, slots, epoch, timeout } = prepare;
  assert.deepEqual([id, peer, timeout], [1, 'b', 12_500]);
  assert.deepEqual(slots, Uint32Array.from(b.ring.slotsOf('b')));
  assert.ok(slots.length > 400 && slots.length < 600, `${slots.length} of 1009`);
  assert.ok(epoch >= first.epoch);
  await a.released(id);
  const acquired = await find(ofB, acquires);
  assert.deepEqual([acquired.peer, acquired.slots, acquired.clean], ['a', slots, true]);
  assert.ok(acquired.epoch > epoch && Number.isSafeInteger(acquired.epoch));
  await assert.rejects(a.released(id), BadArgumentError);
});

test('a node in a worker has the ring of the others, and may end under a change', async (t) => {
  const a = await open(t, 'a');
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { start } = require(workerData.library);
    start(workerData.options).then((node) => {
      const tell = () => parentPort.postMessage([node.ring.names, node.ring.fingerprint]);
      node.on('ring-change', tell);
      tell();
    });
  `;
  for (let n = 1; n <= 5; n++) {
    const options = { ...QUICK, name: `w${n}`, seeds: seeds(a) };
    const workerData = { library: package_root, options };
    const worker = new Worker(source, { eval: true, workerData });
    t.after(() => worker.terminate());
    const told = new Map();
    worker.on('message', ([names, fingerprint]) => told.set(fingerprint, names));
    await until(() => a.ring.names.includes(options.name) && told.has(a.ring.fingerprint));
    assert.deepEqual(told.get(a.ring.fingerprint), a.ring.names);
    await a.updateTags({ weight: String(n + 1) });
    await worker.terminate();
  }
});

test('rings that nobody has any more are freed', { skip: !linux }, async () => {
  const source = `
    const node = await start({ ...QUICK, name: 'a', ringSlots: 2 ** 18 });
    const stream = node.events();
    let changes = 0;
    node.on('ring-change', ({ change }) => { changes += change.lost(['k']).length + 1; });
    const cycle = async (n) => {
      const { version } = node.ring;
      await node.setRingOverrides({ excluded: ['z' + n] });
      while (node.ring.version === version) await new Promise((go) => setTimeout(go, 5));
      node.pastRings();
      while ((await stream.next()).value.version !== version + 1);
      gc();
    };
    for (let n = 0; n < 10; n++) await cycle(n);
    const before = process.memoryUsage().rss;
    // Each has a megabyte and a half: they would come to 45.
    for (let n = 10; n < 40; n++) await cycle(n);
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    // The listener and the stream are told one after the other.
    while (changes < 40) await new Promise((go) => setTimeout(go, 5));
    console.log(changes, grown < 20 ? 'flat' : grown + ' MiB');
    await node.close();
  `;
  assert.equal(await run(source, { flags: ['--expose-gc'] }), '40 flat\n');
});
