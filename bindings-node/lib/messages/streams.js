'use strict';
// Calls that carry items in both directions, with room for a bounded part of them on the way.

const { setImmediate } = require('node:timers/promises');
const { check, span, unaborted } = require('../arguments.js');
const { aborted, failed, make, native: guarded } = require('../errors.js');
const { asyncDispose } = require('../events/events.js');
const { Maker } = require('../payload/decode.js');
const { Parts, codecOf } = require('../payload/encode.js');
const { envelope, known, readable } = require('./envelope.js');

const STREAM = new Set(['timeout', 'headers', 'codec', 'signal', 'items']);
/** Items that cross the border at once, and how many go in a row before others get their turn. */
const BATCH = 64;
/** What is wrong with one item alone, by the codes for it. */
const OF_ONE = ['too_large', 'codec', 'bad_argument'].map((key) => make(key, '').code);

const DONE = Object.freeze({ done: true, value: undefined });

/** One end of a stream: what it is to wait for it. */
class End {
  #native;
  #streams;
  /** Whether who waits holds the event loop. */
  #holds;
  #waiting = [];
  /** Done once what is held back is sent; null while nothing is. */
  #full = null;
  #sent = 0;
  #items = [];
  /** What it came to, as a function; null until then. */
  #end = null;
  #failure = null;

  constructor(native, streams, holds) {
    this.#native = native;
    this.#streams = streams;
    this.#holds = holds;
  }

  get id() {
    return this.#native.id;
  }

  get holds() {
    return this.#holds;
  }

  /** Sends an item once there is room, after those that wait already. */
  async send(item, codec) {
    const parts = new Parts();
    parts.payload(codec, item ?? null);
    while (this.#full) await this.#full;
    this.#failure?.();
    this.#sent += 1;
    if (guarded(() => this.#native.send(...parts.said()))) {
      // A flood must not keep others waiting.
      if (this.#sent % BATCH === 0) await setImmediate();
      return;
    }
    let free;
    this.#full = new Promise((resolve) => (free = resolve));
    try {
      do await this.#moved();
      while (!guarded(() => this.#native.resend()));
    } finally {
      this.#full = null;
      free();
    }
  }

  /** The next item, as `{ read }`, which gives it; or the end, as `{ end }`. */
  async take() {
    for (;;) {
      if (this.#failure) return { end: this.#failure };
      if (this.#items.length > 0) return { read: this.#items.shift() };
      if (this.#end) return { end: this.#end };
      if (!this.#some()) await this.#moved();
    }
  }

  finish() {
    guarded(() => this.#native.finish());
  }

  /** Reads no more. */
  stop() {
    this.#items = [];
    guarded(() => this.#native.stop());
  }

  /** Lets it go, for the reason that the function throws. */
  close(failure = () => thrown(make('cancelled', 'this stream was closed here'))) {
    this.#failure ??= failure;
    this.#items = [];
    this.#native.close();
    this.wake();
  }

  /** Something happened, or may have. */
  wake() {
    this.#streams.asleep(this, false);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #moved() {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#streams.asleep(this, true);
    });
  }

  /** Whether something was taken. */
  #some() {
    const { count, told, ended, failed: why } = guarded(() => this.#native.take(BATCH));
    const maker = told && new Maker(told);
    for (let left = count; left > 0; left--) this.#items.push(readable(maker));
    if (!ended) return count > 0;
    const answer = maker?.more ? readable(maker) : () => undefined;
    this.#end = () => {
      if (why) throw failed(why);
      return answer();
    };
    return true;
  }
}

/** What `node.stream()` returns. */
class CallStream {
  #end;
  #codec;
  #forget = () => {};
  /** Whether its reader has seen the end. */
  #over = false;
  /** Whether items were given with the call, which is finished behind them. */
  #fed = false;

  constructor(end, codec, signal) {
    this.#end = end;
    this.#codec = codec;
    if (!signal) return;
    const abort = () => end.close(() => thrown(aborted(signal)));
    signal.addEventListener('abort', abort, { once: true });
    this.#forget = () => signal.removeEventListener('abort', abort);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    if (this.#over) return DONE;
    const { read, end } = await this.#end.take();
    if (read) return { done: false, value: read() };
    if (this.#over) return DONE;
    this.#ended();
    return { done: true, value: end() };
  }

  async return(value) {
    this.close();
    return { done: true, value };
  }

  async send(item) {
    await this.#end.send(item, this.#codec);
  }

  finish() {
    this.#end.finish();
  }

  async answer() {
    if (!this.#over && !this.#fed) this.finish();
    for (;;) {
      const { end } = await this.#end.take();
      if (!end) continue;
      this.#ended();
      return end();
    }
  }

  close() {
    if (this.#over) return;
    this.#ended();
    this.#end.close();
  }

  async [asyncDispose]() {
    this.close();
  }

  /** Sends what there is. Why the call ends, its reader is told. */
  static async feed(stream, items) {
    const end = stream.#end;
    stream.#fed = true;
    try {
      for await (const item of items) {
        try {
          await stream.send(item);
        } catch (error) {
          if (OF_ONE.includes(error.code)) throw error;
          return;
        }
      }
      stream.finish();
    } catch (error) {
      end.close(() => thrown(error));
    }
  }

  #ended() {
    this.#over = true;
    this.#forget();
  }
}

function thrown(error) {
  throw error;
}

/** The items of a request, for the handler. */
class Body {
  #end;

  /** Without an end, there are none. */
  constructor(end) {
    this.#end = end;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async next() {
    const { read, end } = (await this.#end?.take()) ?? {};
    if (read) return { done: false, value: read() };
    if (end) finished(end);
    this.#end = undefined;
    return DONE;
  }

  async return(value) {
    this.#end?.stop();
    this.#end = undefined;
    return { done: true, value };
  }
}

/** That the caller has finished says nothing, whatever it may be read as. */
function finished(end) {
  try {
    end();
  } catch (error) {
    if (error.code !== OF_ONE[1]) throw error;
  }
}

/** The streams of one node. */
class Streams {
  #native;
  #time;
  #changed;
  /** Those that wait, by number. */
  #asleep = new Map();
  #holding = 0;

  /** `time` is what a call may take; `changed` is told that one more waits, or one less. */
  constructor(native, time, changed) {
    this.#native = native;
    this.#time = time;
    this.#changed = changed;
  }

  get waiting() {
    return this.#asleep.size > 0;
  }

  get holding() {
    return this.#holding > 0;
  }

  open(target, op, payload, options = {}) {
    known(options, STREAM, 'stream');
    const { timeout, headers, codec, signal, items } = options;
    const many = items?.[Symbol.asyncIterator] ?? items?.[Symbol.iterator];
    check(items === undefined || typeof many === 'function', 'items is an iterable');
    if (timeout !== undefined) span(timeout);
    const head = { timeout: this.#time(timeout), headers };
    const parts = envelope(target, op, head, codec, payload);
    unaborted(signal);
    const native = guarded(() => this.#native.stream(...parts.said()));
    const stream = new CallStream(new End(native, this, true), codecOf(codec), signal);
    if (items !== undefined) void CallStream.feed(stream, items);
    return stream;
  }

  asleep(end, asleep) {
    if (asleep === this.#asleep.has(end.id)) return;
    if (asleep) this.#asleep.set(end.id, end);
    else this.#asleep.delete(end.id);
    if (end.holds) this.#holding += asleep ? 1 : -1;
    this.#changed();
  }

  /** Something happened at some of them. */
  wake() {
    for (;;) {
      const ready = guarded(() => this.#native.readyStreams(BATCH));
      for (const id of ready) this.#asleep.get(id)?.wake();
      if (ready.length < BATCH) return;
    }
  }

  /** The node is closed: each learns of it from the core. */
  end() {
    for (const end of [...this.#asleep.values()]) end.wake();
  }
}

module.exports = { Body, End, OF_ONE, Streams };
