'use strict';
// Messages to named servers, and the servers of a node.

const { check, span, unaborted } = require('../arguments.js');
const { failed, native: guarded } = require('../errors.js');
const { envelope, known, opened } = require('./envelope.js');
const { Served, acting, served } = require('./served.js');
const { From, Work, asked } = require('./serving.js');
const { Streams } = require('./streams.js');

/** Options of each operation. */
const CALL = new Set(['timeout', 'headers', 'codec', 'signal']);
const CAST = new Set(['timeout', 'headers', 'codec', 'signal', 'latest']);
const MONITOR = new Set(['signal']);
const MULTI_CALL = new Set(['timeout', 'codec', 'signal', 'minOk']);
const ABCAST = new Set(['codec', 'signal']);
const SERVE = new Set(['concurrency', 'mailbox', 'exposeStack']);

/** The messages of one node. */
class Messages {
  #native;
  #perform;
  #tell;
  #works = new Set();
  #streams;
  #timeout = null;
  /** Done once a cast that waits for room has it; null while none waits. */
  #full = null;
  #blocks;

  /**
   * `perform` submits an operation and waits for its outcome. `tell` tells the node that a server
   * came or went; with its name, that a cast came to nothing, and whether that was told before.
   * `changed` is told that somebody waits for a stream, or no longer.
   */
  constructor(native, { perform, tell, blocks, changed }) {
    this.#native = native;
    this.#perform = perform;
    this.#tell = tell;
    this.#blocks = blocks;
    this.#streams = new Streams(native, (timeout) => this.#time(timeout), changed);
  }

  async call(target, op, payload, options = {}) {
    known(options, CALL, 'call');
    const { timeout, headers, codec, signal } = options;
    const parts = envelope(target, op, { timeout: this.#time(timeout), headers }, codec, payload);
    const submit = () => this.#native.call(...parts.said());
    return (await this.#perform(submit, signal)).value;
  }

  async cast(target, op, payload, options = {}) {
    known(options, CAST, 'cast');
    const { timeout, headers, codec, signal, latest = false } = options;
    check(typeof latest === 'boolean', 'latest is true or false');
    if (timeout !== undefined) span(timeout);
    const head = { timeout, headers, wanted: Number(latest) };
    const parts = envelope(target, op, head, codec, payload);
    unaborted(signal);
    // Those that wait already go first.
    while (this.#full) await this.#full;
    const refused = guarded(() => this.#native.cast(...parts.said()));
    if (!refused) return;
    const plain = timeout === undefined && headers === undefined && !latest;
    if (!this.#blocks || refused.code !== 'overloaded' || !plain) throw failed(refused);
    const waiting = this.#perform(() => this.#native.castWaiting(...parts.said()), signal);
    const done = () => (this.#full = null);
    this.#full = waiting.then(done, done);
    await waiting;
  }

  async multiCall(server, op, payload, options = {}) {
    known(options, MULTI_CALL, 'multiCall');
    const { timeout, codec, signal, minOk } = options;
    const good = minOk === undefined || (Number.isSafeInteger(minOk) && minOk >= 0);
    check(good, 'minOk is a whole number of answers');
    const head = { timeout: this.#time(timeout), wanted: minOk };
    const parts = envelope(server, op, head, codec, payload);
    const submit = () => this.#native.multiCall(...parts.said());
    const { value, told } = await this.#perform(submit, signal);
    const replies = [];
    const failures = Object.entries(value.failed).map(([name, why]) => [name, failed(why)]);
    for (const [name, reply] of Object.entries(value.replies)) {
      if (reply.code === undefined) replies.push([name, opened(reply, told)]);
      else failures.push([name, failed(reply)]);
    }
    return { replies: Object.fromEntries(replies), failed: Object.fromEntries(failures) };
  }

  async abcast(server, op, payload, options = {}) {
    known(options, ABCAST, 'abcast');
    const { codec, signal } = options;
    const parts = envelope(server, op, {}, codec, payload);
    return (await this.#perform(() => this.#native.abcast(...parts.said()), signal)).value;
  }

  stream(target, op, payload, options) {
    return this.#streams.open(target, op, payload, options);
  }

  async monitor(target, options = {}) {
    known(options, MONITOR, 'monitor');
    const good = typeof target === 'string';
    check(good, 'monitor expects a target: name, name@node or name#key');
    const submit = () => this.#native.monitor(target);
    return Object.freeze((await this.#perform(submit, options.signal, true)).value);
  }

  loopState(member) {
    check(typeof member === 'string', 'loopState expects the name of a member');
    return guarded(() => this.#native.loopState(member)) ?? undefined;
  }

  hosts(server) {
    check(typeof server === 'string', 'hosts expects the name of a server');
    return guarded(() => this.#native.hosts(server));
  }

  servers() {
    return guarded(() => this.#native.servers());
  }

  async serve(name, handlers, options = {}) {
    check(typeof name === 'string', 'serve expects the name of a server');
    known(options, SERVE, 'serve');
    const [act, all] = [acting(handlers), { ...served(options), streams: this.#streams }];
    const native = guarded(() => this.#native.serve(name, all.mailbox));
    let warned = false;
    const work = new Work(native, act, all, (error) => {
      if (work.ended) {
        this.#works.delete(work);
        this.#tell();
        return;
      }
      // By itself: a listener that throws stops nothing else.
      process.nextTick(this.#tell, name, error, warned);
      warned = true;
    });
    this.#works.add(work);
    this.#tell();
    // From the first look on, the core says when there is more.
    work.wake();
    return new Served(name, work);
  }

  /** Whether there is a server. */
  get serving() {
    return this.#works.size > 0;
  }

  /** Whether somebody waits for a stream. */
  get waiting() {
    return this.#streams.waiting;
  }

  /** Whether somebody waits for one that holds the event loop. */
  get holding() {
    return this.#streams.holding;
  }

  /** Something is there to take. */
  wake() {
    this.#streams.wake();
    for (const work of this.#works) work.wake();
  }

  /** The node is closed. */
  end() {
    for (const work of this.#works) work.end('the node was closed');
    this.#streams.end();
  }

  /** What a call may take: of the time of that within which it is made, no more than is left. */
  #time(timeout) {
    if (timeout !== undefined) span(timeout);
    const left = From.left(asked.getStore());
    if (left === undefined) return timeout;
    this.#timeout ??= guarded(() => this.#native.callTimeout());
    return Math.min(timeout ?? this.#timeout, left);
  }
}

module.exports = { Messages };
