// Payloads: the vectors that all languages share, and what values of JavaScript come to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { BadArgumentError, CodecError, decode, encode, TooLargeError } from '../../index.mjs';
import { package_root } from '../helpers.mjs';

const folder = join(package_root, '../tests/vectors/payloads');
const unhex = (digits) => Buffer.from(digits.replace('-', ''), 'hex');
const back = (value) => decode(encode(value));

function lines(name) {
  const all = readFileSync(join(folder, name), 'utf8').trim().split('\n');
  return all.filter((line) => !line.startsWith('#')).map((line) => line.split(' | '));
}

/** Thrown where a `Date` cannot hold it. */
const TOO_FINE = Symbol('too fine');

/** The value of words; maps as `Map`, whose order stays. Integers and bigints as they come back. */
function value(words) {
  const [word, ...more] = words.shift().split(':');
  const [rest, nanos] = more;
  switch (word) {
    case 'nil':
      return null;
    case 'true':
    case 'false':
      return word === 'true';
    case 'int': {
      const bigint = BigInt(rest);
      return BigInt(Number(bigint)) === bigint && Number.isSafeInteger(Number(bigint))
        ? Number(bigint)
        : bigint;
    }
    case 'float':
      return unhex(rest).readDoubleBE();
    case 'text':
      return decodeURIComponent(rest);
    case 'bytes':
      return unhex(rest);
    case 'list':
      return Array.from({ length: Number(rest) }, () => value(words));
    case 'map':
      return new Map(Array.from({ length: Number(rest) }, () => [value(words), value(words)]));
    case 'time': {
      const date = new Date(Number(rest) * 1000 + Number(nanos) / 1e6);
      if (Number(nanos) % 1e6 > 0 || Number.isNaN(date.getTime())) throw TOO_FINE;
      return date;
    }
    default:
      throw new Error(word);
  }
}

/** As it comes back: maps as objects that are born with nothing. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const object = {};
  for (const [key, inner] of value) {
    Object.defineProperty(object, key, {
      value: plain(inner),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return object;
}

/** Whether a float in it is one that JavaScript does not tell from an integer. */
const hasWhole = (words) =>
  words
    .filter((word) => word.startsWith('float:'))
    .map((word) => unhex(word.slice(6)).readDoubleBE())
    .some((float) => Number.isSafeInteger(float) && !Object.is(float, -0));

for (const name of ['payloads.txt', 'forms.txt']) {
  test(`the vectors of ${name}`, () => {
    let played = 0;
    for (const [title, digits, text] of lines(name)) {
      const bytes = unhex(digits);
      const words = text.split(' ');
      let expected;
      try {
        expected = value([...words]);
      } catch (error) {
        if (error !== TOO_FINE) throw error;
        assert.throws(() => decode(bytes), { name: 'CodecError', message: /a Date cannot hold/ });
        continue;
      }
      assert.deepStrictEqual(decode(bytes), plain(expected), title);
      if (!hasWhole(words)) {
        assert.equal(encode(expected).equals(bytes), name === 'payloads.txt', title);
      }
      played += 1;
    }
    assert.ok(played > 20);
  });
}

test('what is no payload', () => {
  for (const [title, digits] of lines('refused.txt')) {
    const refused = { code: 'ERR_CHINWAG_CODEC', message: / at \$/ };
    assert.throws(() => decode(unhex(digits)), refused, title);
  }
  for (const given of ['text', 5, null, undefined, [1], new ArrayBuffer(1)]) {
    assert.throws(() => decode(given), BadArgumentError);
  }
});

test('numbers are decided by their value', () => {
  assert.deepEqual(encode(1.0), Buffer.of(1));
  assert.deepEqual(encode(1n), Buffer.of(1));
  assert.equal(encode(-0).length, 9);
  assert.ok(Object.is(back(-0), -0));
  assert.equal(back(2 ** 53 - 1), 2 ** 53 - 1);
  assert.equal(back(BigInt(2 ** 53 - 1)), 2 ** 53 - 1);
  assert.equal(back(2n ** 53n), 2n ** 53n);
  assert.equal(back(-(2n ** 53n) + 1n), -(2 ** 53) + 1);
  // A float, as no one knows what it is meant to be exactly.
  assert.equal(encode(2 ** 53)[0], 0xcb);
  assert.equal(back(2 ** 53), 2 ** 53);
  for (const edge of [2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), -(2n ** 53n)]) {
    assert.equal(back(edge), edge);
  }
  for (const float of [0.5, 1e300, 5e-324, Infinity, -Infinity, NaN]) {
    assert.ok(Object.is(back(float), float));
  }
});

test('objects, maps and bytes', () => {
  assert.deepEqual(back({ a: undefined, b: 1, c: undefined }), { b: 1 });
  assert.deepEqual(encode({ a: undefined }), Buffer.of(0x80));
  assert.deepEqual(back(Object.assign(Object.create(null), { a: 1 })), { a: 1 });
  assert.deepEqual(back(runInNewContext('({ a: [1, new Map([["b", new Date(5)]])] })')), {
    a: [1, { b: new Date(5) }],
  });
  const proto = back(JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}'));
  assert.deepEqual(Object.keys(proto), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(proto), Object.prototype);
  assert.equal(proto.polluted, undefined);
  assert.deepEqual(encode(new Map([['b', 1], ['a', 2]])), encode({ b: 1, a: 2 }));
  const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
  assert.ok(Buffer.isBuffer(back(bytes)));
  assert.deepEqual(back([bytes, Buffer.alloc(0), 'é🚀', bytes]), [
    Buffer.of(1, 2),
    Buffer.alloc(0),
    'é🚀',
    Buffer.of(1, 2),
  ]);
  for (const ms of [0, -1, 1_795_316_449_123, 8.64e15, -8.64e15]) {
    assert.deepEqual(back(new Date(ms)), new Date(ms));
  }
});

test('what has no encoding is refused with its place', () => {
  class Order {}
  const sparse = [1, , 3]; // eslint-disable-line no-sparse-arrays
  const cases = [
    [2n ** 64n, 'no encoding for an integer of 65 bits at $'],
    [
      { items: [0, 1, 2, { price: 2n ** 70n - 1n }] },
      'no encoding for an integer of 70 bits at $.items[3].price',
    ],
    [[-(2n ** 63n) - 1n], 'no encoding for an integer of 65 bits at $[0]'],
    [undefined, 'no encoding for undefined at $'],
    [{ a: [null, undefined] }, 'no encoding for undefined at $.a[1]'],
    [{ a: sparse }, 'no encoding for a hole of an array at $.a[1]'],
    [[() => 1], 'no encoding for a function at $[0]'],
    [{ 'é b': Symbol('s') }, 'no encoding for a symbol at $["é b"]'],
    [[new Order()], 'no encoding for an object of class Order at $[0]'],
    [[new Set()], 'no encoding for an object of class Set at $[0]'],
    [[/x/], 'no encoding for an object of class RegExp at $[0]'],
    [[new Float64Array(1)], 'no encoding for an object of class Float64Array at $[0]'],
    [[new ArrayBuffer(1)], 'no encoding for an object of class ArrayBuffer at $[0]'],
    [Promise.resolve(), 'no encoding for an object of class Promise at $'],
    [Object.create({ a: 1 }), 'no encoding for an object of class Object at $'],
    [new Date(NaN), 'no encoding for a Date that is none at $'],
    [['\ud800'], 'a text with half of a surrogate pair at $[0]'],
    [{ a: { '\udc00': 1 } }, 'a text with half of a surrogate pair at $.a'],
    [[new Map([[1, 2]])], 'a key of a Map that is a number, and no string, at $[0]'],
    [
      { a: new Map([['b', 1], [{}, 2]]) },
      'a key of a Map that is an object of class Object, and no string, at $.a',
    ],
    [
      { skipped: undefined, b: 1, c: { d: undefined, e: Symbol('s') } },
      'no encoding for a symbol at $.c.e',
    ],
  ];
  for (const [given, message] of cases) {
    assert.throws(() => encode(given), { name: 'CodecError', message });
  }
});

test('what has no end', () => {
  const around = {};
  around.k = [around];
  assert.throws(() => encode(around), { name: 'CodecError', message: /^more than 64 containers/ });
  let deep = [];
  for (let depth = 1; depth < 64; depth++) deep = [deep];
  assert.deepEqual(back(deep), deep);
  assert.throws(() => encode([deep]), CodecError);
  // Each list holds the one before it twice: 2^60 texts.
  let wide = ['x'.repeat(1 << 20)];
  for (let depth = 0; depth < 60; depth++) wide = [wide, wide];
  assert.throws(() => encode(wide), TooLargeError);
  assert.throws(() => encode(new Array(2 ** 32 - 1)), TooLargeError);
});

test('an error of the value itself comes through', () => {
  const mine = new Error('mine');
  const value = {
    get a() {
      throw mine;
    },
  };
  assert.throws(() => encode([value]), (error) => error === mine);
});

test('an array that shrinks meanwhile is refused', () => {
  const first = {
    get a() {
      list.length = 1;
      return 1;
    },
  };
  const list = [first, 2, 3];
  assert.throws(() => encode(list), CodecError);
});
