'use strict';
// From values to payloads: goes through a value and says what there is; the core writes it.

const { Buffer } = require('node:buffer');
const { types } = require('node:util');
const { check } = require('../arguments.js');
const { make, native: guarded } = require('../errors.js');
const { encodePayload } = require('../native.js');
const op = require('./ops.js');

/** Containers within each other that are gone through: one more than the core lets pass. */
const DEPTH = 65;
/** Bytes of a payload at most. Every value, unit of a text and byte takes one at least. */
const SIZE = 64 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

const PLACE = new Float64Array(256);
/** Its beginnings by their lengths, each made once. */
const BEGINNINGS = [];

/** Thrown once the core knows enough to refuse the value. */
const ENOUGH = Symbol('enough');

/** How payloads are encoded, by the names for it. Others are numbers that users agree on. */
const CODECS = Object.freeze({ raw: 0, msgpack: 1, json: 2 });
const RAW = 0;
const USER = 128;

/** What is said of a value, and of the message that it belongs to. */
class Parts {
  bytes = [];
  #left = SIZE;
  #depth = 0;

  /** With what is said already: numbers, and one text. */
  constructor(ops = [], letters = '') {
    this.ops = ops;
    this.letters = letters;
  }

  number(number) {
    this.ops.push(number);
  }

  /** Text that comes before the value. */
  put(text) {
    this.ops.push(text.length);
    this.letters += text;
  }

  /** How the value is encoded, and the value. It comes last. */
  payload(codec, value) {
    this.ops.push(codec);
    if (codec === RAW || codec >= USER) {
      this.bytes.push(octets(value));
      return;
    }
    try {
      this.any(value);
    } catch (stopped) {
      if (stopped !== ENOUGH) throw stopped;
    }
  }

  /** Everything, as the core takes it at once: the next one to be said takes its place. */
  said() {
    const { ops, letters, bytes } = this;
    const joined = bytes.length > 1 ? Buffer.concat(bytes) : (bytes[0] ?? NO_BYTES);
    return [numbers(ops), letters, joined];
  }

  any(value) {
    this.#spend(1);
    switch (typeof value) {
      case 'string':
        return this.text(op.TEXT, value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.ops.push(value ? op.TRUE : op.FALSE);
      case 'bigint':
        return this.#bigint(value);
      case 'object':
        return value === null ? this.ops.push(op.NIL) : this.#object(value);
      default:
        return this.wrong(`no encoding for ${kind(value)}`);
    }
  }

  text(kind, text) {
    if (!text.isWellFormed()) this.wrong('a text with half of a surrogate pair');
    this.#spend(text.length);
    this.ops.push(kind, text.length);
    this.letters += text;
  }

  /** Says why the value has no encoding, and no more: the core knows the place. */
  wrong(why) {
    const text = why.toWellFormed();
    this.ops.push(op.WRONG, text.length);
    this.letters += text;
    throw ENOUGH;
  }

  #spend(count) {
    this.#left -= count;
    if (this.#left < 0) throw make('too_large', `the payload has more than ${SIZE} bytes`);
  }

  #number(value) {
    const whole = Number.isSafeInteger(value) && !Object.is(value, -0);
    this.ops.push(whole ? op.INT : op.FLOAT, value);
  }

  #bigint(value) {
    const signed = BigInt.asIntN(64, value) === value;
    if (!signed && BigInt.asUintN(64, value) !== value) {
      this.wrong(`no encoding for an integer of ${bits(value)} bits`);
    }
    const kind = signed ? op.LONG : op.UNSIGNED;
    this.ops.push(kind, Number(value >> 32n), Number(value & 0xffffffffn));
  }

  #object(value) {
    if (types.isUint8Array(value)) {
      this.#spend(value.length);
      this.ops.push(op.BYTES, value.length);
      this.bytes.push(value);
    } else if (types.isDate(value)) {
      const ms = Date.prototype.getTime.call(value);
      if (Number.isNaN(ms)) this.wrong('no encoding for a Date that is none');
      this.ops.push(op.TIME, ms);
    } else {
      this.#depth += 1;
      if (Array.isArray(value)) this.#array(value);
      else if (types.isMap(value)) this.#map(value);
      else this.#plain(value);
      this.#depth -= 1;
    }
  }

  /** Says that a container begins, and where its size is to be said; too deep, it has none. */
  #begin(kind, size) {
    this.ops.push(kind, size);
    if (this.#depth >= DEPTH) throw ENOUGH;
    return this.ops.length - 1;
  }

  #array(array) {
    const { length } = array;
    this.#spend(length);
    this.#begin(op.ARRAY, length);
    for (let at = 0; at < length; at++) {
      const value = array[at];
      if (value === undefined && !(at in array)) this.wrong('no encoding for a hole of an array');
      this.any(value);
    }
  }

  #map(map) {
    const pairs = [...Map.prototype.entries.call(map)];
    this.#begin(op.MAP, pairs.length);
    for (const [key, value] of pairs) {
      if (typeof key !== 'string') {
        this.wrong(`a key of a Map that is ${kind(key)}, and no string,`);
      }
      this.text(op.KEY, key);
      this.any(value);
    }
  }

  /** Of a plain object, what is not undefined, as in JSON. */
  #plain(object) {
    if (!isPlain(object)) this.wrong(`no encoding for ${kind(object)}`);
    const keys = Object.keys(object);
    const size = this.#begin(op.MAP, keys.length);
    let count = 0;
    for (const key of keys) {
      const value = object[key];
      if (value === undefined) continue;
      count += 1;
      this.text(op.KEY, key);
      this.any(value);
    }
    this.ops[size] = count;
  }
}

/** An object that no class made, of this realm or another. */
function isPlain(object) {
  const prototype = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What a value is, for people. */
function kind(value) {
  if (value === undefined || value === null) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const { constructor } = value;
  const name = typeof constructor === 'function' ? constructor.name : '';
  return `an object of class ${String(name).slice(0, 80)}`;
}

/** Bits that a bigint takes, that of its sign among them. */
function bits(value) {
  const digits = (value < 0n ? ~value : value).toString(16);
  return 4 * digits.length - Math.clz32(parseInt(digits[0], 16)) + 28 + (value < 0n ? 1 : 0);
}

/** Numbers as the core takes them. Most are few, for which there is a place. */
function numbers(ops) {
  const { length } = ops;
  if (length > PLACE.length) return new Float64Array(ops);
  for (let at = 0; at < length; at++) PLACE[at] = ops[at];
  return (BEGINNINGS[length] ??= PLACE.subarray(0, length));
}

/** The number of a codec. */
function codecOf(codec = 'msgpack') {
  if (Object.hasOwn(CODECS, codec)) return CODECS[codec];
  const users = Number.isInteger(codec) && codec >= USER && codec < 256;
  check(users, 'codec is "msgpack", "json", "raw" or a number from 128 to 255');
  return codec;
}

/** What is sent as it is. */
function octets(value) {
  if (types.isUint8Array(value)) return value;
  if (value === null) return NO_BYTES;
  if (typeof value === 'string') return Buffer.from(value);
  throw make('codec', `what is sent raw is a Uint8Array or a string, not ${kind(value)}`);
}

/** The bytes of a value that every language reads alike. */
function encode(value) {
  const parts = new Parts();
  try {
    parts.any(value);
  } catch (stopped) {
    if (stopped !== ENOUGH) throw stopped;
  }
  return guarded(() => encodePayload(...parts.said()));
}

module.exports = { Parts, codecOf, encode };
