'use strict';
// Names of actors, in the order of their bytes.

const { Buffer } = require('node:buffer');
const { make } = require('../errors.js');
const { text, wrong } = require('../placement.js');
const { MAX, whole } = require('./numbers.js');

/** Bytes of a name at most. */
const ACTOR_MAX = 1024;
/** Bytes of all names of one clock at most. */
const NAMES_MAX = 16 * 1024 * 1024;

/** Something that can be looked for. */
function sought(actor) {
  if (typeof actor !== 'string') throw wrong('the name of an actor', actor);
  return actor;
}

/** A name that may be given to an actor. */
function check(actor) {
  const size = Buffer.byteLength(text(actor, 'the name of an actor'));
  if (size === 0) {
    throw make('bad_argument', 'an actor has no name; give the process that writes one');
  }
  if (size > ACTOR_MAX) {
    const message = `the name of an actor has ${size} bytes; at most ${ACTOR_MAX} are allowed`;
    throw make('bad_argument', message);
  }
  return actor;
}

/** Names that are good one by one, and may be too many. */
function fitting(names) {
  if (names.length <= NAMES_MAX / ACTOR_MAX) return names;
  room(names.reduce((size, name) => size + Buffer.byteLength(name), 0));
  return names;
}

/** So many bytes of names, if they are not too many. */
function room(size) {
  if (size <= NAMES_MAX) return size;
  throw make('too_large', `the names of all actors take more than ${NAMES_MAX} bytes`);
}

/** A unit of UTF-16 by its place among bytes: halves of characters are above all others. */
function rank(unit) {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Below, at or above 0, as the bytes of one come before those of the other or not. */
function order(one, other) {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [unit, another] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (unit !== another) return rank(unit) - rank(another);
  }
  return one.length - other.length;
}

/** Where a name is; or, as `~place`, where it would be. */
function find(names, actor) {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const by = order(names[middle], actor);
    if (by === 0) return middle;
    if (by < 0) low = middle + 1;
    else high = middle;
  }
  return ~low;
}

/** Goes through the names of both, in order, with the place of each on either side, or -1. */
function both(ours, theirs, visit) {
  let [our, their] = [0, 0];
  while (our < ours.length || their < theirs.length) {
    let by = 0;
    if (our === ours.length) by = 1;
    else if (their === theirs.length) by = -1;
    else by = order(ours[our], theirs[their]);
    const name = by > 0 ? theirs[their] : ours[our];
    visit(name, by > 0 ? -1 : our++, by < 0 ? -1 : their++);
  }
}

function actor(name, incarnation) {
  return check(`${check(name)}~${whole(incarnation, 'an incarnation')}`);
}

function splitActor(actor) {
  const [, name, digits] = sought(actor).match(/^([^]+)~(0|[1-9][0-9]{0,19})$/) ?? [];
  if (name === undefined || BigInt(digits) > MAX) return undefined;
  return { name, incarnation: BigInt(digits) };
}

module.exports = { actor, both, check, find, fitting, order, room, sought, splitActor };
