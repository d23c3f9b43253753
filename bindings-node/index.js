'use strict';

const constants = require('./constants.js');
const { ChinwagError, classes } = require('./lib/errors.js');
const { RingChange } = require('./lib/change.js');
const { actor, splitActor } = require('./lib/clock/actors.js');
const { Folded, Retired } = require('./lib/clock/retired.js');
const { Siblings } = require('./lib/clock/siblings.js');
const { HybridClock, HybridTime, LamportClock } = require('./lib/clock/stamps.js');
const { ActorTable } = require('./lib/clock/table.js');
const { VectorClock } = require('./lib/clock/vector.js');
const { NO_REPLY } = require('./lib/messages/serving.js');
const { version } = require('./lib/native.js');
const { Node } = require('./lib/node.js');
const { Member } = require('./lib/packed.js');
const { decode } = require('./lib/payload/decode.js');
const { encode } = require('./lib/payload/encode.js');
const { Ring, jump } = require('./lib/ring.js');

module.exports = {
  start: (options) => Node.start(options),
  version: version(),
  Node,
  Member,
  Ring,
  RingChange,
  jump,
  VectorClock,
  Siblings,
  Retired,
  Folded,
  ActorTable,
  HybridClock,
  HybridTime,
  LamportClock,
  actor,
  splitActor,
  encode,
  decode,
  NO_REPLY,
  ChinwagError,
  ...classes,
  ...constants,
};
