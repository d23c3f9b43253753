'use strict';
// Maps that all members read and write.

const { inspect } = require('node:util');
const { check, isObject, octets } = require('../arguments.js');
const { HybridTime } = require('../clock/stamps.js');
const { native: guarded } = require('../errors.js');
const { Batches } = require('../events/batches.js');
const { EventStream } = require('../events/events.js');
const { known } = require('../messages/envelope.js');
const { all, changes, keyed, watched } = require('./keys.js');

const WRITE = new Set(['after', 'signal']);
const RESOLVE = new Set(['signal']);

/** A key of a map with its values, the newest first; never none. */
function entry(told) {
  const [key, context, values] = [told.text(), told.bytes(), []];
  for (let left = told.number(); left > 0; left--) {
    const [value, stamp, writer] = [told.bytes(), HybridTime.from(told.bytes()), told.text()];
    values.push(Object.freeze({ value, stamp, writer }));
  }
  const { value } = values[0];
  return Object.freeze({ key, value, values: Object.freeze(values), context });
}

/** A key of a map that is no more. */
function gone(told) {
  return { key: told.text() };
}

/** What `node.map()` returns: a name, and what is done under it. */
class SharedMap {
  #native;
  #perform;
  #sleep;

  constructor(name, { native, perform, sleep }) {
    this.name = name;
    this.#native = native;
    this.#perform = perform;
    this.#sleep = sleep;
  }

  async put(key, value, options = {}) {
    keyed(key, 'put');
    await this.#write(key, octets(value), options, 'put');
  }

  async delete(key, options = {}) {
    keyed(key, 'delete');
    await this.#write(key, undefined, options, 'delete');
  }

  async resolve(key, decide, options = {}) {
    known(options, RESOLVE, 'resolve');
    check(typeof decide === 'function', 'resolve expects a function that decides');
    const after = this.read(key);
    if (after === undefined || after.values.length < 2) return false;
    const value = octets(await decide(after.values));
    await this.put(key, value, { after, signal: options.signal });
    return true;
  }

  get(key) {
    return this.read(key)?.value;
  }

  read(key) {
    keyed(key, 'read');
    return all(guarded(() => this.#native.mapRead(this.name, key)), entry)[0];
  }

  entries(prefix = '') {
    keyed(prefix, 'entries');
    return all(guarded(() => this.#native.mapEntries(this.name, prefix)), entry);
  }

  watch(prefix = '', options = {}) {
    const { replay, signal } = watched(prefix, options);
    const native = guarded(() => this.#native.mapWatch(this.name, prefix, replay));
    return new EventStream(new Batches(native, changes(entry, gone)), this.#sleep, signal);
  }

  [inspect.custom]() {
    return `SharedMap ${inspect(this.name)}`;
  }

  async #write(key, value, options, call) {
    known(options, WRITE, call);
    const { after, signal } = options;
    const context = contextOf(after, key);
    const submit = () => this.#native.writeMap(this.name, key, value, context);
    await this.#perform(submit, signal);
  }
}

/** What was known by who read an entry; nothing without one. */
function contextOf(after, key) {
  if (after === undefined || after instanceof Uint8Array) return after;
  const { context, key: of } = isObject(after) ? after : {};
  check(context instanceof Uint8Array, 'after is an entry that was read, or its context');
  // With what another key's writers knew, values of this one would go that nobody has read.
  const same = of === undefined || of === key;
  check(same, `this was read of ${inspect(of)}, and not of ${inspect(key)}`);
  return context;
}

/** The map of that name. */
function mapOf(name, core) {
  check(typeof name === 'string' && name.isWellFormed(), 'map expects the name of a map');
  // What is no name of a map, the core refuses.
  guarded(() => core.native.mapRead(name, 'x'));
  return new SharedMap(name, core);
}

module.exports = { mapOf };
