'use strict';

const constants = require('./constants.js');
const { ChinwagError, classes } = require('./lib/errors.js');
const { RingChange } = require('./lib/change.js');
const { version } = require('./lib/native.js');
const { Node } = require('./lib/node.js');
const { Member } = require('./lib/packed.js');
const { Ring, jump } = require('./lib/ring.js');

module.exports = {
  start: (options) => Node.start(options),
  version: version(),
  Node,
  Member,
  Ring,
  RingChange,
  jump,
  ChinwagError,
  ...classes,
  ...constants,
};
