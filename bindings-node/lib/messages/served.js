'use strict';
// A server as a program has it: what it is made of, and the handle on it.

const { inspect } = require('node:util');
const { check, isObject } = require('../arguments.js');
const { make } = require('../errors.js');
const { asyncDispose } = require('../events/events.js');
const { Work } = require('./serving.js');

/** What `node.serve()` resolves with. */
class Served {
  #work;

  constructor(name, work) {
    this.name = name;
    this.#work = work;
  }

  get stopped() {
    return this.#work.ended;
  }

  pause() {
    this.#work.pause(true);
    return this;
  }

  resume() {
    this.#work.pause(false);
    return this;
  }

  async stop(reason) {
    this.#work.end(`"${this.name}" was stopped`, reason && worded(reason));
  }

  async [asyncDispose]() {
    await this.stop();
  }

  [inspect.custom](_, options) {
    const { name, stopped } = this;
    return `Served ${inspect({ name, stopped }, options)}`;
  }
}

/** Why a server is no more, in words. */
function worded(reason) {
  const good = typeof reason === 'string' || reason instanceof Error;
  check(good, 'the reason of a stop is a string or an error');
  return String(reason).toWellFormed();
}

/** Options of a server, all of them. */
function served({ concurrency = 1, mailbox, exposeStack = false }) {
  const whole = (count) => Number.isSafeInteger(count) && count > 0;
  check(whole(concurrency), 'concurrency is a whole number from 1 on');
  check(mailbox === undefined || whole(mailbox), 'mailbox is a whole number from 1 on');
  check(typeof exposeStack === 'boolean', 'exposeStack is true or false');
  return { concurrency, mailbox, exposeStack };
}

/** One function for all operations of a server. */
function acting(handlers) {
  if (typeof handlers === 'function') return (op, payload, from) => handlers(op, payload, from);
  const shape = 'a server is a function, or has functions in `call`, `cast` and `stream`';
  check(isObject(handlers), shape);
  const [calls, casts] = [table(handlers.call, shape), table(handlers.cast, shape)];
  const streams = table(handlers.stream, shape);
  check(calls.size + casts.size + streams.size > 0, shape);
  return (op, payload, from) => {
    const plain = (from.isCall ? calls : casts).get(op);
    const act = (from.isStream ? streams.get(op) : undefined) ?? plain;
    if (act === undefined) throw unknown(op);
    return act.call(handlers, payload, from);
  };
}

/** The functions of an object by name: its own, and nothing that every object has. */
function table(functions = {}, shape) {
  check(isObject(functions), shape);
  const entries = Object.entries(functions);
  check(entries.every(([, act]) => typeof act === 'function'), shape);
  return new Map(entries);
}

function unknown(op) {
  const message = `the server has no operation "${op}"`;
  return make('unknown_op', message, { maybeExecuted: false });
}

module.exports = { Served, Work, acting, served };
