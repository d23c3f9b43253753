'use strict';
// Servers: messages come in batches, as many as there is room for, and wait in the core until then.

const { AsyncLocalStorage } = require('node:async_hooks');
const { setImmediate } = require('node:timers');
const { ERRORS } = require('../../constants.js');
const { check } = require('../arguments.js');
const { ChinwagError, make, native: guarded } = require('../errors.js');
const { Maker } = require('../payload/decode.js');
const { Parts } = require('../payload/encode.js');
const { headersOf } = require('./envelope.js');
const { answering } = require('./feeds.js');
const { Body, End } = require('./streams.js');

/** Messages that are begun before others get their turn. */
const TURN = 1024;
/** Messages that are taken at once of a server whose code does not wait. */
const BATCH = 64;
/** In place of the number of a message that cannot be read. */
const UNREADABLE = -1;

/** What a handler returns that answers later, with `from.reply`. */
const NO_REPLY = Symbol.for('chinwag.NO_REPLY');

/** The call that the present code is to answer. */
const asked = new AsyncLocalStorage();
const keys = new Map(Object.entries(ERRORS).map(([key, { code }]) => [code, key]));

/** Who sent a message, and how it is answered. */
class From {
  #work;
  #id;
  #codec;
  #until;
  #controller = null;
  #open;
  /** Why nobody waits any more. */
  #why = null;
  /** Its end of a stream, once it is asked for. */
  #end;
  #body;

  /** Reads itself, but for the payload, which follows. */
  constructor(work, id, told) {
    this.#work = work;
    this.#id = id;
    this.#open = id > 0;
    this.#codec = told.number();
    this.isStream = told.number() === 1;
    const left = told.number();
    this.#until = left < 0 ? undefined : performance.now() + left;
    this.op = told.text();
    this.node = told.text();
    this.key = told.bytes();
    this.headers = headersOf(told);
  }

  get isCall() {
    return this.#id > 0;
  }

  get remaining() {
    return this.#until === undefined ? undefined : Math.max(0, this.#until - performance.now());
  }

  get deadline() {
    const { remaining } = this;
    return remaining === undefined ? undefined : new Date(Date.now() + remaining);
  }

  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#why) this.#controller.abort(this.#why);
    }
    return this.#controller.signal;
  }

  get body() {
    this.#body ??= new Body(this.isStream ? this.#stream() : undefined);
    return this.#body;
  }

  async send(item) {
    check(this.isStream, 'who has called without node.stream() gets no items');
    await this.#stream().send(item, this.#codec);
  }

  reply(value) {
    if (!this.#open) return this.#over();
    // What has no encoding throws, and something else may be answered.
    const parts = new Parts();
    parts.payload(this.#codec, value ?? null);
    const replied = this.#work.reply(this.#id, parts.said());
    this.#open = false;
    return this.#over(replied);
  }

  fail(error) {
    if (!this.#open) return this.#over();
    this.#open = false;
    return this.#over(this.#work.fail(this.#id, error));
  }

  #stream() {
    this.#end ??= this.#work.stream(this.#id);
    return this.#end;
  }

  /** It is answered: nothing more is sent or read. */
  #over(replied = false) {
    this.#end?.close();
    return replied;
  }

  /** Nobody waits any more. Who reads a stream or sends to it hears of it there. */
  static end(from, why) {
    from.#open = false;
    from.#why = why;
    from.#controller?.abort(why);
  }

  /** Whether the code of the server may as well not run. */
  static late(from) {
    return from.#why !== null || from.remaining === 0;
  }

  /** The time that calls have which are made for this one, while it is not answered. */
  static left(from) {
    return from?.#open ? from.remaining : undefined;
  }
}

/** What a server is at. */
class Work {
  #native;
  #act;
  #concurrency;
  #exposeStack;
  #streams;
  #tell;
  #running = 0;
  /** How many messages are taken at once, if there is room. */
  #ahead = 1;
  /** What was taken and has not begun. */
  #waiting = [];
  /** Calls that are not answered, by their numbers. */
  #calls = new Map();
  #pumping = false;
  #paused = false;
  ended = false;

  /** `tell` is told of casts that came to nothing, and, with nothing, of the end. */
  constructor(native, act, { concurrency, exposeStack, streams }, tell) {
    this.#native = native;
    this.#act = act;
    this.#concurrency = concurrency;
    this.#exposeStack = exposeStack;
    this.#streams = streams;
    this.#tell = tell;
  }

  pause(paused) {
    if (this.ended) return;
    guarded(() => this.#native.pause(paused));
    this.#paused = paused;
    this.wake();
  }

  /** Something may be there: begins with what there is room for. */
  wake() {
    if (this.#pumping || this.ended) return;
    this.#pumping = true;
    let drained = false;
    try {
      drained = this.#some();
    } finally {
      this.#pumping = false;
      if (!drained) setImmediate(() => this.wake());
    }
  }

  /** The end of a call that streams. */
  stream(id) {
    return new End(guarded(() => this.#native.stream(id)), this.#streams, false);
  }

  reply(id, said) {
    this.#calls.delete(id);
    return guarded(() => this.#native.reply(id, ...said));
  }

  fail(id, error) {
    return this.#refuse(id, refusal(error, this.#exposeStack));
  }

  /** `reason` is what those hear who follow the server. */
  end(why, reason) {
    if (this.ended) return;
    this.ended = true;
    for (const from of this.#calls.values()) From.end(from, make('cancelled', why));
    // These have not begun; of the others, the core says that they may have done something.
    const untouched = { code: 'no_server', message: why, maybeExecuted: false };
    for (const { id } of this.#waiting.splice(0)) this.#refuse(id, untouched);
    guarded(() => this.#native.stop(reason));
    this.#calls.clear();
    this.#tell();
  }

  #refuse(id, why) {
    this.#calls.delete(id);
    return guarded(() => this.#native.fail(id, why));
  }

  /** Whether there is nothing more, or no room for it. */
  #some() {
    for (let begun = 0; begun < TURN; ) {
      begun += this.#begin();
      const room = this.#room();
      const most = room > 0 ? Math.min(Math.max(room, this.#ahead), TURN) : 0;
      const parts = this.ended ? null : guarded(() => this.#native.drain(most));
      if (!parts) return true;
      this.#take(new Maker(parts));
    }
    return false;
  }

  #room() {
    return this.#paused ? 0 : this.#concurrency - this.#running;
  }

  #take(told) {
    const last = told.number() === 1;
    for (let count = told.number(); count > 0; count--) this.#givenUp(told.number());
    while (told.more) {
      const id = told.number();
      if (id === UNREADABLE) {
        this.#tell(make('codec', told.text()));
        continue;
      }
      const from = new From(this, id, told);
      this.#waiting.push({ id, from, payload: told.value() });
      if (id > 0) this.#calls.set(id, from);
    }
    if (last) this.end('the node was closed');
  }

  #givenUp(id) {
    const from = this.#calls.get(id);
    this.#calls.delete(id);
    if (from) From.end(from, make('cancelled', 'nobody waits for the answer any more'));
  }

  /** Begins with what was taken; how many. */
  #begin() {
    let count = 0;
    const waiting = this.#waiting;
    while (count < waiting.length && this.#room() > 0) {
      const { from, payload } = waiting[count++];
      if (!From.late(from)) this.#run(from, payload);
    }
    waiting.splice(0, count);
    // One that waits has no use for more than it can begin with.
    if (count > 0 && this.#running === 0) this.#ahead = Math.min(2 * this.#ahead, BATCH);
    return count;
  }

  #run(from, payload) {
    this.#running += 1;
    try {
      const act = this.#act;
      const { op } = from;
      const result = from.isCall
        ? asked.run(from, answering, act, op, payload, from)
        : act(op, payload, from);
      if (typeof result?.then !== 'function') {
        this.#running -= 1;
        this.#done(from, result);
        return;
      }
      this.#ahead = 1;
      this.#await(from, result);
    } catch (error) {
      this.#running -= 1;
      this.#failed(from, error);
    }
  }

  async #await(from, promise) {
    try {
      this.#done(from, await promise);
    } catch (error) {
      this.#failed(from, error);
    } finally {
      this.#running -= 1;
      this.wake();
    }
  }

  #done(from, value) {
    if (value === NO_REPLY) return;
    try {
      from.reply(value);
    } catch (error) {
      from.fail(error);
    }
  }

  #failed(from, error) {
    if (from.isCall) from.fail(error);
    else this.#tell(error);
  }
}

/** An error as its caller is told of it. What the server did before it failed, nobody knows. */
function refusal(error, exposeStack) {
  const key = error instanceof ChinwagError ? keys.get(error.code) : undefined;
  if (key === undefined) {
    const { stack, ...said } = described(error);
    return failure({ language: 'node', stack: exposeStack ? stack : undefined, ...said });
  }
  // What a server elsewhere said goes on as it is.
  if (key === 'remote_error') return failure(error.remote ?? {});
  const maybeExecuted = key !== 'unknown_op' || error.maybeExecuted === true;
  return { code: key, message: String(error.message), maybeExecuted };
}

/** The failure of a server's own code, as the core takes it. */
function failure({ stack, ...said }) {
  const text = (name) => String(said[name] ?? '');
  const message = text('message');
  const [node, language, kind] = [text('node'), text('language'), text('class')];
  const remote = { node, language, class: kind, message, stack: stack ?? undefined };
  return { code: 'remote_error', message, maybeExecuted: true, remote };
}

/** What is to be said of whatever was thrown. */
function described(error) {
  try {
    if (error === null || typeof error !== 'object') {
      return { class: error === null ? 'null' : typeof error, message: String(error) };
    }
    const { name, message, stack, constructor } = error;
    const own = typeof name === 'string' && name !== '' && name !== 'Error';
    return {
      class: own ? name : String(constructor?.name || 'Error'),
      message: String(message ?? error),
      stack: typeof stack === 'string' ? stack : undefined,
    };
  } catch {
    return { class: 'Error', message: 'what was thrown cannot be shown' };
  }
}

module.exports = { From, NO_REPLY, Work, asked };
