'use strict';
// A vector clock, as an object that never changes.

const { Buffer } = require('node:buffer');
const { inspect } = require('node:util');
const { check, isObject } = require('../arguments.js');
const { native: guarded } = require('../errors.js');
const { wrong } = require('../placement.js');
const { sought, find } = require('./actors.js');
const { clockBytes, readClock } = require('./bytes.js');
const { clockJSON, gathered, parseClock } = require('./json.js');
const { MAX, following, whole } = require('./numbers.js');
const { nativeTable } = require('./table.js');
const states = require('./state.js');

const { EMPTY, NONE, State, VERDICTS } = states;

/** The last time that there is a stamp for. */
const LAST = MAX - 1n;
/** Bounds of `trim` where nobody gives others. */
const BOUNDS = { lower: 10, youngUs: 20_000_000, upper: 50, oldUs: 24 * 3600 * 1_000_000 };
/** Where a clock has its state: a field that comparisons of tests find, and nobody by accident. */
const STATE = Symbol('state');

const same = (count) => count;

class VectorClock {
  constructor(state = EMPTY) {
    if (!(state instanceof State)) throw wrong('what new VectorClock() is given', state);
    this[STATE] = state;
  }

  static from(value) {
    if (value instanceof VectorClock) return value;
    if (value instanceof Uint8Array) return new VectorClock(readClock(value));
    if (typeof value === 'string') return new VectorClock(parseClock(value));
    return new VectorClock(gathered(value));
  }

  static fromDense(table, bytes) {
    const native = nativeTable(table);
    if (!(bytes instanceof Uint8Array)) throw wrong('the bytes of a clock', bytes);
    return new VectorClock(readClock(guarded(() => native.sparse(bytes))));
  }

  insert(actor, options) {
    const time = timed(options);
    if (this.has(actor)) return this;
    return new VectorClock(states.changed(this[STATE], actor, same, time));
  }

  increment(actor, options) {
    const time = options === undefined ? NONE : timed(options);
    return new VectorClock(states.changed(this[STATE], sought(actor), following, time));
  }

  update(actor, count, options) {
    const [number, time] = [whole(count, 'the count of an actor'), timed(options)];
    return new VectorClock(states.changed(this[STATE], sought(actor), () => number, time));
  }

  remove(actor) {
    const place = find(this[STATE].names, sought(actor));
    return place < 0 ? this : new VectorClock(states.without(this[STATE], [place]));
  }

  merge(other) {
    return new VectorClock(states.merge(this[STATE], stateOf(other)));
  }

  trim(now, bounds = {}) {
    const places = states.trimmed(this[STATE], whole(now, 'the time'), bounded(bounds));
    return places.length === 0 ? this : new VectorClock(states.without(this[STATE], places));
  }

  compare(other) {
    return VERDICTS[states.compare(this[STATE], stateOf(other))];
  }

  equals(other) {
    return other instanceof VectorClock && states.compare(this[STATE], other[STATE]) === 0;
  }

  descends(other) {
    return (states.compare(this[STATE], stateOf(other)) & 1) === 0;
  }

  dominates(other) {
    return states.compare(this[STATE], stateOf(other)) === 2;
  }

  get(actor) {
    return BigInt(states.countOf(this[STATE], sought(actor)));
  }

  has(actor) {
    return find(this[STATE].names, sought(actor)) >= 0;
  }

  entry(actor) {
    const place = find(this[STATE].names, sought(actor));
    return place < 0 ? undefined : entryAt(this[STATE], place);
  }

  dot(actor) {
    const count = this.get(actor);
    return count > 0n ? { actor, count } : undefined;
  }

  descendsDot(dot) {
    if (!isObject(dot)) throw wrong('a dot', dot);
    const count = whole(dot.count, 'the count of a dot');
    return states.countOf(this[STATE], sought(dot.actor)) >= count;
  }

  get size() {
    return this[STATE].names.length;
  }

  get actors() {
    return [...this[STATE].names];
  }

  *entries() {
    const state = this[STATE];
    for (let at = 0; at < state.names.length; at++) yield [state.names[at], entryAt(state, at)];
  }

  *[Symbol.iterator]() {
    const { names, counts } = this[STATE];
    for (let at = 0; at < names.length; at++) yield [names[at], BigInt(counts[at])];
  }

  toBuffer() {
    return clockBytes(this[STATE]);
  }

  toDense(table) {
    const native = nativeTable(table);
    return Buffer.from(guarded(() => native.dense(this.toBuffer())));
  }

  toJSON() {
    return clockJSON(this[STATE]);
  }

  [inspect.custom](_, options) {
    return inspect(new Map(this), options).replace('Map', 'VectorClock');
  }
}

function stateOf(clock) {
  if (!(clock instanceof VectorClock)) throw wrong('a vector clock', clock);
  return clock[STATE];
}

function entryAt(state, place) {
  const [insert, time] = [states.insertOf(state, place), states.timeOf(state, place)];
  const known = (stamp) => (stamp === NONE ? undefined : BigInt(stamp));
  return { count: BigInt(state.counts[place]), insert: known(insert), time: known(time) };
}

/** The time of a change; `NONE` if it is not given. */
function timed(options = {}) {
  const { time } = given(options, ['time'], 'a change');
  if (time === undefined) return NONE;
  const stamp = whole(time, 'a time in microseconds');
  return stamp > LAST ? LAST : stamp;
}

/** Bounds of `trim`, all of them. */
function bounded(options) {
  const bounds = { ...BOUNDS };
  for (const [name, value] of Object.entries(given(options, Object.keys(BOUNDS), 'trim'))) {
    if (value !== undefined) bounds[name] = whole(value, name);
  }
  return bounds;
}

/** Options, with no others than these. */
function given(options, known, what) {
  if (!isObject(options)) throw wrong(`the options of ${what}`, options);
  for (const option of Object.keys(options)) {
    check(known.includes(option), `unknown option "${option}" of ${what}`);
  }
  return options;
}

module.exports = { VectorClock, given, stateOf };
