'use strict';
// What is different between two rings, in terms of the caller's keys.

const { inspect } = require('node:util');
const { check } = require('./arguments.js');
const { native: guarded } = require('./errors.js');
const { listed, named } = require('./placement.js');
const { ringed } = require('./ring.js');

/** A change of a node's rings, which knows whose keys are gained and lost. */
let changeOf;

class RingChange {
  /** The name of the node; undefined of a change that was made by hand. */
  #local;

  static {
    changeOf = (before, after, local) => {
      const change = new RingChange(before, after);
      change.#local = local;
      return change;
    };
  }

  constructor(before, after) {
    ringed(before);
    ringed(after);
    this.before = before;
    this.after = after;
    Object.freeze(this);
  }

  moved(keys) {
    const list = listed(keys, 'the keys');
    const [before, after] = [this.before.ownersMany(list), this.after.ownersMany(list)];
    const moved = [];
    list.forEach((key, at) => {
      const [from, to] = [before[at] ?? null, after[at] ?? null];
      if (from !== to) moved.push({ key, from, to });
    });
    return moved;
  }

  gained(keys, name = this.#local) {
    const owner = whose(name);
    return this.moved(keys).filter(({ to }) => to === owner).map(({ key }) => key);
  }

  lost(keys, name = this.#local) {
    const owner = whose(name);
    return this.moved(keys).filter(({ from }) => from === owner).map(({ key }) => key);
  }

  slots() {
    const rows = guarded(() => ringed(this.before).movedSlots(ringed(this.after)));
    const [old, now] = [this.before.names, this.after.names];
    return Array.from({ length: rows.length / 3 }, (_, row) => ({
      slot: rows[3 * row],
      from: old[rows[3 * row + 1]] ?? null,
      to: now[rows[3 * row + 2]] ?? null,
    }));
  }

  flows() {
    const flows = guarded(() => ringed(this.before).flows(ringed(this.after)));
    return flows.map(({ from, to, slots }) => ({ from: from ?? null, to: to ?? null, slots }));
  }

  [inspect.custom](_, options) {
    const { before, after } = this;
    return `RingChange ${inspect({ before, after }, options)}`;
  }
}

function whose(name) {
  const message = 'a change that was made by hand belongs to no node: say the name of one';
  check(name !== undefined, message);
  return named(name);
}

module.exports = { RingChange, changeOf };
