'use strict';
// What rings are given, judged before anything is asked of the core.

const { Buffer } = require('node:buffer');
const { inspect } = require('node:util');
const { check, isObject } = require('./arguments.js');
const { make } = require('./errors.js');

/** Most that is shown of a value that cannot be. */
const SHOWN = 80;

function wrong(what, value) {
  const shown = inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: SHOWN });
  return make('bad_argument', `${what} cannot be ${shown.slice(0, SHOWN)}`);
}

/** A name as it travels; half a character has no bytes of its own. */
function text(value, what) {
  if (typeof value !== 'string' || !value.isWellFormed()) throw wrong(what, value);
  return value;
}

function named(value) {
  return text(value, 'the name of a node');
}

/** A number whose range the core knows. */
function number(value, what) {
  if (typeof value !== 'number') throw wrong(what, value);
  return value;
}

/** How many. */
function whole(value, what) {
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(what, value);
  return value;
}

function flag(value, what) {
  if (typeof value !== 'boolean') throw wrong(what, value);
  return value;
}

function isKey(value) {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function keyed(value) {
  if (!isKey(value)) throw wrong('a key', value);
  return value;
}

/** The bytes of a key. */
function octets(key) {
  return typeof keyed(key) === 'string' ? Buffer.from(key) : key;
}

/** What can be gone through, but for a text where several are meant. */
function listed(values, what) {
  const many = isObject(values) && typeof values[Symbol.iterator] === 'function';
  if (!many || values instanceof Uint8Array) throw wrong(what, values);
  return [...values];
}

/** A node: its name, or an object. */
function node(value) {
  if (typeof value === 'string') return { name: named(value), weight: 1, zone: '' };
  if (!isObject(value)) throw wrong('a node', value);
  const { name, weight = 1, zone = '', ...rest } = value;
  for (const field of Object.keys(rest)) check(false, `a node has no field "${field}"`);
  return {
    name: named(name),
    weight: number(weight, 'the weight of a node'),
    zone: text(zone, 'the zone of a node'),
  };
}

/** Keys or beginnings, and who owns them: a Map, pairs, or an object for those that are text. */
function pins(values, what) {
  if (!isObject(values)) throw wrong(what, values);
  const many = typeof values[Symbol.iterator] === 'function';
  const pairs = many ? listed(values, what) : Object.entries(values);
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong(what, pair);
    return { key: octets(pair[0]), name: named(pair[1]) };
  });
}

const READ = {
  nodes: (values) => listed(values, 'the nodes').map(node),
  profile: (value) => text(value, 'the profile'),
  slots: (value) => number(value, 'the number of slots'),
  slack: (value) => number(value, 'the slack'),
  replicas: (value) => number(value, 'the number of replicas'),
  hashTags: (value) => flag(value, 'hashTags'),
  excluded: (values) => listed(values, 'the excluded nodes').map(named),
  pins: (values) => pins(values, 'pins'),
  pinPrefixes: (values) => pins(values, 'pinPrefixes'),
};

/** The options of a ring, those that are given. */
function options(given) {
  if (!isObject(given)) throw wrong('the options of a ring', given);
  const read = {};
  for (const [option, value] of Object.entries(given)) {
    check(Object.hasOwn(READ, option), `unknown option "${option}" of a ring`);
    if (value !== undefined) read[option] = READ[option](value);
  }
  return read;
}

const BY_HAND = ['excluded', 'pins', 'pinPrefixes'];

/** What is decided by hand of a ring. */
function overrides(given) {
  if (!isObject(given)) throw wrong('the overrides of a ring', given);
  for (const option of Object.keys(given)) {
    check(BY_HAND.includes(option), `unknown override "${option}" of a ring`);
  }
  return options(given);
}

/** JSON as text, or what was made from it. */
function json(value) {
  if (typeof value === 'string') return value;
  if (!isObject(value)) throw wrong('the JSON of a ring', value);
  try {
    return JSON.stringify(value) ?? '';
  } catch (cause) {
    throw make('bad_argument', 'this cannot be JSON', { cause });
  }
}

module.exports = {
  isKey,
  json,
  keyed,
  listed,
  named,
  node,
  octets,
  options,
  overrides,
  text,
  whole,
  wrong,
};
