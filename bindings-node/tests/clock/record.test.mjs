// Records of siblings, retirements and stamps, as JavaScript has them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  BadArgumentError,
  Folded,
  HybridClock,
  HybridTime,
  LamportClock,
  Retired,
  Siblings,
  VectorClock,
} from '../../index.mjs';

const MAX = 2n ** 64n - 1n;
const NOW = 1_795_316_449_123_456;
const encode = (value) => Buffer.from(JSON.stringify(value));
const decode = (bytes) => JSON.parse(Buffer.from(bytes).toString());

test('values that were written side by side are kept until somebody decides', () => {
  const cart = new Siblings();
  assert.equal(cart.put('web-1', null, 'tea'), 1n);
  assert.equal(cart.put('web-1', null, 'milk'), 2n);
  assert.deepEqual(cart.values(), ['tea', 'milk']);
  const context = cart.context;
  assert.equal(cart.put('web-2', new VectorClock(), 'rum'), 1n);
  assert.equal(cart.put('web-1', context, 'tea and milk'), 3n);
  assert.deepEqual([...cart], ['tea and milk', 'rum']);
  assert.deepEqual(cart.dots(), [
    { actor: 'web-1', count: 3n, value: 'tea and milk' },
    { actor: 'web-2', count: 1n, value: 'rum' },
  ]);
  assert.equal(cart.resolve('web-2', (values) => values.join(', ')), true);
  assert.deepEqual([cart.size, cart.values()], [1, ['tea and milk, rum']]);
  assert.equal(cart.resolve('web-2', () => assert.fail('there is nothing to decide')), false);
  cart.discard(cart.context);
  assert.deepEqual([cart.size, cart.values(), cart.context.get('web-1')], [0, [], 3n]);
  assert.equal(cart.newestBy(() => 0), undefined);
});

test('replicas that meet have the same, and nothing that was not replaced is lost', () => {
  const [one, other] = [new Siblings(), new Siblings()];
  one.put('a', null, { items: ['tea'] });
  other.merge(one);
  assert.ok(other.equals(one) && one.compare(other) === 'equal');
  const read = other.context;
  one.put('a', one.context, { items: ['tea', 'milk'] });
  assert.deepEqual([one.compare(other), other.compare(one)], ['after', 'before']);
  other.put('b', read, { items: [] });
  assert.equal(one.compare(other), 'concurrent');
  const both = one.clone();
  both.merge(other);
  assert.deepEqual([one.size, both.size], [1, 2], 'a clone is another record');
  other.merge(one);
  assert.deepEqual(other, both);
  assert.ok(other.equals(both) && !other.equals(one) && !other.equals(undefined));
  both.merge(both);
  assert.deepEqual(other, both);
});

test('values are bytes, or go through functions of the caller', () => {
  const bytes = new Siblings();
  bytes.put('a', null, Buffer.from('x'));
  bytes.put('b', null, new Uint8Array());
  const again = Siblings.from(bytes.toBuffer());
  assert.ok(again.equals(bytes));
  assert.ok(again.values().every((value) => value.constructor === Uint8Array));
  const form = again.toBuffer();
  const [first] = again.values();
  form.fill(0);
  assert.deepEqual(first, new Uint8Array([0x78]), 'a value is a copy');

  const record = new Siblings();
  for (const value of ['text', 5, null, { deep: [1] }]) record.put('a', null, value);
  assert.throws(() => record.toBuffer(), /bytes, which the function given to toBuffer\(\) makes/);
  const back = Siblings.from(record.toBuffer(encode), decode);
  assert.deepEqual(back, record);
  assert.ok(back.equals(record));
  assert.ok(record.map(encode).equals(Siblings.from(record.toBuffer(encode))));
  assert.throws(() => JSON.stringify(record), /which the function given to toJSON\(\) makes/);
  const text = JSON.stringify(record.toJSON(encode));
  assert.ok(Siblings.from(text, decode).equals(record));
  assert.ok(Siblings.from(JSON.parse(text), decode).equals(record));
  const reason = new Error('mine');
  const fail = () => { throw reason; };
  for (const work of [
    () => record.toBuffer(fail),
    () => record.toJSON(fail),
    () => Siblings.from(text, fail),
    () => Siblings.from(bytes.toBuffer(), fail),
    () => record.map(fail),
    () => record.resolve('a', fail),
    () => record.newestBy(fail),
    () => record.resolveNewestBy('a', fail),
  ]) {
    assert.throws(work, (error) => error === reason);
  }
  assert.deepEqual(back, record, 'and nothing has changed');
});

test('a record has one form as JSON, with its values in base64', () => {
  const record = new Siblings();
  record.put('b', null, Buffer.from('tea'));
  record.put('10', null, new Uint8Array(5).fill(255).subarray(1, 3));
  record.discard(VectorClock.from({ c: 2n ** 60n }));
  const entries = '"10":{"count":1,"values":["//8="]},"b":{"count":1,"values":["dGVh"]}';
  const text = `{${entries},"c":"${2n ** 60n}"}`;
  assert.equal(JSON.stringify(record), text);
  assert.equal(JSON.stringify({ record: [record] }), `{"record":[${text}]}`);
  for (const form of [text, JSON.parse(text), record.toBuffer()]) {
    assert.ok(Siblings.from(form).equals(record));
  }
  assert.equal(Siblings.from({}).size, 0);
});

test('what is written while somebody decides stays beside the decision', () => {
  const record = new Siblings();
  record.put('a', null, 'x');
  record.put('a', null, 'y');
  record.resolve('a', ([x, y]) => {
    record.put('b', record.context, 'late');
    return x + y;
  });
  assert.deepEqual(record.values(), ['xy', 'late']);
});

test('the last writer wins, where somebody wants that', () => {
  const record = new Siblings();
  for (const at of [5, 9, 9, 2]) record.put('a', null, { at, place: record.size });
  const byTime = (one, other) => one.at - other.at;
  assert.deepEqual(record.newestBy(byTime), { at: 9, place: 2 });
  assert.equal(record.resolveNewestBy('b', byTime), true);
  assert.deepEqual(record.values(), [{ at: 9, place: 2 }]);
});

test('clocks need no entries of who has ended, and lose nothing by it', () => {
  const clock = VectorClock.from({ 'web-1~1': 7, 'web-1~2': 3 });
  const retired = new Retired();
  assert.equal(retired.retire('web-1~1', 7), 1n);
  const folded = retired.fold(clock);
  assert.deepEqual([...folded.clock], [['web-1~2', 3n]]);
  assert.ok(retired.unfold(folded).equals(clock));
  assert.equal(retired.retire('db', MAX), 2n);
  assert.deepEqual([...retired], [['web-1~1', 7n], ['db', MAX]]);
  assert.deepEqual([retired.epoch, retired.size, retired.get('db')], [2n, 2, MAX]);
  assert.equal(retired.get('nobody'), undefined);
  const raised = retired.raise(folded);
  assert.deepEqual([raised.epoch, [...raised.clock]], [2n, [['db', 0n], ['web-1~2', 3n]]]);
  assert.ok(raised.equals(retired.fold(clock)) && !raised.equals(folded) && !raised.equals(5));
  const newer = retired.fold(clock.update('db', MAX));
  assert.equal(retired.compare(folded, newer), 'before');
  assert.deepEqual(retired.merge(folded, newer), newer);
  const copy = new Retired(retired);
  assert.deepEqual(copy.unfold(raised), retired.unfold(raised));
});

test('a log has one form as bytes and one as JSON', () => {
  const log = new Retired([['b', MAX], ['10', 0], ['a', 2 ** 53 - 1]]);
  const text = `[["b","${MAX}"],["10",0],["a",${2 ** 53 - 1}]]`;
  assert.equal(JSON.stringify(log), text);
  assert.equal(log.toBuffer().toString('hex'),
    '61030162ffffffffffffffffff0102313000' + '0161ffffffffffffff0f');
  for (const form of [text, JSON.parse(text), log.toBuffer(), log]) {
    const again = Retired.from(form);
    assert.deepEqual([...again], [...log]);
    assert.equal(again.retire('c', 1), 4n);
  }
  assert.equal(log.size, 3);
  assert.equal(Retired.from([]).toBuffer().toString('hex'), '6100');
});

test('a folded clock has one form as bytes and one as JSON', () => {
  const folded = new Retired([['a', 3]]).fold(VectorClock.from({ c: 5 }));
  const text = '{"clock":{"a":0,"c":5},"epoch":1}';
  assert.equal(JSON.stringify(folded), text);
  for (const form of [text, JSON.parse(text), folded.toBuffer(), folded]) {
    assert.deepEqual(Folded.from(form), folded);
  }
  assert.notDeepEqual(Folded.from('{"clock":{"a":0,"c":6},"epoch":1}'), folded);
  const late = Folded.from(`{"clock":{},"epoch":"${MAX}"}`);
  assert.equal(late.epoch, MAX);
  assert.deepEqual(Folded.from(late.toBuffer()), late);
  assert.throws(() => new Retired([['a', 3]]).unfold(late), /bring the log up to date/);
  assert.equal(JSON.stringify(late), `{"clock":{},"epoch":"${MAX}"}`);
});

test('stamps ascend whatever the time does, and sort in every form', () => {
  const clock = new HybridClock();
  const stamps = [NOW, NOW, NOW - 5e6, BigInt(NOW) + 1000n, 0].map((now) => clock.tick(now));
  const texts = stamps.map(String);
  assert.deepEqual(texts, [
    '001795316449123.00000', '001795316449123.00001', '001795316449123.00002',
    '001795316449124.00000', '001795316449124.00001',
  ]);
  assert.equal(clock.last, stamps[4]);
  const mixed = [3, 0, 4, 2, 1].map((at) => stamps[at]);
  assert.deepEqual([...mixed].sort(), stamps);
  assert.deepEqual([...mixed].sort((one, other) => one.compare(other)), stamps);
  const bytes = mixed.map((stamp) => stamp.toBuffer()).sort(Buffer.compare);
  assert.deepEqual(bytes.map((form) => HybridTime.from(form)), stamps);
  assert.ok(stamps[0] < stamps[1] && stamps[1] >= stamps[1] && stamps[3] > stamps[2]);
  for (const stamp of stamps) {
    const text = JSON.parse(JSON.stringify(stamp));
    const forms = [stamp, stamp.value, String(stamp), stamp.toBuffer(), text];
    for (const form of forms) assert.ok(HybridTime.from(form).equals(stamp));
    assert.equal(stamp.value, (BigInt(stamp.ms) << 16n) | BigInt(stamp.counter));
  }
  assert.ok(!stamps[0].equals(stamps[1]) && !stamps[0].equals(5));
});

test('a stamp from too far ahead changes nothing, and the largest one stays', () => {
  const clock = new HybridClock({ driftUs: 2_000n });
  clock.tick(NOW);
  const near = HybridTime.from(`${Math.floor(NOW / 1000) + 2}.00007`.padStart(21, '0'));
  assert.equal(clock.observe(near, NOW).value, near.value + 1n);
  const last = clock.last;
  const far = new HybridTime(Math.floor(NOW / 1000) + 3);
  assert.throws(() => clock.observe(far, NOW), (error) => {
    assert.ok(error instanceof BadArgumentError);
    assert.match(error.message, /is 3 ms ahead of the time here, at most 2 are allowed/);
    return true;
  });
  assert.equal(clock.last, last);
  assert.equal(clock.tick(MAX).value, 2n ** 64n - 2n ** 16n);
  const end = HybridTime.from(MAX);
  assert.ok(clock.observe(end, MAX).equals(end) && clock.tick(0).equals(end));
});

test('times are added to the microsecond, however large they are', () => {
  // The sum is not exact as a number, and would be rounded up to another millisecond.
  const clock = new HybridClock({ driftUs: 9_007_199_254_740_008 });
  const now = Number.MAX_SAFE_INTEGER;
  assert.throws(() => clock.observe(new HybridTime(18_014_398_509_481), now), BadArgumentError);
  assert.equal(clock.observe(new HybridTime(18_014_398_509_480), now).counter, 1);
});

test('a Lamport clock grows beyond all that it has seen', () => {
  const clock = new LamportClock();
  const numbers = [clock.tick(), clock.tick(), clock.observe(7), clock.observe(3n)];
  assert.deepEqual(numbers, [1n, 2n, 8n, 9n]);
  assert.equal(new LamportClock(clock.time).tick(), 10n);
  assert.deepEqual([clock.observe(2 ** 53 - 1), clock.tick()], [2n ** 53n, 2n ** 53n + 1n]);
  assert.deepEqual([clock.observe(MAX), clock.tick(), clock.time], [MAX, MAX, MAX]);
});

test('they print as what they are', () => {
  const record = new Siblings();
  record.put('a', null, 'x');
  const retired = new Retired([['a', 1]]);
  assert.equal(
    inspect(record),
    "Siblings { values: [ 'x' ], context: VectorClock(1) { 'a' => 1n } }",
  );
  assert.equal(inspect(retired), "Retired(1) { 'a' => 1n }");
  const folded = retired.fold(new VectorClock());
  assert.equal(inspect(folded), "Folded { epoch: 1n, clock: VectorClock(1) { 'a' => 0n } }");
  assert.equal(inspect(new HybridTime(5, 1)), 'HybridTime 000000000000005.00001');
  assert.equal(inspect(new HybridClock()), 'HybridClock 000000000000000.00000');
  assert.equal(inspect(new LamportClock(5)), 'LamportClock 5');
});
