'use strict';
// What there is in a value, each a number, as `src/payload/mod.rs` has them.

module.exports = Object.freeze({
  NIL: 0,
  FALSE: 1,
  TRUE: 2,
  INT: 3,
  LONG: 4,
  UNSIGNED: 5,
  FLOAT: 6,
  TEXT: 7,
  KEY: 8,
  BYTES: 9,
  ARRAY: 10,
  MAP: 11,
  TIME: 12,
  WRONG: 13,
  SAME_KEY: 14,
});
