'use strict';
// A ring: which node owns which key. Names stay here, so that the core answers with numbers.

const { Buffer } = require('node:buffer');
const { inspect } = require('node:util');
const { make, native: guarded } = require('./errors.js');
const { NativeRing, jump: bucket } = require('./native.js');
const placement = require('./placement.js');
const { keyed, listed, named, octets, whole, wrong } = placement;

/** What a look-up answers where there is no owner, where there is no key, and where it failed. */
const NOBODY = -1;
const NO_KEY = -2;
const BROKEN = -3;
/** Owners in one answer of `lookup`, 16 bits each. */
const PACKED = 3;
/** Keys that cross the border together. */
const BATCH = 512;

/**
 * Functions of all rings, and no methods of the native object: those cost several times what these
 * do. The first argument says which ring.
 */
const lookup = guarded(() => NativeRing.lookup());
const lookupMany = guarded(() => NativeRing.lookupMany());
/** Which ring, then the owner of each key. */
const found = new Int32Array(1 + BATCH);

/** No owner: because there is none, or there is something wrong. */
function missed(answer, key) {
  if (answer === NOBODY) return undefined;
  if (answer === NO_KEY) throw wrong('a key', key);
  throw make('internal', 'the look-up of a key failed');
}

let nativeOf;

class Ring {
  #native;
  /** What `lookup` knows it by. */
  #handle;
  /** As `names`, but not frozen: V8 compiles an access to a frozen array to a call. */
  #names;
  /** What it is made from, once somebody asks. */
  #told;

  static {
    nativeOf = (ring) => ring.#native;
  }

  constructor(nodes = [], options = {}) {
    const build = () => NativeRing.build(terms(nodes, options));
    const made = nodes instanceof NativeRing ? nodes : guarded(build);
    this.#native = made;
    this.#handle = guarded(() => made.handle());
    this.#names = guarded(() => made.names());
    this.names = Object.freeze([...this.#names]);
    this.replicas = guarded(() => made.replicas());
    this.fingerprint = guarded(() => made.fingerprint());
    this.version = guarded(() => made.version());
    Object.freeze(this);
  }

  static async build(nodes = [], options = {}) {
    const built = await guarded(() => NativeRing.buildAside(terms(nodes, options)));
    if (!built.ring) throw make(built.code, built.message);
    return new Ring(built.ring);
  }

  static fromBytes(bytes) {
    if (!(bytes instanceof Uint8Array)) throw wrong('the bytes of a ring', bytes);
    return new Ring(guarded(() => NativeRing.fromBytes(bytes)));
  }

  static fromJSON(json) {
    const text = placement.json(json);
    return new Ring(guarded(() => NativeRing.fromJson(text)));
  }

  owner(key) {
    const number = lookup(this.#handle, key);
    return number < 0 ? missed(number, key) : this.#names[number];
  }

  owners(key, count) {
    const names = this.#names;
    const wanted = Math.min(whole(count, 'the number of owners'), names.length);
    if (wanted === 0 || wanted > PACKED) {
      const numbers = this.#ask((native) => native.owners(octets(key), wanted));
      return numbers.map((number) => names[number]);
    }
    const packed = lookup(this.#handle, key, wanted);
    if (packed < 0) missed(packed, key);
    const first = names[packed & 0xffff];
    if (wanted === 1) return [first];
    const second = names[packed >>> 16];
    return wanted === 2 ? [first, second] : [first, second, names[Math.floor(packed / 2 ** 32)]];
  }

  isOwner(name, key) {
    return this.owner(key) === named(name);
  }

  ownerWithRoom(key, hasRoom) {
    if (typeof hasRoom !== 'function') throw wrong('what says who has room', hasRoom);
    const owner = this.owner(key);
    if (owner === undefined || hasRoom(owner)) return owner;
    // Mostly one of the next has room; all of them are asked in the end.
    for (let asked = 1; asked < this.size; asked *= 8) {
      const found = this.owners(key, 8 * asked).slice(asked).find((name) => hasRoom(name));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  ownersMany(keys) {
    const list = listed(keys, 'the keys');
    const owners = new Array(list.length);
    for (let at = 0; at < list.length; at += BATCH) this.#batch(list, at, owners);
    return owners;
  }

  ownersJoined(keys) {
    return this.#ask((native) => native.joined(keyed(keys)));
  }

  ownersPacked(keys, layout) {
    if (!(keys instanceof Uint8Array)) throw wrong('packed keys', keys);
    if (layout instanceof Uint32Array) return this.#ask((native) => native.packed(keys, layout));
    const width = whole(layout, 'the width of keys');
    return this.#ask((native) => native.even(keys, width));
  }

  slot(key) {
    return this.#ask((native) => native.slot(octets(key))) ?? undefined;
  }

  slotOwners(slot) {
    if (whole(slot, 'a slot') >= this.slots) return [];
    return this.#ask((native) => native.slotOwners(slot));
  }

  slotsOf(name) {
    return this.#ask((native) => native.slotsOf(named(name)));
  }

  ownersBefore(key, count) {
    const wanted = this.#some(count);
    return this.#ask((native) => native.ownersBefore(octets(key), wanted));
  }

  next(name, count) {
    const wanted = this.#some(count);
    return this.#ask((native) => native.next(named(name), wanted));
  }

  previous(name, count) {
    const wanted = this.#some(count);
    return this.#ask((native) => native.previous(named(name), wanted));
  }

  ranges() {
    const { starts, ends, owners } = this.#ask((native) => native.ranges());
    const range = (start, at) => ({ start, end: ends[at], owner: this.names[owners[at]] });
    return Array.from(starts, range);
  }

  balance() {
    const shares = this.#ask((native) => native.balance());
    const one = (name, at) => ({ name, share: shares[2 * at], ideal: shares[2 * at + 1] });
    return this.names.map(one);
  }

  get size() {
    return this.names.length;
  }

  get memory() {
    return this.#ask((native) => native.size());
  }

  get profile() {
    return this.#ask((native) => native.profile());
  }

  get slots() {
    return this.#terms().slots ?? 0;
  }

  get slack() {
    return this.#terms().slack ?? null;
  }

  get hashTags() {
    return this.#terms().hash_tags;
  }

  get nodes() {
    return this.#terms().nodes.map(({ name, weight, zone = '' }) => ({ name, weight, zone }));
  }

  get excluded() {
    return [...this.#terms().excluded];
  }

  get pins() {
    return pinned(this.#terms().keys);
  }

  get pinPrefixes() {
    return pinned(this.#terms().prefixes);
  }

  withNode(node) {
    const given = placement.node(node);
    return new Ring(this.#ask((native) => native.withNode(given)));
  }

  update(node) {
    const given = placement.node(node);
    return new Ring(this.#ask((native) => native.update(given)));
  }

  without(name) {
    return new Ring(this.#ask((native) => native.without(named(name))));
  }

  replace(options) {
    const given = placement.options(options);
    return new Ring(this.#ask((native) => native.replace(given)));
  }

  union(other) {
    return new Ring(this.#ask((native) => native.union(ringed(other))));
  }

  intersection(other) {
    return new Ring(this.#ask((native) => native.intersection(ringed(other))));
  }

  equals(other) {
    return other instanceof Ring && this.#ask((native) => native.equals(other.#native));
  }

  toBytes() {
    return this.#ask((native) => native.toBytes());
  }

  toJSON() {
    return JSON.parse(this.#ask((native) => native.toJson()));
  }

  [inspect.custom](_, options) {
    const { profile, size: nodes } = this;
    const fingerprint = this.fingerprint.toString(16).padStart(16, '0');
    return `Ring ${inspect({ profile, nodes, fingerprint }, options)}`;
  }

  /** The owners of so many keys from one on. */
  #batch(keys, from, owners) {
    const names = this.#names;
    const some = keys.slice(from, from + BATCH);
    found[0] = this.#handle;
    if (lookupMany(found, ...some) !== some.length) missed(BROKEN);
    for (let at = 0; at < some.length; at++) {
      const number = found[at + 1];
      owners[from + at] = number < 0 ? missed(number, some[at]) : names[number];
    }
  }

  /** As many as are asked for, or as there are. */
  #some(count) {
    return Math.min(whole(count, 'the number of owners'), this.size);
  }

  #terms() {
    this.#told ??= this.toJSON();
    return this.#told;
  }

  #ask(question) {
    return guarded(() => question(this.#native));
  }
}

/** What a ring is made from, for the core. */
function terms(nodes, options) {
  const given = placement.options(options);
  if ('nodes' in given) throw make('bad_argument', 'nodes come before the options of a ring');
  return { ...given, ...placement.options({ nodes }) };
}

/** Who owns what, by keys that are text or bytes. */
function pinned(pins) {
  const key = (pin) => pin.key ?? new Uint8Array(Buffer.from(pin.base64, 'base64'));
  return new Map(pins.map((pin) => [key(pin), pin.node]));
}

function ringed(value) {
  if (!(value instanceof Ring)) throw wrong('another ring', value);
  return nativeOf(value);
}

function jump(key, buckets) {
  const count = whole(buckets, 'the number of buckets');
  return guarded(() => bucket(keyed(key), count)) ?? undefined;
}

module.exports = { Ring, jump, ringed };
