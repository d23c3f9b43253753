'use strict';
// Readers of what happens: one that is asked, and the asynchronous iterator on top of it. And what
// a node warns of by itself.

const { inspect } = require('node:util');
const { aborted, native: guarded } = require('../errors.js');
const { Unpacker } = require('../packed.js');

const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose');

/** Events that cross the border at once. */
const BATCH = 256;
const DEFAULT_PORT = ':7946';
const DONE = Object.freeze({ done: true, value: undefined });

/** Takes events out of a native subscription, batch by batch. */
class Reader {
  #native;
  #changed;
  #batch = null;

  /** `changed` makes a change out of two rings. */
  constructor(native, changed) {
    this.#native = native;
    this.#changed = changed;
  }

  /** The next event; without one, the node's wake function is called when there is. */
  take() {
    if (!this.#batch) {
      const packed = guarded(() => this.#native.drain(BATCH));
      if (!packed) return undefined;
      this.#batch = new Unpacker(packed, this.#changed);
    }
    const event = this.#batch.event();
    if (this.#batch.left === 0) this.#batch = null;
    return event;
  }

  /** Whether nothing will come. */
  get ended() {
    return !this.#batch && this.#native.ended;
  }

  close() {
    this.#batch = null;
    this.#native.close();
  }
}

/** What `node.events()` returns. The reader sets the pace; only who falls behind loses events. */
class EventStream {
  #reader;
  #sleep;
  #waiting = [];
  #failure = null;
  #forget = () => {};

  /** `sleep` tells the node whether this stream waits to be woken. */
  constructor(reader, sleep, signal) {
    this.#reader = reader;
    this.#sleep = sleep;
    if (!signal) return;
    const abort = () => this.#end(aborted(signal));
    signal.addEventListener('abort', abort, { once: true });
    this.#forget = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    const result = this.#waiting.length === 0 ? this.#result() : undefined;
    if (result) return result;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#sleep(this, true);
    });
  }

  async return(value) {
    this.#end(null);
    return { done: true, value };
  }

  async [asyncDispose]() {
    this.#end(null);
  }

  /** Called by the node when there may be something to read. */
  wake() {
    let served = 0;
    for (; served < this.#waiting.length; served++) {
      const result = this.#result();
      if (!result) break;
      this.#waiting[served](result);
    }
    this.#waiting.splice(0, served);
    if (this.#waiting.length === 0) this.#sleep(this, false);
  }

  /** A promise for the next step, unless it has to be waited for. */
  #result() {
    if (this.#failure) {
      const failed = Promise.reject(this.#failure);
      this.#failure = null;
      return failed;
    }
    const event = this.#reader.take();
    if (event) return Promise.resolve({ done: false, value: event });
    if (!this.#reader.ended) return undefined;
    this.#forget();
    return Promise.resolve(DONE);
  }

  #end(failure) {
    if (this.#reader.ended) return;
    this.#failure = failure;
    this.#reader.close();
    this.#forget();
    this.wake();
  }
}

function warning(code, message, more) {
  return Object.assign(new Error(message), { name: 'ChinwagWarning', code, ...more });
}

/** Without a listener, the process is warned; unless that is not worth it. */
function warn(node, told, quiet = false) {
  if (!node.emit('warning', told) && !quiet) process.emitWarning(told);
}

/** What is odd about a start. */
function begun(node, options) {
  // What a worker shows is its member's.
  if (options.attach !== undefined) return;
  const { addr, name, state } = node.localMember();
  if (options.bind === undefined && !addr.endsWith(DEFAULT_PORT)) {
    const message = `port 7946 is taken; bound to ${addr} instead`;
    warn(node, warning('CHINWAG_PORT_TAKEN', message));
  }
  const alone = node.members().every((member) => member.name === name);
  // Who listens is told by the core, with the cause for each seed.
  const heard = node.listenerCount('warning') > 0;
  if (options.seeds?.length > 0 && alone && state === 'alive' && !heard) {
    warn(node, warning('CHINWAG_ALONE', 'no seed was reached; alone for now, and trying again'));
  }
}

/** A warning of the core, in the shape of those that are made here. */
function warned(node, { code, subject, text }) {
  const name = `CHINWAG_${code.toUpperCase().replaceAll('-', '_')}`;
  node.emit('warning', warning(name, text, { subject }));
}

/** A cast to a server came to nothing. Once is enough for the process. */
function castFailed(node, server, cause, again) {
  const message = `a cast to "${server}" failed: ${inspect(cause)}`;
  warn(node, warning('CHINWAG_CAST_FAILED', message, { subject: server, cause }), again);
}

const warnings = { begun, castFailed, warned };

module.exports = { Reader, EventStream, asyncDispose, warnings };
