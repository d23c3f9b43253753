'use strict';
// Topics: what is published goes to everybody who subscribes, on whatever members they are.

const { setImmediate } = require('node:timers/promises');
const { check, unaborted } = require('../arguments.js');
const { native: guarded } = require('../errors.js');
const { Batches } = require('../events/batches.js');
const { EventStream } = require('../events/events.js');
const { envelope, headersOf, known, readable } = require('./envelope.js');

const PUBLISH = new Set(['headers', 'codec', 'latest', 'signal']);
const SUBSCRIBE = new Set(['queue', 'buffer', 'signal']);

/** Publications in a row before others get their turn: subscribers of this node, too. */
const TURN = 64;

/** Something that was published. */
class Published {
  constructor(topic, told) {
    this.topic = topic;
    this.sender = told.text();
    this.missed = told.number();
    this.headers = Object.freeze(headersOf(told));
    const payload = readable(told);
    try {
      this.payload = payload();
    } catch {
      // Whoever looks at it learns why, and the next one comes all the same.
      Object.defineProperty(this, 'payload', { get: payload, enumerable: true });
    }
    Object.freeze(this);
  }
}

/** What `node.subscribe()` returns. */
class Subscriber extends EventStream {
  #native;

  constructor(topic, native, sleep, signal) {
    super(new Batches(native, (told) => new Published(topic, told)), sleep, signal);
    this.#native = native;
    this.topic = topic;
  }

  get missed() {
    return guarded(() => this.#native.missed);
  }

  close() {
    void this.return();
  }
}

/** The topics of one node. */
class Topics {
  #native;
  #sleep;
  #published = 0;

  constructor(native, sleep) {
    this.#native = native;
    this.#sleep = sleep;
  }

  async publish(topic, payload, options = {}) {
    known(options, PUBLISH, 'publish');
    const { headers, codec, latest = false, signal } = options;
    check(typeof topic === 'string', 'publish expects the name of a topic');
    check(typeof latest === 'boolean', 'latest is true or false');
    const parts = envelope(topic, '', { headers, wanted: Number(latest) }, codec, payload);
    unaborted(signal);
    const sent = guarded(() => this.#native.publish(...parts.said()));
    this.#published += 1;
    if (this.#published % TURN === 0) await setImmediate();
    return sent;
  }

  subscribe(topic, options = {}) {
    known(options, SUBSCRIBE, 'subscribe');
    const { queue, buffer, signal } = options;
    check(typeof topic === 'string', 'subscribe expects the name of a topic');
    check(queue === undefined || typeof queue === 'string', 'queue is a string');
    const whole = buffer === undefined || (Number.isSafeInteger(buffer) && buffer > 0);
    check(whole, 'buffer is a whole number from 1 on');
    unaborted(signal);
    const native = guarded(() => this.#native.subscribeTopic(topic, queue, buffer));
    return new Subscriber(topic, native, this.#sleep, signal);
  }

  subscribers(topic) {
    check(typeof topic === 'string', 'subscribers expects the name of a topic');
    return guarded(() => this.#native.subscribers(topic));
  }

  topics() {
    return guarded(() => this.#native.topics());
  }
}

module.exports = { Topics };
