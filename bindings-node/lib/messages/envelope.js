'use strict';
// Messages as the core reads them, and what it tells of those that came.

const { check, isObject } = require('../arguments.js');
const { failed, make } = require('../errors.js');
const { Maker } = require('../payload/decode.js');
const { Parts, codecOf } = require('../payload/encode.js');

/** In place of what is not said. */
const NONE = -1;

/** Says a message in the order in which the core reads it. */
function envelope(target, op, { timeout = NONE, wanted = NONE, headers }, codec, payload) {
  check(typeof target === 'string', 'a target is a string: name, name@node or name#key');
  check(typeof op === 'string', 'an operation is a string');
  check(headers === undefined || isObject(headers), 'headers is an object of strings');
  const pairs = headers === undefined ? [] : Object.entries(headers);
  const parts = new Parts([target.length, op.length, timeout, wanted, pairs.length], target + op);
  for (const [name, value] of pairs) {
    const good = typeof value === 'string' && value.isWellFormed() && name.isWellFormed();
    check(good, 'headers is an object of strings');
    parts.put(name);
    parts.put(value);
  }
  parts.payload(codecOf(codec), payload ?? null);
  return parts;
}

/** The headers of a message. */
function headersOf(told) {
  const pairs = [];
  for (let count = told.number(); count > 0; count--) pairs.push([told.text(), told.text()]);
  return Object.fromEntries(pairs);
}

/** The value of a payload, which is told where its place says. */
function opened(place, told) {
  if (place.code !== undefined) throw failed(place);
  return new Maker(told, place).any();
}

/** A function that gives the payload that comes next, or throws why it cannot be read. */
function readable(told) {
  if (told.number() === 1) {
    const value = told.value();
    return () => value;
  }
  const why = told.text();
  return () => {
    throw make('codec', why);
  };
}

function known(options, names, call) {
  check(isObject(options), `${call} expects an object of options`);
  for (const key in options) {
    if (!names.has(key)) throw make('bad_argument', `unknown option "${key}" of ${call}`);
  }
}

module.exports = { envelope, headersOf, known, opened, readable };
