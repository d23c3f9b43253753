'use strict';
// The rings of a node. Each is one object here for as long as somebody has it.

const { changeOf } = require('./change.js');
const { native: guarded } = require('./errors.js');
const { Ring } = require('./ring.js');

/** Events that are told only once somebody has asked for the ring. */
const RING_EVENTS = Object.freeze(['ring-change', 'handoff-prepare', 'handoff-acquired']);

class Rings {
  #native;
  /** A function, for what `lib/ring.js` has one for. */
  #version;
  #local;
  /** The last one that was asked for. */
  #present = null;
  /** Those that somebody may have, by their versions. */
  #known = new Map();

  constructor(native, local) {
    this.#native = native;
    this.#version = guarded(() => native.ringVersion());
    this.#local = local;
  }

  present() {
    // Also what went wrong is no version that is known: then the next call throws it.
    if (this.#present === null || this.#version() !== this.#present.version) {
      this.#present = this.#ring(guarded(() => this.#native.ring()));
    }
    return this.#present;
  }

  past() {
    return guarded(() => this.#native.pastRings()).map((ring) => this.#ring(ring));
  }

  /** What a `ring-change` tells, of the two rings that came with it. */
  changed(before, after) {
    return changeOf(this.#ring(before), this.#ring(after), this.#local);
  }

  /** The ring of a native one: the object that was made of its version before, if it lives. */
  #ring(native) {
    const version = guarded(() => native.version());
    const known = this.#known.get(version)?.deref();
    if (known) return known;
    for (const [old, reference] of this.#known) {
      if (!reference.deref()) this.#known.delete(old);
    }
    const ring = new Ring(native);
    this.#known.set(version, new WeakRef(ring));
    return ring;
  }
}

module.exports = { Rings, RING_EVENTS };
