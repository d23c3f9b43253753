'use strict';
// Clocks as bytes. What is read here was judged by the core before.

const { Buffer } = require('node:buffer');
const { native: guarded } = require('../errors.js');
const { checkForm } = require('../native.js');
const { wrong } = require('../placement.js');
const { held } = require('./numbers.js');
const { Draft, NONE, insertOf, timeOf } = require('./state.js');

const HEAD = { clock: 0x11, stamped: 0x21, folded: 0x31, siblings: 0x41, retired: 0x61 };
/** Bytes of a name at most. */
const NAME = 1024;
/** A length that does not fit into half a byte. */
const LONG = 15;
/** Bytes that a number takes at most. */
const NUMBER = 10;

/** Bytes behind each other. */
class Writer {
  #bytes;
  #at = 0;
  /** The name that was written last. */
  #before = '';

  constructor(room) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  byte(byte) {
    this.#room(1);
    this.#bytes[this.#at++] = byte;
  }

  number(number) {
    this.#room(NUMBER);
    const bytes = this.#bytes;
    let [low, at] = [number, this.#at];
    // Bits are for bigints, and for numbers of 32 of them.
    for (; typeof low === 'bigint'; low = held(low >> 7n)) bytes[at++] = Number(low & 0x7fn) | 0x80;
    for (; low > 0x7fffffff; low = Math.floor(low / 128)) bytes[at++] = (low % 128) | 0x80;
    for (; low > 0x7f; low >>>= 7) bytes[at++] = (low & 0x7f) | 0x80;
    bytes[at++] = low;
    this.#at = at;
  }

  bytes(bytes) {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** A name behind the one before. Most names are ASCII, whose units are bytes. */
  name(name) {
    const before = this.#before;
    this.#before = name;
    let shared = 0;
    while (shared < name.length && shared < before.length) {
      const unit = name.charCodeAt(shared);
      if (unit !== before.charCodeAt(shared) || unit > 0x7f) break;
      shared++;
    }
    for (let at = shared; at < name.length; at++) {
      if (name.charCodeAt(at) > 0x7f) return this.#longName(Buffer.from(before), Buffer.from(name));
    }
    this.#lengths(shared, name.length - shared);
    const bytes = this.#bytes;
    for (let at = shared; at < name.length; at++) bytes[this.#at++] = name.charCodeAt(at);
    return undefined;
  }

  done() {
    // A copy, so that a few bytes do not keep the room of many.
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }

  #longName(before, name) {
    let shared = 0;
    while (shared < name.length && name[shared] === before[shared]) shared++;
    this.#lengths(shared, name.length - shared);
    this.bytes(name.subarray(shared));
  }

  /** How many bytes a name shares and has of its own, and room for the latter. */
  #lengths(shared, fresh) {
    this.byte((Math.min(shared, LONG) << 4) | Math.min(fresh, LONG));
    if (shared >= LONG) this.number(shared - LONG);
    if (fresh >= LONG) this.number(fresh - LONG);
    this.#room(fresh);
  }

  #room(more) {
    if (this.#at + more <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafe(2 * (this.#at + more));
    this.#bytes.copy(wider, 0, 0, this.#at);
    this.#bytes = wider;
  }
}

/** The name that is being read; nobody else runs until all are. */
const name = Buffer.allocUnsafeSlow(NAME);

/** Bytes that passed, read once from their beginning. */
class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  byte() {
    return this.#bytes[this.#at++];
  }

  number() {
    const from = this.#at;
    let byte = this.byte();
    let number = byte & 0x7f;
    for (let scale = 128; byte > 0x7f; scale *= 128) {
      byte = this.byte();
      number += (byte & 0x7f) * scale;
    }
    return number <= Number.MAX_SAFE_INTEGER ? number : this.#large(from);
  }

  /** The name after the one before, of which it may share the beginning. */
  name() {
    const lengths = this.byte();
    const shared = this.#length(lengths >>> 4);
    const end = shared + this.#length(lengths & LONG);
    for (let at = shared; at < end; at++) name[at] = this.#bytes[this.#at++];
    return name.utf8Slice(0, end);
  }

  text(count) {
    return Buffer.from(this.take(count).buffer).utf8Slice();
  }

  /** A copy. */
  take(count) {
    const from = this.#at;
    this.#at += count;
    return new Uint8Array(this.#bytes.subarray(from, this.#at));
  }

  #length(short) {
    return short < LONG ? short : LONG + this.number();
  }

  #large(from) {
    let number = 0n;
    for (let at = this.#at - 1; at >= from; at--) {
      number = (number << 7n) | BigInt(this.#bytes[at] & 0x7f);
    }
    return number;
  }
}

/** What stands in the bytes of a form. */
function read(form, bytes, work) {
  if (!(bytes instanceof Uint8Array)) throw wrong('the bytes of a clock or a record', bytes);
  // Memory that others can write to might change after it was judged.
  const own = isShared(bytes.buffer) ? Uint8Array.from(bytes) : bytes;
  guarded(() => checkForm(form, own));
  return work(new Reader(own));
}

function isShared(memory) {
  return typeof SharedArrayBuffer === 'function' && memory instanceof SharedArrayBuffer;
}

function putClock(writer, state) {
  const { names, counts } = state;
  const stamped = state.stamps?.some((stamp) => stamp !== NONE) ?? false;
  writer.byte(stamped ? HEAD.stamped : HEAD.clock);
  writer.number(names.length);
  for (let at = 0; at < names.length; at++) {
    writer.name(names[at]);
    writer.number(counts[at]);
    if (!stamped) continue;
    writer.number(shifted(insertOf(state, at)));
    writer.number(shifted(timeOf(state, at)));
  }
}

/** A stamp as it is written: one more, and 0 for none. */
function shifted(stamp) {
  return typeof stamp === 'bigint' ? stamp + 1n : stamp + 1;
}

function stampOf(reader) {
  const number = reader.number();
  return typeof number === 'bigint' ? held(number - 1n) : number - 1;
}

function takeClock(reader) {
  const stamped = reader.byte() === HEAD.stamped;
  const draft = new Draft();
  for (let left = reader.number(); left > 0; left--) {
    const [name, count] = [reader.name(), reader.number()];
    if (stamped) draft.add(name, count, stampOf(reader), stampOf(reader));
    else draft.add(name, count, NONE, NONE);
  }
  return draft.done();
}

/** Most of what a clock takes; more is made where this is not enough. */
function room({ names, stamps }) {
  return 16 + names.length * (stamps === null ? 24 : 40);
}

function clockBytes(state) {
  const writer = new Writer(room(state));
  putClock(writer, state);
  return writer.done();
}

function foldedBytes(epoch, state) {
  const writer = new Writer(NUMBER + room(state));
  writer.byte(HEAD.folded);
  writer.number(epoch);
  putClock(writer, state);
  return writer.done();
}

function takeFolded(reader) {
  reader.byte();
  return { epoch: reader.number(), state: takeClock(reader) };
}

/** Of a record whose values are bytes. */
function siblingsBytes({ names, counts }, values) {
  const size = values.flat().reduce((size, value) => size + value.length + NUMBER, 0);
  const writer = new Writer(size + 16 + 34 * names.length);
  writer.byte(HEAD.siblings);
  writer.number(names.length);
  names.forEach((name, at) => {
    writer.name(name);
    writer.number(counts[at]);
    writer.number(values[at].length);
    for (const value of values[at]) {
      writer.number(value.length);
      writer.bytes(value);
    }
  });
  return writer.done();
}

function takeSiblings(reader) {
  reader.byte();
  const [draft, values] = [new Draft(), []];
  for (let left = reader.number(); left > 0; left--) {
    draft.add(reader.name(), reader.number(), NONE, NONE);
    const list = [];
    for (let more = reader.number(); more > 0; more--) list.push(reader.take(reader.number()));
    values.push(list);
  }
  return { state: draft.done(), values };
}

/** Of a log, whose names have their own order. */
function retiredBytes(counts) {
  const writer = new Writer(16 + 24 * counts.size);
  writer.byte(HEAD.retired);
  writer.number(counts.size);
  for (const [actor, count] of counts) {
    const name = Buffer.from(actor);
    writer.number(name.length);
    writer.bytes(name);
    writer.number(count);
  }
  return writer.done();
}

/** Actors and their counts. */
function takeRetired(reader) {
  reader.byte();
  const log = [];
  for (let left = reader.number(); left > 0; left--) {
    log.push([reader.text(reader.number()), reader.number()]);
  }
  return log;
}

const readClock = (bytes) => read('clock', bytes, takeClock);
const readFolded = (bytes) => read('folded', bytes, takeFolded);
const readRetired = (bytes) => read('retired', bytes, takeRetired);
const readSiblings = (bytes) => read('siblings', bytes, takeSiblings);

module.exports = {
  Reader,
  clockBytes,
  foldedBytes,
  readClock,
  readFolded,
  readRetired,
  readSiblings,
  retiredBytes,
  siblingsBytes,
  takeClock,
  takeFolded,
  takeRetired,
  takeSiblings,
};
