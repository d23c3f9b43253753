'use strict';
// Actors that will never write again, and clocks that need no entry for them.

const { Buffer } = require('node:buffer');
const { inspect } = require('node:util');
const { make } = require('../errors.js');
const { listed, wrong } = require('../placement.js');
const { both, check, order, room, sought } = require('./actors.js');
const { foldedBytes, readFolded, readRetired, retiredBytes } = require('./bytes.js');
const { clockJSON, digits, isPlain, numeral, parseFolded, parseRetired } = require('./json.js');
const { held, whole } = require('./numbers.js');
const states = require('./state.js');
const { VectorClock, stateOf } = require('./vector.js');

const { Draft, NONE, VERDICTS, alike, earlier, insertOf, later, timeOf } = states;

class Folded {
  constructor(epoch, clock) {
    if (!(clock instanceof VectorClock)) throw wrong('what new Folded() is given', clock);
    this.epoch = BigInt(whole(epoch, 'an epoch'));
    this.clock = clock;
    Object.freeze(this);
  }

  static from(value) {
    if (value instanceof Folded) return value;
    if (value instanceof Uint8Array) return unpacked(readFolded(value));
    if (typeof value === 'string') return unpacked(parseFolded(value));
    if (!isPlain(value)) throw wrong('a folded clock', value);
    const { clock, epoch, ...rest } = value;
    if (!isPlain(clock) || Object.keys(rest).length > 0) throw wrong('a folded clock', value);
    return new Folded(numeral(epoch, 'an epoch'), VectorClock.from(clock));
  }

  equals(other) {
    if (!(other instanceof Folded) || this.epoch !== other.epoch) return false;
    const [ours, theirs] = [stateOf(this.clock), stateOf(other.clock)];
    const counts = (count, at) => count === theirs.counts[at];
    return alike(ours.names, theirs.names) && ours.counts.every(counts);
  }

  toBuffer() {
    return foldedBytes(held(this.epoch), stateOf(this.clock));
  }

  toJSON() {
    return { clock: clockJSON(stateOf(this.clock)), epoch: digits(held(this.epoch)) };
  }

  [inspect.custom](_, options) {
    const { epoch, clock } = this;
    return `Folded ${inspect({ epoch, clock }, options)}`;
  }
}

function unpacked({ epoch, state }) {
  return new Folded(epoch, new VectorClock(state));
}

class Retired {
  /** Final counts by actor, in the order of the log. */
  #counts = new Map();
  /** Bytes of all names. */
  #bytes = 0;

  constructor(log = []) {
    for (const [actor, count] of pairs(log)) this.retire(actor, count);
  }

  static from(value) {
    if (value instanceof Uint8Array) return new Retired(readRetired(value));
    if (typeof value === 'string') return new Retired(parseRetired(value));
    const count = (number) => numeral(number, 'the final count of an actor');
    return new Retired(pairs(value).map(([actor, number]) => [actor, count(number)]));
  }

  retire(actor, count) {
    const final = whole(count, 'the final count of an actor');
    const before = this.#counts.get(check(actor));
    if (before !== undefined) {
      throw make(
        'bad_argument',
        `"${actor}" has ended already, with ${before} events; a process that comes back is ` +
          'another actor, of a higher incarnation',
      );
    }
    this.#bytes = room(this.#bytes + Buffer.byteLength(actor));
    this.#counts.set(actor, final);
    return this.epoch;
  }

  get epoch() {
    return BigInt(this.#counts.size);
  }

  get size() {
    return this.#counts.size;
  }

  get(actor) {
    const count = this.#counts.get(sought(actor));
    return count === undefined ? undefined : BigInt(count);
  }

  *[Symbol.iterator]() {
    for (const [actor, count] of this.#counts) yield [actor, BigInt(count)];
  }

  fold(clock) {
    return this.#raised(stateOf(clock), 0);
  }

  unfold(folded) {
    const state = stateOf(foldedClock(folded).clock);
    const entries = opened(state);
    for (const [actor, final] of [...this.#counts].slice(0, this.#place(folded))) {
      if (!entries.has(actor) && final !== 0) entries.set(actor, [final, NONE, NONE]);
      else if (entries.get(actor)?.[0] === 0) entries.delete(actor);
    }
    return new VectorClock(closed(entries));
  }

  raise(folded) {
    return this.#raised(stateOf(foldedClock(folded).clock), this.#place(folded));
  }

  compare(ours, theirs) {
    let bits = 0;
    this.#both(ours, theirs, (_, our, their) => {
      if (our !== their) bits |= our < their ? 1 : 2;
    });
    return VERDICTS[bits];
  }

  merge(ours, theirs) {
    const draft = new Draft();
    this.#both(ours, theirs, (name, our, their, stamps) => {
      const count = our > their ? our : their;
      if (this.#counts.get(name) === count) return;
      const [[insert, time], [other, another]] = stamps();
      draft.add(name, count, earlier(insert, other), later(our, time, their, another));
    });
    return unpacked({ epoch: this.size, state: draft.done() });
  }

  toBuffer() {
    return retiredBytes(this.#counts);
  }

  toJSON() {
    return [...this.#counts].map(([actor, count]) => [actor, digits(count)]);
  }

  [inspect.custom](_, options) {
    return inspect(new Map(this), options).replace('Map', 'Retired');
  }

  /** A clock of some epoch under all that came since. */
  #raised(state, place) {
    if (place === this.size) return unpacked({ epoch: place, state });
    const entries = opened(state);
    for (const [actor, final] of [...this.#counts].slice(place)) {
      if (!entries.has(actor) && final !== 0) entries.set(actor, [0, NONE, NONE]);
      else if (entries.get(actor)?.[0] === final) entries.delete(actor);
    }
    return unpacked({ epoch: this.size, state: closed(entries) });
  }

  /** Goes through the actors of two folded clocks, with what each knows of them. */
  #both(one, other, visit) {
    const [ours, theirs] = [one, other].map((folded) => stateOf(this.raise(folded).clock));
    both(ours.names, theirs.names, (name, our, their) => {
      // No entry means all of it.
      const final = our < 0 || their < 0 ? (this.#counts.get(name) ?? 0) : 0;
      const count = ({ counts }, at) => (at < 0 ? final : counts[at]);
      const stamps = (state, at) => [insertOf(state, at), timeOf(state, at)];
      const known = () => [stamps(ours, our), stamps(theirs, their)];
      visit(name, count(ours, our), count(theirs, their), known);
    });
  }

  /** Where in the log the epoch of a clock ends. */
  #place({ epoch }) {
    if (epoch <= this.#counts.size) return Number(epoch);
    throw make(
      'bad_argument',
      `the clock was folded under ${epoch} retirements, and only ${this.size} are known here; ` +
        'bring the log up to date first',
    );
  }
}

/** Actors and counts, as far as they come in pairs. */
function pairs(log) {
  const all = listed(log, 'a log of retirements');
  for (const pair of all) {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong('an actor and its count', pair);
  }
  return all;
}

function foldedClock(value) {
  if (!(value instanceof Folded)) throw wrong('a folded clock', value);
  return value;
}

/** The entries of a clock by actor. */
function opened(state) {
  const entry = (name, at) => [name, [state.counts[at], insertOf(state, at), timeOf(state, at)]];
  return new Map(state.names.map(entry));
}

/** The clock of such entries, in whatever order. */
function closed(entries) {
  const draft = new Draft();
  const sorted = [...entries].sort(([one], [other]) => order(one, other));
  for (const [name, [count, insert, time]] of sorted) draft.add(name, count, insert, time);
  return draft.done();
}

module.exports = { Folded, Retired };
