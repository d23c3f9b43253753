'use strict';
// Numbers of 64 bits: numbers as long as those are exact, and bigints above, never the other way
// round. JavaScript compares the two kinds rightly, so that small ones cost nothing.

const { wrong } = require('../placement.js');

/** The largest number. */
const MAX = 2n ** 64n - 1n;

/** A number of 64 bits as it is held. */
function held(number) {
  return number <= Number.MAX_SAFE_INTEGER ? Number(number) : number;
}

/** One that a caller gives. */
function whole(value, what) {
  // A zero below 0 becomes one that is not.
  if (Number.isSafeInteger(value) && value >= 0) return value + 0;
  if (typeof value === 'bigint' && value >= 0n && value <= MAX) return held(value);
  throw wrong(what, value);
}

/** One more; the largest one stays. */
function following(number) {
  if (number < Number.MAX_SAFE_INTEGER) return number + 1;
  return number === MAX ? number : BigInt(number) + 1n;
}

/** The sum, or the largest number. */
function sum(one, other) {
  const whole = BigInt(one) + BigInt(other);
  return held(whole < MAX ? whole : MAX);
}

/** How much one is above another; 0 if it is not. */
function above(one, other) {
  return one > other ? held(BigInt(one) - BigInt(other)) : 0;
}

module.exports = { MAX, above, following, held, sum, whole };
