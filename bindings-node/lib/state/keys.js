'use strict';
// Keys of members: each node has its own, which all members read.

const { check, octets, span, unaborted } = require('../arguments.js');
const { native: guarded } = require('../errors.js');
const { Batches } = require('../events/batches.js');
const { EventStream } = require('../events/events.js');
const { known } = require('../messages/envelope.js');
const { Maker } = require('../payload/decode.js');

const PUT = new Set(['ttl', 'signal']);
const DELETE = new Set(['signal']);
const WATCH = new Set(['replay', 'signal']);

/** What happened, each a number, as `src/state.rs` has them. */
const HAPPENED = Object.freeze(['put', 'deleted', 'replay-done', 'lost']);

/** A key of a member, and its value. */
function entry(told) {
  return Object.freeze({ member: told.text(), key: told.text(), value: told.bytes() });
}

/** A key of a member that is no more. */
function gone(told) {
  return { member: told.text(), key: told.text() };
}

/** A function that makes the next change, whose entries `read` makes, and what is gone `lose`. */
function changes(read, lose) {
  return (told) => {
    const type = HAPPENED[told.number()];
    if (type === 'put') return Object.freeze({ type, ...read(told) });
    if (type === 'deleted') return Object.freeze({ type, ...lose(told) });
    if (type === 'replay-done') return Object.freeze({ type });
    const [count, entries] = [told.number(), []];
    for (let left = told.number(); left > 0; left--) entries.push(read(told));
    return Object.freeze({ type, count, entries });
  };
}

/** All that is told. */
function all(told, read) {
  const list = [];
  const maker = told && new Maker(told);
  while (maker?.more) list.push(read(maker));
  return list;
}

function keyed(key, call) {
  check(typeof key === 'string' && key.isWellFormed(), `${call} expects a key, as a string`);
}

/** Options of a watch, and what it is of, judged. */
function watched(prefix, options) {
  keyed(prefix, 'watch');
  known(options, WATCH, 'watch');
  const { replay = false, signal } = options;
  check(typeof replay === 'boolean', 'replay is true or false');
  unaborted(signal);
  return { replay, signal };
}

/** The keys of members, of one node. */
class Keys {
  #native;
  #perform;
  #sleep;

  constructor(native, perform, sleep) {
    this.#native = native;
    this.#perform = perform;
    this.#sleep = sleep;
  }

  async put(key, value, options = {}) {
    keyed(key, 'put');
    known(options, PUT, 'put');
    const { ttl, signal } = options;
    if (ttl !== undefined) span(ttl, 'ttl');
    const bytes = octets(value);
    await this.#perform(() => this.#native.put(key, bytes, ttl), signal);
  }

  async delete(key, options = {}) {
    keyed(key, 'delete');
    known(options, DELETE, 'delete');
    await this.#perform(() => this.#native.delete(key), options.signal);
  }

  get(member, key) {
    check(typeof member === 'string', 'get expects the name of a member');
    keyed(key, 'get');
    return guarded(() => this.#native.get(member, key)) ?? undefined;
  }

  entries(prefix = '') {
    keyed(prefix, 'entries');
    return all(guarded(() => this.#native.entries(prefix)), entry);
  }

  watch(prefix = '', options = {}) {
    const { replay, signal } = watched(prefix, options);
    const native = guarded(() => this.#native.watch(prefix, replay));
    return new EventStream(new Batches(native, changes(entry, gone)), this.#sleep, signal);
  }
}

module.exports = { Keys, all, changes, keyed, watched };
