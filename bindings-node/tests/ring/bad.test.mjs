// What is wrong is a typed error, whatever it is.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { BadArgumentError, jump, Ring, RingChange, TooLargeError } from '../../index.mjs';

const { NativeRing } = createRequire(import.meta.url)('../../lib/native.js');
const ring = new Ring(['a', 'b', 'c']);
const refused = (work, message = /./) =>
  assert.throws(work, (error) => {
    assert.ok(error instanceof BadArgumentError, `${work}: ${error.stack}`);
    assert.equal(error.code, 'ERR_CHINWAG_BAD_ARGUMENT');
    assert.match(error.message, message);
    return true;
  }, String(work));

/** Values that are no text, no bytes, no number, and not what anybody expects. */
const STRANGE = [
  null, 5, -1, NaN, Infinity, true, 7n, Symbol('s'), {}, [], () => {}, new Date(), /x/,
  new Uint16Array(2), new ArrayBuffer(2), new DataView(new ArrayBuffer(2)), new Map(),
  Object.create(null), new Proxy({}, {}), new String('k'),
];

test('keys are text or bytes', () => {
  for (const key of [undefined, ...STRANGE]) {
    for (const ask of [
      () => ring.owner(key),
      () => ring.owners(key, 0),
      () => ring.owners(key, 2),
      () => ring.owners(key, 99),
      () => ring.isOwner('a', key),
      () => ring.ownerWithRoom(key, () => true),
      () => ring.ownersMany([key]),
      () => ring.ownersMany([...'abcdefghijkl', key]),
      () => ring.ownersMany([...'a'.repeat(600), key, 'b']),
      () => ring.ownersJoined(key),
      () => ring.ownersPacked(key, 1),
      () => ring.slot(key),
      () => ring.ownersBefore(key, 1),
      () => jump(key, 3),
      () => new RingChange(ring, ring).moved([key]),
      () => new Ring(['a'], { pins: [[key, 'a']] }),
    ]) {
      refused(ask, /cannot be/);
    }
  }
  refused(() => ring.owner());
  refused(() => ring.ownersMany(['a', , 'b']), /a key cannot be undefined/);
  assert.equal(new Ring().owner('k'), undefined);
  refused(() => new Ring().owner(5));
});

test('bytes that were given away are none', () => {
  const bytes = new Uint8Array(8).fill(7);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  assert.equal(ring.owner(bytes), ring.owner(''));
  assert.equal(ring.slot(bytes), ring.slot(''));
  refused(() => Ring.fromBytes(bytes));
});

test('names are text', () => {
  for (const name of [undefined, ...STRANGE, '\ud800', 'a\udfff']) {
    refused(() => ring.without(name));
    refused(() => ring.slotsOf(name));
    refused(() => ring.next(name, 1));
    refused(() => ring.isOwner(name, 'k'));
    refused(() => new RingChange(ring, ring).gained([], name));
    refused(() => new Ring([{ name }]));
    refused(() => new Ring(['a'], { excluded: [name] }));
    refused(() => new Ring(['a'], { pins: [['k', name]] }));
  }
});

test('counts are whole numbers', () => {
  for (const count of [undefined, ...STRANGE.filter((value) => value !== 5), 1.5, '2', -0.5]) {
    for (const ask of [
      () => ring.owners('k', count),
      () => ring.ownersBefore('k', count),
      () => ring.previous('a', count),
      () => ring.slotOwners(count),
      () => jump('k', count),
      () => ring.ownersPacked(new Uint8Array(4), count),
    ]) {
      refused(ask, /cannot be|no keys of/);
    }
  }
  refused(() => jump('k', 2 ** 32));
});

test('nodes and options are what they should be', () => {
  const many = (value) => typeof value?.[Symbol.iterator] === 'function';
  for (const nodes of [...STRANGE.filter((value) => !many(value)), 'web-1', Buffer.from('ab')]) {
    refused(() => new Ring(nodes), /cannot be/);
  }
  refused(() => new Ring(new Uint16Array(2)));
  for (const node of STRANGE) refused(() => ring.withNode(node));
  refused(() => new Ring(['']), /needs a name/);
  refused(() => new Ring(['a', 'a']), /already/);
  refused(() => new Ring([{ name: 'a', wieght: 2 }]), /no field "wieght"/);
  for (const weight of [0, -1, 1.5, NaN, Infinity, 65536, 2 ** 32, 2 ** 53, 1e300, '2', null]) {
    refused(() => new Ring([{ name: 'a', weight }]), /weight/);
    refused(() => ring.update({ name: 'a', weight }), /weight/);
  }
  for (const options of STRANGE.filter((value) => typeof value !== 'object' || value === null)) {
    refused(() => new Ring(['a'], options));
    refused(() => ring.replace(options));
  }
  for (const option of ['slots', 'slack', 'replicas']) {
    for (const value of [-1, 0.5, NaN, Infinity, 2 ** 33, '8', null, {}]) {
      refused(() => new Ring(['a'], { [option]: value }));
    }
  }
  refused(() => new Ring(['a'], { slots: 0 }));
  refused(() => new Ring(['a'], { replicas: 256 }));
  refused(() => new Ring(['a'], { nodes: ['b'] }), /nodes come before/);
  refused(() => new Ring(['a'], { hash_tags: true }), /unknown option "hash_tags"/);
  refused(() => new Ring(['a'], { hashTags: 1 }));
  refused(() => new Ring(['a'], { profile: 'even' }), /"even" is not known/);
  refused(() => new Ring(['a'], { profile: 'pure', slack: 5 }));
  refused(() => new Ring(['a'], { profile: 'ketama', slots: 5 }));
  refused(() => new Ring(['a'], { excluded: 'a' }));
  for (const pins of [null, 'a', [['k']], ['ka'], [['k', 'a', 'b']], { k: 5 }]) {
    refused(() => new Ring(['a'], { pins }));
    refused(() => new Ring(['a'], { pinPrefixes: pins }));
  }
});

test('what is not there cannot be changed, and rings must fit each other', () => {
  refused(() => ring.without('d'), /"d" is not in the ring/);
  refused(() => ring.update('d'), /not in the ring/);
  refused(() => ring.withNode('a'), /already/);
  for (const other of [undefined, ...STRANGE]) {
    refused(() => ring.union(other));
    refused(() => ring.intersection(other));
    refused(() => new RingChange(ring, other));
    assert.equal(ring.equals(other), false);
  }
  refused(() => ring.union(ring.replace({ profile: 'pure' })), /different ways/);
});

test('what is too large is that', () => {
  const large = (work) => assert.throws(work, TooLargeError);
  large(() => new Ring(['x'.repeat(1025)]));
  large(() => new Ring(['a'], { pins: { ['k'.repeat(1025)]: 'a' } }));
  large(() => new Ring(Array.from({ length: 65535 }, (_, n) => `n${n}`), { slots: 1 }));
  large(() => new Ring(Array.from({ length: 769 }, (_, n) => `n${n}`), { slots: 2 ** 20 }));
  large(() => new Ring(Array.from({ length: 12_289 }, (_, n) => `n${n}`)));
  large(() => new Ring(['a'], { slots: 2 ** 20, replicas: 17 }));
  large(() => Ring.fromJSON(' '.repeat(2 ** 24 + 1)));
  large(() => new Ring([{ name: 'x'.repeat(1 << 26) }]));
  assert.equal(typeof ring.owner('x'.repeat(1 << 26)), 'string');
});

test('packed keys end where they can', () => {
  const bytes = Buffer.from('abcdef');
  for (const ends of [[7], [5], [], [4, 3, 6], [2 ** 32 - 1], [6, 2 ** 32 - 1], [6, 0]]) {
    refused(() => ring.ownersPacked(bytes, Uint32Array.from(ends)), /ends of keys/);
  }
  for (const width of [0, 4, 7, Number.MAX_SAFE_INTEGER]) {
    refused(() => ring.ownersPacked(bytes, width), /no keys of/);
  }
});

/** Every beginning of it is none, and so is what has a byte more. */
function partsAreRefused(read, good) {
  assert.ok(read(good));
  for (let length = 0; length < good.length; length++) {
    refused(() => read(good.subarray(0, length)));
  }
  refused(() => read(Buffer.concat([good, Buffer.of(0)])));
}

/** Each bit of it may be wrong: then it is refused, or another ring, which answers. */
function bitsAreHarmless(read, good, look) {
  let others = 0;
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const spoilt = Buffer.from(good);
    spoilt[bit >> 3] ^= 1 << (bit & 7);
    let other;
    try {
      other = read(spoilt);
    } catch (error) {
      assert.ok(error instanceof BadArgumentError || error instanceof TooLargeError, error.stack);
      assert.ok(error.message.length < 300, error.message);
      continue;
    }
    assert.equal(other.owner('user:42'), other.owners('user:42', 9)[0]);
    look(other, spoilt);
    others++;
  }
  assert.ok(others > 50 && others < 8 * good.length, `${others}`);
}

const stored = new Ring([{ name: 'a', zone: 'z' }, { name: 'ä', weight: 300 }], {
  slots: 64,
  replicas: 2,
  pins: [[Buffer.of(0xff), 'a']],
  pinPrefixes: { 'user:': 'b' },
  excluded: ['c'],
});

test('bytes that are not those of a ring are refused', () => {
  const good = stored.toBytes();
  partsAreRefused(Ring.fromBytes, good);
  bitsAreHarmless(Ring.fromBytes, good, (other, spoilt) => {
    assert.deepEqual(Buffer.from(other.toBytes()), spoilt);
    assert.ok(!other.equals(stored));
  });
  for (const bytes of [undefined, 'text', ...STRANGE]) refused(() => Ring.fromBytes(bytes));
  // More nodes than there are bytes.
  refused(() => Ring.fromBytes(Buffer.of(1, 0, 64, 51, 0, 255, 255, 255, 255, 15)));
});

test('JSON of which a part or a bit is wrong is another ring or none', () => {
  const good = Buffer.from(JSON.stringify(stored));
  const read = (text) => Ring.fromJSON(text.toString());
  for (let length = 0; length < good.length; length++) {
    refused(() => read(good.subarray(0, length)));
  }
  bitsAreHarmless(read, good, (other) => {
    assert.ok(Ring.fromJSON(JSON.stringify(other)).equals(other));
  });
});

test('numbers of JSON are whole and in their bounds', () => {
  for (const number of ['NaN', 'Infinity', '-Infinity', '1e400', '-1', '0.5', '1e2', '"1"', '[]',
    '18446744073709551616']) {
    for (const text of [`{"nodes":[{"name":"a","weight":${number}}]}`, `{"slots":${number}}`,
      `{"slack":${number}}`, `{"replicas":${number}}`, `{"version":${number}}`]) {
      refused(() => Ring.fromJSON(text));
    }
  }
});

test('names of one hash are not in one ring', () => {
  const alike = ['a007065', '9;Wm_0-u'];
  refused(() => new Ring(alike), /have the same hash/);
  refused(() => new Ring([alike[0]]).withNode(alike[1]), /have the same hash/);
  refused(() => new Ring([alike[0]]).union(new Ring([alike[1]])), /have the same hash/);
});

test('JSON that is not that of a ring is refused', () => {
  const circle = {};
  circle.circle = circle;
  const deep = '['.repeat(100_000);
  const wrong = [
    '', '{', '[]', 'null', '5', deep, '{"nodes":[{"name":"a","weight":1.5}]}', '{"nodes":["a"]}',
    '{"nodes":[{"name":"a"},{"name":"a"}]}', '{"version":2}', '{"colour":1}', '{"slots":-1}',
    '{"keys":[{"base64":"!","node":"a"}]}', circle, { nodes: [{ name: 'a', weight: NaN }] },
    { toJSON: () => undefined }, { slots: 7n }, undefined, ...STRANGE.slice(0, 8),
  ];
  for (const json of wrong) refused(() => Ring.fromJSON(json));
});

test('a look-up of what is no ring finds none, and writes nowhere else', () => {
  const [lookup, lookupMany] = [NativeRing.lookup(), NativeRing.lookupMany()];
  const made = NativeRing.build({ nodes: [{ name: 'a', weight: 1, zone: '' }] });
  const [handle, none] = [made.handle(), 1_000_000];
  for (const ring of [undefined, none, -1, 'a', {}]) {
    assert.deepEqual([lookup(ring, 'k'), lookup(ring, 'k', 2)], [-3, -3]);
  }
  assert.deepEqual([lookup(), lookup(handle, 'k', 'x')], [-3, -3]);
  assert.deepEqual([lookup(handle, 'k'), lookup(handle, 'k', 9), lookup(handle)], [0, 0, -2]);
  const exact = Int32Array.of(handle, 7, 7);
  assert.deepEqual([lookupMany(exact, 'k', 5), ...exact], [2, handle, 0, -2]);
  assert.deepEqual([lookupMany(exact), ...exact], [0, handle, 0, -2]);
  const small = [undefined, [handle, 0], 5, new Int32Array(), new Int32Array(2).subarray(1)];
  const others = [new Uint32Array(9), new Float64Array(9), new Int32Array(9).fill(none)];
  for (const place of [...small, ...others]) assert.equal(lookupMany(place, 'k'), -3);
  const wide = new Int32Array(2000).fill(handle);
  assert.equal(lookupMany(wide, ...new Array(512).fill('k')), 512);
  assert.equal(lookupMany(wide, ...new Array(513).fill('k')), -3);
  assert.equal(lookupMany(), -3);
});

test('a ring comes from its class, and its methods are for rings', () => {
  assert.throws(() => Ring(['a']), TypeError);
  const bare = Object.create(Ring.prototype);
  for (const ask of [() => bare.owner('k'), () => bare.toBytes(), () => bare.ownersMany(['k'])]) {
    assert.throws(ask, TypeError);
  }
});
