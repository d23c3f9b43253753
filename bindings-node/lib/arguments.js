'use strict';
// What operations are given, judged before anything is asked of the core.

const { Buffer } = require('node:buffer');
const { aborted, make } = require('./errors.js');

function check(good, message) {
  if (!good) throw make('bad_argument', message);
}

function isObject(value) {
  return value !== null && typeof value === 'object';
}

/** Options may be given as text, too. */
function isTrue(flag) {
  return flag === true || flag === 'true';
}

function named(member, call) {
  check(typeof member === 'string', `${call} expects the name of a member`);
}

/** Which numbers are ids, the core knows. */
function numbered(id, call) {
  check(typeof id === 'number', `${call} expects the id of an event`);
}

/** What is no key may be one that was mistyped: it is not shown. */
function secret(key, call) {
  check(typeof key === 'string', `${call} expects a key in base64, as a string`);
}

function span(time, name = 'timeout') {
  const good = typeof time === 'number' && time >= 0 && time < Infinity;
  check(good, `${name} is a number of milliseconds`);
}

/** A message as it travels: text as UTF-8. */
function octets(payload) {
  if (typeof payload === 'string') return Buffer.from(payload);
  check(payload instanceof Uint8Array, 'a payload is a Uint8Array or a string');
  return payload;
}

/** The options of a query, all of them. */
function asked({ nodes = [], tags = {}, ack = false, relayFactor = 0, timeout, ...rest }) {
  for (const key of Object.keys(rest)) check(false, `unknown option "${key}" of a query`);
  const names = Array.isArray(nodes) && nodes.every((name) => typeof name === 'string');
  check(names, 'nodes is an array of names');
  check(isObject(tags), 'tags is an object of regular expressions, as strings');
  check(typeof ack === 'boolean', 'ack is true or false');
  check(typeof relayFactor === 'number', 'relayFactor is a whole number up to 255');
  if (timeout !== undefined) span(timeout);
  return { nodes, tags, ack, relayFactor, timeout };
}

/** Nothing is begun for a signal that is aborted already. */
function unaborted(signal) {
  if (signal === undefined) return;
  check(typeof signal?.addEventListener === 'function', 'signal is not an AbortSignal');
  if (signal.aborted) throw aborted(signal, false);
}

module.exports = {
  asked,
  check,
  isObject,
  isTrue,
  named,
  numbered,
  octets,
  secret,
  span,
  unaborted,
};
