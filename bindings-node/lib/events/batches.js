'use strict';
// What a subscriber or a watch has, taken batch by batch as it is used up.

const { native: guarded } = require('../errors.js');
const { Maker } = require('../payload/decode.js');

/** What crosses the border at once. */
const BATCH = 64;

/** Takes what is told out of something native. */
class Batches {
  #native;
  #read;
  #batch = null;

  /** `read` makes the next thing out of what is told. */
  constructor(native, read) {
    this.#native = native;
    this.#read = read;
  }

  /** The next one; without one, the node's wake function is called when there is. */
  take() {
    if (!this.#batch) {
      const told = guarded(() => this.#native.drain(BATCH));
      if (!told) return undefined;
      this.#batch = new Maker(told);
    }
    const next = this.#read(this.#batch);
    if (!this.#batch.more) this.#batch = null;
    return next;
  }

  /** Whether nothing will come. */
  get ended() {
    return !this.#batch && this.#native.ended;
  }

  close() {
    this.#batch = null;
    guarded(() => this.#native.close());
  }
}

module.exports = { Batches };
