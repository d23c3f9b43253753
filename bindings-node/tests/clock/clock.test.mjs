// What clocks do, as JavaScript has it. That they are right, the vectors say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { Worker } from 'node:worker_threads';
import { actor, ActorTable, splitActor, VectorClock } from '../../index.mjs';

const MAX = 2n ** 64n - 1n;
const made = (entries) => VectorClock.from(entries);
/** Names that nothing about text, objects or numbers may confuse. */
const odd = [
  '10', '9', '007', '__proto__', 'constructor', 'toString', 'toJSON', 'then', '\0', '\n', 'a"b',
  ' ', 'é', '\u007f', '\u0080', '\ud7ff', '\ue000', '\ufeff', '\uffff', '🔑', '𝄞', '🔑🔑', 'z🔑', 'zé',
  'x'.repeat(14), 'x'.repeat(15), 'x'.repeat(16), 'x'.repeat(40), 'x'.repeat(1024), 'é'.repeat(512),
];

test('four answers, and nothing that changes what it was asked of', () => {
  const x = new VectorClock().increment('web-1');
  const [y, z] = [x.increment('web-1'), x.increment('web-2')];
  assert.equal(x.compare(y), 'before');
  assert.equal(y.compare(x), 'after');
  assert.equal(y.compare(z), 'concurrent');
  assert.equal(x.compare(made({ 'web-1': 1 })), 'equal');
  const all = y.merge(z);
  assert.ok(all.descends(y) && all.dominates(z) && all.descends(all) && !all.dominates(all));
  assert.deepEqual([...all], [['web-1', 2n], ['web-2', 1n]]);
  assert.deepEqual([[...x], [...y], [...z]].map((entries) => entries.length), [1, 1, 2]);
  assert.deepEqual([...x], [['web-1', 1n]]);
  for (const entry of [x, y, z]) entry.trim(0).remove('web-1').update('web-1', 7).insert('a');
  assert.deepEqual([x.get('web-1'), y.get('web-1'), z.get('web-2')], [1n, 2n, 1n]);
});

test('counts are bigints, and are given as either kind of number', () => {
  const clock = new VectorClock().update('a', 5).update('b', 6n).update('c', MAX);
  assert.deepEqual([...clock], [['a', 5n], ['b', 6n], ['c', MAX]]);
  assert.equal(clock.get('nobody'), 0n);
  assert.equal(clock.increment('c').get('c'), MAX, 'it stays at its end');
  const steps = [2n ** 53n - 2n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, MAX - 1n, MAX];
  for (const [at, count] of steps.entries()) {
    const one = made({ a: count });
    assert.equal(one.get('a'), count);
    assert.equal(made({ a: count - 1n }).increment('a').get('a'), count);
    assert.ok(VectorClock.from(one.toBuffer()).equals(one));
    assert.ok(VectorClock.from(JSON.stringify(one)).equals(one));
    assert.ok(VectorClock.from(JSON.parse(JSON.stringify(one))).equals(one));
    for (const [place, other] of steps.entries()) {
      const verdict = ['before', 'equal', 'after'][Math.sign(at - place) + 1];
      assert.equal(one.compare(made({ a: other })), verdict, `${count} ${other}`);
      assert.equal(one.merge(made({ a: other })).get('a'), count > other ? count : other);
    }
  }
  assert.equal(JSON.stringify(made({ a: 2n ** 53n, b: MAX })), `{"a":${2 ** 53},"b":"${MAX}"}`);
  assert.deepEqual(made({ a: -0 }), made({ a: 0 }));
});

test('stamps come with the changes that have a time', () => {
  const first = new VectorClock().increment('a', { time: 5 });
  const clock = first.insert('b').increment('a', { time: 2n ** 64n - 1n }).insert('a', { time: 9 });
  assert.deepEqual(clock.entry('a'), { count: 2n, insert: 5n, time: 2n ** 64n - 2n });
  assert.deepEqual(clock.entry('b'), { count: 0n, insert: undefined, time: undefined });
  assert.equal(clock.entry('c'), undefined);
  assert.equal(clock.has('b') && !clock.has('c'), true);
  assert.deepEqual([...clock.entries()].map(([name, { count }]) => [name, count]), [...clock]);
  const json = '{"a":{"count":1,"insert":5,"time":5}}';
  assert.equal(JSON.stringify(first), json);
  assert.equal(first.compare(made({ a: 1 })), 'equal', 'they are no part of an order');
  assert.deepEqual(made(Object.fromEntries(clock.entries())), clock);
  assert.deepEqual(made(clock.entries()).toBuffer(), clock.toBuffer());
  const bare = clock.remove('a');
  assert.deepEqual(bare.toBuffer(), made({ b: 0 }).toBuffer());
  assert.deepEqual(first.increment('a').entry('a').time, 5n, 'a change without a time leaves it');
});

test('a clock is trimmed by bounds of either kind, by default those of Clusterluck', () => {
  let clock = new VectorClock();
  for (let n = 0; n < 60; n++) clock = clock.increment(`n${n + 10}`, { time: n * 1_000_000 });
  const at = 61_000_000;
  assert.equal(clock.trim(at).size, 50);
  assert.equal(clock.trim(at).has('n19'), false);
  assert.equal(clock.trim(19_000_000), clock, 'none is older than 20 s');
  assert.equal(clock.trim(at, { upper: 5n, lower: 60 }), clock);
  assert.deepEqual(clock.trim(BigInt(at), { upper: 2n }).actors, ['n68', 'n69']);
  const bounds = { upper: 2 ** 53 - 1, oldUs: 2_000_000n };
  assert.deepEqual(clock.trim(at, bounds).actors, ['n69']);
  assert.deepEqual(clock.trim(MAX).actors, [], 'all are older than a day');
  assert.equal(clock.update('u', 1).trim(MAX).size, 1, 'who has no time stays');
});

test('any text is a name, and names are in the order of their bytes', () => {
  const shuffled = [...odd].sort((a, b) => (a.length * 7) % 5 - (b.length * 7) % 5);
  let clock = new VectorClock();
  for (const name of shuffled) {
    assert.ok(!clock.has(name) && clock.get(name) === 0n && clock.entry(name) === undefined);
    clock = clock.increment(name).increment(name);
    assert.equal(clock.get(name), 2n);
  }
  const sorted = [...odd].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(clock.actors, sorted);
  for (const form of [clock.toBuffer(), JSON.stringify(clock), JSON.parse(JSON.stringify(clock))]) {
    const again = VectorClock.from(form);
    assert.deepEqual(again, clock);
    assert.deepEqual(again.actors, sorted);
  }
  assert.deepEqual(Object.keys(clock.toJSON()), sorted);
  assert.deepEqual(made(clock).toBuffer(), made(new Map([...clock].reverse())).toBuffer());
  const halves = [0, 1].map((part) => made([...clock].filter((_, at) => at % 2 === part)));
  assert.equal(halves[0].compare(halves[1]), 'concurrent');
  assert.deepEqual(halves[1].merge(halves[0]), clock);
  assert.equal(halves[0].compare(clock), 'before');
  for (const name of odd) clock = clock.remove(name);
  assert.deepEqual(clock, new VectorClock());
});

test('orders of many random clocks are those of their counts', () => {
  let seed = 7;
  const chance = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const random = () => {
    const entries = new Map();
    for (let left = chance(6); left > 0; left--) entries.set(odd[chance(9) * 3], chance(3));
    return entries;
  };
  for (let round = 0; round < 5000; round++) {
    const [a, b] = [random(), random()];
    const names = new Set([...a.keys(), ...b.keys()]);
    const [ours, theirs] = [a, b].map((map) => [...names].map((name) => map.get(name) ?? 0));
    const less = ours.some((count, at) => count < theirs[at]);
    const more = ours.some((count, at) => count > theirs[at]);
    const verdict = less ? (more ? 'concurrent' : 'before') : more ? 'after' : 'equal';
    const [one, other] = [made(a), made(b)];
    assert.equal(one.compare(other), verdict);
    const merged = one.merge(other);
    for (const [at, name] of [...names].entries()) {
      assert.equal(merged.get(name), BigInt(Math.max(ours[at], theirs[at])));
    }
    assert.deepEqual(merged.size, names.size);
    assert.ok(merged.equals(other.merge(one)) && merged.merge(one).equals(merged));
  }
});

test('equal clocks are equal to tests, and others are not', () => {
  const clock = made({ a: 1, b: 2 });
  assert.deepEqual(clock, VectorClock.from(clock.toBuffer()));
  assert.notDeepEqual(clock, made({ a: 1, b: 3 }));
  assert.notDeepEqual(clock, made({ a: 1 }));
  assert.ok(clock.equals(made({ a: 1, b: 2, c: 0 })) && !clock.equals(5) && !clock.equals(null));
  assert.equal(VectorClock.from(clock), clock);
});

test('it prints as what it knows', () => {
  const clock = made({ 'web-1': 2, '__proto__': 1 });
  assert.equal(inspect(made({ 'web-1': 2 })), "VectorClock(1) { 'web-1' => 2n }");
  assert.equal(inspect(new VectorClock()), 'VectorClock(0) {}');
  assert.equal(JSON.stringify({ clock }), '{"clock":{"web-1":2}}');
});

test('objects of other contexts and without a prototype are read, too', () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  const foreign = vm.runInNewContext('({ a: 1 })');
  for (const object of [bare, foreign]) assert.deepEqual(VectorClock.from(object), made({ a: 1 }));
});

test('bytes are a Buffer of its own, and read from wherever they are', () => {
  const clock = made({ 'web-1': 300, 'web-2': 1 });
  const bytes = clock.toBuffer();
  assert.ok(Buffer.isBuffer(bytes));
  bytes.fill(0);
  const good = clock.toBuffer();
  const wide = Buffer.concat([Buffer.from('xx'), good, Buffer.from('xx')]);
  const shared = new Uint8Array(new SharedArrayBuffer(good.length));
  shared.set(good);
  const parts = [wide.subarray(2, 2 + good.length), new Uint8Array(good), shared];
  for (const part of parts) assert.deepEqual(VectorClock.from(part), clock);
});

test('bytes have room for all names and numbers', () => {
  for (let length = 1; length < 80; length++) {
    for (const time of [undefined, MAX]) {
      let clock = new VectorClock();
      for (const last of ['a', 'b', 'é']) {
        clock = clock.update('x'.repeat(length) + last, MAX, { time });
        assert.deepEqual(VectorClock.from(clock.toBuffer()), clock);
      }
    }
  }
});

test('a table of actors leaves names out', () => {
  const table = new ActorTable(['web-2', 'web-1', 'é', 'web-1']);
  assert.deepEqual([...table], ['web-1', 'web-2', 'é']);
  assert.deepEqual([table.size, table.actors], [3, [...table]]);
  assert.equal(table.fingerprint, new ActorTable(table).fingerprint);
  assert.notEqual(table.fingerprint, new ActorTable(['web-1']).fingerprint);
  assert.deepEqual(new ActorTable().actors, []);
  const clock = made({ 'web-1': 127, 'é': MAX, elsewhere: 0 });
  const dense = clock.toDense(table);
  assert.ok(Buffer.isBuffer(dense));
  assert.equal(dense.length, 1 + 8 + 1 + 1 + 10);
  assert.deepEqual([...VectorClock.fromDense(table, dense)], [['web-1', 127n], ['é', MAX]]);
  assert.match(inspect(table), /^ActorTable \{ size: 3, fingerprint: '[0-9a-f]{16}' \}$/);
});

test('an actor is a node in one of its lives', () => {
  assert.equal(actor('web-1', 1_795_316_449), 'web-1~1795316449');
  assert.deepEqual(splitActor('a~b~18446744073709551615'), { name: 'a~b', incarnation: MAX });
  for (const text of ['web-1', 'a~', '~1', 'a~01', 'a~18446744073709551616', 'a~-1', '']) {
    assert.equal(splitActor(text), undefined, text);
  }
});

test('a worker gets the bytes', async () => {
  const clock = made({ 'web-1': 2, 'web-2': MAX });
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { VectorClock } = require(workerData.library);
    const clock = VectorClock.from(workerData.bytes).increment('web-1');
    parentPort.postMessage(clock.toBuffer());
  `;
  const library = new URL('../../index.js', import.meta.url).pathname;
  const workerData = { library, bytes: clock.toBuffer() };
  const worker = new Worker(source, { eval: true, workerData });
  const bytes = await new Promise((done, failed) => worker.on('message', done).on('error', failed));
  assert.equal(VectorClock.from(bytes).compare(clock), 'after');
});
