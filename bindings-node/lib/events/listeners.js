'use strict';
// What serves the listeners of a node: one subscription, which is there while anybody listens.

const { setImmediate } = require('node:timers');
const { EVENT_TYPES } = require('../../constants.js');
const { warnings } = require('./events.js');

/** Events emitted before others get their turn. */
const BATCH = 1024;

/** Turns of the event loop, as far as nodes notice them. */
let turn = 0;

/** What serves the listeners of a node. */
class Listeners {
  #node;
  #reader;
  #changed;
  /** Where they are served from; null while nobody listens. */
  #feed = null;
  /** The turn in which the last one went; null while somebody listens. */
  #deserted = null;
  #pumping = false;
  #started = false;

  /** `reader` subscribes, with or without a replay; `changed` is told of the first and the last. */
  constructor(node, reader, changed) {
    this.#node = node;
    this.#reader = reader;
    this.#changed = changed;
  }

  /** The event loop has come round. */
  static turned() {
    turn++;
  }

  /** Whether somebody listens. */
  get listening() {
    return this.#feed !== null;
  }

  /** The first turn after the start: those that come from now on are told what is new. */
  begin() {
    this.#started = true;
  }

  /** Somebody listens for events of that type. */
  added(type) {
    if (this.#node.closed || !EVENT_TYPES.includes(type)) return;
    // What happened since the last listener went is not for the next one, unless it came at once.
    if (this.#deserted !== null && this.#deserted !== turn) this.end();
    this.#deserted = null;
    // Those that come with the start hear of the members that are here, and miss nothing after.
    if (!this.#feed) this.#subscribe(!this.#started);
  }

  /** Some listener went. Another may come in the same turn, and must miss nothing. */
  removed() {
    if (!this.#feed || this.#deserted !== null || this.#any()) return;
    this.#deserted = turn;
    setImmediate(() => {
      turn++;
      if (this.#deserted !== null) this.end();
    });
  }

  /** Nobody is served any more. */
  end() {
    this.#feed?.close();
    this.#feed = null;
    this.#deserted = null;
    this.#changed();
  }

  /** Emits what is there. A listener that throws ends this turn, and the rest comes in the next. */
  wake() {
    if (this.#pumping || !this.#feed || this.#node.closed) return;
    if (!this.#any()) {
      this.end();
      return;
    }
    this.#pumping = true;
    let drained = false;
    try {
      drained = this.#emitSome();
    } finally {
      this.#pumping = false;
      if (!drained) setImmediate(() => this.wake());
    }
  }

  #any() {
    return EVENT_TYPES.some((type) => this.#node.listenerCount(type) > 0);
  }

  #subscribe(replay) {
    this.#feed = this.#reader(replay);
    this.#changed();
    setImmediate(() => this.wake());
  }

  /** Whether everything was emitted. */
  #emitSome() {
    const node = this.#node;
    for (let count = 0; count < BATCH; count++) {
      const event = node.closed ? undefined : this.#feed?.take();
      if (!event) return true;
      if (event.member) node.emit(event.type, event.member, event);
      else if (event.type === 'warning') warnings.warned(node, event);
      else node.emit(event.type, event);
    }
    return false;
  }
}

module.exports = { Listeners };
