'use strict';
// Actors that both sides know, so that clocks need not name them.

const { inspect } = require('node:util');
const { native: guarded } = require('../errors.js');
const { NativeActorTable } = require('../native.js');
const { listed, wrong } = require('../placement.js');
const { check } = require('./actors.js');

let nativeOf;

class ActorTable {
  #native;

  static {
    nativeOf = (table) => table.#native;
  }

  constructor(actors = []) {
    const names = listed(actors, 'the actors of a table').map(check);
    this.#native = guarded(() => NativeActorTable.of(names));
    this.actors = Object.freeze(guarded(() => this.#native.actors()));
    this.fingerprint = guarded(() => this.#native.fingerprint());
    Object.freeze(this);
  }

  get size() {
    return this.actors.length;
  }

  [Symbol.iterator]() {
    return this.actors.values();
  }

  [inspect.custom](_, options) {
    const { size, fingerprint } = this;
    const digits = fingerprint.toString(16).padStart(16, '0');
    return `ActorTable ${inspect({ size, fingerprint: digits }, options)}`;
  }
}

function nativeTable(value) {
  if (!(value instanceof ActorTable)) throw wrong('a table of actors', value);
  return nativeOf(value);
}

module.exports = { ActorTable, nativeTable };
