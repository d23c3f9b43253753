'use strict';
// The keys of a cluster: what every member answers about its own.

const { inspect } = require('node:util');

/** What came of it for one member. Its keys are for who asks for them: no log has them. */
class KeyOutcome {
  #keys;
  #primary;

  constructor({ done, message, keys, primary }) {
    this.done = done;
    this.message = message;
    this.#keys = keys;
    this.#primary = primary;
  }

  get keys() {
    return [...this.#keys];
  }

  get primary() {
    return this.#primary;
  }

  [inspect.custom](_, options) {
    const { done, message } = this;
    return `KeyOutcome ${inspect({ done, message, keys: this.#keys.length }, options)}`;
  }
}

/** Outcomes by the names of the members. */
function outcomes(told) {
  const entries = Object.entries(told).map(([name, outcome]) => [name, new KeyOutcome(outcome)]);
  return Object.fromEntries(entries);
}

module.exports = { outcomes };
