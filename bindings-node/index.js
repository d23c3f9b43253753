'use strict';

const constants = require('./constants.js');
const { ChinwagError, classes } = require('./lib/errors.js');
const { version } = require('./lib/native.js');
const { Node } = require('./lib/node.js');
const { Member } = require('./lib/packed.js');

module.exports = {
  start: (options) => Node.start(options),
  version: version(),
  Node,
  Member,
  ChinwagError,
  ...classes,
  ...constants,
};
