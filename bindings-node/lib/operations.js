'use strict';
// Operations of a node: each is submitted, and settles once its outcome is taken.

const { unaborted } = require('./arguments.js');
const { aborted, failed, make, native: guarded } = require('./errors.js');
const { Maker } = require('./payload/decode.js');

/** Outcomes taken before others get their turn. */
const BATCH = 1024;
/** In place of the number of one that is not the payload of a call. */
const OTHER = 0;

class Operations {
  #native;
  #changed;
  /** Those under way: number to who waits. */
  #pending = new Map();
  /** How many of them hold nothing. */
  #idle = 0;
  /** What was told last: whether somebody waits, and whether for what holds the event loop. */
  #waits = 0;

  /** `changed` is told when somebody begins to wait, or nobody does any more. */
  constructor(native, changed) {
    this.#native = native;
    this.#changed = changed;
  }

  /** Whether somebody waits. */
  get waiting() {
    return this.#pending.size > 0;
  }

  /** Whether somebody waits for what holds the event loop. */
  get holding() {
    return this.#pending.size > this.#idle;
  }

  /**
   * What an operation came to, and what is told of payloads in it. One that is idle may take for
   * ever, and does not hold the event loop.
   */
  async settled(submit, signal, idle = false) {
    unaborted(signal);
    const id = guarded(submit);
    const outcome = await this.#outcome(id, signal, Number(idle));
    // Made here, not where the outcome was taken, so that the stack shows who called.
    if (outcome.failed) throw failed(outcome.failed);
    if (outcome.error) throw outcome.error();
    return outcome;
  }

  /** Takes the outcomes that are there. */
  take() {
    for (;;) {
      if (this.#some(guarded(() => this.#native.outcomes(BATCH))) < BATCH) return;
    }
  }

  /** How many there were. */
  #some({ calls, all, told }) {
    if (!calls) return 0;
    const [others, maker] = [all.values(), new Maker(calls)];
    let count = 0;
    for (; maker.more; count++) {
      const id = maker.number();
      if (id === OTHER) this.#other(others.next().value, told);
      else this.#settle(id, { value: maker.value() });
    }
    return count;
  }

  #other({ id, value, failed }, told) {
    this.#settle(id, { value, failed, told });
  }

  /** Nothing more comes from the core: what still waits learns of it. */
  end() {
    this.take();
    const error = () => make('closed', 'the node was closed meanwhile');
    for (const id of [...this.#pending.keys()]) this.#settle(id, { error });
  }

  #outcome(id, signal, idle) {
    return new Promise((resolve) => {
      const abort = signal && (() => this.#abort(id, signal));
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(id, { resolve, signal, abort, idle });
      this.#idle += idle;
      this.#tell();
    });
  }

  #abort(id, signal) {
    this.#native.cancel(id);
    this.#settle(id, { error: () => aborted(signal) });
  }

  #settle(id, outcome) {
    const waiter = this.#pending.get(id);
    if (waiter === undefined) return;
    const { resolve, signal, abort, idle } = waiter;
    signal?.removeEventListener('abort', abort);
    this.#pending.delete(id);
    this.#idle -= idle;
    this.#tell();
    resolve(outcome);
  }

  /** That one more waits, or one less, changes something for the first and the last. */
  #tell() {
    const waits = Number(this.waiting) + Number(this.holding);
    if (waits === this.#waits) return;
    this.#waits = waits;
    this.#changed();
  }
}

module.exports = { Operations };
