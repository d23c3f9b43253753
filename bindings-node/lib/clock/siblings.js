'use strict';
// Values that were written without knowing of each other, side by side.

const { Buffer } = require('node:buffer');
const { inspect, isDeepStrictEqual } = require('node:util');
const { make } = require('../errors.js');
const { wrong } = require('../placement.js');
const { both, check, find } = require('./actors.js');
const { readSiblings, siblingsBytes } = require('./bytes.js');
const { isPlain, parseSiblings, siblingsJSON } = require('./json.js');
const { MAX, above, following } = require('./numbers.js');
const states = require('./state.js');
const { VectorClock, stateOf } = require('./vector.js');

const { Draft, EMPTY, NONE, VERDICTS, alike, changed, countOf } = states;

/**
 * Where a record has what it holds, which is replaced as a whole: the history, without entries of 0
 * and without stamps, and for each of its actors the values of the last events, the oldest first.
 */
const RECORD = Symbol('record');

const itself = (value) => value;

class Siblings {
  constructor() {
    this[RECORD] = { context: EMPTY, values: [] };
  }

  static from(form, decode = itself) {
    called(decode, 'what decodes values');
    const { state, values } = read(form);
    const decoded = values.map((list) => list.map((value) => some(decode(value))));
    return made(state, decoded);
  }

  put(actor, context, value) {
    const seen = context === null ? EMPTY : stateOf(context);
    return this.#put(actor, seen, some(value));
  }

  discard(context) {
    const seen = stateOf(context);
    const whole = joined(this[RECORD].context, seen);
    this[RECORD] = { context: whole, values: this.#kept(whole, seen) };
  }

  merge(other) {
    const [ours, theirs] = [this[RECORD], recordOf(other)];
    const context = joined(ours.context, theirs.context);
    const values = [];
    both(ours.context.names, theirs.context.names, (_, our, their) => {
      const [mine, yours] = [events(ours, our), events(theirs, their)];
      const gone = mine.base > yours.base ? mine.base : yours.base;
      values.push(after(gone, mine.count >= yours.count ? mine : yours));
    });
    this[RECORD] = { context, values };
  }

  resolve(actor, decide) {
    called(decide, 'what decides between values');
    check(actor);
    // What is written while somebody decides was not decided on.
    const { context } = this[RECORD];
    const values = this.values();
    if (values.length < 2) return false;
    const value = some(decide(values));
    if (typeof value?.then === 'function') {
      throw make('bad_argument', 'a decision is made at once; await what it needs before');
    }
    this.#put(actor, context, value);
    return true;
  }

  newestBy(compare) {
    called(compare, 'what compares values');
    return newest(this.values(), compare);
  }

  resolveNewestBy(actor, compare) {
    called(compare, 'what compares values');
    return this.resolve(actor, (values) => newest(values, compare));
  }

  get context() {
    return new VectorClock(this[RECORD].context);
  }

  get size() {
    return this[RECORD].values.reduce((size, list) => size + list.length, 0);
  }

  values() {
    return this[RECORD].values.flat();
  }

  dots() {
    const record = this[RECORD];
    return record.context.names.flatMap((actor, at) => {
      const { base, list } = events(record, at);
      const count = (place) => BigInt(base) + BigInt(place) + 1n;
      return list.map((value, place) => ({ actor, count: count(place), value }));
    });
  }

  [Symbol.iterator]() {
    return this.values().values();
  }

  compare(other) {
    let bits = 0;
    const [ours, theirs] = [this[RECORD], recordOf(other)];
    both(ours.context.names, theirs.context.names, (_, our, their) => {
      const [mine, yours] = [events(ours, our), events(theirs, their)];
      if (mine.count < yours.count || mine.base < yours.base) bits |= 1;
      if (mine.count > yours.count || mine.base > yours.base) bits |= 2;
    });
    return VERDICTS[bits];
  }

  equals(other) {
    if (!(other instanceof Siblings)) return false;
    const [ours, theirs] = [this[RECORD], other[RECORD]];
    const lists = (list, at) => equalLists(list, theirs.values[at]);
    return (
      alike(ours.context.names, theirs.context.names) &&
      ours.context.counts.every((count, at) => count === theirs.context.counts[at]) &&
      ours.values.every(lists)
    );
  }

  clone() {
    return made(this[RECORD].context, this[RECORD].values);
  }

  map(change) {
    called(change, 'what changes values');
    const { context, values } = this[RECORD];
    return made(context, values.map((list) => list.map((value) => some(change(value)))));
  }

  toBuffer(encode = itself) {
    called(encode, 'what encodes values');
    const { context, values } = this[RECORD];
    const encoded = (value) => octets(encode(value), 'toBuffer');
    return siblingsBytes(context, values.map((list) => list.map(encoded)));
  }

  toJSON(encode = itself) {
    // What `JSON.stringify` gives is the name of a member.
    const given = typeof encode === 'string' ? itself : encode;
    called(given, 'what encodes values');
    const { context, values } = this[RECORD];
    const encoded = (value) => octets(given(value), 'toJSON');
    return siblingsJSON(context, values.map((list) => list.map(encoded)));
  }

  [inspect.custom](_, options) {
    return `Siblings ${inspect({ values: this.values(), context: this.context }, options)}`;
  }

  /** Writes a value in place of those that are seen; the number of the event. */
  #put(actor, seen, value) {
    const whole = joined(this[RECORD].context, seen);
    if (countOf(whole, check(actor)) === MAX) {
      throw make(
        'bad_argument',
        `"${actor}" has no number left for another event; a context may have been made up`,
      );
    }
    const context = changed(whole, actor, following, NONE);
    const [values, at] = [this.#kept(context, seen), find(context.names, actor)];
    values[at].push(value);
    this[RECORD] = { context, values };
    return BigInt(context.counts[at]);
  }

  /** Copies of the values that are not seen, for each actor of a context that has all of ours. */
  #kept(context, seen) {
    const record = this[RECORD];
    const kept = [];
    both(record.context.names, context.names, (actor, our) => {
      kept.push(after(countOf(seen, actor), events(record, our)));
    });
    return kept;
  }
}

function made(context, values) {
  const siblings = new Siblings();
  siblings[RECORD] = { context, values };
  return siblings;
}

/** The record of bytes, of a JSON text, or of what `JSON.parse` makes of one. */
function read(form) {
  if (typeof form === 'string') return parseSiblings(form);
  return isPlain(form) ? parseSiblings(text(form)) : readSiblings(form);
}

function text(value) {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    // It holds itself, or a bigint.
    throw wrong('the JSON of siblings', value);
  }
}

function recordOf(value) {
  if (!(value instanceof Siblings)) throw wrong('a record of siblings', value);
  return value[RECORD];
}

/** The events that a record or a context knows of. */
function joined(ours, theirs) {
  const draft = new Draft();
  both(ours.names, theirs.names, (name, our, their) => {
    const [count, other] = [our < 0 ? 0 : ours.counts[our], their < 0 ? 0 : theirs.counts[their]];
    if (count > 0 || other > 0) draft.add(name, count > other ? count : other, NONE, NONE);
  });
  return draft.done();
}

/** The events of an actor: how many, up to which one there is no value, and the values. */
function events({ context, values }, at) {
  if (at < 0) return { count: 0, base: 0, list: [] };
  const [count, list] = [context.counts[at], values[at]];
  return { count, base: above(count, list.length), list };
}

/** The values of events after one of them. */
function after(gone, { base, list }) {
  const many = above(gone, base);
  return many > list.length ? [] : list.slice(Number(many));
}

/** The greatest value; of equal ones the last. */
function newest(values, compare) {
  if (values.length === 0) return undefined;
  return values.reduce((best, value) => (compare(best, value) > 0 ? best : value));
}

/** Bytes are equal whatever class they are of. */
function equalLists(ours, theirs) {
  const isBytes = (value) => value instanceof Uint8Array;
  return (
    ours.length === theirs.length &&
    ours.every((value, at) => {
      const other = theirs[at];
      if (isBytes(value) && isBytes(other)) return Buffer.compare(value, other) === 0;
      return isDeepStrictEqual(value, other);
    })
  );
}

function called(value, what) {
  if (typeof value !== 'function') throw wrong(what, value);
}

/** A value, and not something that was forgotten. */
function some(value) {
  if (value === undefined) throw wrong('a value of a record', value);
  return value;
}

function octets(value, method) {
  if (value instanceof Uint8Array) return value;
  throw wrong(`a value in bytes, which the function given to ${method}() makes,`, value);
}

module.exports = { Siblings };
