// What is wrong is a typed error, whatever it is, and changes nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  actor,
  ActorTable,
  BadArgumentError,
  Folded,
  HybridClock,
  HybridTime,
  LamportClock,
  Retired,
  Siblings,
  splitActor,
  TooLargeError,
  VectorClock,
} from '../../index.mjs';

const clock = VectorClock.from({ a: 1, b: 2n ** 64n - 1n });
const timed = clock.increment('c', { time: 2n ** 60n });
const bytes = clock.toBuffer();
const retired = new Retired([['a', 1]]);
const folded = retired.fold(clock);
const record = new Siblings();
record.put('a', null, Buffer.from('x'));
record.put('a', null, Buffer.from('y'));
const before = record.clone();
const hybrid = new HybridClock();
const lamport = new LamportClock();

const refused = (work, message = /./) =>
  assert.throws(work, (error) => {
    assert.ok(error instanceof BadArgumentError, `${work}: ${error.stack}`);
    assert.equal(error.code, 'ERR_CHINWAG_BAD_ARGUMENT');
    assert.match(error.message, message);
    return true;
  }, String(work));
const large = (work) => assert.throws(work, TooLargeError, String(work));

/** Values that nobody expects anywhere here. */
const STRANGE = [
  undefined, null, NaN, Infinity, -Infinity, -1, -1n, 1.5, true, 2 ** 53, 2n ** 64n, Symbol('s'),
  [5], () => {}, new Date(), /x/, new Uint16Array(2), new ArrayBuffer(2),
  new DataView(new ArrayBuffer(2)), new Proxy({ x: [] }, {}), new Set([1]), new String('k'),
  Promise.resolve(),
];
/** What may stand where nothing has to. */
const given = STRANGE.filter((value) => value !== undefined);

test('actors are names', () => {
  for (const name of [...STRANGE, 5, {}, Buffer.from('a')]) {
    for (const ask of [
      () => clock.insert(name),
      () => clock.increment(name),
      () => clock.update(name, 1),
      () => clock.remove(name),
      () => clock.get(name),
      () => clock.has(name),
      () => clock.entry(name),
      () => clock.dot(name),
      () => clock.descendsDot({ actor: name, count: 1 }),
      () => VectorClock.from([[name, 1]]),
      () => new ActorTable([name]),
      () => new Retired([[name, 1]]),
      () => retired.retire(name, 1),
      () => retired.get(name),
      () => record.put(name, null, 'x'),
      () => record.resolve(name, () => assert.fail('not asked')),
      () => actor(name, 1),
      () => splitActor(name),
    ]) {
      refused(ask, /cannot be/);
    }
  }
  for (const name of ['', 'x'.repeat(1025), 'é'.repeat(513), '\ud800', 'a\udfff', '\udc00\ud800']) {
    for (const ask of [
      () => clock.insert(name),
      () => clock.increment(name),
      () => clock.update(name, 1),
      () => VectorClock.from({ [name]: 1 }),
      () => VectorClock.from(JSON.stringify({ [name]: 1 })),
      () => VectorClock.from(`{"${name}":1}`),
      () => new ActorTable(['b', name]),
      () => retired.retire(name, 1),
      () => record.put(name, null, 'x'),
      () => record.resolve(name, () => assert.fail('not asked')),
      () => actor(name, 1),
    ]) {
      refused(ask);
    }
    assert.ok(!clock.has(name) && clock.get(name) === 0n && clock.remove(name) === clock);
    assert.equal(clock.dot(name), undefined);
  }
  refused(() => actor('x'.repeat(1023), 10), /1026 bytes/);
});

test('numbers are whole, and of 64 bits', () => {
  for (const number of [...STRANGE, '5', {}, 2n ** 64n]) {
    for (const ask of [
      () => clock.update('a', number),
      () => clock.descendsDot({ actor: 'a', count: number }),
      () => clock.trim(number),
      () => retired.retire('new', number),
      () => hybrid.tick(number),
      () => hybrid.observe(hybrid.last, number),
      () => lamport.observe(number),
      () => actor('a', number),
    ]) {
      refused(ask, /cannot be/);
    }
    if (number === undefined) continue;
    refused(() => clock.increment('a', { time: number }), /a time in microseconds cannot be/);
    refused(() => clock.trim(5, { upper: number }), /upper cannot be/);
    refused(() => new HybridClock({ driftUs: number }), /driftUs cannot be/);
    refused(() => new LamportClock(number));
    if (number !== 2 ** 53) refused(() => VectorClock.from({ a: number }));
    if (number !== 2 ** 53) refused(() => Folded.from({ clock: {}, epoch: number }));
  }
  for (const text of ['', '5', '1e17', ' 9007199254740993', '09007199254740993', '9007199254740992',
    '18446744073709551616', '-9007199254740993', '9'.repeat(100_000)]) {
    refused(() => VectorClock.from({ a: text }));
  }
});

test('options are what they should be', () => {
  for (const options of [null, 5, 'time', true, 5n]) {
    refused(() => clock.increment('a', options), /the options of a change cannot be/);
    refused(() => clock.trim(5, options), /the options of trim cannot be/);
    refused(() => new HybridClock(options), /the options of a hybrid clock cannot be/);
  }
  refused(() => clock.insert('a', { tiem: 5 }), /unknown option "tiem" of a change/);
  refused(() => clock.trim(5, { young: 5 }), /unknown option "young" of trim/);
  refused(() => new HybridClock({ drift: 5 }), /unknown option "drift"/);
});

test('clocks go with clocks, and records with records', () => {
  for (const other of [...STRANGE, {}, 'a', bytes, record, folded]) {
    refused(() => clock.merge(other), /a vector clock cannot be/);
    refused(() => clock.compare(other));
    refused(() => clock.descends(other));
    refused(() => clock.dominates(other));
    assert.equal(clock.equals(other), false);
    refused(() => retired.fold(other));
    refused(() => record.discard(other));
    if (other !== null) refused(() => record.put('a', other, 'x'));
    refused(() => clock.toDense(other), /a table of actors cannot be/);
    refused(() => VectorClock.fromDense(other, bytes));
    refused(() => hybrid.observe(other, 5), /a hybrid time cannot be/);
    if (other === folded) continue;
    for (const ask of [
      () => retired.unfold(other),
      () => retired.raise(other),
      () => retired.compare(folded, other),
      () => retired.merge(other, folded),
    ]) {
      refused(ask, /a folded clock cannot be/);
    }
    assert.equal(folded.equals(other), false);
    if (other === record) continue;
    refused(() => record.merge(other), /a record of siblings cannot be/);
    refused(() => record.compare(other));
    assert.equal(record.equals(other), false);
  }
  for (const dot of [...STRANGE, {}, { actor: 'a' }]) refused(() => clock.descendsDot(dot));
  refused(() => new VectorClock({ a: 1 }), /what new VectorClock\(\) is given cannot be/);
  refused(() => new Folded(1, {}));
});

test('what is no clock is not read as one', () => {
  for (const value of [...STRANGE, 5, [['a']], [['a', 1, 2]], ['ab'], new Map([[1, 1]])]) {
    refused(() => VectorClock.from(value));
  }
  for (const entry of [...given.filter((value) => value !== 2 ** 53), {}, { time: 1 },
    { count: 1, tim: 1 }, { count: 1, time: null }, { count: 1, insert: 2n ** 64n - 1n },
    { count: 1, time: '18446744073709551615' }, { count: -1 }, []]) {
    refused(() => VectorClock.from({ a: 1, b: entry }));
  }
  for (const value of [...STRANGE, 5, {}, { clock: {} }, { clock: {}, epoch: 1, more: 1 },
    { clock: [], epoch: 1 }, { clock: { a: -1 }, epoch: 1 }]) {
    refused(() => Folded.from(value));
  }
  const around = {};
  around.a = around;
  for (const value of [...STRANGE, 'text', around, { a: 5n }, { a: { count: 1 } }, { a: 0 },
    { a: { count: 1, values: ['dGV='] } }, { toJSON: () => undefined }]) {
    refused(() => Siblings.from(value));
  }
  for (const value of given) {
    if (typeof value === 'function') continue;
    refused(() => Siblings.from(record.toBuffer(), value), /what decodes values cannot be/);
    refused(() => record.toBuffer(value), /what encodes values cannot be/);
    refused(() => record.toJSON(value), /what encodes values cannot be/);
    refused(() => record.resolve('a', value), /what decides between values cannot be/);
    refused(() => record.newestBy(value), /what compares values cannot be/);
    refused(() => record.map(value), /what changes values cannot be/);
  }
  for (const value of STRANGE.filter((value) => !many(value))) {
    if (value !== undefined) refused(() => new ActorTable(value));
    if (value !== undefined) refused(() => new Retired(value));
    refused(() => Retired.from(value));
  }
  const logs = [[['a']], [['a', 1, 2]], [['a', '5']], [['a', 1], ['a', 1]], [5]];
  for (const value of ['text', {}, ...logs]) {
    refused(() => Retired.from(value));
    refused(() => Retired.from(JSON.stringify(value)));
  }
  refused(() => new Retired([['a', 1], ['a', 1]]), /"a" has ended already, with 1 events/);
});

function many(value) {
  return value !== null && value !== undefined && typeof value[Symbol.iterator] === 'function';
}

test('JSON is read as strictly as everywhere', () => {
  const deep = `{"a":${'['.repeat(200)}${']'.repeat(200)},"a":1}`;
  for (const text of ['', '[]', '1', 'null', '{', '{"a":-1}', '{"a":1.0}', '{"a":1e3}', '{"a":-0}',
    '{"a":null}', '{"a":"1"}', '{"a":9007199254740993}', '{"a":"18446744073709551616"}', '{"a":{}}',
    '{"a":{"time":1}}', '{"a":{"count":1,"tim":1}}', '{"":1}', '{"a":1}x', '{a:1}', "{'a':1}",
    '{"a":1,}', '\ufeff{}', '{"a":1e999,"a":1}', '{"\\ud800":1}', '{"\ud800":1}', deep]) {
    refused(() => VectorClock.from(text));
    refused(() => Folded.from(`{"clock":${text},"epoch":1}`));
    refused(() => Siblings.from(text));
    refused(() => Retired.from(text === '[]' ? '{}' : text));
  }
  const last = VectorClock.from(' {"b": 1, "a": [5], "a": {"time": 5, "count": 0}}\n');
  assert.equal(JSON.stringify(last), '{"a":{"count":0,"time":5},"b":1}');
  large(() => VectorClock.from(' '.repeat(4 * 1024 * 1024 + 1)));
  large(() => Folded.from('é'.repeat(2 * 1024 * 1024 + 1)));
  large(() => Retired.from(' '.repeat(4 * 1024 * 1024 + 1)));
  large(() => Siblings.from(' '.repeat(4 * 1024 * 1024 + 1)));
});

test('bytes that are not the one form of something are refused', () => {
  const detached = new Uint8Array(bytes);
  structuredClone(detached, { transfer: [detached.buffer] });
  refused(() => VectorClock.from(detached), /end too early/);
  const classes = new Map([
    [VectorClock, timed], [Folded, folded], [Siblings, record], [Retired, retired],
  ]);
  for (const [Class, value] of classes) {
    const good = value.toBuffer();
    for (let length = 0; length < good.length; length++) {
      refused(() => Class.from(good.subarray(0, length)));
    }
    refused(() => Class.from(Buffer.concat([good, Buffer.of(0)])));
    for (let at = 0; at < good.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const spoilt = Buffer.from(good);
        spoilt[at] = byte;
        let other;
        try {
          other = Class.from(spoilt);
        } catch (error) {
          assert.ok(error instanceof BadArgumentError, error.stack);
          continue;
        }
        // It is the one form of something else, then.
        assert.deepEqual(other.toBuffer(), spoilt);
      }
    }
  }
  const table = new ActorTable(['a', 'b']);
  const dense = clock.toDense(table);
  for (let length = 0; length < dense.length; length++) {
    refused(() => VectorClock.fromDense(table, dense.subarray(0, length)));
  }
  refused(() => VectorClock.fromDense(new ActorTable(['a']), dense), /another table of actors/);
  refused(() => VectorClock.fromDense(table, 'text'));
  refused(() => clock.toDense(new ActorTable(['a'])), /"b" is not in the table/);
});

test('announced counts are nothing but announced', () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
  const heads = [[0x11], [0x21], [0x31, 1, 0x11], [0x41], [0x41, 1, 1, 97, 255, 1], [0x61]];
  for (const head of heads) {
    for (const Class of [VectorClock, Folded, Siblings, Retired]) {
      refused(() => Class.from(Buffer.from([...head, ...huge])));
      refused(() => Class.from(Buffer.from([...head, ...huge, ...new Array(1000).fill(1)])));
    }
  }
  const kinds = [
    [0x11, VectorClock], [0x21, VectorClock], [0x31, Folded], [0x41, Siblings], [0x61, Retired],
  ];
  for (let seed = 1, round = 0; round < 3000; round++) {
    const random = Buffer.alloc(round % 40, 0);
    for (const at of random.keys()) random[at] = (seed = (seed * 48271) % 2147483647) >> 5;
    for (const [head, Class] of kinds) {
      const form = Buffer.concat([Buffer.of(head, round % 4), random]);
      try {
        assert.deepEqual(Class.from(form).toBuffer(), form);
      } catch (error) {
        assert.ok(error instanceof BadArgumentError, error.stack);
      }
    }
  }
});

test('names of more than 16 MiB are too large, in whatever way they come', () => {
  const names = Array.from({ length: 16_385 }, (_, n) => `${n}`.padStart(1_024, 'x'));
  const most = VectorClock.from(names.slice(1).map((name) => [name, 1]));
  assert.equal(most.size, 16_384);
  assert.equal(most.increment(names[5]).get(names[5]), 2n);
  large(() => VectorClock.from(names.map((name) => [name, 1])));
  large(() => most.insert('a'));
  large(() => most.increment('a'));
  large(() => most.update('a', 1));
  large(() => most.merge(clock));
  large(() => clock.merge(most));
  large(() => new ActorTable(names));
  const full = new Siblings();
  full.discard(most);
  large(() => full.put('a', null, 'x'));
  large(() => full.discard(clock));
  large(() => full.merge(record));
  large(() => record.merge(full));
  large(() => record.put('a', most, 'x'));
  assert.ok(record.equals(before), 'nothing is changed');
  assert.equal(full.size, 0);
  const log = new Retired(names.slice(1).map((name) => [name, 1]));
  large(() => log.retire('a', 1));
  assert.equal(log.size, 16_384);
  assert.deepEqual([...Retired.from(log.toBuffer())], [...log]);
  large(() => log.fold(clock.increment('a')));
  // A name that shares all but a few bytes takes those alone.
  const few = VectorClock.from(names.slice(1, 9).map((name) => [name, 1])).toBuffer();
  assert.ok(few.length < 1_200, `${few.length}`);
});

test('a record refuses values that were forgotten, and events that there is no number for', () => {
  refused(() => record.put('a', null), /a value of a record cannot be undefined/);
  refused(() => record.put('a', undefined, 'x'), /a vector clock cannot be undefined/);
  refused(() => record.resolve('a', () => {}), /cannot be undefined/);
  refused(() => record.resolve('a', async () => 'x'), /made at once/);
  refused(() => record.map(() => {}));
  refused(() => Siblings.from(record.toBuffer(), () => {}));
  refused(() => record.put('b', clock, 'x'), /"b" has no number left/);
  const end = new Siblings();
  end.discard(clock);
  end.put('a', null, 'x');
  end.put('c', null, 'y');
  refused(() => end.resolve('b', () => 'z'), /no number left/);
  assert.deepEqual(end.values(), ['x', 'y']);
  for (const value of given) {
    refused(() => record.toBuffer(() => value), /a value in bytes/);
    refused(() => record.toJSON(() => value), /a value in bytes/);
  }
  assert.ok(record.equals(before), 'nothing is changed');
  assert.deepEqual(record, before);
});

test('stamps are what they should be', () => {
  for (const text of ['', '5', '001795316449123.0004', '001795316449123.65536', '1'.repeat(100_000),
    ' 01795316449123.00042', '281474976710656.00000', '001795316449123,00042',
    '١'.repeat(15) + '.00000']) {
    refused(() => HybridTime.from(text), /15 digits, a dot and 5 digits/);
  }
  for (const length of [0, 7, 9]) refused(() => HybridTime.from(new Uint8Array(length)), /8 bytes/);
  for (const value of [...STRANGE, {}]) refused(() => HybridTime.from(value), /cannot be/);
  for (const value of [...given, '5', 5n, 2 ** 48]) refused(() => new HybridTime(value));
  for (const value of [...given, '5', 5n, 65536]) refused(() => new HybridTime(5, value));
  for (const value of [...STRANGE, 5]) refused(() => hybrid.last.compare(value));
  assert.ok(hybrid.last.equals(new HybridTime()));
  assert.equal(lamport.time, 0n);
});

test('they come from their classes, and their methods are for them', () => {
  const stamps = [HybridTime, HybridClock, LamportClock];
  for (const Class of [VectorClock, ActorTable, Retired, Siblings, ...stamps]) {
    assert.throws(() => Class(), TypeError);
  }
  const bare = (Class) => Object.create(Class.prototype);
  for (const ask of [
    () => bare(VectorClock).get('a'),
    () => clock.merge(bare(VectorClock)),
    () => bare(Siblings).values(),
    () => bare(Retired).get('a'),
    () => clock.toDense(bare(ActorTable)),
    () => bare(LamportClock).tick(),
  ]) {
    assert.throws(ask, TypeError);
  }
});
