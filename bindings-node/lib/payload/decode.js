'use strict';
// From payloads to values: the core says what there is, and here it is made.

const { Buffer } = require('node:buffer');
const { make, native: guarded } = require('../errors.js');
const { decodePayload } = require('../native.js');
const { wrong } = require('../placement.js');
const op = require('./ops.js');

const FRONT = Object.freeze({ op: 0, unit: 0, byte: 0 });

/** Makes what is said, from the front on, or from the place of one value of several. */
class Maker {
  #ops;
  #text;
  #bytes;
  #at;
  #textAt;
  #bytesAt;
  /** The keys that came, each once: a name is made once, however many objects have it. */
  #keys = [];

  constructor({ ops, text, bytes }, { op: at, unit, byte } = FRONT) {
    this.#ops = ops;
    this.#text = text;
    this.#bytes = bytes;
    this.#at = at;
    this.#textAt = unit;
    this.#bytesAt = byte;
  }

  /** Whether something is left. */
  get more() {
    return this.#at < this.#ops.length;
  }

  number() {
    return this.#ops[this.#at++];
  }

  text() {
    return this.#cut();
  }

  /** Bytes; of a length below zero, none. */
  bytes() {
    const length = this.#ops[this.#at++];
    return length < 0 ? undefined : this.#slice(length);
  }

  /** The value of a payload, whose keys are its own. */
  value() {
    this.#keys = [];
    return this.any();
  }

  any() {
    const ops = this.#ops;
    switch (ops[this.#at++]) {
      case op.TEXT:
        return this.#cut();
      case op.INT:
      case op.FLOAT:
        return ops[this.#at++];
      case op.NIL:
        return null;
      case op.FALSE:
        return false;
      case op.TRUE:
        return true;
      case op.ARRAY:
        return this.#array(ops[this.#at++]);
      case op.MAP:
        return this.#object(ops[this.#at++]);
      case op.LONG:
      case op.UNSIGNED:
        return (BigInt(ops[this.#at++]) << 32n) | BigInt(ops[this.#at++]);
      case op.BYTES:
        return this.#slice(ops[this.#at++]);
      case op.TIME:
        return new Date(ops[this.#at++]);
      default:
        throw make('internal', 'the core says what lib/payload does not know');
    }
  }

  #cut() {
    const start = this.#textAt;
    this.#textAt += this.#ops[this.#at++];
    return this.#text.slice(start, this.#textAt);
  }

  /** A copy, unless it is all that there is: the whole would stay as long as a part is held. */
  #slice(length) {
    const from = this.#bytesAt;
    this.#bytesAt += length;
    if (length > 0 && length === this.#bytes.length) return this.#bytes;
    return Buffer.from(this.#bytes.subarray(from, this.#bytesAt));
  }

  #key() {
    if (this.#ops[this.#at++] === op.SAME_KEY) return this.#keys[this.#ops[this.#at++]];
    const key = this.#cut();
    this.#keys.push(key);
    return key;
  }

  #array(length) {
    const array = [];
    for (let count = 0; count < length; count++) array.push(this.any());
    return array;
  }

  #object(pairs) {
    const object = {};
    for (let count = 0; count < pairs; count++) {
      const key = this.#key();
      const value = this.any();
      if (key === '__proto__') own(object, key, value);
      else object[key] = value;
    }
    return object;
  }
}

/** Defined, not assigned: a member may have the name of what an object is born with. */
function own(object, key, value) {
  const how = { value, writable: true, enumerable: true, configurable: true };
  Object.defineProperty(object, key, how);
}

/** The value of a payload. */
function decode(data) {
  if (!(data instanceof Uint8Array)) throw wrong('a payload', data);
  return new Maker(guarded(() => decodePayload(data))).any();
}

module.exports = { Maker, decode };
