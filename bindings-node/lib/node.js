'use strict';
// A node: values at once, promises for what takes its time, events in both of JavaScript's ways.

const { EventEmitter } = require('node:events');
const { setImmediate } = require('node:timers');
const { inspect } = require('node:util');
const { isMainThread } = require('node:worker_threads');
const {
  asked,
  check,
  isObject,
  isTrue,
  named,
  numbered,
  octets,
  secret,
  span,
  unaborted,
} = require('./arguments.js');
const { RING_EVENTS, Rings } = require('./cluster.js');
const { make, native: guarded } = require('./errors.js');
const { EventStream, Reader, asyncDispose, warnings } = require('./events/events.js');
const { Listeners } = require('./events/listeners.js');
const { outcomes } = require('./keys.js');
const { Messages } = require('./messages/messages.js');
const { Topics } = require('./messages/topics.js');
const { NativeNode } = require('./native.js');
const { Operations } = require('./operations.js');
const { Unpacker } = require('./packed.js');
const placement = require('./placement.js');
const signals = require('./signals.js');
const { Keys } = require('./state/keys.js');
const { mapOf } = require('./state/map.js');

const LEAVE_TIMEOUT = 5000;

/** Nodes that must not be collected: somebody waits for them, or listens. */
const kept = new Set();
const collected = new FinalizationRegistry((name) => {
  const message = `node "${name}" was garbage-collected without close(); others see a failure`;
  process.emitWarning(message, { type: 'ChinwagWarning', code: 'CHINWAG_NOT_CLOSED' });
});

class Node extends EventEmitter {
  #native;
  #name;
  #rings;
  #messages;
  #topics;
  #keys;
  #operations;
  #listeners;
  /** Event streams that wait. */
  #sleepers = new Set();
  #held = true;
  #wanted = true;
  #closing = null;

  static async start(options = {}) {
    check(options !== null && typeof options === 'object', 'start expects an object of options');
    const { signal, ...rest } = options;
    unaborted(signal);
    if (isTrue(rest.handleSignals) && !isMainThread) {
      throw make('bad_config', 'option "handleSignals" works on the main thread only');
    }
    const node = new Node(rest);
    try {
      if (isTrue(rest.handleSignals)) signals.handle(node);
      await node.#perform(() => node.#native.ready(), signal);
    } catch (error) {
      await node.close();
      throw error;
    }
    // The next turn: whoever awaited the start has attached its listeners by then.
    setImmediate(() => node.#begin(rest));
    return node;
  }

  constructor(options) {
    super();
    this.#native = guarded(() => new NativeNode(options, Node.#waker(new WeakRef(this))));
    this.#name = this.localMember().name;
    this.#rings = new Rings(this.#native, this.#name);
    this.#operations = new Operations(this.#native, () => this.#hold());
    const reader = (replay) => this.#reader(replay);
    this.#listeners = new Listeners(this, reader, () => this.#hold());
    this.#messages = new Messages(this.#native, {
      perform: (submit, signal, idle) => this.#operations.settled(submit, signal, idle),
      tell: (...failure) => this.#served(...failure),
      blocks: options.outboxOverflow === 'block',
      changed: () => this.#hold(),
    });
    this.#topics = new Topics(this.#native, this.#sleep);
    const perform = (submit, signal) => this.#perform(submit, signal);
    this.#keys = new Keys(this.#native, perform, this.#sleep);
    collected.register(this, this.#name, this);
  }

  /** Made where no `this` is in sight, or the closure would keep the node for ever. */
  static #waker(reference) {
    return () => reference.deref()?.#wake();
  }

  localMember() {
    return this.#members((native) => native.localMember())[0];
  }

  members(filter = {}) {
    for (const key of Object.keys(filter)) check(key === 'tags', `unknown filter "${key}"`);
    check(filter.tags === undefined || isObject(filter.tags), 'tags is an object of strings');
    const members = this.#members((native) => native.members(false));
    const wanted = Object.entries(filter.tags ?? {});
    if (wanted.length === 0) return members;
    return members.filter(({ tags }) => wanted.every(([key, value]) => tags[key] === value));
  }

  knownMembers() {
    return this.#members((native) => native.members(true));
  }

  member(name) {
    check(typeof name === 'string', 'member expects a name');
    return this.#members((native) => native.member(name))[0];
  }

  stats() {
    return guarded(() => this.#native.stats());
  }

  metrics() {
    return guarded(() => this.#native.metrics());
  }

  get ring() {
    return this.#rings.present();
  }

  pastRings() {
    return this.#rings.past();
  }

  owner(key) {
    const name = this.ring.owner(key);
    return name === undefined ? undefined : this.member(name);
  }

  owners(key, count) {
    const members = this.ring.owners(key, count).map((name) => this.member(name));
    // One that is forgotten is not on the next ring.
    return members.filter((member) => member !== undefined);
  }

  owns(key) {
    return this.ring.owner(key) === this.#name;
  }

  previousOwner(key) {
    const bytes = placement.octets(key);
    return guarded(() => this.#native.previousOwner(bytes)) ?? undefined;
  }

  async setRingOverrides(overrides, { signal } = {}) {
    const given = placement.overrides(overrides);
    await this.#perform(() => this.#native.setRingOverrides(given), signal);
  }

  async released(id, { signal } = {}) {
    numbered(id, 'released');
    await this.#perform(() => this.#native.released(id), signal);
  }

  call(target, op, payload, options) {
    return this.#messages.call(target, op, payload, options);
  }

  cast(target, op, payload, options) {
    return this.#messages.cast(target, op, payload, options);
  }

  multiCall(server, op, payload, options) {
    return this.#messages.multiCall(server, op, payload, options);
  }

  abcast(server, op, payload, options) {
    return this.#messages.abcast(server, op, payload, options);
  }

  stream(target, op, payload, options) {
    return this.#messages.stream(target, op, payload, options);
  }

  monitor(target, options) {
    return this.#messages.monitor(target, options);
  }

  loopState(member) {
    return this.#messages.loopState(member);
  }

  hosts(server) {
    return this.#messages.hosts(server);
  }

  servers() {
    return this.#messages.servers();
  }

  serve(name, handlers, options) {
    return this.#messages.serve(name, handlers, options);
  }

  publish(topic, payload, options) {
    return this.#topics.publish(topic, payload, options);
  }

  subscribe(topic, options) {
    return this.#topics.subscribe(topic, options);
  }

  subscribers(topic) {
    return this.#topics.subscribers(topic);
  }

  topics() {
    return this.#topics.topics();
  }

  put(key, value, options) {
    return this.#keys.put(key, value, options);
  }

  delete(key, options) {
    return this.#keys.delete(key, options);
  }

  get(member, key) {
    return this.#keys.get(member, key);
  }

  entries(prefix) {
    return this.#keys.entries(prefix);
  }

  watch(prefix, options) {
    return this.#keys.watch(prefix, options);
  }

  map(name) {
    const perform = (submit, signal) => this.#perform(submit, signal);
    return mapOf(name, { native: this.#native, perform, sleep: this.#sleep });
  }

  async join(seeds, { signal } = {}) {
    const list = typeof seeds === 'string' ? [seeds] : seeds;
    const good = Array.isArray(list) && list.every((seed) => typeof seed === 'string');
    check(good, 'join expects host[:port], or an array of them');
    return this.#perform(() => this.#native.join(list), signal);
  }

  async updateTags(changes, { signal } = {}) {
    check(isObject(changes), 'updateTags expects an object of strings and nulls');
    await this.#perform(() => this.#native.updateTags(changes), signal);
  }

  async setTags(tags, { signal } = {}) {
    check(isObject(tags), 'setTags expects an object of strings');
    await this.#perform(() => this.#native.setTags(tags), signal);
  }

  async setMeta(meta, { signal } = {}) {
    check(meta instanceof Uint8Array, 'setMeta expects a Uint8Array');
    await this.#perform(() => this.#native.setMeta(meta), signal);
  }

  async send(member, payload, { reliable = true, signal } = {}) {
    named(member, 'send');
    check(typeof reliable === 'boolean', 'reliable is true or false');
    const bytes = octets(payload);
    await this.#perform(() => this.#native.send(member, bytes, reliable), signal);
  }

  async broadcast(payload, { name, supersede = false, signal } = {}) {
    check(name === undefined || typeof name === 'string', 'the name of a broadcast is a string');
    check(typeof supersede === 'boolean', 'supersede is true or false');
    const bytes = octets(payload);
    await this.#perform(() => this.#native.broadcast(bytes, name, supersede), signal);
  }

  async setState(state, { signal } = {}) {
    const bytes = octets(state);
    await this.#perform(() => this.#native.setState(bytes), signal);
  }

  async setPingPayload(payload, { signal } = {}) {
    const bytes = octets(payload);
    await this.#perform(() => this.#native.setPingPayload(bytes), signal);
  }

  async ping(member, { signal } = {}) {
    named(member, 'ping');
    return this.#perform(() => this.#native.ping(member), signal);
  }

  async roundTrip(member, { signal } = {}) {
    named(member, 'roundTrip');
    return this.#perform(() => this.#native.roundTrip(member), signal);
  }

  async explain(member, { signal } = {}) {
    named(member, 'explain');
    return this.#perform(() => this.#native.explain(member), signal);
  }

  keys() {
    return guarded(() => this.#native.keys());
  }

  async addKey(key, { signal } = {}) {
    secret(key, 'addKey');
    await this.#perform(() => this.#native.addKey(key), signal);
  }

  async useKey(key, { signal } = {}) {
    secret(key, 'useKey');
    await this.#perform(() => this.#native.useKey(key), signal);
  }

  async removeKey(key, { signal } = {}) {
    secret(key, 'removeKey');
    await this.#perform(() => this.#native.removeKey(key), signal);
  }

  async clusterKeys(op, key, { signal } = {}) {
    check(typeof op === 'string', 'clusterKeys expects install, use, remove or list');
    if (key !== undefined) secret(key, 'clusterKeys');
    return outcomes(await this.#perform(() => this.#native.clusterKeys(op, key), signal));
  }

  async admit(id, { signal } = {}) {
    numbered(id, 'admit');
    await this.#perform(() => this.#native.admit(id), signal);
  }

  async refuse(id, reason = '', { signal } = {}) {
    numbered(id, 'refuse');
    check(typeof reason === 'string', 'the reason of a refusal is a string');
    await this.#perform(() => this.#native.refuse(id, reason), signal);
  }

  async userEvent(name, payload = '', { coalesce = false, signal } = {}) {
    check(typeof name === 'string', 'the name of a user event is a string');
    check(typeof coalesce === 'boolean', 'coalesce is true or false');
    const bytes = octets(payload);
    await this.#perform(() => this.#native.userEvent(name, bytes, coalesce), signal);
  }

  async query(name, payload = '', { signal, ...options } = {}) {
    check(typeof name === 'string', 'the name of a query is a string');
    const [bytes, all] = [octets(payload), asked(options)];
    return this.#perform(() => this.#native.query(name, bytes, all), signal);
  }

  async respond(id, payload, { signal } = {}) {
    numbered(id, 'respond');
    const bytes = octets(payload);
    await this.#perform(() => this.#native.respond(id, bytes), signal);
  }

  async forceLeave(member, { prune = false, signal } = {}) {
    named(member, 'forceLeave');
    check(typeof prune === 'boolean', 'prune is true or false');
    await this.#perform(() => this.#native.forceLeave(member, prune), signal);
  }

  async coordinate({ signal } = {}) {
    return this.#perform(() => this.#native.coordinate(), signal);
  }

  async rtt(from, to, { signal } = {}) {
    named(from, 'rtt');
    named(to, 'rtt');
    return this.#perform(() => this.#native.rtt(from, to), signal);
  }

  async leave({ timeout = LEAVE_TIMEOUT, signal } = {}) {
    span(timeout);
    await this.#perform(() => this.#native.leave(timeout), signal);
  }

  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get closed() {
    return this.#closing !== null;
  }

  async [asyncDispose]() {
    try {
      if (!this.closed) await this.leave();
    } finally {
      await this.close();
    }
  }

  events({ replay = false, signal } = {}) {
    const reader = this.#reader(Boolean(replay));
    return new EventStream(reader, this.#sleep, signal);
  }

  ref() {
    this.#wanted = true;
    this.#hold();
    return this;
  }

  unref() {
    this.#wanted = false;
    this.#hold();
    return this;
  }

  // `once` and `prependOnceListener` come through these as well.
  on(type, listener) {
    super.on(type, listener);
    this.#listened(type);
    return this;
  }

  addListener(type, listener) {
    return this.on(type, listener);
  }

  prependListener(type, listener) {
    super.prependListener(type, listener);
    this.#listened(type);
    return this;
  }

  // A listener of `once` goes through this as well.
  removeListener(type, listener) {
    super.removeListener(type, listener);
    this.#listeners.removed();
    return this;
  }

  off(type, listener) {
    return this.removeListener(type, listener);
  }

  removeAllListeners(...types) {
    super.removeAllListeners(...types);
    this.#listeners.removed();
    return this;
  }

  [inspect.custom](_, options) {
    const { name, addr, tags } = this.localMember();
    const members = this.members().length;
    return `Node ${inspect({ name, addr, tags, members, closed: this.closed }, options)}`;
  }

  /** A stream of this node waits to be woken, or no longer. */
  #sleep = (stream, asleep) => {
    if (asleep) this.#sleepers.add(stream);
    else this.#sleepers.delete(stream);
    this.#hold();
  };

  #reader(replay) {
    const native = guarded(() => this.#native.subscribe(replay));
    const rings = this.#rings;
    return new Reader(native, (before, after) => rings.changed(before, after));
  }

  #members(get) {
    return new Unpacker(guarded(() => get(this.#native))).members();
  }

  async #perform(submit, signal) {
    return (await this.#operations.settled(submit, signal)).value;
  }

  async #close() {
    signals.forget(this);
    collected.unregister(this);
    try {
      await this.#native.close();
    } catch (cause) {
      throw make('internal', cause.message, { cause });
    } finally {
      this.#end();
    }
  }

  /** Nothing more comes from the core: what still waits learns of it. */
  #end() {
    this.#operations.end();
    for (const stream of [...this.#sleepers]) stream.wake();
    this.#messages.end();
    this.#listeners.end();
    this.#native.release();
    process.nextTick(() => this.emit('close'));
  }

  /** Something is there to take: outcomes, or events, or both. */
  #wake() {
    Listeners.turned();
    this.#operations.take();
    for (const stream of [...this.#sleepers]) stream.wake();
    this.#messages.wake();
    this.#listeners.wake();
  }

  /** The first turn after the start: listeners that come from now on are told what is new. */
  #begin(options) {
    this.#listeners.begin();
    if (!this.#closing) warnings.begun(this, options);
  }

  /** A server came or went, or one of its casts came to nothing. */
  #served(server, cause, again) {
    if (server === undefined) this.#hold();
    else warnings.castFailed(this, server, cause, again);
  }

  #listened(type) {
    this.#listeners.added(type);
    // The first to ask has it made; from now on it is kept, and its changes are told.
    if (!this.#closing && RING_EVENTS.includes(type)) this.#rings.present();
  }

  /** An open node holds the event loop, unless told otherwise; what is awaited always does. */
  #hold() {
    const waiting = this.#operations.waiting || this.#messages.waiting;
    const holding = this.#operations.holding || this.#messages.holding;
    const open = !this.#closing || waiting;
    const hold = open && (this.#wanted || holding);
    if (hold !== this.#held) {
      this.#held = hold;
      guarded(() => this.#native.hold(hold));
    }
    const listening = this.#listeners.listening || this.#sleepers.size > 0;
    const used = hold || waiting || listening || this.#messages.serving;
    if (open && used) kept.add(this);
    else kept.delete(this);
  }
}

module.exports = { Node };
