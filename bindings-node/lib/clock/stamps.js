'use strict';
// Stamps in an order that everybody shares: hybrid clocks, and Lamport's.

const { Buffer } = require('node:buffer');
const { inspect } = require('node:util');
const { make } = require('../errors.js');
const { wrong } = require('../placement.js');
const { following, sum, whole } = require('./numbers.js');
const { given } = require('./vector.js');

/** The largest milliseconds, and the largest counter within them. */
const MS_MAX = 2 ** 48 - 1;
const COUNTER_MAX = 2 ** 16 - 1;
/** What another clock may be ahead unless told otherwise, in microseconds. */
const DRIFT_US = 500_000;

class HybridTime {
  constructor(ms = 0, counter = 0) {
    const good = (number, max) => Number.isSafeInteger(number) && number >= 0 && number <= max;
    if (!good(ms, MS_MAX)) throw wrong('milliseconds of 48 bits', ms);
    if (!good(counter, COUNTER_MAX)) throw wrong('a counter of 16 bits', counter);
    this.ms = ms + 0;
    this.counter = counter + 0;
    Object.freeze(this);
  }

  static from(value) {
    if (value instanceof HybridTime) return value;
    if (typeof value === 'string') return parsed(value);
    if (value instanceof Uint8Array) return unpacked(value);
    const number = BigInt(whole(value, 'a stamp'));
    return new HybridTime(Number(number >> 16n), Number(number & 0xffffn));
  }

  get value() {
    return (BigInt(this.ms) << 16n) | BigInt(this.counter);
  }

  compare(other) {
    const { ms, counter } = stamped(other);
    return Math.sign(this.ms - ms || this.counter - counter);
  }

  equals(other) {
    return other instanceof HybridTime && this.compare(other) === 0;
  }

  toBuffer() {
    const bytes = Buffer.alloc(8);
    bytes.writeUIntBE(this.ms, 0, 6);
    bytes.writeUInt16BE(this.counter, 6);
    return bytes;
  }

  toString() {
    return `${String(this.ms).padStart(15, '0')}.${String(this.counter).padStart(5, '0')}`;
  }

  toJSON() {
    return this.toString();
  }

  valueOf() {
    return this.value;
  }

  [inspect.custom]() {
    return `HybridTime ${this}`;
  }
}

const FIRST = new HybridTime();

function stamped(value) {
  if (!(value instanceof HybridTime)) throw wrong('a hybrid time', value);
  return value;
}

function parsed(text) {
  const [, ms, counter] = text.match(/^([0-9]{15})\.([0-9]{5})$/) ?? [];
  if (ms !== undefined && Number(ms) <= MS_MAX && Number(counter) <= COUNTER_MAX) {
    return new HybridTime(Number(ms), Number(counter));
  }
  const form = 'a stamp is written as 15 digits, a dot and 5 digits at most 65535';
  throw make('bad_argument', form);
}

function unpacked(bytes) {
  const { length } = bytes;
  if (length !== 8) throw make('bad_argument', `a stamp has 8 bytes, not ${length}`);
  const view = Buffer.from(bytes);
  return new HybridTime(view.readUIntBE(0, 6), view.readUInt16BE(6));
}

/** Whole milliseconds, or as many as there are at most. */
function milliseconds(us) {
  const ms = typeof us === 'bigint' ? Number(us / 1000n) : Math.floor(us / 1000);
  return Math.min(ms, MS_MAX);
}

/** The first stamp of a time that is above another one, or the one behind that. */
function next(last, now) {
  const ms = milliseconds(now);
  if (ms > last.ms) return new HybridTime(ms);
  if (last.counter < COUNTER_MAX) return new HybridTime(last.ms, last.counter + 1);
  // A full counter runs over into the milliseconds; the largest stamp stays.
  return last.ms < MS_MAX ? new HybridTime(last.ms + 1) : last;
}

class HybridClock {
  #last = FIRST;
  #drift;

  constructor(options = {}) {
    const { driftUs = DRIFT_US } = given(options, ['driftUs'], 'a hybrid clock');
    this.#drift = whole(driftUs, 'driftUs');
  }

  get last() {
    return this.#last;
  }

  tick(now) {
    this.#last = next(this.#last, whole(now, 'the time'));
    return this.#last;
  }

  observe(remote, now) {
    const time = whole(now, 'the time');
    const { ms } = stamped(remote);
    const latest = sum(time, this.#drift);
    if (ms > milliseconds(latest)) {
      const [ahead, drift] = [ms - milliseconds(time), milliseconds(this.#drift)];
      throw make(
        'bad_argument',
        `the stamp ${remote} is ${ahead} ms ahead of the time here, at most ${drift} are ` +
          'allowed; set the time of that host, or of this one',
      );
    }
    this.#last = next(remote.compare(this.#last) > 0 ? remote : this.#last, time);
    return this.#last;
  }

  [inspect.custom]() {
    return `HybridClock ${this.#last}`;
  }
}

class LamportClock {
  #time;

  constructor(time = 0) {
    this.#time = whole(time, 'the number of a Lamport clock');
  }

  get time() {
    return BigInt(this.#time);
  }

  tick() {
    this.#time = following(this.#time);
    return this.time;
  }

  observe(remote) {
    const number = whole(remote, 'the number of an event');
    this.#time = following(number > this.#time ? number : this.#time);
    return this.time;
  }

  [inspect.custom]() {
    return `LamportClock ${this.#time}`;
  }
}

module.exports = { HybridClock, HybridTime, LamportClock };
