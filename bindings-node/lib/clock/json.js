'use strict';
// Clocks as JSON. Texts are read by the core, which is stricter than `JSON.parse`.

const { Buffer } = require('node:buffer');
const { isObject } = require('../arguments.js');
const { make, native: guarded } = require('../errors.js');
const { clockOfJson, foldedOfJson, retiredOfJson, siblingsOfJson } = require('../native.js');
const { listed, wrong } = require('../placement.js');
const { check, order } = require('./actors.js');
const { Reader, takeClock, takeFolded, takeRetired, takeSiblings } = require('./bytes.js');
const { whole } = require('./numbers.js');
const { Draft, NONE, insertOf, timeOf } = require('./state.js');

/** Bytes of a text at most. */
const JSON_MAX = 4 * 1024 * 1024;
/** The largest number that is one in JSON; of greater ones the digits are written. */
const EXACT = 2n ** 53n;

/** What `parse` of the core makes of a JSON text. */
function parsed(text, parse, take) {
  if (text.length > JSON_MAX) {
    throw make('too_large', `the JSON text has more than ${JSON_MAX} bytes`);
  }
  // Half a character would become another one on its way.
  if (!text.isWellFormed()) throw wrong('the JSON of a clock', text);
  return take(new Reader(guarded(() => parse(text))));
}

const parseClock = (text) => parsed(text, clockOfJson, takeClock);
const parseFolded = (text) => parsed(text, foldedOfJson, takeFolded);
const parseRetired = (text) => parsed(text, retiredOfJson, takeRetired);
const parseSiblings = (text) => parsed(text, siblingsOfJson, takeSiblings);

/** A number as JSON has it. */
function digits(number) {
  return number > EXACT ? String(number) : Number(number);
}

/** What `JSON.stringify` makes the one text from. */
function clockJSON(state) {
  const entries = state.names.map((name, at) => {
    const [count, insert, time] = [state.counts[at], insertOf(state, at), timeOf(state, at)];
    if (insert === NONE && time === NONE) return [name, digits(count)];
    const entry = { count: digits(count) };
    if (insert !== NONE) entry.insert = digits(insert);
    if (time !== NONE) entry.time = digits(time);
    return [name, entry];
  });
  return byActor(state.names, entries);
}

/** The same of a record whose values are bytes. */
function siblingsJSON({ names, counts }, values) {
  const entries = names.map((name, at) => {
    const count = digits(counts[at]);
    if (values[at].length === 0) return [name, count];
    return [name, { count, values: values[at].map(base64) }];
  });
  return byActor(names, entries);
}

function base64({ buffer, byteOffset, length }) {
  return Buffer.from(buffer, byteOffset, length).toString('base64');
}

/** An object whose members stay in the order of actors. */
function byActor(names, entries) {
  const json = Object.fromEntries(entries);
  const keys = Object.keys(json);
  if (keys.every((key, at) => key === names[at])) return json;
  // An object would put names that look like numbers before all others.
  return new Proxy(json, { ownKeys: () => [...names] });
}

/** A number of something that `JSON.parse` made, or of a caller. */
function numeral(value, what) {
  if (typeof value === 'string') {
    const number = /^[1-9][0-9]{15,19}$/.test(value) ? BigInt(value) : 0n;
    if (number <= EXACT) throw wrong(what, value);
    return whole(number, what);
  }
  return whole(value === Number(EXACT) ? EXACT : value, what);
}

/** A stamp, which leaves room for one more. */
function stamp(value, what) {
  if (value === undefined) return NONE;
  const number = numeral(value, what);
  if (typeof number === 'bigint') whole(number + 1n, what);
  return number;
}

/** A count, or an object of count and stamps. */
function entry(value) {
  if (!isObject(value)) {
    return [numeral(value, 'the count of an actor'), NONE, NONE];
  }
  const { count, insert, time, ...rest } = value;
  if (Object.keys(rest).length > 0) throw wrong('an entry of count, insert and time', value);
  const number = numeral(count, 'the count of an actor');
  return [number, stamp(insert, 'a time'), stamp(time, 'a time')];
}

/** What can only be meant as an object of actors; that of a context of `node:vm` counts, too. */
function isPlain(value) {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The state of an object by actor, or of pairs; of pairs of one actor the last counts. */
function gathered(values) {
  const many = typeof values?.[Symbol.iterator] === 'function';
  if (!many && !isPlain(values)) throw wrong('a vector clock', values);
  const pairs = many ? listed(values, 'a vector clock') : Object.entries(values);
  const entries = new Map();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong('an actor and its entry', pair);
    entries.set(check(pair[0]), entry(pair[1]));
  }
  const draft = new Draft();
  const sorted = [...entries].sort(([one], [other]) => order(one, other));
  for (const [actor, [count, insert, time]] of sorted) draft.add(actor, count, insert, time);
  return draft.done();
}

module.exports = {
  clockJSON,
  digits,
  gathered,
  isPlain,
  numeral,
  parseClock,
  parseFolded,
  parseRetired,
  parseSiblings,
  siblingsJSON,
};
