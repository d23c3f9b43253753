'use strict';
// What a vector clock holds, and what becomes of it. Nothing here changes what it is given.

const { both, check, find, fitting, order } = require('./actors.js');
const { above } = require('./numbers.js');

/** No stamp is known. It is below all that are. */
const NONE = -1;
/** The bits of a comparison, as names: 1 where something is less, 2 where something is more. */
const VERDICTS = ['equal', 'before', 'after', 'concurrent'];

/**
 * The names of actors in order, a count for each, and for each a stamp of the first and one of the
 * last change; or null for all stamps, as long as nobody gave any. Clocks share what is the same.
 */
class State {
  constructor(names, counts, stamps) {
    this.names = names;
    this.counts = counts;
    this.stamps = stamps;
  }
}

const EMPTY = new State([], [], null);

/** Builds a state from names that come in order. */
class Draft {
  #state = new State([], [], null);

  add(name, count, insert, time) {
    const state = this.#state;
    if (state.stamps === null && (insert !== NONE || time !== NONE)) {
      state.stamps = new Array(2 * state.names.length).fill(NONE);
    }
    state.names.push(name);
    state.counts.push(count);
    if (state.stamps !== null) state.stamps.push(insert, time);
  }

  done() {
    fitting(this.#state.names);
    return this.#state;
  }
}

function insertOf({ stamps }, at) {
  return stamps === null || at < 0 ? NONE : stamps[2 * at];
}

function timeOf({ stamps }, at) {
  return stamps === null || at < 0 ? NONE : stamps[2 * at + 1];
}

function countOf({ names, counts }, actor) {
  const at = find(names, actor);
  return at < 0 ? 0 : counts[at];
}

/** With an entry that counts 0 at a place where it is missing. */
function widened({ names, counts, stamps }, place, actor) {
  const more = fitting(names.toSpliced(place, 0, check(actor)));
  const stamped = stamps === null ? null : stamps.toSpliced(2 * place, 0, NONE, NONE);
  return new State(more, counts.toSpliced(place, 0, 0), stamped);
}

/** With another count of an actor, from a time on unless that is `NONE`. */
function changed(state, actor, change, time) {
  const found = find(state.names, actor);
  const at = found < 0 ? ~found : found;
  const { names, counts, stamps } = found < 0 ? widened(state, at, actor) : state;
  const other = counts.slice();
  other[at] = change(other[at]);
  if (time === NONE) return new State(names, other, stamps);
  const stamped = stamps === null ? new Array(2 * names.length).fill(NONE) : stamps.slice();
  if (stamped[2 * at] === NONE) stamped[2 * at] = time;
  stamped[2 * at + 1] = time;
  return new State(names, other, stamped);
}

/** Without the entries at some places. */
function without(state, places) {
  const gone = new Set(places);
  const kept = (_, at) => !gone.has(at);
  const stamps = state.stamps?.filter((_, at) => !gone.has(at >>> 1)) ?? null;
  return new State(state.names.filter(kept), state.counts.filter(kept), stamps);
}

/** The places of what is too old or too much at some time, by the bounds of `trim`. */
function trimmed({ names, stamps }, now, { lower, youngUs, upper, oldUs }) {
  if (names.length <= lower || stamps === null) return [];
  const time = (at) => stamps[2 * at + 1];
  const oldest = names.map((_, at) => at).filter((at) => time(at) !== NONE);
  // Places stand for names, which are in order.
  oldest.sort((one, other) => rising(time(one), time(other)) || one - other);
  const age = (at) => above(now, time(at));
  if (oldest.length === 0 || age(oldest[0]) <= youngUs) return [];
  const old = oldest.findIndex((at) => age(at) <= oldUs);
  const many = Math.max(0, names.length - Number(upper));
  return oldest.slice(0, Math.max(many, old < 0 ? oldest.length : old));
}

/** Numbers of both kinds, in order. */
function rising(one, other) {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Whether two lists have the same names. */
function alike(names, others) {
  if (names === others) return true;
  if (names.length !== others.length) return false;
  for (let at = 0; at < names.length; at++) if (names[at] !== others[at]) return false;
  return true;
}

/** The earlier of two that are known. */
function earlier(one, other) {
  if (one === NONE || other === NONE) return one === NONE ? other : one;
  return one < other ? one : other;
}

/** The time of the higher count; of equal ones the newer. */
function later(our, ours, their, theirs) {
  if (our !== their) return our > their ? ours : theirs;
  return ours > theirs ? ours : theirs;
}

/** Whether two clocks have the same actors. If so, they are known as the same the next time. */
function meet(ours, theirs) {
  const same = alike(ours.names, theirs.names);
  if (same) theirs.names = ours.names;
  return same;
}

function merge(ours, theirs) {
  if (!meet(ours, theirs)) return united(ours, theirs);
  const [counts, others] = [ours.counts.slice(), theirs.counts];
  for (let at = 0; at < counts.length; at++) if (others[at] > counts[at]) counts[at] = others[at];
  if (ours.stamps === null && theirs.stamps === null) return new State(ours.names, counts, null);
  const stamps = [];
  for (let at = 0; at < counts.length; at++) {
    stamps.push(earlier(insertOf(ours, at), insertOf(theirs, at)));
    stamps.push(later(ours.counts[at], timeOf(ours, at), others[at], timeOf(theirs, at)));
  }
  return new State(ours.names, counts, stamps);
}

function united(ours, theirs) {
  const draft = new Draft();
  both(ours.names, theirs.names, (name, our, their) => {
    const [count, other] = [our < 0 ? 0 : ours.counts[our], their < 0 ? 0 : theirs.counts[their]];
    const insert = earlier(insertOf(ours, our), insertOf(theirs, their));
    const time = later(count, timeOf(ours, our), other, timeOf(theirs, their));
    draft.add(name, count > other ? count : other, insert, time);
  });
  return draft.done();
}

/** The bits of a comparison. */
function compare(ours, theirs) {
  const { names, counts } = ours;
  const { names: others, counts: known } = theirs;
  if (meet(ours, theirs)) return byCounts(counts, known);
  let [our, their, bits] = [0, 0, 0];
  while (bits !== 3 && our < names.length && their < others.length) {
    const by = order(names[our], others[their]);
    const count = by > 0 ? 0 : counts[our++];
    const other = by < 0 ? 0 : known[their++];
    if (count !== other) bits |= count < other ? 1 : 2;
  }
  while (our < names.length) if (counts[our++] > 0) bits |= 2;
  while (their < others.length) if (known[their++] > 0) bits |= 1;
  return bits;
}

function byCounts(counts, others) {
  let bits = 0;
  for (let at = 0; at < counts.length && bits !== 3; at++) {
    if (counts[at] !== others[at]) bits |= counts[at] < others[at] ? 1 : 2;
  }
  return bits;
}

module.exports = {
  Draft,
  EMPTY,
  NONE,
  State,
  VERDICTS,
  alike,
  changed,
  compare,
  countOf,
  earlier,
  insertOf,
  later,
  merge,
  timeOf,
  trimmed,
  without,
};
