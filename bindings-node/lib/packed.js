'use strict';
// Reads what src/member.rs packs, in the same order.

const { inspect } = require('node:util');
const { EVENT_FIELDS, EVENT_TYPES, MEMBER_STATES } = require('../constants.js');

/** A member, as it was when the value was taken. */
class Member {
  #bytes;
  #versions;

  constructor(name, addr, state, incarnation, tags, bytes, versions) {
    this.name = name;
    this.addr = addr;
    this.state = state;
    this.incarnation = incarnation;
    this.tags = tags;
    this.#bytes = bytes;
    this.#versions = versions;
  }

  get meta() {
    const { all, from, to } = this.#bytes;
    return all.slice(from, to);
  }

  get versions() {
    return [5, 4, 3, 2, 1, 0].map((place) => Math.floor(this.#versions / 256 ** place) % 256);
  }

  [inspect.custom](_, options) {
    const { name, addr, state, tags } = this;
    return `Member ${inspect({ name, addr, state, tags }, options)}`;
  }
}

/** Walks over packed members or events. */
class Unpacker {
  #text;
  #numbers;
  #bytes;
  #rings;
  #changed;
  #character = 0;
  #number = 0;
  #byte = 0;
  #ring = 0;

  /** How many are left. */
  left;

  /** `changed` makes a change out of the ring before it and that after it. */
  constructor({ text, numbers, bytes, rings }, changed) {
    this.#text = text;
    this.#numbers = numbers;
    this.#bytes = bytes;
    this.#rings = rings;
    this.#changed = changed;
    this.left = this.#next();
  }

  /** The next event. */
  event() {
    this.left--;
    const row = this.#next() - 1;
    const type = EVENT_TYPES[row];
    const seq = this.#next();
    const fields = EVENT_FIELDS[row];
    // The frequent ones, as literals of their own.
    if (fields.length === 1 && fields[0][1] === 'member') {
      return { type, seq, member: this.#member() };
    }
    if (type === 'member-update') {
      const member = this.#member();
      return { type, seq, member, previous: this.#member(member) };
    }
    const event = { type, seq };
    for (const [name, kind] of fields) event[name] = this.#field(kind);
    return event;
  }

  #field(kind) {
    switch (kind) {
      case 'member':
        return this.#member();
      case 'members':
        return this.#list(this.#next());
      case 'text':
        return this.#cut();
      case 'bytes':
        return this.#slice(this.#next());
      case 'flag':
        return this.#next() !== 0;
      case 'slots':
        return this.#slots(this.#next());
      case 'change':
        return this.#changed(this.#rings[this.#ring++], this.#rings[this.#ring++]);
      default:
        return this.#next();
    }
  }

  /** A copy, so that a small payload does not keep a large batch. */
  #slice(length) {
    const from = this.#byte;
    this.#byte += length;
    return this.#bytes.slice(from, this.#byte);
  }

  #slots(count) {
    const from = this.#number;
    this.#number += count;
    return Uint32Array.from(this.#numbers.subarray(from, this.#number));
  }

  /** All members. */
  members() {
    return this.#list(this.left);
  }

  #list(count) {
    const members = new Array(count);
    for (let i = 0; i < count; i++) members[i] = this.#member();
    return members;
  }

  /** `like` is the member before it, whose texts it may share. */
  #member(like) {
    const state = MEMBER_STATES[this.#next()];
    const incarnation = this.#next();
    const versions = this.#next();
    const from = this.#byte;
    const to = (this.#byte += this.#next());
    const name = this.#cut(like?.name);
    const addr = this.#cut(like?.addr);
    const bytes = { all: this.#bytes, from, to };
    return new Member(name, addr, state, incarnation, this.#tags(), bytes, versions);
  }

  #tags() {
    const tags = {};
    for (let left = this.#next(); left > 0; left--) {
      const key = this.#cut();
      const value = this.#cut();
      // An assignment to this one key would be swallowed.
      if (key === '__proto__') {
        Object.defineProperty(tags, key, { value, enumerable: true, writable: true });
      } else {
        tags[key] = value;
      }
    }
    return tags;
  }

  /** A text; a negative length stands for the one that is given. */
  #cut(same) {
    const length = this.#next();
    if (length < 0) return same;
    const from = this.#character;
    this.#character += length;
    return this.#text.slice(from, this.#character);
  }

  #next() {
    return this.#numbers[this.#number++];
  }
}

module.exports = { Member, Unpacker };
